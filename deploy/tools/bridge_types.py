"""The bridge's types of what Python and Node.js tell each other, written from the Python side.

``python -m deploy.tools.bridge_types`` writes the files; with ``--check`` it fails if one is not what it would be.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import BaseModel

from gateway_worker.whatsapp.baileys.channel import calls
from schemas.asyncapi.docstrings import without_attributes
from schemas.content.flags import Flags, SendFlags

_ROOT: Final = Path(__file__).resolve().parents[2]
_FOLDER: Final = "gateway_worker/whatsapp/baileys/bridge/channel"
_PLAIN: Final[Mapping[Any, str]] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    NoneType: "null",
    Any: "unknown",
}


def flags() -> str:
    """``flags.ts``, as prettier would have it."""
    lines = [
        "/** Marks of messages, written from `schemas/content/flags.py` by `python -m deploy.tools.bridge_types`. */"
    ]
    for model in (SendFlags, Flags):
        lines += _marks(model)
    names = ", ".join(f"'{name}'" for name in Flags.model_fields)
    lines += ["", f"export const FLAGS = [{names}] as const satisfies readonly (keyof Flags)[]", ""]
    return "\n".join(lines)


def _marks(model: type[BaseModel]) -> Iterator[str]:
    yield ""
    yield f"/** {without_attributes(model.__doc__ or '')} */"
    yield f"export interface {model.__name__} {{"
    yield from (f"  {name}: boolean" for name in model.model_fields)
    yield "}"


def asked() -> str:
    """``calls.ts``, as prettier would have it."""
    lines = ["/** What Python asks, written from `channel/calls.py` by `python -m deploy.tools.bridge_types`. */"]
    for each in vars(calls).values():
        if is_typeddict(each):
            lines += _interface(each)
    lines += ["", "/** Each call's arguments and answer. */", "export interface Calls {"]
    for name, hint in get_type_hints(calls).items():
        method = getattr(calls, name, None)
        if isinstance(method, calls.Method):
            arguments, answer = get_args(_without_final(hint))
            value = "void" if answer in {None, NoneType} else _type(answer)
            lines.append(f"  {method.name}: (args: {_type(arguments)}) => Promise<{value}>")
    return "\n".join([*lines, "}", ""])


def _without_final(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Final else hint


def _interface(declared: type) -> Iterator[str]:
    yield ""
    text = [line.strip() for line in (declared.__doc__ or "").strip().splitlines()]
    if len(text) == 1:
        yield f"/** {text[0]} */"
    else:
        yield "/**"
        yield from (f" * {line}".rstrip() for line in text)
        yield " */"
    yield f"export interface {declared.__name__} {{"
    yield from (f"  {name}: {_type(hint)}" for name, hint in get_type_hints(declared).items())
    yield "}"


def _type(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " | ".join(f"'{part}'" for part in parts)
    names = [_type(part) for part in parts]
    if origin in {Union, UnionType}:
        return " | ".join(names)
    if origin is Sequence:
        return f"({names[0]})[]" if " " in names[0] else f"{names[0]}[]"
    if origin is tuple:
        return f"[{', '.join(names)}]"
    if origin is dict:
        return f"Record<{', '.join(names)}>"
    plain = NoneType if hint is None else hint
    return _PLAIN.get(plain, plain.__name__)


FILES: Final[Mapping[str, Callable[[], str]]] = {"flags.ts": flags, "calls.ts": asked}


def main(arguments: Sequence[str]) -> None:
    """Write them, or check them."""
    for name, written in FILES.items():
        file = _ROOT / _FOLDER / name
        if "--check" not in arguments:
            file.write_text(written())
        elif file.read_text() != written():
            sys.exit(f"{_FOLDER}/{name} is not what Python says: python -m deploy.tools.bridge_types")


if __name__ == "__main__":
    main(sys.argv[1:])
