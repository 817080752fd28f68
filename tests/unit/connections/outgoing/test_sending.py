"""Messages are begun once, leave in the order of their chat, and end as sent or as failed with a reason."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from gateway_worker.connections.lifecycle.states import State
from gateway_worker.connections.outgoing.chat_order import DEPTH
from gateway_worker.store.operations.commands import BeginMessage
from gateway_worker.store.operations.messages import PutSentPlaintext
from gateway_worker.whatsapp.errors import (
    EngineError,
    NotAdmin,
    NotConnected,
    NotForwardable,
    OutcomeUnknown,
    RecipientUnknown,
    Refused,
)
from gateway_worker.whatsapp.facts import Cause, ReceiptArrived, ReceiptKind
from gateway_worker.whatsapp.incoming import Entry, EntryKey, ReceivedMessage, Sender
from gateway_worker.whatsapp.outgoing import Acknowledged, OutgoingMessage
from gateway_worker.whatsapp.port import Changes
from schemas.content.content import PlainText, Text
from schemas.errors import (
    AccountRestricted,
    CommandConflict,
    CommandExpired,
    Internal,
    MessageNotFound,
    RateLimited,
    SessionNotConnected,
)
from schemas.names import MessageId
from tests.support.connections.fake_engine import Answer, FakeConnection
from tests.support.connections.virtual_time import VirtualClock, virtual
from tests.support.connections.world import ANNA, BERT, World, command, log_in, show_qr, text, world

CARLA = "+15550003333"


def failing(error: Exception) -> Answer:
    async def answer(_: OutgoingMessage) -> Acknowledged:
        raise error

    return answer


def after(seconds: float) -> Answer:
    async def answer(_: OutgoingMessage) -> Acknowledged:
        await asyncio.sleep(seconds)
        return Acknowledged(timestamp=int(VirtualClock().now().timestamp()))

    return answer


def in_seconds(seconds: float) -> str:
    return (VirtualClock().now() + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def failure(w: World, command_id: str) -> str:
    """The code of the one failure that was told of this command's message."""
    mine = [data for _, data in w.storage.events if data.get("commandId") == command_id]
    (error,) = [cast("dict[str, str]", data["error"]) for data in mine if "error" in data]
    return error["code"]


def bodies(w: World) -> list[str]:
    """What left, in order."""
    return [each.content.text for each in w.engine.sent if isinstance(each.content, PlainText)]


@virtual
async def test_a_message_is_sent_only_when_whatsapp_acknowledged_it() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [after(5)]
        given = text()
        sending = w.start_sending(given)
        await asyncio.sleep(4)
        assert w.storage.statuses(given.id) == []
        message_id = await sending
        assert w.storage.statuses(given.id) == ["sent"]
        assert w.engine.sent[0].message_id == message_id
        assert w.engine.sent[0].to == "15550002222@s.whatsapp.net"


@virtual
async def test_a_repeated_command_sends_once_and_has_the_same_answer() -> None:
    async with world() as w:
        await w.connected()
        given = text()
        assert await w.send(given) == await w.send(given)
        assert len(w.engine.sent) == 1


@virtual
async def test_a_duplicate_that_arrives_in_progress_waits_for_the_first() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [after(5)]
        given = text()
        first, second = w.start_sending(given), w.start_sending(given)
        assert await first == await second
        assert len(w.engine.sent) == 1


@virtual
async def test_a_duplicate_never_overtakes_the_first_whose_place_it_would_wait_for() -> None:
    async with world() as w:
        await w.connected()
        w.storage.messages.secret_takes = [2.0, 1.0]
        given = text()
        async with asyncio.timeout(60):
            first, second = w.start_sending(given), w.start_sending(given)
            assert await first == await second
        assert len(w.engine.sent) == 1


@virtual
async def test_another_body_under_the_same_key_is_a_conflict() -> None:
    async with world() as w:
        await w.connected()
        given = text("one")
        await w.send(given)
        with pytest.raises(CommandConflict):
            await w.send(text("two", id=given.id))


