"""What the documents name exists: files, and the pages that they link to."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS_OF_PAGES = (".", "deploy", "deploy/decisions", "deploy/operate")
PAGES = [page for folder in _FOLDERS_OF_PAGES for page in (ROOT / folder).glob("*.md")]
NAMING_FILES = ["CONTRIBUTING.md", "deploy/architecture.md"]
FOLDERS = ("consumers", "deploy", "gateway_worker", "schemas", "tests")


def _files() -> list[str]:
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if "node_modules" not in path.parts)
    return [f"/{path.relative_to(ROOT)}" for path in (*found, *ROOT.glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_page_that_is_linked_to_exists(page: Path) -> None:
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text())]
    assert [target for target in targets if ":" not in target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", NAMING_FILES)
def test_every_file_that_is_named_exists(name: str) -> None:
    files, named = _files(), re.findall(r"`([\w./-]+\.(?:py|ts|yaml|md))`", (ROOT / name).read_text())
    assert named
    assert [each for each in named if not any(file.endswith(f"/{each}") for file in files)] == []
