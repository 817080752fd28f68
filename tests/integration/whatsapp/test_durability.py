"""SET → WIRE, and what happens when storing fails."""

import asyncio
from collections.abc import Callable
from typing import Self

import pytest

from gateway_worker.whatsapp.errors import StoreRefused
from gateway_worker.whatsapp.facts import Cause, Disconnected
from gateway_worker.whatsapp.port import Changes
from tests.support.whatsapp.engine import Lab, lab, say
from tests.support.whatsapp.owner import MemoryOwner


class StoreAwayError(Exception):
    """The database cannot be reached."""


class Hold:
    """Holds commits that `matters` picks, from `with` to its end or until `allow`."""

    def __init__(self, owner: MemoryOwner, matters: Callable[[Changes], bool] = lambda _: True) -> None:
        self.reached = asyncio.Event()
        self._allowed = asyncio.Event()
        self._matters = matters
        owner.before_commit = self._before_commit

    async def _before_commit(self, changes: Changes) -> None:
        if self._matters(changes):
            self.reached.set()
            await self._allowed.wait()

    def allow(self) -> None:
        self._allowed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.allow()


def _has_ratchet(changes: Changes) -> bool:
    return any(kind == "session" for kind, _ in changes.keys)


async def test_a_stanza_waits_until_its_ratchet_is_stored(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await say(connection, bob, "first contact")
    before = (await shared.phones.stats())["messages"]
    with Hold(session.owner) as hold:
        sending = asyncio.create_task(say(connection, bob, "held"))
        await hold.reached.wait()
        await asyncio.sleep(0.3)  # long enough for a stanza that does not wait
        assert (await shared.phones.stats())["messages"] == before
        assert not sending.done()
    await sending
    assert [entry["content"]["text"] for entry in await shared.phones.inbox(bob, 2)] == ["first contact", "held"]
    await connection.close()


async def test_a_receipt_waits_until_its_message_is_stored(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    with Hold(session.owner, lambda changes: bool(changes.entries)) as hold:
        await shared.phones.send(bob, session.phone.jid, "keep me")
        await hold.reached.wait()
        await asyncio.sleep(0.3)  # long enough for a receipt that does not wait
        assert await shared.queued(session.phone) == 1
    await session.owner.until(lambda: "keep me" in session.owner.texts())
    await connection.check_contacts([bob.number])  # an answer: the receipt before it has arrived
    assert await shared.queued(session.phone) == 0
    await connection.close()


async def test_what_a_protocol_message_brings_is_stored_with_it(shared: Lab) -> None:
    session, connection = await shared.connected()
    [commit] = [c for c in session.owner.commits if any(kind == "app-state-sync-key" for kind, _ in c.keys)]
    assert commit.entries
    assert all(entry.message is None for entry in commit.entries)
    await connection.close()


async def test_a_refused_commit_ends_the_connection_and_nothing_leaves(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await say(connection, bob, "fine")
    before = (await shared.phones.stats())["messages"]

    async def refuse(changes: Changes) -> None:
        if _has_ratchet(changes):
            raise StoreAwayError

    session.owner.before_commit = refuse
    with pytest.raises(StoreRefused):
        await say(connection, bob, "never")
    end = await session.owner.next(Disconnected, 2)
    assert end.cause is Cause.STORE_FAILED
    assert (await shared.phones.stats())["messages"] == before
    assert len(session.owner.facts_of(Disconnected)) == 2  # the restart after pairing, and this one

    async def accept(_: Changes) -> None:
        """The database is back."""

    session.owner.before_commit = accept
    connection = await session.connect()
    await say(connection, bob, "after all")  # the ratchet of before: no counter was used up
    stats = await shared.phones.stats()
    assert stats["reusedCounters"] == stats["decryptFailures"] == 0
    texts = [entry["content"]["text"] for entry in await shared.phones.inbox(bob, 2)]
    assert texts == ["fine", "after all"]
    await connection.close()


async def test_a_message_that_could_not_be_stored_is_not_receipted_and_comes_again(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")

    async def refuse(changes: Changes) -> None:
        if changes.entries:
            raise StoreAwayError

    session.owner.before_commit = refuse
    await shared.phones.send(bob, session.phone.jid, "try again")
    end = await session.owner.next(Disconnected, 2)
    assert end.cause is Cause.STORE_FAILED
    assert session.owner.texts() == []

    async def accept(_: Changes) -> None:
        """The database is back."""

    session.owner.before_commit = accept
    connection = await session.connect()
    await session.owner.until(lambda: "try again" in session.owner.texts())
    assert (await shared.phones.stats())["retries"] == 0
    await connection.close()


async def test_storing_that_takes_too_long_ends_the_connection() -> None:
    async with lab(store_deadline=4) as own:  # a busy machine has to be linked within it, too
        session, connection = await own.connected()
        bob = await own.phones.give("Bob")
        with Hold(session.owner):
            with pytest.raises(StoreRefused):
                await say(connection, bob, "slow")
            await asyncio.sleep(0.2)
            assert len(session.owner.facts_of(Disconnected)) == 1  # not told while the write is still on its way
        end = await session.owner.next(Disconnected, 2)
        assert end.cause is Cause.STORE_FAILED


async def test_a_redelivered_message_is_answered_from_its_entry(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await shared.phones.send(bob, session.phone.jid, "once")
    await session.owner.until(lambda: "once" in session.owner.texts())
    commits = len([c for c in session.owner.commits if c.entries])

    await shared.phones.fault("redeliver", session.phone)
    await shared.phones.send(bob, session.phone.jid, "twice")
    await session.owner.until(lambda: "twice" in session.owner.texts())
    await connection.close()
    connection = await session.connect()
    await connection.check_contacts([bob.number])

    stats = await shared.phones.stats()
    assert stats["messagesRedelivered"] >= 1
    assert await shared.queued(session.phone) == 0
    assert stats["retries"] == 0
    assert session.owner.loaded_entries
    assert session.owner.texts() == ["once", "twice"]
    assert len([c for c in session.owner.commits if c.entries]) == commits + 1
    await connection.close()
