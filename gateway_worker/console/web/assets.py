"""The files that pages load: our own, and htmx as npm's lock names it. Nothing comes from elsewhere."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).resolve().parents[1] / "static"
VENDOR: Final = "vendor"
"""Where a wheel holds what a checkout has in ``node_modules`` (`deploy.wheel`)."""

_OURS: Final = ("console.css", "console.js", "icon.svg")
_NPM: Final = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "htmx-sse.js": "htmx.org/dist/ext/hx-sse.min.js",
    "htmx-upsert.js": "htmx.org/dist/ext/hx-upsert.min.js",
}
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class AssetsMissingError(Exception):
    """The npm packages are not installed; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file as it is served."""

    body: bytes
    mimetype: str


def load(folder: Path = STATIC) -> Mapping[str, Asset]:
    """All of them, by the name under which they are served.

    Raises:
        AssetsMissingError: those of npm are not there.
    """
    found = {name: folder / name for name in _OURS} | {name: _of_npm(folder, path) for name, path in _NPM.items()}
    return {name: Asset(body=path.read_bytes(), mimetype=_TYPES[path.suffix]) for name, path in found.items()}


def version(assets: Mapping[str, Asset]) -> str:
    """Another one whenever a file is another one."""
    digest = hashlib.sha256()
    for name in sorted(assets):
        digest.update(assets[name].body)
    return digest.hexdigest()[:12]


def _of_npm(folder: Path, path: str) -> Path:
    for place in (folder / VENDOR / Path(path).name, folder / "node_modules" / path):
        if place.is_file():
            return place
    raise AssetsMissingError(f"{Path(path).name} is not there: run `make setup` (or install the wheel)")
