"""The bridge's types of what Python and Node.js tell each other, written from the Python side.

``python -m deploy.tools.bridge_types`` writes the files; with ``--check`` it fails if one is not what it would be.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import get_type_hints, is_typeddict

from gateway_worker.whatsapp.baileys.channel import calls, facts, messages, questions
from schemas.asyncapi.docstrings import without_attributes
from schemas.content.flags import Flags, SendFlags

_ROOT: Final = Path(__file__).resolve().parents[2]
_FOLDER: Final = "gateway_worker/whatsapp/baileys/bridge/channel"
_WIDTH: Final = 140
_SAID: Final = (messages, facts)
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


def payloads() -> str:
    """``payloads.ts``, as prettier would have it."""
    sources = "`channel/messages.py` and `channel/facts.py`"
    lines = [
        f"/** What we say, written from {sources} by `python -m deploy.tools.bridge_types`. */",
        "import type { Flags } from './flags.ts'",
    ]
    for module in _SAID:
        lines += _types(module)
    return "\n".join([*lines, ""])


def asked() -> str:
    """``calls.ts``, as prettier would have it."""
    title = "/** What Python asks, written from `channel/calls.py` by `python -m deploy.tools.bridge_types`. */"
    return _table(calls, title, "Each call's arguments and answer.", "Calls")


def asking() -> str:
    """``questions.ts``, as prettier would have it."""
    title = "/** What we ask, written from `channel/questions.py` by `python -m deploy.tools.bridge_types`. */"
    return _table(questions, title, "Each question's arguments and answer.", "Questions")


def _table(module: ModuleType, title: str, what: str, name: str) -> str:
    body = [*_types(module), "", f"/** {what} */", f"export interface {name} {{"]
    for constant, hint in get_type_hints(module).items():
        method = getattr(module, constant, None)
        if isinstance(method, calls.Method):
            arguments, answer = get_args(_without_final(hint))
            value = "void" if answer in {None, NoneType} else _type(answer)
            body.append(f"  {method.name}: (args: {_type(arguments)}) => Promise<{value}>")
    used = re.findall(r"[A-Z]\w+", "\n".join(line for line in body if not line.startswith(("/", " *"))))
    foreign = sorted(set(used) & {each for other in _SAID for each in _names(other)}, key=str.lower)
    imported = [f"import type {{ {', '.join(foreign)} }} from './payloads.ts'"]
    return "\n".join([title, *imported, *body, "}", ""])


def _names(module: ModuleType) -> Mapping[str, Any]:
    """The types that a module declares itself: shapes, and unions of shapes."""
    return {
        name: each
        for name, each in vars(module).items()
        if (is_typeddict(each) and each.__module__ == module.__name__)
        or (get_origin(each) is UnionType and module in _SAID)
    }


def _types(module: ModuleType) -> Iterator[str]:
    for name, each in _names(module).items():
        yield from _interface(each) if is_typeddict(each) else _union(name, each)


def _union(name: str, union: Any) -> Iterator[str]:
    members = [_type(member) for member in get_args(union)]
    line = f"export type {name} = {' | '.join(members)}"
    yield ""
    if len(line) <= _WIDTH:
        yield line
    else:
        yield f"export type {name} ="
        yield from (f"  | {member}" for member in members)


def _without_final(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Final else hint


def _interface(declared: Any) -> Iterator[str]:
    yield ""
    text = [line.strip() for line in (declared.__doc__ or "").strip().splitlines()]
    if len(text) == 1:
        yield f"/** {text[0]} */"
    else:
        yield "/**"
        yield from (f" * {line}".rstrip() for line in text)
        yield " */"
    yield f"export interface {declared.__name__} {{"
    for name, hint in get_type_hints(declared).items():
        marked = "Flags" if hint == dict[str, bool] and declared is messages.ContentMessage else _type(hint)
        field = f"  {name}{'' if name in declared.__required_keys__ else '?'}:"
        if len(field) + 1 + len(marked) <= _WIDTH:
            yield f"{field} {marked}"
        else:
            yield field
            yield from (f"    | {part}" for part in marked.split(" | "))
    yield "}"


def _type(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if (name := _aliases().get(hint)) is not None:
        return name
    if origin is Literal:
        return " | ".join(f"'{part}'" for part in parts)
    names = [_type(part) for part in parts]
    if origin in {Union, UnionType}:
        return " | ".join(names)
    if origin in _HOLDING:
        return _HOLDING[origin](names)
    plain = NoneType if hint is None else hint
    return _PLAIN.get(plain, plain.__name__)


def _list(names: Sequence[str]) -> str:
    (item,) = names
    return f"({item})[]" if " | " in item else f"{item}[]"


_HOLDING: Final[Mapping[Any, Callable[[Sequence[str]], str]]] = {
    Sequence: _list,
    list: _list,
    tuple: lambda names: f"[{', '.join(names)}]",
    dict: lambda names: f"Record<{', '.join(names)}>",
}


@cache
def _aliases() -> Mapping[Any, str]:
    """Unions by themselves, and with null, which is written behind their name."""
    named = dict[Any, str]()
    for module in _SAID:
        for name, each in _names(module).items():
            if get_origin(each) is UnionType:
                named |= {each: name, each | None: f"{name} | null"}
    return named


FILES: Final[Mapping[str, Callable[[], str]]] = {
    "flags.ts": flags,
    "payloads.ts": payloads,
    "calls.ts": asked,
    "questions.ts": asking,
}


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
