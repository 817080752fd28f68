"""What somebody typed into a form, and whether anything may be changed at all."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from gateway_worker.console.web.access import RefusedError
from gateway_worker.console.web.context import Console

MOST: Final = 2 * 1024 * 1024  # characters of one field: what a command may have


def permitted(console: Console) -> None:
    """Raises RefusedError where the console may only look."""
    if console.read_only:
        raise RefusedError("This console only shows: it was started read-only.")


async def posted(request: web.Request) -> Mapping[str, object]:
    """A form. Raises RefusedError for what is none, whatever a header says of it."""
    try:
        return await request.post()
    except (ValueError, LookupError) as wrong:
        raise RefusedError(f"That is no form ({type(wrong).__name__}).") from None


async def typed(request: web.Request) -> Mapping[str, str]:
    """The fields of a form that hold text."""
    form = await posted(request)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def optional(text: str | None) -> str | None:
    """None for a field that was left empty."""
    return (text or "").strip() or None
