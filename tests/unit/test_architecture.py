"""What the code promises of itself in its docstrings is so, and keeps being so."""

import ast
import os
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import grimp
import pytest
from coverage import Coverage
from coverage.results import should_fail_under

from consumers.handlers import Handlers
from gateway_worker.connections.queries import Queries
from schemas.commands.commands import COMMANDS, CommandClass

pytestmark = pytest.mark.no_cover  # it reads our code and runs none of it

_ROOT: Final = Path(__file__).resolve().parents[2]
_PACKAGES: Final = ("gateway_worker", "consumers", "schemas")
_IMPURE: Final = frozenset(
    [
        "aio_pika",
        "aiohttp",
        "aiormq",
        "asyncio",
        "asyncpg",
        "miniopy_async",
        "redis",
        "socket",
        "sqlalchemy",
        "structlog",
        "subprocess",
        "threading",
        "time",
    ]
)
"""Drivers, clocks, the event loop, the log. Not `pamqp`: AMQP's types, without any input or output."""
_TRANSLATORS: Final = (
    "gateway_worker.cache.diagnosis",
    "gateway_worker.client.diagnosis",
    "gateway_worker.client.errors",
    "schemas.topology.absence",
)
"""They name errors of drivers and of the network, which they tell in our words; nothing is called."""
DEEPEST: Final = 5  # blocks within blocks: today's worst; may only become fewer
MOST: Final = 20  # files and folders in a folder
LONGEST: Final = 120  # columns, without the word to a linter at its end


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    built = grimp.build_graph(*_PACKAGES, include_external_packages=True)
    for name in _TRANSLATORS:
        for imported in _IMPURE & built.find_modules_directly_imported_by(name):
            built.remove_import(importer=name, imported=imported)
    return built


@cache
def _modules() -> dict[str, Path]:
    paths = [path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py")]
    names = (".".join(path.relative_to(_ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths)
    generated = _ROOT / "gateway_worker/simulator/wire/gen"
    modules = dict(zip(names, paths, strict=True))
    return {
        name: path
        for name, path in modules.items()
        if generated not in path.parents and "node_modules" not in path.parts
    }


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _calls_itself_pure(path: Path) -> bool:
    text = ast.get_docstring(_tree(path)) or ""
    return re.search(r"\bPure\b", text) is not None


def test_pure_modules_import_no_driver_clock_or_loop_not_even_through_others(graph: grimp.ImportGraph) -> None:
    pure = [name for name, path in _modules().items() if _calls_itself_pure(path)]
    assert len(pure) > 100
    chains = [
        " → ".join(chain)
        for name in pure
        for outside in sorted(_IMPURE & graph.modules)
        if (chain := graph.find_shortest_chain(name, outside)) is not None
    ]
    assert not chains, "\n".join(chains)


def test_every_command_has_a_handler_and_every_handler_a_command() -> None:
    nobody: Any = None  # nothing is called
    sent_by_its_session = {kind.type for kind in COMMANDS.values() if kind.klass is CommandClass.M}
    wishes = dict.fromkeys(("restart", "logout", "migrate", "delete"))
    manager: Any = SimpleNamespace(queries=Queries(nobody, nobody, nobody, nobody), **wishes)
    assert set(Handlers(manager, nobody, nobody).table()) == set(COMMANDS) - sent_by_its_session


def test_a_coverage_just_below_the_floor_fails() -> None:
    settings = Coverage(config_file=str(_ROOT / "pyproject.toml")).config
    floor, precision = settings.fail_under, settings.precision
    assert floor >= 66.5
    assert should_fail_under(floor - 0.01, floor, precision)
    assert not should_fail_under(floor, floor, precision)


def test_no_folder_has_more_than_twenty_at_one_level() -> None:
    """Beside what says or serves all of it, or has to stand beside an image. Decisions are records, one file each."""
    full = dict[str, int]()
    for top in (*_PACKAGES, "tests", "deploy"):
        for folder, folders, files in os.walk(_ROOT / top):
            folders[:] = [name for name in folders if name not in {"node_modules", "__pycache__", "decisions"}]
            if (count := len({*folders, *files} - {"__init__.py", "conftest.py", "Dockerfile.dockerignore"})) > MOST:
                full[folder] = count
    assert not full


def _without_pragma(line: str) -> str:
    return re.split(r"  # (?:noqa|pyright|type:)", line)[0]


def _depth(node: ast.AST, depth: int = 0) -> int:
    blocks = ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.Match
    deeper = depth + isinstance(node, blocks)
    return max([deeper, *(_depth(child, deeper) for child in ast.iter_child_nodes(node))])


def test_no_function_is_deeper_and_no_line_longer_than_todays_worst() -> None:
    deep, long = list[str](), list[str]()
    for name, path in _modules().items():
        text = path.read_text()
        long += [
            f"{name}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if len(_without_pragma(line)) > LONGEST
        ]
        functions = (each for each in ast.walk(_tree(path)) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
        deep += [f"{name}.{each.name}" for each in functions if _depth(each) > DEEPEST]
    assert not deep, deep
    assert not long, long


def test_no_docstring_only_points_elsewhere() -> None:
    pointing = [
        f"{name}:{each.lineno}"
        for name, path in _modules().items()
        for each in ast.walk(_tree(path))
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and re.fullmatch(r"See [^.]*(?:\.\w[^.]*)*\.", ast.get_docstring(each) or "")
    ]
    assert not pointing, "a docstring has a subject of its own"
