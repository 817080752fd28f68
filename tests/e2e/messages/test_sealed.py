"""What people's phones do to messages, open or sealed with the messages' secrets: told about those messages."""

import base64
import os

from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.sealing import IV_SIZE, SECRET_SIZE, Use, seal
from tests.e2e.conftest import Member, World
from tests.support.backend import Document
from tests.support.whatsapp.phones import Phone

POLL = {"kind": "poll", "question": "When?", "options": ["Now", "Later"]}


async def _does(world: World, phone: Phone, action: str, message_id: str, **more: object) -> str:
    """The person does something to a message; the id of the message that tells it."""
    done = await world.phones.post(f"/phones/{phone.number}/{action}", {"messageId": message_id, **more})
    return done["messageId"]


async def _send(world: World, phone: Phone, to: str, content: Document) -> str:
    sent = await world.phones.post(f"/phones/{phone.number}/send", {"to": to, "content": content})
    return sent["messageId"]


async def _published(world: World, member: Member, event_type: str, message_id: str, **more: object) -> Document:
    event = await world.backend.event(
        event_type,
        lambda e: (
            e["subject"] == member.session_id
            and e["data"]["messageId"] == message_id
            and all(e["data"].get(name) == value for name, value in more.items())
        ),
    )
    return event["data"]


async def _linked_with_a_past(world: World, phone: Phone) -> Member:
    member = Member(session_id=world.new_session_id(), phone=phone)
    await world.create(member.session_id, options={"history": "recent"})
    await world.scan(member.session_id, phone)
    await world.backend.state(member.session_id, "connected")
    await world.backend.event(
        "history.synced.v1", lambda e: e["subject"] == member.session_id and e["data"]["isLast"], patience=60
    )
    return member


async def test_what_is_done_to_a_message_is_told_about_it_and_never_as_a_message(world: World) -> None:
    ana = await world.paired()
    ben, own = await world.phones.give("Ben"), ana.phone
    text = await world.phones.send(ben, own.number, "helo")
    party = await _send(world, ben, own.number, {"kind": "event", "name": "Party"})
    messages = [text, party]
    new = {"kind": "text", "text": "hello"}

    await _does(world, ben, "edit", text, content=new, sealed=True)
    assert (await _published(world, ana, "message.edited.v1", text))["content"] == new
    for phone, from_me in ((ben, False), (own, True)):
        await _does(world, phone, "react", text, emoji="x", sealed=True)
        await _published(world, ana, "message.reaction.v1", text, emoji="x", fromMe=from_me)
        comment = await _does(world, phone, "comment", text, content=new, sealed=True)
        assert (await _published(world, ana, "message.comment.v1", text, fromMe=from_me, commentId=comment))[
            "content"
        ] == new
        await _does(world, phone, "respond", party, response="maybe", extraGuests=2)
        answer = await _published(world, ana, "event.response.v1", party, fromMe=from_me)
        assert (answer["response"], answer["extraGuests"]) == ("maybe", 2)
        await _does(world, phone, "pin", text, seconds=604_800)
        assert "until" in await _published(world, ana, "message.pinned.v1", text, pinned=True, fromMe=from_me)
        await _does(world, phone, "keep", text)
        await _published(world, ana, "message.kept.v1", text, kept=True, fromMe=from_me)

    sealed = {"secretEncType": "MESSAGE_EDIT", "encPayload": "AA" * 16, "encIv": "AAAAAAAAAAAAAAAA"}
    for message_id in (text, "3A0000000000000000"):  # one with whose secret it does not open, and one that nobody has
        raw = {"secretEncryptedMessage": {"targetMessageKey": {"id": message_id, "fromMe": True}, **sealed}}
        await _send(world, ben, own.number, {"kind": "raw", "message": raw})
        await _published(world, ana, "message.changed.v1", message_id, change="edit", reason="sealed")
    empty = {"protocolMessage": {"type": "MESSAGE_EDIT", "key": {"id": text, "fromMe": True}, "editedMessage": {}}}
    await _send(world, ben, own.number, {"kind": "raw", "message": empty})

    messages.append(await world.phones.send(ben, own.number, "the last one"))
    await _published(world, ana, "message.received.v1", messages[-1])
    assert [event["data"]["messageId"] for event in world.backend.of(ana.session_id, "message.received.v1")] == messages
    shown = await world.backend.ask("message.describe.v1", ana.session_id, {"messageId": text})
    assert shown["data"]["result"]["content"] == new


async def test_votes_are_read_wherever_the_polls_secret_lies(world: World) -> None:
    phone, ben = await world.phones.give("Ana"), await world.phones.give("Ben")
    past = await _send(world, ben, phone.number, POLL)
    ana = await _linked_with_a_past(world, phone)
    own = await _send(world, phone, ben.number, POLL)  # its copy has the secret outside
    group = await world.phones.make_group(ben, "Us", phone)
    shared = await _send(world, ben, group, POLL)
    for poll in (past, own, shared):
        await _does(world, ben, "vote", poll, options=["Later"])
        assert (await _published(world, ana, "poll.vote.v1", poll, fromMe=False))["options"] == ["Later"]
        await _does(world, phone, "vote", poll, options=["Now"])
        assert (await _published(world, ana, "poll.vote.v1", poll, fromMe=True))["options"] == ["Now"]

    await _does(world, ben, "vote", own, options=[], addedOptions=["Never"])
    added = await _published(world, ana, "poll.vote.v1", own, options=[])
    assert added["unknownOptions"] == 1
    shown = await world.backend.ask("message.describe.v1", ana.session_id, {"messageId": own})
    votes = {vote["fromMe"]: vote for vote in shown["data"]["result"]["votes"]}
    assert (votes[True]["options"], votes[False]["unknownOptions"]) == (["Now"], 1)


async def test_a_sealed_change_that_came_before_its_message_is_told_as_what_it_is_later(world: World) -> None:
    ana = await world.paired()
    ben, own = await world.phones.give("Ben"), ana.phone
    missing, secret = "3A0000000000000001", os.urandom(SECRET_SIZE)
    jid = ben.jid
    new = Message(conversation="hello").SerializeToString()
    sealed = seal(new, Use.EDIT, secret=secret, message_id=missing, author=jid, sealer=jid, iv=os.urandom(IV_SIZE))
    published = {name: base64.b64encode(value).decode() for name, value in sealed.items()}
    change = {"targetMessageKey": {"id": missing, "fromMe": True}, "secretEncType": "MESSAGE_EDIT", **published}
    await _send(world, ben, own.number, {"kind": "raw", "message": {"secretEncryptedMessage": change}})
    await _published(world, ana, "message.changed.v1", missing, change="edit", reason="sealed")

    text = {"conversation": "helo", "messageContextInfo": {"messageSecret": base64.b64encode(secret).decode()}}
    quote = {"stanzaId": missing, "participant": jid, "quotedMessage": text}
    await _send(
        world,
        ben,
        own.number,
        {"kind": "raw", "message": {"extendedTextMessage": {"text": "this one", "contextInfo": quote}}},
    )
    edited = await _published(world, ana, "message.edited.v1", missing)
    assert edited["content"] == {"kind": "text", "text": "hello"}
