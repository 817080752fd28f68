"""Messages about earlier messages: edit, revoke, react, forward; and what others do to theirs."""

from datetime import timedelta
from typing import Any

import pytest

from gateway_worker.whatsapp.incoming import Entry, EntryKey, ReceivedChange, ReceivedMessage, Sender
from gateway_worker.whatsapp.incoming_changes import (
    Answered,
    Changed,
    Commented,
    Edited,
    Kept,
    OptionAdded,
    Pinned,
    Reacted,
    Revoked,
    Voted,
)
from gateway_worker.whatsapp.outgoing import Edit, Forwarding, Reaction, Revocation
from gateway_worker.whatsapp.port import Changes
from schemas.content.content import Album, Content, Event, Location, Poll, Text, Unsupported
from schemas.content.offers import Button
from schemas.content.outgoing import OutgoingText
from schemas.errors import CommandInvalid, MessageNotFound
from schemas.names import MessageId
from tests.support.connections.virtual_time import EPOCH, VirtualClock, virtual
from tests.support.connections.world import ANNA, BERT, World, command, text, world

BERTS_JID = f"{BERT[1:]}@s.whatsapp.net"
CARLA = "+15550003333"
TOMORROW = (EPOCH + timedelta(days=1)).isoformat().replace("+00:00", "Z")


async def arrive(w: World, message: ReceivedMessage | ReceivedChange) -> None:
    key = EntryKey(chat=BERTS_JID, sender=f"{BERTS_JID}:1", message_id=message.message_id, index=0)
    await w.engine.last.commit(Changes(entries=[Entry(key=key, plaintext=b"plain", message=message)]))


def from_bert(message_id: str) -> dict[str, Any]:
    return {
        "message_id": message_id,
        "chat": BERTS_JID,
        "sender": Sender(jid=BERTS_JID, phone=BERT, push_name="Bert"),
        "from_me": False,
        "is_group": False,
        "timestamp": int(VirtualClock().now().timestamp()),
    }


async def received(w: World, message_id: str, content: Any = None) -> str:
    await arrive(w, ReceivedMessage(**from_bert(message_id), content=content or Text(text="Hi")))
    w.storage.messages.plaintexts[MessageId(message_id)] = b"plain"
    return message_id


def about(kind: str, message_id: str, **data: Any) -> Any:
    return command(f"message.{kind}.v1", ANNA, {"to": BERT, "messageId": message_id, **data})


@virtual
async def test_a_text_of_ours_is_edited_and_revoked_under_ids_of_their_own() -> None:
    async with world() as w:
        await w.connected()
        original = await w.send(text("Helo"))
        edit = await w.send(about("edit", original, content={"kind": "text", "text": "Hello"}))
        revocation = await w.send(about("revoke", original))
        assert len({original, edit, revocation}) == 3
        _, edited, revoked = w.engine.sent
        assert (edited.content, revoked.content) == (Edit(content=OutgoingText(text="Hello")), Revocation())
        assert edited.original is not None
        assert (edited.original.message_id, edited.original.from_me) == (original, True)


@virtual
async def test_a_repeated_edit_is_the_same_message() -> None:
    async with world() as w:
        await w.connected()
        given = about("edit", await w.send(text("Helo")), content={"kind": "text", "text": "Hello"})
        assert await w.send(given) == await w.send(given)
        assert len(w.engine.sent) == 2


@virtual
async def test_any_message_of_the_chat_is_reacted_to_and_the_reaction_taken_back() -> None:
    async with world() as w:
        await w.connected()
        theirs = await received(w, "3EB0AA")
        await w.send(about("react", theirs, emoji="👍"))
        await w.send(about("react", theirs, emoji=""))
        assert [each.content for each in w.engine.sent] == [Reaction(emoji="👍"), Reaction(emoji="")]


@virtual
async def test_a_message_of_one_chat_is_forwarded_to_another() -> None:
    async with world() as w:
        await w.connected()
        theirs = await received(w, "3EB0AA")
        await w.send(command("message.forward.v1", ANNA, {"to": CARLA, "messageId": theirs}))
        (sent,) = w.engine.sent
        assert (sent.to, sent.content) == (f"{CARLA[1:]}@s.whatsapp.net", Forwarding())
        assert sent.original is not None
        assert sent.original.plaintext == b"plain"


@virtual
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (Unsupported(whatsapp_type="pinInChatMessage"), "pinInChatMessage"),
        (Poll(question="When?", options=["Now", "Later"]), "poll"),
        (Event(name="Party"), "event"),
        (Album(images=2, videos=0), "album"),
        (Location(latitude=1, longitude=2, live=True), "live location"),
    ],
)
async def test_what_counts_in_its_own_chat_alone_is_not_forwarded_and_the_reason_says_what_it_is(
    content: Content, reason: str
) -> None:
    async with world() as w:
        await w.connected()
        theirs = await received(w, "3EB0AA", content)
        with pytest.raises(CommandInvalid, match="messageId") as refused:
            await w.send(about("forward", theirs))
        assert reason in refused.value.message
        assert not w.engine.sent


