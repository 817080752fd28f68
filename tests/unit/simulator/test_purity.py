"""The core stays a core: only the shell touches the event loop, the network, the clock and the system's randomness."""

import ast
from pathlib import Path

import pytest

import gateway_worker.simulator

FOLDER = Path(gateway_worker.simulator.__file__).parent
FOLDERS = ("content", "phone", "whatsapp", "world")
CORE = [FOLDER / "core.py", *sorted(path for folder in FOLDERS for path in (FOLDER / folder).rglob("*.py"))]
OUTSIDE = {"aiohttp", "asyncio", "os", "random", "secrets", "socket", "threading", "time"}


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_module_of_the_core_imports_nothing_from_outside(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert not imported & OUTSIDE
