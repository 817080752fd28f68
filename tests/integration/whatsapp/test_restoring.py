"""A device that comes back with its identity alone: what a snapshot holds, and nothing of its conversations."""

from gateway_worker.whatsapp.baileys.identity import KINDS, revive
from gateway_worker.whatsapp.facts import Disconnected
from gateway_worker.whatsapp.port import Connection
from tests.support.whatsapp.engine import Lab, Session, say
from tests.support.whatsapp.owner import MemoryOwner
from tests.support.whatsapp.phones import Phone


async def test_a_contact_whose_ratchet_is_lost_is_heard_and_hears(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await say(connection, bob, "before")
    await shared.phones.send(bob, session.phone.jid, "with a ratchet")
    await session.owner.until(lambda: "with a ratchet" in session.owner.texts())
    before = await shared.phones.stats()

    again, connection = await _restored(session, connection)
    await shared.phones.send(bob, session.phone.jid, "are you there?")
    await again.owner.until(lambda: "are you there?" in again.owner.texts())
    await say(connection, bob, "restored")

    after = await shared.phones.stats()
    assert [entry["content"]["text"] for entry in await shared.phones.inbox(bob, 2)] == ["before", "restored"]
    assert after["retries"] > before["retries"]
    assert after["reusedPrekeys"] == before["reusedPrekeys"]
    assert after["reusedCounters"] == before["reusedCounters"]
    assert after["decryptFailures"] == before["decryptFailures"]
    await connection.close()


async def test_a_stranger_who_is_given_an_old_prekey_is_heard(shared: Lab) -> None:
    session, connection = await shared.connected()
    again, connection = await _restored(session, connection)
    carl = await shared.phones.give("Carl")

    await _heard(shared, again, carl, "you do not know me")
    await _heard(shared, again, carl, "now you do")

    assert (await shared.phones.stats())["reusedPrekeys"] == 0
    await connection.close()


async def test_a_contact_hears_first_from_a_restored_device(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await say(connection, bob, "before")

    again, connection = await _restored(session, connection)
    await say(connection, bob, "restored")
    await _heard(shared, again, bob, "welcome back")

    assert [entry["content"]["text"] for entry in await shared.phones.inbox(bob, 2)] == ["before", "restored"]
    await connection.close()


async def test_a_second_restore_uses_no_prekey_of_the_first_again(shared: Lab) -> None:
    session, connection = await shared.connected()
    snapshot = session.owner.credentials
    first, connection = await _restored(session, connection)
    await _heard(shared, first, await shared.phones.give("Bob"), "once")
    assert snapshot is not None
    assert first.owner.credentials is not None
    assert revive(first.owner.credentials) != revive(snapshot)

    second, connection = await _restored(first, connection)
    await _heard(shared, second, await shared.phones.give("Carl"), "twice")

    assert (await shared.phones.stats())["reusedPrekeys"] == 0
    await connection.close()


async def _heard(lab: Lab, session: Session, phone: Phone, text: str) -> None:
    await lab.phones.send(phone, session.phone.jid, text)
    await session.owner.until(lambda: text in session.owner.texts())


async def _restored(session: Session, connection: Connection) -> tuple[Session, Connection]:
    """The same device elsewhere, connected: with its identity, without ratchets and prekeys."""
    await connection.close()
    await session.owner.until(lambda: isinstance(session.owner.facts[-1], Disconnected))
    before = session.owner
    assert before.credentials is not None
    owner = MemoryOwner(
        credentials=revive(before.credentials),
        keys={key: value for key, value in before.keys.items() if key[0] in KINDS},
    )
    again = Session(engine=session.engine, phone=session.phone, owner=owner, session_id=session.session_id)
    return again, await again.connect()
