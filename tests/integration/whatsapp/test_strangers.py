"""What strangers write at its largest, over the real bridge: it is told, cut as the contract cuts, and comes once."""

import asyncio
from typing import Any, Final

import pytest

from gateway_worker.whatsapp.facts import Disconnected
from gateway_worker.whatsapp.incoming import ReceivedMessage
from schemas.content.content import Text
from tests.support.whatsapp.engine import Lab, Session
from tests.support.whatsapp.phones import Phone

_MAX_TEXT: Final = 65_536
_MANY: Final = 80
_CONTROL: Final = "\x01" * 60_000  # 360,000 bytes each in JSON


async def _raw(lab: Lab, sender: Phone, session: Session, message: dict[str, Any]) -> str:
    content = {"kind": "raw", "message": message}
    answer = await lab.phones.post(f"/phones/{sender.number}/send", {"to": session.phone.jid, "content": content})
    return answer["messageId"]


def _published(session: Session) -> dict[str, ReceivedMessage]:
    messages = [entry.message for entry in session.owner.entries.values()]
    return {message.message_id: message for message in messages if isinstance(message, ReceivedMessage)}


async def _drained(lab: Lab, session: Session) -> None:
    """All that waited at WhatsApp has been confirmed."""
    async with asyncio.timeout(60):
        while await lab.queued(session.phone):  # noqa: ASYNC110 (another program's queue: it tells nobody)
            await asyncio.sleep(0.05)


async def test_more_than_a_frame_holds_arrives_after_an_absence(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await connection.close()
    before = len(session.owner.facts_of(Disconnected))
    sent = [await shared.phones.send(bob, session.phone.jid, _CONTROL) for _ in range(_MANY)]
    connection = await session.connect()
    await session.owner.until(lambda: set(sent) <= _published(session).keys(), patience=60)
    await _drained(shared, session)
    assert len(session.owner.facts_of(Disconnected)) == before
    assert [message_id for message_id in _published(session) if message_id in sent] == sent
    assert max(sum(len(each.plaintext) for each in commit.entries) for commit in session.owner.commits) < 2**20
    await connection.close()


@pytest.mark.parametrize("megabytes", [9, 15])
async def test_a_text_of_megabytes_is_told_with_its_beginning_and_does_not_come_again(
    shared: Lab, megabytes: int
) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await shared.phones.fault("redeliver", session.phone)
    message_id = await _raw(shared, bob, session, {"conversation": "y" * (megabytes * 1_000_000)})
    await session.owner.until(lambda: message_id in _published(session))
    assert _published(session)[message_id].content == Text(text="y" * _MAX_TEXT)
    [entry] = [entry for entry in session.owner.entries.values() if entry.key.message_id == message_id]
    assert len(entry.plaintext) < 2**20
    await connection.close()

    connection = await session.connect()
    await shared.phones.send(bob, session.phone.jid, "after")
    await session.owner.until(lambda: "after" in session.owner.texts())
    assert len([each for each in session.owner.entries if each.message_id == message_id]) == 1
    await _drained(shared, session)
    await connection.close()


async def test_neither_names_nor_lists_beyond_measure_end_a_connection(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    before = len(session.owner.facts_of(Disconnected))
    key = {"id": "x" * 12_000, "remoteJid": session.phone.jid}
    about_nothing = await _raw(shared, bob, session, {"reactionMessage": {"key": key, "text": "+"}})
    mentioned = [f"1555{number:07}@s.whatsapp.net" for number in range(60_000)]
    mentioning = {"text": "hi", "contextInfo": {"mentionedJid": mentioned, "stanzaId": "q" * 70_000}}
    mention = await _raw(shared, bob, session, {"extendedTextMessage": mentioning})
    await session.owner.until(lambda: mention in _published(session))
    published = _published(session)
    assert about_nothing not in published
    assert published[mention].content == Text(text="hi")
    assert published[mention].mentions == mentioned[:1_024]
    assert published[mention].quoted_id is None
    assert len(session.owner.facts_of(Disconnected)) == before
    await connection.close()


async def test_a_message_is_told_once_and_confirmed_whatever_its_sender_calls_it(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    before = len(session.owner.facts_of(Disconnected))
    names = ["a@b@c", "@", "S@", "9:300@lid", "1:@x", "S_1:5@s.whatsapp.net", "1-2:3@interop", "constructor"]
    for name in names:
        await shared.phones.send(bob, session.phone.jid, f"under {name}", messageId=name)
    await session.owner.until(lambda: {f"under {name}" for name in names} <= set(session.owner.texts()))
    await _drained(shared, session)
    assert len(session.owner.facts_of(Disconnected)) == before
    assert len([text for text in session.owner.texts() if text.startswith("under")]) == len(names)
    await connection.close()
