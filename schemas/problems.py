"""From pydantic's errors to ours: where the problem is, said in the contract's words, and never with a value in it."""

import re
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from schemas.errors import MAX_PROBLEMS, Problem

_TAG: Final = re.compile(r"(kind|method)=.*")  # tags of discriminated unions, which are no part of a path
_COUNTED: Final = re.compile(r" after validation, not (more|\d+)$")
_MAX_KEY: Final = 64
_MAX_PROBLEM: Final = 300

_WORDS: Final = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "tuple_type": "must be an array",
}


def problem_at(name: str, problem: str) -> PydanticCustomError:
    """A problem a model finds as a whole, but which lies at one of its fields (named as on the wire)."""
    return PydanticCustomError("at", "{problem}", {"problem": problem, "name": name})


def problems_of(error: ValidationError, prefix: str = "") -> list[Problem]:
    """The first `MAX_PROBLEMS` problems; `prefix` is the path of the validated value, e.g. ``data``."""
    found = error.errors(include_url=False)
    details = [each for each in found if not _is_shortened(each, found)]
    return [
        Problem(path=_path(prefix, detail), problem=_sentence(detail)[:_MAX_PROBLEM])
        for detail in details[:MAX_PROBLEMS]
    ]


def _is_shortened(detail: ErrorDetails, all_of_them: list[ErrorDetails]) -> bool:
    """An array is only too short because its first bad item, which is told, ended it."""
    at = detail["loc"]
    return detail["type"] == "too_short" and any(
        len(each["loc"]) > len(at) and each["loc"][: len(at)] == at for each in all_of_them
    )


def _path(prefix: str, detail: ErrorDetails) -> str:
    """``("content", "text")`` → ``data.content.text``, ``("phones", 3)`` → ``data.phones[3]``."""
    path = prefix
    for step in (*detail["loc"], *_implied_step(detail)):
        match step:
            case int():
                path += f"[{step}]"
            case str() if _TAG.fullmatch(step):
                pass
            case str():
                path += f".{step[:_MAX_KEY]}" if path else step[:_MAX_KEY]
    return path


def _implied_step(detail: ErrorDetails) -> tuple[str, ...]:
    """A union that cannot tell which member is meant is wrong at its discriminator, not as a whole."""
    context: dict[str, Any] = detail.get("ctx") or {}
    match detail["type"]:
        case "kind" | "method" if isinstance(detail["input"], dict):
            return (detail["type"],)
        case "at":
            return (context["name"],)
        case _:
            return ()


def _sentence(detail: ErrorDetails) -> str:
    if (words := _WORDS.get(detail["type"])) is not None:
        return words
    message = _COUNTED.sub("", detail["msg"].removeprefix("Value error, "))
    for before, after in (("Input should be ", "must be "), ("String should ", "must "), ("Tuple should ", "must ")):
        if message.startswith(before):
            return after + message.removeprefix(before)
    return message