@virtual
async def test_a_chat_leaves_in_order_while_answers_are_on_their_way_and_an_unanswered_one_holds_up_nobody() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [after(10)]
        tasks = [w.start_sending(text(body, to=to)) for body, to in (("1", BERT), ("2", BERT), ("3", CARLA))]
        await asyncio.wait(tasks[1:])
        assert not tasks[0].done()
        assert bodies(w) == ["1", "2", "3"]


@virtual
async def test_of_one_chat_sixteen_may_wait_for_an_answer_and_other_chats_are_not_counted() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [after(30)] * 16
        tasks = [w.start_sending(text(f"{number}")) for number in range(18)]
        await w.until(lambda: len(w.engine.sent) >= 16)
        await w.send(text("elsewhere", to=CARLA))
        assert bodies(w) == [*(f"{number}" for number in range(16)), "elsewhere"]
        await asyncio.wait(tasks)
        assert bodies(w)[-2:] == ["16", "17"]


@virtual
async def test_what_was_unanswered_when_a_connection_fell_goes_again_in_the_same_order() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [after(100), after(100), after(100)]
        given = [text(body) for body in "123"]
        tasks = [w.start_sending(each) for each in given]
        await w.until(lambda: len(w.engine.sent) == 3)
        w.engine.answers = []
        for task in tasks:  # as when the queue is given back and the deliveries arrive again
            task.cancel()
        await asyncio.wait(tasks)
        await w.engine.last.end(Cause.LOST)
        await asyncio.wait([w.start_sending(each) for each in given])
        assert bodies(w) == ["1", "2", "3"] * 2
        assert [w.storage.statuses(each.id) for each in given] == [["sent"]] * 3


@virtual
async def test_a_muted_chat_goes_again_in_order_on_the_next_connection() -> None:
    async with world() as w:
        await w.connected()

        async def mute(_: OutgoingMessage) -> Acknowledged:
            await asyncio.sleep(20)
            raise OutcomeUnknown

        w.engine.answers = [mute] * 3
        given = [text(body) for body in "123"]
        await asyncio.wait([w.start_sending(each) for each in given])
        assert bodies(w) == ["1", "2", "3"] * 2
        assert len(w.engine.opened) == 2
        assert [w.storage.statuses(each.id) for each in given] == [["sent"]] * 3


@virtual
async def test_a_cancelled_delivery_goes_on_under_the_same_id_when_it_arrives_again() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [after(100)]
        given = text()
        first = w.start_sending(given)
        await w.until(lambda: len(w.engine.sent) == 1)
        first.cancel()
        await asyncio.wait([first])
        await w.send(given)
        assert w.engine.sent[0].message_id == w.engine.sent[1].message_id
        assert w.storage.statuses(given.id) == ["sent"]


@virtual
async def test_a_message_waits_for_a_connection_that_comes_back() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(Cause.LOST)
        given = text()
        await w.send(given)
        assert w.storage.statuses(given.id) == ["sent"]
        assert len(w.engine.opened) == 2


@virtual
async def test_a_message_that_comes_between_a_connections_end_and_its_verdict_waits_for_the_next() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [after(100)]
        under_way, given = text("1"), text("2")
        first = w.start_sending(under_way)
        await w.until(lambda: len(w.engine.sent) == 1)
        w.cache.takes_seconds = 1
        w.engine.answers = []
        await w.engine.last.end(Cause.LOST)
        await w.send(given)
        await first
        assert [w.storage.statuses(each.id) for each in (under_way, given)] == [["sent"], ["sent"]]


@virtual
async def test_a_message_waits_for_the_person_who_pairs() -> None:
    async with world() as w:
        w.engine.script = show_qr
        await w.create()
        await w.state(State.QR_REQUIRED)
        sending = w.start_sending(text())
        await asyncio.sleep(30)
        assert not sending.done()
        await log_in(w.engine.last)
        await sending


