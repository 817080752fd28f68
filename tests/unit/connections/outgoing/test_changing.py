"""What commands that change an earlier message become, and which of them are refused."""

from datetime import UTC, datetime

import pytest

from gateway_worker.connections.outgoing.changing import check_vote
from gateway_worker.store.records import Json, MessageRecord
from schemas.commands.messages import VoteInPoll
from schemas.errors import CommandInvalid
from schemas.names import MessageId, SessionId
from tests.support.connections.fake_messages import message_row

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def stored(content: Json) -> MessageRecord:
    sender = "15550001111@s.whatsapp.net"
    return message_row(SessionId("s"), MessageId("3EB0AA"), chat=sender, content=content, sender=sender, at=NOON)


def poll(selectable: int) -> MessageRecord:
    return stored({"kind": "poll", "question": "?", "options": ["a", "b", "c"], "selectable": selectable})


def vote(*options: str) -> VoteInPoll:
    return VoteInPoll(to="+15550001111", message_id="3EB0AA", options=options)


@pytest.mark.parametrize(
    ("record", "data"),
    [(poll(1), vote("c")), (poll(2), vote("a", "b")), (poll(0), vote("a", "b", "c")), (poll(1), vote())],
)
def test_a_vote_for_what_the_poll_offers_goes(record: MessageRecord, data: VoteInPoll) -> None:
    check_vote(data, record)


@pytest.mark.parametrize(
    ("record", "data", "place"),
    [
        (poll(1), vote("a", "b"), "data.options"),
        (poll(2), vote("a", "d"), "data.options[1]"),
        (stored({"kind": "text", "text": "a"}), vote("a"), "data.messageId"),
    ],
)
def test_any_other_is_refused_with_its_place(record: MessageRecord, data: VoteInPoll, place: str) -> None:
    with pytest.raises(CommandInvalid) as refused:
        check_vote(data, record)
    assert place in str(refused.value.detail)
