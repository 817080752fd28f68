"""The stored messages that a sealed change may be about, with what its key may be bound to."""

from gateway_worker.connections.incoming.recalling import Recall
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.records import EntryRecord, Json, MessageRecord
from gateway_worker.whatsapp.incoming import StoredOriginal
from schemas.names import MessageId, SessionId
from tests.support.connections.fake_messages import FakeKeys, FakeMessages, message_row
from tests.support.connections.virtual_time import VirtualClock, virtual
from tests.support.connections.world import MAPPINGS

SESSION, POLL = SessionId("s"), MessageId("3EB0AA")
GROUP = "120363001@g.us"
BERT, BERTS_LID = "15550002222@s.whatsapp.net", "42@lid"


def _row(message_id: str, content: Json, sender: str | None, about: MessageId | None = None) -> MessageRecord:
    return message_row(
        SESSION,
        MessageId(message_id),
        chat=GROUP,
        content=content,
        sender=sender,
        command=None if sender else ("/backend", "1"),
        about=about,
        at=VirtualClock().now(),
    )


def _stored(*rows: MessageRecord) -> tuple[FakeKeys, FakeMessages, Recall]:
    people = Identities(MAPPINGS)
    people.learn({BERTS_LID: BERT})
    keys, messages = FakeKeys(), FakeMessages(rows={row.message_id: row for row in rows})
    messages.plaintexts[POLL] = b"poll"
    return keys, messages, Recall(SESSION, keys, messages, people)


@virtual
async def test_a_poll_comes_with_all_names_of_its_author_and_the_options_that_were_added() -> None:
    poll: Json = {"kind": "poll", "question": "When?", "options": ["1"]}
    added = _row("3EB0BB", {"kind": "optionadded", "option": "2"}, BERT, POLL)
    _, _, recall = _stored(_row(POLL, poll, BERTS_LID), added)
    found = await recall.originals(POLL, GROUP, BERT)
    assert found == [
        StoredOriginal(plaintext=b"poll", authors=sorted([BERT, BERTS_LID]), from_me=False, options=["1", "2"])
    ]


@virtual
async def test_another_chats_message_is_none_and_whose_it_is_said_to_be_excludes_nobody() -> None:
    _, _, recall = _stored(_row(POLL, {"kind": "text", "text": "x"}, BERT))
    assert await recall.originals(POLL, "120363002@g.us", BERT) == []
    assert len(await recall.originals(POLL, GROUP, "77@lid")) == 1


@virtual
async def test_what_was_quoted_serves_while_the_message_itself_is_not_stored() -> None:
    keys, messages, recall = _stored()
    keys.quotes.append(EntryRecord(chat=GROUP, sender=BERTS_LID, message_id=POLL, index=-2, plaintext=b"quoted"))
    (quoted,) = await recall.originals(POLL, GROUP, None)
    assert (quoted.plaintext, quoted.authors) == (b"quoted", sorted([BERT, BERTS_LID]))
    assert await recall.originals(POLL, "120363002@g.us", None) == []
    messages.rows[POLL] = _row(POLL, {"kind": "text", "text": "x"}, BERT)
    (stored,) = await recall.originals(POLL, GROUP, None)
    assert stored.plaintext == b"poll"