@virtual
async def test_silence_reconnects_and_sends_again_under_the_same_id_then_gives_up() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [failing(OutcomeUnknown())] * 3
        given = text()
        await w.send(given)
        assert len({each.message_id for each in w.engine.sent}) == 1
        assert len(w.engine.sent) == 3
        assert len(w.engine.opened) == 3
        assert failure(w, given.id) == "message.unconfirmed"


@virtual
async def test_a_second_try_that_is_acknowledged_is_sent() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [failing(OutcomeUnknown())]
        given = text()
        await w.send(given)
        assert w.storage.statuses(given.id) == ["sent"]


@virtual
async def test_a_connection_that_is_gone_without_a_word_is_closed_and_replaced() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [failing(NotConnected())]
        given = text()
        await w.send(given)
        assert w.storage.statuses(given.id) == ["sent"]
        assert len(w.engine.opened) == 2


@virtual
async def test_connections_that_are_gone_count_as_no_try() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [failing(NotConnected()) for _ in range(5)]
        given = text()
        await w.send(given)
        assert w.storage.statuses(given.id) == ["sent"]


@virtual
async def test_what_nobody_can_explain_is_tried_three_times() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [failing(EngineError("broken")) for _ in range(3)]
        given = text()
        await w.send(given)
        assert failure(w, given.id) == "internal"
        assert len(w.engine.sent) == 3


@virtual
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("463"), "message.rejected_by_whatsapp"),
        (RecipientUnknown(), "message.recipient_unknown"),
        (NotForwardable(), "command.invalid"),
        (NotForwardable("productMessage"), "command.invalid"),
        (NotAdmin(), "command.invalid"),
    ],
)
async def test_a_refusal_is_final_and_named(error: Exception, code: str) -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [failing(error)]
        given = text()
        await w.send(given)
        assert failure(w, given.id) == code
        assert len(w.engine.sent) == 1
        assert w.manager.of(ANNA).state is State.CONNECTED


@virtual
async def test_a_session_without_hope_refuses_with_its_own_code() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(Cause.BANNED)
        await w.state(State.RESTRICTED)
        with pytest.raises(AccountRestricted):
            await w.send(text())
        assert not w.storage.messages.rows


@virtual
async def test_an_accepted_message_whose_session_is_logged_out_fails_by_its_status() -> None:
    async with world() as w:
        await w.connected()

        async def unlinked(connection: FakeConnection) -> None:
            await connection.end(Cause.LOGGED_OUT)

        w.engine.script = unlinked
        await w.engine.last.end(Cause.LOST)
        given = text()
        await w.send(given)
        assert failure(w, given.id) == "session.not_connected"


@virtual
async def test_an_expired_command_is_refused_and_leaves_no_row() -> None:
    async with world() as w:
        await w.connected()
        with pytest.raises(CommandExpired):
            await w.send(text(expiresat="2020-01-01T00:00:00Z"))
        assert not w.storage.messages.rows


@virtual
async def test_a_message_that_expires_while_it_waits_is_told_by_its_status_and_never_leaves() -> None:
    async with world() as w:
        w.engine.script = show_qr
        await w.create()
        await w.state(State.QR_REQUIRED)
        given = text(expiresat=in_seconds(60))
        await w.send(given)
        assert failure(w, given.id) == "command.expired"
        assert w.engine.sent == []


@virtual
async def test_what_expired_in_a_queue_after_it_was_accepted_fails_by_its_status() -> None:
    async with world() as w:
        w.engine.script = show_qr
        await w.create()
        await w.state(State.QR_REQUIRED)
        given = text()
        assert not await w.manager.fail(given, CommandExpired())  # nobody had accepted it
        sending = w.start_sending(given)
        await asyncio.sleep(1)
        sending.cancel()
        await asyncio.wait([sending])
        assert await w.manager.fail(given, CommandExpired())
        assert failure(w, given.id) == "command.expired"


