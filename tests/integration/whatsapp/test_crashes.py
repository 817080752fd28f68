"""The bridge is killed at its worst moments: nothing is lost, nothing told twice, no counter used twice.

The owner decides when: it sees every commit before it is stored, and after it was stored but before it is answered.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress

import pytest

from gateway_worker.whatsapp.errors import OutcomeUnknown, StoreRefused
from gateway_worker.whatsapp.facts import Cause, Disconnected, Fact, QrCode, ReceiptArrived, ReceiptKind
from gateway_worker.whatsapp.outgoing import OutgoingMessage
from gateway_worker.whatsapp.port import Changes, Connection
from schemas.content.content import Text
from tests.integration.whatsapp.test_groups import make_group
from tests.support.whatsapp.engine import Lab, Session, lab, new_message_id, say

Matters = Callable[[Changes], bool]


@pytest.fixture
async def own() -> AsyncGenerator[Lab]:
    """A lab whose bridge may be killed."""
    async with lab() as running:
        yield running


class Killer:
    """Kills the bridge at the first commit that matters: before it is stored, or after, always unanswered."""

    def __init__(self, own: Lab, session: Session, matters: Matters, *, stored: bool) -> None:
        self._own = own
        self._owner = session.owner
        self._matters = matters
        self.struck = asyncio.Event()
        if stored:
            self._owner.after_commit = self._strike
        else:
            self._owner.before_commit = self._strike

    async def _strike(self, changes: Changes) -> None:
        if self.struck.is_set() or not self._matters(changes):
            return
        self.struck.set()
        await kill(self._own, self._owner.facts_of(Disconnected))
        raise ConnectionResetError

    async def done(self, ends: int) -> None:
        """Wait until the owner was told of the end, its `ends`-th."""
        await self.struck.wait()
        end = await self._owner.next(Disconnected, ends)
        assert end.cause is Cause.BRIDGE_DIED


async def kill(own: Lab, _ends: object = None) -> None:
    """SIGKILL, and wait until it is dead: what it had written to sockets is out, nothing else will be."""
    (report,) = own.engine.describe()
    assert report.pid is not None
    os.kill(report.pid, signal.SIGKILL)
    while own.engine.describe()[0].pid == report.pid:  # noqa: ASYNC110 (its supervisor has no event for it)
        await asyncio.sleep(0.01)


def has_entry(changes: Changes) -> bool:
    return any(entry.message is not None for entry in changes.entries)


def is_sent(changes: Changes) -> bool:
    return bool(changes.sent)


async def undisturbed(own: Lab) -> None:
    """Nobody met a counter twice, and nobody had to ask for anything again."""
    stats = await own.phones.stats()
    assert (stats["reusedCounters"], stats["decryptFailures"], stats["retries"]) == (0, 0, 0), stats


def outgoing(to: str, text: str, message_id: str) -> OutgoingMessage:
    return OutgoingMessage(message_id=message_id, to=to, content=Text(text=text))


async def drained(own: Lab, session: Session, connection: Connection) -> None:
    """WhatsApp keeps nothing for the session any more: all is confirmed."""
    await connection.check_contacts([session.phone.number])  # an answer: the receipts before it have arrived
    assert await own.queued(session.phone) == 0


@pytest.mark.parametrize("stored", [False, True], ids=["before it is stored", "before its receipt"])
@pytest.mark.parametrize("warm", [False, True], ids=["first contact", "known contact"])
async def test_a_message_is_told_once_whenever_the_bridge_dies(own: Lab, *, stored: bool, warm: bool) -> None:
    session, connection = await own.connected()
    bob = await own.phones.give("Bob")
    before: list[str] = []
    if warm:  # with an answer, so that it is no prekey message any more
        await own.phones.send(bob, session.phone.jid, "hello")
        await session.owner.until(lambda: "hello" in session.owner.texts())
        await say(connection, bob, "hello")
        before = ["hello"]
    killer = Killer(own, session, has_entry, stored=stored)
    await own.phones.send(bob, session.phone.jid, "once")
    await killer.done(2)
    assert session.owner.texts() == (["hello", "once"] if warm else ["once"])[: len(before) + stored]
    assert await own.queued(session.phone) >= 1, "not confirmed"

    connection = await session.connect()
    await own.phones.send(bob, session.phone.jid, "and on")
    await session.owner.until(lambda: "and on" in session.owner.texts())
    assert session.owner.texts() == [*before, "once", "and on"]
    assert len([entry for commit in session.owner.commits for entry in commit.entries if entry.message]) == len(
        session.owner.texts()
    )
    await drained(own, session, connection)
    await undisturbed(own)


@pytest.mark.parametrize("stored", [False, True], ids=["before its ratchet is stored", "before the wire"])
async def test_a_message_that_has_not_left_when_the_bridge_dies_arrives_once(own: Lab, *, stored: bool) -> None:
    session, connection = await own.connected()
    bob = await own.phones.give("Bob")
    await say(connection, bob, "first")
    killer = Killer(own, session, is_sent, stored=stored)
    message_id = new_message_id()
    with pytest.raises(OutcomeUnknown):
        await connection.send(outgoing(bob.jid, "second", message_id))
    await killer.done(2)

    connection = await session.connect()
    await connection.send(outgoing(bob.jid, "second", message_id))
    await say(connection, bob, "third")
    inbox = await own.phones.inbox(bob, 3)
    assert [(entry["content"]["text"], entry["copies"]) for entry in inbox] == [
        ("first", 1),
        ("second", 1),
        ("third", 1),
    ]
    await undisturbed(own)


async def test_a_message_whose_acknowledgement_died_with_the_bridge_is_the_same_message_again(own: Lab) -> None:
    session, connection = await own.connected()
    bob = await own.phones.give("Bob")
    await own.phones.fault("mute", session.phone, count=1)
    message_id = new_message_id()
    waiting = asyncio.create_task(connection.send(outgoing(bob.jid, "answered by nobody", message_id)))
    await own.phones.inbox(bob, 1)
    await kill(own)
    with pytest.raises(OutcomeUnknown):
        await waiting
    await session.owner.next(Disconnected, 2)

    connection = await session.connect()
    await connection.send(outgoing(bob.jid, "answered by nobody", message_id))
    await say(connection, bob, "later")
    first, later = await own.phones.inbox(bob, 2)
    assert (first["messageId"], first["copies"]) == (message_id, 2)
    assert later["copies"] == 1
    await undisturbed(own)


async def test_a_group_gets_its_sender_key_though_the_bridge_died_before_the_wire(own: Lab) -> None:
    session, connection = await own.connected()
    members = [await own.phones.give(name) for name in ("Bob", "Eve")]
    group = make_group(own, session.phone, *members)
    killer = Killer(own, session, is_sent, stored=True)
    message_id = new_message_id()
    with pytest.raises(OutcomeUnknown):
        await connection.send(outgoing(group, "to all", message_id))
    await killer.done(2)

    connection = await session.connect()
    await connection.send(outgoing(group, "to all", message_id))
    await connection.send(outgoing(group, "and again", new_message_id()))
    for member in members:
        inbox = await own.phones.inbox(member, 2)
        assert [(entry["content"]["text"], entry["copies"]) for entry in inbox] == [("to all", 1), ("and again", 1)]
    await undisturbed(own)


async def test_a_receipt_is_told_again_when_the_bridge_dies_before_it_is_stored(own: Lab) -> None:
    session, connection = await own.connected()
    bob = await own.phones.give("Bob")
    message_id, _ = await say(connection, bob, "read this")
    await session.owner.next(ReceiptArrived)
    notify, reached, dead = session.owner.notify, asyncio.Event(), asyncio.Event()

    async def lose(fact: Fact) -> None:
        if isinstance(fact, ReceiptArrived) and fact.kind is ReceiptKind.READ:
            reached.set()
            await dead.wait()
            raise ConnectionResetError
        await notify(fact)

    session.owner.notify = lose
    await own.phones.read(bob, message_id)
    await reached.wait()
    assert await own.queued(session.phone) == 1
    await kill(own)
    dead.set()
    await session.owner.next(Disconnected, 2)
    session.owner.notify = notify

    connection = await session.connect()
    await session.owner.until(lambda: any(r.kind is ReceiptKind.READ for r in session.owner.facts_of(ReceiptArrived)))
    await drained(own, session, connection)


async def test_what_the_phone_shares_is_acted_on_after_the_bridge_died_over_it(own: Lab) -> None:
    session, bob = await own.unpaired(), await own.phones.give("Bob")
    await own.phones.send(bob, session.phone.jid, "before there was a companion")  # so that the history has a person
    await own.pair(session)
    owner, digits = session.owner, bob.number[1:]
    load, dead = owner.load_keys, asyncio.Event()

    async def stall(kind: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        if kind == "lid-mapping" and digits in ids:  # Baileys acts on the history, which it has confirmed
            await dead.wait()
        return await load(kind, ids)

    owner.load_keys = stall
    await session.open()
    await owner.until(lambda: bool(owner.unprocessed))
    assert ("lid-mapping", digits) not in owner.keys
    await kill(own)
    dead.set()
    owner.load_keys = load
    await owner.next(Disconnected, 2)

    await session.connect()
    await owner.until(lambda: not owner.unprocessed)
    assert ("lid-mapping", digits) in owner.keys
    await undisturbed(own)


async def test_a_pairing_that_was_not_stored_is_unknown_to_whatsapp_too(own: Lab) -> None:
    session = await own.unpaired()
    killer = Killer(own, session, lambda changes: changes.credentials is not None, stored=False)
    await session.open()
    qr = await session.owner.next(QrCode)
    with suppress(AssertionError):  # the phone may say that the device did not answer
        await own.phones.scan(session.phone, qr.text)
    await killer.done(1)
    account, _ = own.simulator.core.world.find(session.phone.jid)
    assert account is not None
    assert not account.companions

    session.owner.facts.clear()
    await own.pair(session)
    assert len(account.companions) == 1


async def test_prekeys_are_stored_with_their_numbers_and_a_crash_reuses_none(own: Lab) -> None:
    session = await own.paired()
    killer = Killer(own, session, lambda changes: any(kind == "pre-key" for kind, _ in changes.keys), stored=True)
    await session.open()
    await killer.done(2)
    (commit,) = [c for c in session.owner.commits if any(kind == "pre-key" for kind, _ in c.keys)]
    assert commit.credentials is not None
    mine = {key: value for key, value in session.owner.keys.items() if key[0] == "pre-key"}

    connection = await session.connect()
    bob = await own.phones.give("Bob")
    await own.phones.send(bob, session.phone.jid, "with a prekey")
    await session.owner.until(lambda: "with a prekey" in session.owner.texts())
    for key, value in mine.items():
        assert session.owner.keys.get(key, value) == value  # used up, or as it was
    await connection.close()
    await undisturbed(own)


@pytest.mark.parametrize("addressing", ["pn", "lid"])
async def test_a_resend_is_answered_from_the_store_after_the_bridge_died(own: Lab, addressing: str) -> None:
    session, connection = await own.connected()
    bob = await own.phones.give("Bob")
    account, _ = own.simulator.core.world.find(bob.jid)
    assert account is not None
    to = bob.jid if addressing == "pn" else account.lid_jid
    await connection.send(outgoing(to, "hello", new_message_id()))
    await own.phones.inbox(bob, 1)
    await own.phones.offline(bob)
    message_id = new_message_id()
    await connection.send(outgoing(to, "read me later", message_id))
    await kill(own)
    await session.owner.next(Disconnected, 2)
    await session.connect()

    account.primary.signal.forget_sessions(f"{session.phone.number[1:]}.1")
    await own.phones.online(bob)
    inbox = await own.phones.inbox(bob, 2)
    assert [entry["content"]["text"] for entry in inbox] == ["hello", "read me later"]
    assert inbox[1]["messageId"] == message_id
    assert (await own.phones.stats())["retries"] >= 1


async def test_a_cancelled_send_that_is_asked_for_again_is_waited_for_not_repeated(own: Lab) -> None:
    session, connection = await own.connected()
    bob = await own.phones.give("Bob")
    await own.phones.fault("delay", session.phone, after=1.0, count=1)
    message = outgoing(bob.jid, "once", new_message_id())
    waiting = asyncio.create_task(connection.send(message))
    await own.phones.inbox(bob, 1)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    await connection.send(message)
    (entry,) = await own.phones.inbox(bob, 1)
    assert entry["copies"] == 1
    await connection.close()


async def test_a_fence_that_falls_in_the_middle_lets_nothing_out(own: Lab) -> None:
    """The owner's epoch became stale between the decision to send, or a decryption, and its commit."""
    session, connection = await own.connected()
    bob = await own.phones.give("Bob")
    await say(connection, bob, "still mine")
    await own.phones.send(bob, session.phone.jid, "hello")
    await session.owner.until(lambda: "hello" in session.owner.texts())
    await session.owner.next(ReceiptArrived)
    await drained(own, session, connection)
    before = (await own.phones.stats())["messages"]

    async def stale(_: Changes) -> None:
        raise StoreRefused

    session.owner.before_commit = stale
    receiving = asyncio.create_task(own.phones.send(bob, session.phone.jid, "for the next owner"))
    with pytest.raises((StoreRefused, OutcomeUnknown)):
        await say(connection, bob, "never")
    await receiving
    await session.owner.next(Disconnected, 2)
    assert (await own.phones.stats())["messages"] == before + 1, "only Bob's own"
    assert await own.queued(session.phone) >= 1, "not confirmed"
