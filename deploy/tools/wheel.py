"""How the wheel is built: all of it under one name.

In the repository `schemas` and `consumers` stand beside `gateway_worker`. Installed, those two names would be
anybody's: so the wheel holds them as `gateway_worker.schemas` and `gateway_worker.consumers`, with the imports in its
copies of the files written accordingly (decision 0031). An editable installation stays as the repository is.

What the console's pages load from npm is in ``node_modules`` of the repository, and in the wheel beside our own files,
with its licence.
"""

import re
import shutil
from pathlib import Path
from typing import Final

from setuptools.command.build_py import build_py

HOUSE: Final = "gateway_worker"
GUESTS: Final = ("schemas", "consumers")
NPM: Final = Path("console/static/node_modules/htmx.org")
VENDOR: Final = Path("console/static/vendor")
VENDORED: Final = ("dist/htmx.min.js", "dist/ext/hx-sse.min.js", "dist/ext/hx-upsert.min.js", "LICENSE")
_IMPORT: Final = re.compile(rf"^(\s*)(from|import) ({'|'.join(GUESTS)})(?=[.\s])", re.MULTILINE)


def under_one_name(source: str) -> str:
    """Pure: a module's text as it stands in the wheel.

    Raises:
        ValueError: ``import schemas`` binds a name of its own, and cannot be written so.
    """
    for found in _IMPORT.finditer(source):
        if found[2] == "import":
            raise ValueError(f"write `from {found[3]} import …`: {found[0]!r} cannot be moved")
    return _IMPORT.sub(rf"\1\2 {HOUSE}.\3", source)


def vendor(source: Path, target: Path) -> None:
    """Copy what the console loads from npm.

    Raises:
        FileNotFoundError: it is not installed; a wheel without it would only fail later.
    """
    if not source.is_dir():
        raise FileNotFoundError(f"{source} is not there: run `make setup` before a wheel is built")
    target.mkdir(parents=True, exist_ok=True)
    for name in VENDORED:
        shutil.copy(source / name, target / Path(name).name)


class BuildUnderOneName(build_py):
    """setuptools' own step, and then the move."""

    def run(self) -> None:
        """Build; an editable installation is left alone."""
        super().run()
        if self.editable_mode:
            return
        library = Path(self.build_lib)
        for name in GUESTS:
            if (library / name).is_dir():
                shutil.rmtree(library / HOUSE / name, ignore_errors=True)
                shutil.move(library / name, library / HOUSE / name)
        vendor(Path(HOUSE) / NPM, library / HOUSE / VENDOR)
        for module in (library / HOUSE).rglob("*.py"):
            text = module.read_text()
            if (moved := under_one_name(text)) != text:
                module.write_text(moved)
