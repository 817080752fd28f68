"""What was set aside, in a person's hands: beside the dead commands, which lie in RabbitMQ, these lie in PostgreSQL."""

import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from gateway_worker.cli.opened_store import opened_store
from gateway_worker.cli.terminal import errors
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import StoreError, StoreUnavailable
from gateway_worker.store.postgres.driver_errors import complaint
from gateway_worker.store.reading.set_aside import Kept
from gateway_worker.store.store import Store

MOST: Final = 20_000
NOT_REDRIVEN: Final = "it was set aside and told as that: it can be shown and dropped, WhatsApp does not send it again"
Document = dict[str, Any]


async def kept(settings: Settings, *, id_: str | None = None, reason: str | None = None) -> Sequence[Kept]:
    """What was set aside, the oldest first; nothing, with a word on why, where the database cannot be asked."""
    async with _opened(settings) as store:
        if store is None:
            return ()
        found = await store.set_aside.list(MOST, id_)
    return [each for each in found if reason in (None, each.reason)]


async def contents(settings: Settings, chosen: Sequence[Kept]) -> Sequence[Document]:
    """What is kept of each, readable."""
    async with _opened(settings) as store:
        if store is None:
            return ()
        return [{**summary(each), "kept": _readable(await store.set_aside.value(each))} for each in chosen]


async def drop(settings: Settings, chosen: Sequence[Kept]) -> Sequence[Kept]:
    """Remove them for good; those that were."""
    async with _opened(settings) as store:
        if store is None:
            return ()
        await store.set_aside.drop(chosen)
    return chosen


def summary(each: Kept) -> Document:
    """One of them without its contents, in the words of the list of commands."""
    known = {
        "id": each.id,
        "time": each.created_at.isoformat(),
        "code": each.reason,
        "message": each.detail,
        "type": f"set aside: {each.fact}",
        "subject": each.session_id,
        "messageId": each.message_id,
        "bytes": each.size,
    }
    return {name: value for name, value in known.items() if value not in (None, "")}


def _readable(value: Mapping[str, Any] | None) -> Document:
    """Bytes in hexadecimal too, as tools for WAProto take them."""
    if value is None:
        return {}
    raw = base64.b64decode(value["bytes"]).hex() if "bytes" in value else None
    return {name: raw if name == "bytes" else each for name, each in value.items()}


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncGenerator[Store | None]:
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(opened_store(settings, "gateway-worker dead"))
        except (StoreUnavailable, StoreError) as error:
            why = complaint(error, str(settings.database_url))
            errors.print(f"What was set aside is not shown: {why}", style="yellow", markup=False, soft_wrap=True)
            store = None
        yield store
