"""A message whose fate is unknown goes again under its id: without an acknowledgement on record, and not for ever."""

import asyncio

from gateway_worker.store.records import Status
from gateway_worker.whatsapp.errors import EngineError, OutcomeUnknown
from gateway_worker.whatsapp.facts import ReceiptArrived, ReceiptKind
from gateway_worker.whatsapp.outgoing import Acknowledged, OutgoingMessage
from schemas.commands.commands import Command, SendMessage
from schemas.content.content import PlainText
from schemas.names import MessageId
from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import VirtualClock, virtual
from tests.support.connections.world import BERT, text, world


async def unanswered(_: OutgoingMessage) -> Acknowledged:
    await asyncio.Event().wait()
    raise AssertionError


def delivered(message_id: MessageId) -> ReceiptArrived:
    at = int(VirtualClock().now().timestamp())
    return ReceiptArrived(message_ids=[message_id], chat=BERT, kind=ReceiptKind.DELIVERED, timestamp=at)


async def die_while_it_is_on_its_way(storage: FakeStorage, given: Command[SendMessage]) -> int:
    """One life of a worker that is killed before WhatsApp answers; how often it sent."""
    async with world(storage=storage) as w:
        await w.connected()
        w.engine.answers = [unanswered]
        sending = w.start_sending(given)
        await w.until(lambda: bool(w.engine.sent))
        sending.cancel()
        await asyncio.wait([sending])
        return len(w.engine.sent)


@virtual
async def test_tries_are_counted_over_all_lives_and_a_late_receipt_overrules_the_verdict() -> None:
    storage, given = FakeStorage(), text()
    assert [await die_while_it_is_on_its_way(storage, given) for _ in range(3)] == [1, 1, 1]
    async with world(storage=storage) as w:
        await w.connected()
        message_id = await w.send(given)
        assert w.engine.sent == []
        assert storage.statuses(given.id) == ["failed"]
        assert (storage.messages.rows[message_id].error or {})["code"] == "message.unconfirmed"
        await w.engine.last.notify(delivered(message_id))
        assert storage.statuses(given.id) == ["failed", "delivered"]


@virtual
async def test_a_receipt_counts_as_the_acknowledgement_that_got_lost() -> None:
    async with world() as w:
        await w.connected()

        async def lose_the_answer(message: OutgoingMessage) -> Acknowledged:
            await w.engine.last.notify(delivered(MessageId(message.message_id)))
            raise OutcomeUnknown

        w.engine.answers = [lose_the_answer]
        given = text()
        await w.send(given)
        assert len(w.engine.sent) == 1
        assert w.storage.statuses(given.id) == ["sent", "delivered"]


@virtual
async def test_a_command_that_comes_again_after_its_receipt_is_settled() -> None:
    storage, given = FakeStorage(), text()
    await die_while_it_is_on_its_way(storage, given)
    async with world(storage=storage) as w:
        await w.connected()
        (message_id,) = storage.messages.rows
        await w.engine.last.notify(delivered(message_id))
        assert await w.send(given) == message_id
        assert w.engine.sent == []
        assert storage.messages.rows[message_id].status is Status.DELIVERED


async def broken(_: OutgoingMessage) -> Acknowledged:
    raise EngineError("the bridge failed with internal TypeError")


@virtual
async def test_a_failure_nobody_can_explain_is_tried_a_few_times_and_then_told() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [broken] * 3
        given = text()
        message_id = await w.send(given)
        assert w.storage.statuses(given.id) == ["failed"]
        assert (w.storage.messages.rows[message_id].error or {})["code"] == "internal"
        assert len(w.engine.opened) == 1, "a message that breaks does not cost its session the connection"
        await w.send(text("the next"))


@virtual
async def test_a_failure_nobody_can_explain_may_be_over_a_moment_later() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [broken]
        given = text()
        await w.send(given)
        assert w.storage.statuses(given.id) == ["sent"]


@virtual
async def test_what_follows_in_its_chat_waits_for_a_message_that_broke() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [broken]
        first = w.start_sending(text("first"))
        await w.until(lambda: bool(w.engine.sent))
        others = [w.start_sending(text(body)) for body in ("second", "third")]
        await asyncio.wait([first, *others])
        sent = [each.content.text for each in w.engine.sent if isinstance(each.content, PlainText)]
        assert sent == ["first", "first", "second", "third"]
