"""The bridge's types of what Python and Node.js tell each other whole, written from the Python models.

``python -m deploy.tools.bridge_types`` writes the file; with ``--check`` it fails if the file is not what it would be.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from schemas.content.flags import Flags, SendFlags

_ROOT: Final = Path(__file__).resolve().parents[2]
_FILE: Final = "gateway_worker/whatsapp/baileys/bridge/channel/flags.ts"
_MODELS: Final = (SendFlags, Flags)


def written() -> str:
    """The file, as prettier would have it."""
    lines = [
        "/** Marks of messages, written from `schemas/content/flags.py` by `python -m deploy.tools.bridge_types`. */"
    ]
    for model in _MODELS:
        lines += _interface(model)
    names = ", ".join(f"'{name}'" for name in Flags.model_fields)
    lines += ["", f"export const FLAGS = [{names}] as const satisfies readonly (keyof Flags)[]", ""]
    return "\n".join(lines)


def _interface(model: type[BaseModel]) -> Iterator[str]:
    yield ""
    yield f"/** {model.__doc__} */"
    yield f"export interface {model.__name__} {{"
    yield from (f"  {name}: boolean" for name in model.model_fields)
    yield "}"


def main() -> None:
    """Write it, or check it."""
    file = _ROOT / _FILE
    if "--check" not in sys.argv[1:]:
        file.write_text(written())
    elif file.read_text() != written():
        sys.exit(f"{_FILE} is not what the models say: python -m deploy.tools.bridge_types")


if __name__ == "__main__":
    main()