@virtual
async def test_a_message_that_failed_by_a_fault_of_ours_is_sent_when_a_person_has_it_redriven() -> None:
    async with world() as w:
        w.engine.script = show_qr
        await w.create()
        await w.state(State.QR_REQUIRED)
        given = text()
        sending = w.start_sending(given)
        await asyncio.sleep(1)
        sending.cancel()
        await asyncio.wait([sending])
        assert await w.manager.fail(given, Internal())
        assert failure(w, given.id) == "internal"
        w.storage.keys.blobs[ANNA] = b"credentials"
        w.engine.script = log_in
        await w.restart()
        await w.state(State.CONNECTED)
        message_id = await w.send(given)
        assert w.engine.sent == [], "a mere duplicate changes nothing"
        assert await w.send(replace(given, redriven=True)) == message_id
        assert [each.message_id for each in w.engine.sent] == [message_id]


@virtual
async def test_messages_per_minute_pace_and_messages_per_day_refuse() -> None:
    async with world() as w:
        await w.connected(limits={"messagesPerMinute": 2, "messagesPerDay": 3})
        started = VirtualClock().monotonic()
        for _ in range(3):
            await w.send(text())
        assert 59 < VirtualClock().monotonic() - started < 62
        with pytest.raises(RateLimited) as limited:
            await w.send(text())
        assert 86_000 < limited.value.retry_after <= 86_400


@virtual
async def test_what_was_begun_before_or_is_refused_uses_up_nothing_of_the_day() -> None:
    async with world() as w:
        await w.connected(limits={"messagesPerDay": 2})
        given = text("one")
        for _ in range(3):
            await w.send(given)
        for _ in range(3):
            with pytest.raises(CommandConflict):
                await w.send(text("another", id=given.id))
        await w.send(text("two"))
        assert bodies(w) == ["one", "two"]
        with pytest.raises(RateLimited):
            await w.send(text("three"))


@virtual
async def test_a_message_waits_for_the_database_and_keeps_its_place() -> None:
    async with world() as w:
        await w.connected()
        w.storage.away = True
        tasks = [w.start_sending(text(body)) for body in "123"]
        await asyncio.sleep(20)
        w.storage.away = False
        await asyncio.wait(tasks)
        assert bodies(w) == ["1", "2", "3"]


async def receive(w: World, message_id: str) -> None:
    """BERT writes to us."""
    jid = "15550002222@s.whatsapp.net"
    message = ReceivedMessage(
        message_id=message_id,
        chat=jid,
        sender=Sender(jid=jid, phone=BERT),
        from_me=False,
        is_group=False,
        timestamp=10**12,  # a phone whose clock makes no sense
        content=Text(text="Hi"),
    )
    key = EntryKey(chat=jid, sender=f"{jid}:1", message_id=message_id, index=0)
    await w.engine.last.commit(Changes(entries=[Entry(key=key, plaintext=b"plain", message=message)]))
    w.storage.messages.plaintexts[MessageId(message_id)] = b"plain"


@virtual
async def test_a_received_message_is_told_once_with_a_time_that_makes_sense() -> None:
    async with world() as w:
        await w.connected()
        await receive(w, "3EB0AA")
        await receive(w, "3EB0AA")
        (seen,) = [data for kind, data in w.storage.events if kind == "message.received.v1"]
        assert str(seen["timestamp"]).startswith("2026-11-22T10:30")


@virtual
async def test_a_reply_carries_the_stored_message_it_quotes() -> None:
    async with world() as w:
        await w.connected()
        await receive(w, "3EB0AA")
        await w.send(text(quote="3EB0AA"))
        quoted = w.engine.sent[0].original
        assert quoted is not None
        assert (quoted.message_id, quoted.sender, quoted.plaintext) == (
            "3EB0AA",
            "15550002222@s.whatsapp.net",
            b"plain",
        )


@virtual
async def test_a_quote_of_an_unknown_message_is_refused() -> None:
    async with world() as w:
        await w.connected()
        with pytest.raises(MessageNotFound):
            await w.send(text(quote="3EB0UNKNOWN"))
        assert not w.storage.messages.rows