@virtual
async def test_a_change_is_not_forwarded() -> None:
    async with world() as w:
        await w.connected()
        theirs = await received(w, "3EB0AA")
        await arrive(w, ReceivedChange(**from_bert("3EB0BB"), about=theirs, change=Reacted(emoji="+")))
        w.storage.messages.plaintexts[MessageId("3EB0BB")] = b"plain"
        with pytest.raises(CommandInvalid, match="reacted"):
            await w.send(about("forward", "3EB0BB"))


@virtual
async def test_a_forwarded_business_message_offers_nothing_any_more() -> None:
    async with world() as w:
        await w.connected()
        offer = Text(text="Sure?", buttons=[Button(type="quick_reply", id="yes", text="Yes")])
        forwarded = await w.send(about("forward", await received(w, "3EB0AA", offer)))
        stored = [row for row in w.storage.messages.rows.values() if row.message_id == forwarded]
        assert [row.content for row in stored] == [{"kind": "text", "text": "Sure?"}]


@virtual
async def test_what_was_edited_is_forwarded_as_it_says_now_and_what_was_revoked_not_at_all() -> None:
    async with world() as w:
        await w.connected()
        theirs = await received(w, "3EB0AA")
        await arrive(w, ReceivedChange(**from_bert("3EB0BB"), about=theirs, change=Edited(content=Text(text="Meant"))))
        await w.send(about("forward", theirs))
        (sent,) = w.engine.sent
        assert sent.original is not None
        assert (sent.original.plaintext, sent.original.edited) == (b"plain", "Meant")

        await arrive(w, ReceivedChange(**from_bert("3EB0CC"), about=theirs, change=Revoked()))
        for given in (about("forward", theirs), about("react", theirs, emoji="👍"), text(quote=theirs)):
            with pytest.raises(MessageNotFound):
                await w.send(given)


@virtual
async def test_only_texts_of_ours_are_edited_and_only_ours_revoked() -> None:
    async with world() as w:
        await w.connected()
        theirs = await received(w, "3EB0AA")
        for given in (about("edit", theirs, content={"kind": "text", "text": "x"}), about("revoke", theirs)):
            with pytest.raises(CommandInvalid, match="messageId"):
                await w.send(given)
        assert not w.engine.sent


@virtual
async def test_what_is_not_stored_or_belongs_to_another_chat_is_not_found() -> None:
    async with world() as w:
        await w.connected()
        theirs = await received(w, "3EB0AA")
        elsewhere = command("message.react.v1", ANNA, {"to": CARLA, "messageId": theirs, "emoji": "👍"})
        for given in (about("react", "3EB0FF", emoji="👍"), about("forward", "3EB0FF"), elsewhere):
            with pytest.raises(MessageNotFound):
                await w.send(given)


@pytest.mark.parametrize(
    ("change", "event_type", "seen"),
    [
        (Edited(content=Text(text="new")), "message.edited.v1", {"content": {"kind": "text", "text": "new"}}),
        (Revoked(), "message.revoked.v1", {}),
        (Reacted(emoji="👍"), "message.reaction.v1", {"emoji": "👍"}),
        (Voted(options=["Now"]), "poll.vote.v1", {"options": ["Now"]}),
        (Voted(options=None), "poll.vote.v1", {}),
        (Voted(options=[], unknown_options=1), "poll.vote.v1", {"options": [], "unknownOptions": 1}),
        (OptionAdded(option="Never"), "poll.option.v1", {"option": "Never"}),
        (Pinned(pinned=True, seconds=86_400), "message.pinned.v1", {"pinned": True, "until": TOMORROW}),
        (Pinned(pinned=False), "message.pinned.v1", {"pinned": False}),
        (Kept(kept=True), "message.kept.v1", {"kept": True}),
        (
            Commented(content=Text(text="no")),
            "message.comment.v1",
            {"commentId": "3EB0BB", "content": {"kind": "text", "text": "no"}},
        ),
        (Commented(content=None), "message.comment.v1", {"commentId": "3EB0BB"}),
        (Answered(response="going", extra_guests=1), "event.response.v1", {"response": "going", "extraGuests": 1}),
        (Answered(response=None), "event.response.v1", {}),
        (
            Changed(what="edit", whatsapp_type="secretEncryptedMessage", is_sealed=True),
            "message.changed.v1",
            {"change": "edit", "reason": "sealed", "whatsappType": "secretEncryptedMessage"},
        ),
    ],
)
@virtual
async def test_what_somebody_does_to_a_message_is_told_once(change: Any, event_type: str, seen: dict[str, Any]) -> None:
    async with world() as w:
        await w.connected()
        earlier = await received(w, "3EB0AA", Poll(question="When?", options=["Now", "Later"]))
        for _ in range(2):
            await arrive(w, ReceivedChange(**from_bert("3EB0BB"), about=earlier, change=change))
        (event,) = [data for kind, data in w.storage.events if kind == event_type]
        assert {**event, "messageId": earlier, "chat": BERTS_JID, "fromMe": False} | seen == event
        assert ("options" in event) == ("options" in seen)