@virtual
async def test_receipts_move_a_message_forward_and_strangers_ids_move_nothing() -> None:
    async with world() as w:
        await w.connected()
        given = text()
        message_id = await w.send(given)
        for kind in (ReceiptKind.READ, ReceiptKind.DELIVERED):
            await w.engine.last.notify(
                ReceiptArrived(message_ids=[message_id, "3EB0STRANGER"], chat="x", kind=kind, timestamp=1_795_000_000)
            )
        assert w.storage.statuses(given.id) == ["sent", "read"]


@virtual
async def test_presence_and_queries_do_not_wait_behind_messages() -> None:
    async with world() as w:
        await w.connected()
        w.engine.answers = [after(100)]
        sending = w.start_sending(text())
        await asyncio.sleep(1)
        session = w.manager.of(ANNA)
        await session.set_presence(command("chat.presence.v1", ANNA, {"to": BERT, "state": "typing"}))
        checked = await session.check_contacts(command("contact.check.v1", ANNA, {"phones": [BERT]}))
        assert checked.contacts[0].exists
        assert len(w.engine.last.presences) == 1
        assert not sending.done()
        await sending


@virtual
async def test_a_query_is_refused_at_once_while_a_person_pairs_and_after_a_while_when_away() -> None:
    async with world() as w:
        w.engine.script = show_qr
        await w.create()
        await w.state(State.QR_REQUIRED)
        check = command("contact.check.v1", ANNA, {"phones": [BERT]})
        with pytest.raises(SessionNotConnected):
            await w.manager.of(ANNA).check_contacts(check)
        w.engine.script = None
        await w.engine.last.end(Cause.LOST)
        await w.state(State.DISCONNECTED)
        started = VirtualClock().monotonic()
        with pytest.raises(SessionNotConnected):
            await w.manager.of(ANNA).check_contacts(check)
        assert VirtualClock().monotonic() - started == pytest.approx(10)


@virtual
async def test_reading_sends_receipts_for_what_is_stored() -> None:
    async with world() as w:
        await w.connected()
        await receive(w, "3EB0AA")
        read = command("message.read.v1", ANNA, {"chat": BERT, "messageIds": ["3EB0AA"]})
        await w.manager.of(ANNA).mark_read(read)
        assert [each.message_id for each in w.engine.last.read] == ["3EB0AA"]
        unknown = command("message.read.v1", ANNA, {"chat": BERT, "messageIds": ["3EB0BB"]})
        with pytest.raises(MessageNotFound):
            await w.manager.of(ANNA).mark_read(unknown)


@virtual
async def test_own_messages_get_no_read_receipt() -> None:
    async with world() as w:
        await w.connected()
        mine = await w.send(text())
        await receive(w, "3EB0AA")
        both = command("message.read.v1", ANNA, {"chat": BERT, "messageIds": [mine, "3EB0AA"]})
        await w.manager.of(ANNA).mark_read(both)
        own = command("message.read.v1", ANNA, {"chat": BERT, "messageIds": [mine]})
        await w.manager.of(ANNA).mark_read(own)
        assert [each.message_id for each in w.engine.last.read] == ["3EB0AA"]


@virtual
async def test_a_message_that_leaves_at_once_is_on_record_with_its_ratchet() -> None:
    async with world() as w:
        await w.connected()
        writes = w.storage.writes
        writes.clear()
        await w.send(text())
        begin = next(each for each in writes if any(isinstance(one, BeginMessage) for one in each))
        assert [type(one) for one in begin] == [BeginMessage, PutSentPlaintext]


@virtual
async def test_what_waits_for_its_turn_is_on_record_without_its_ratchet() -> None:
    async with world() as w:
        await w.connected()
        held = asyncio.Event()

        async def hold(_: OutgoingMessage) -> Acknowledged:
            await held.wait()
            return Acknowledged(timestamp=int(VirtualClock().now().timestamp()))

        w.engine.answers = [hold] * (DEPTH + 1)
        sending = [w.start_sending(text(str(number))) for number in range(DEPTH + 1)]
        await asyncio.sleep(1)
        assert len(w.engine.sent) == DEPTH
        assert len(w.storage.messages.rows) == DEPTH + 1
        held.set()
        await asyncio.gather(*sending)
