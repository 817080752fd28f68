"""Every kind of content, from one phone to another: encrypted, sent, decrypted, and the same."""

import base64
import hashlib
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from gateway_worker.simulator.control import change_actions, fault_actions, message_views, person_actions
from gateway_worker.simulator.errors import ControlError
from gateway_worker.simulator.phone.files import read_file
from gateway_worker.simulator.phone.history import MAX_INLINE, history
from gateway_worker.simulator.phone.past_changes import kept_as_stored
from gateway_worker.simulator.phone.sending import device_sent
from gateway_worker.simulator.whatsapp.groups import groups
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import HistorySync, Message
from gateway_worker.simulator.wire.media import unseal
from gateway_worker.simulator.wire.raw import from_raw, to_wire
from gateway_worker.simulator.world import media
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.model import Account
from gateway_worker.simulator.world.turn import Turn
from tests.unit.simulator.stage import Stage

BOB = "15550000002"
FILE = bytes(range(256)) * 17
MEDIA = {"base64": base64.b64encode(FILE).decode(), "mimetype": "application/x-test"}
SEEN = {"mimetype": "application/x-test", "size": len(FILE), "sha256": hashlib.sha256(FILE).hexdigest()}

KINDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind": "image", "media": MEDIA, "caption": "look"}, {"kind": "image", "media": SEEN, "caption": "look"}),
    ({"kind": "video", "media": MEDIA, "seconds": 3}, {"kind": "video", "media": SEEN, "seconds": 3}),
    ({"kind": "video", "media": MEDIA, "gif": True}, {"kind": "video", "media": SEEN, "gif": True}),
    ({"kind": "video", "media": MEDIA, "note": True}, {"kind": "video", "media": SEEN, "note": True}),
    ({"kind": "audio", "media": MEDIA, "seconds": 9}, {"kind": "audio", "media": SEEN, "seconds": 9}),
    ({"kind": "voice", "media": MEDIA}, {"kind": "voice", "media": SEEN}),
    ({"kind": "sticker", "media": MEDIA}, {"kind": "sticker", "media": SEEN}),
    (
        {"kind": "document", "media": MEDIA | {"fileName": "a.bin"}, "caption": "read"},
        {"kind": "document", "media": SEEN | {"fileName": "a.bin"}, "caption": "read"},
    ),
    (
        {"kind": "location", "latitude": 48.1, "longitude": 11.5, "name": "Here", "address": "A Street"},
        {"kind": "location", "latitude": 48.1, "longitude": 11.5, "name": "Here", "address": "A Street"},
    ),
    (
        {"kind": "poll", "question": "When?", "options": ["now", "later"]},
        {"kind": "poll", "question": "When?", "options": ["now", "later"], "selectable": 1},
    ),
    (
        {"kind": "poll", "question": "What?", "options": ["a", "b", "c"], "selectable": 0},
        {"kind": "poll", "question": "What?", "options": ["a", "b", "c"], "selectable": 0},
    ),
]


def _order(stage: Stage, action: Callable[[Turn], str]) -> str:
    ids: list[str] = []
    stage.turn(lambda turn: ids.append(action(turn)))
    return ids[0]


def _send(stage: Stage, sender: Account, to: str, content: dict[str, Any], **more: Any) -> str:
    return _order(
        stage,
        lambda turn: person_actions.send(turn, sender, to=to, draft=person_actions.Draft(content=content, **more)),
    )


def _entry(account: Account, message_id: str) -> dict[str, Any]:
    (entry,) = [entry for entry in message_views.inbox(account) if entry["messageId"] == message_id]
    return entry


@pytest.mark.parametrize(("sent", "seen"), KINDS, ids=lambda content: content["kind"])
def test_a_kind_arrives_as_it_was_sent(
    stage: Stage, ann: Account, bob: Account, sent: dict[str, Any], seen: dict[str, Any]
) -> None:
    entry = _entry(bob, _send(stage, ann, bob.pn_jid, sent))
    assert entry["content"] == seen
    assert stage.core.world.stats.decrypt_failures == 0


def test_contacts_arrive_with_their_vcards(stage: Stage, ann: Account, bob: Account) -> None:
    cards = [
        {"name": "Eve; Adams", "phones": ["+15550000009"], "organization": "Acme, Inc.", "email": "eve@example.org"},
        {"name": "Zoe", "vcard": "BEGIN:VCARD\nVERSION:3.0\nFN:Zoe\nitem1.TEL;waid=1:+1 555 000\nEND:VCARD"},
    ]
    one = _entry(bob, _send(stage, ann, bob.pn_jid, {"kind": "contacts", "contacts": cards[:1]}))["content"]
    (card,) = one["contacts"]
    assert {name: card[name] for name in cards[0]} == cards[0]
    assert "FN:Eve\\; Adams" in card["vcard"]
    two = _entry(bob, _send(stage, ann, bob.pn_jid, {"kind": "contacts", "contacts": cards}))["content"]
    assert two["contacts"][1] == {"name": "Zoe", "phones": ["+1555000"], "vcard": cards[1]["vcard"]}
    photo = "BEGIN:VCARD\nVERSION:3.0\nFN:Zoe\nPHOTO;ENCODING=b:" + "QUJD" * 50_000 + "\nEND:VCARD"
    large = _entry(bob, _send(stage, ann, bob.pn_jid, {"kind": "contacts", "contacts": [{"vcard": photo}]}))["content"]
    assert large["contacts"][0]["vcard"] == photo


def test_flags_quotes_and_mentions_go_with_any_kind(stage: Stage, ann: Account, bob: Account) -> None:
    first = _send(stage, bob, ann.pn_jid, {"kind": "image", "media": MEDIA})
    quote, mentions = {"messageId": first}, [bob.pn_jid]
    location = {"kind": "location", "latitude": 1, "longitude": 2}
    answer = _entry(bob, _send(stage, ann, bob.pn_jid, location, quote=quote, mentions=mentions, forwarded=True))
    assert answer["quote"] == {"messageId": first, "sender": bob.pn_jid}
    assert (answer["mentions"], answer["forwarded"]) == (mentions, True)
    once = _entry(bob, _send(stage, ann, bob.pn_jid, {"kind": "image", "media": MEDIA}, view_once=True))
    assert (once["viewOnce"], once["content"]["media"]) == (True, SEEN)
    with pytest.raises(ControlError):
        _send(stage, ann, bob.pn_jid, {"kind": "text", "text": "once"}, view_once=True)


def test_a_file_that_was_altered_or_is_gone_is_an_error_at_the_phone(stage: Stage, ann: Account, bob: Account) -> None:
    host = stage.core.world.media
    stage.turn(
        lambda turn: person_actions.send(turn, ann, to=bob.pn_jid, draft=person_actions.Draft(content=KINDS[0][0]))
    )
    (stored,) = host.stored.values()
    stored.blob = stored.blob[:-1] + bytes([stored.blob[-1] ^ 1])
    forwarded = bob.primary.messages[next(iter(bob.primary.messages))].message
    with pytest.raises(Exception, match="not the one"):
        read_file(stage.core.world, forwarded)
    host.stored.clear()
    with pytest.raises(Exception, match="nothing lies"):
        read_file(stage.core.world, forwarded)


def test_edits_revokes_reactions_and_votes_take_effect_on_the_message(stage: Stage, ann: Account, bob: Account) -> None:
    text = _send(stage, ann, bob.pn_jid, {"kind": "text", "text": "helo"})
    edit = _order(stage, lambda turn: change_actions.edit(turn, ann, text, {"kind": "text", "text": "hello"}))
    heart = _order(stage, lambda turn: change_actions.react(turn, bob, text, "❤️"))
    entry = _entry(bob, text)
    assert entry["content"] == {"kind": "text", "text": "hello"}
    assert [change["messageId"] for change in entry["edits"]] == [edit]
    assert [(change["messageId"], change["emoji"]) for change in entry["reactions"]] == [(heart, "❤️")]
    (sent,) = message_views.outbox(ann)
    assert [(change["sender"], change["emoji"]) for change in sent["reactions"]] == [(bob.pn_jid, "❤️")]
    _order(stage, lambda turn: change_actions.react(turn, bob, text, ""))
    assert "reactions" not in _entry(bob, text)
    revoke = _order(stage, lambda turn: change_actions.revoke(turn, ann, text))
    assert _entry(bob, text)["revoked"]["messageId"] == revoke
    kinds = [(change["kind"], change["target"]) for change in message_views.changes(bob)]
    assert kinds == [("edit", text), ("reaction", text), ("reaction", text), ("revoke", text)]


PARTY = {"kind": "event", "name": "Party", "startsAt": "2026-12-31T20:00:00Z"}


def test_what_is_sealed_about_a_message_is_read_by_who_has_it(stage: Stage, ann: Account, bob: Account) -> None:
    text = _send(stage, ann, bob.pn_jid, {"kind": "text", "text": "helo"})
    invitation = _send(stage, ann, bob.pn_jid, PARTY)
    new = {"kind": "text", "text": "hello"}
    _order(stage, lambda turn: change_actions.edit(turn, ann, text, new, sealed=True))
    _order(stage, lambda turn: change_actions.react(turn, bob, text, "❤️", sealed=True))
    for sealed in (True, False):
        _order(stage, lambda turn, sealed=sealed: change_actions.comment(turn, bob, text, new, sealed=sealed))
    _order(stage, lambda turn: change_actions.respond(turn, bob, invitation, "maybe", 1))
    _order(stage, lambda turn: change_actions.pin(turn, bob, text, pinned=True, seconds=86_400))
    _order(stage, lambda turn: change_actions.keep(turn, bob, text, kept=False))
    assert (_entry(bob, text)["content"], _entry(bob, invitation)["content"]) == (new, PARTY)
    shown = [
        {name: value for name, value in change.items() if name in ("emoji", "content", "response", "pinned", "kept")}
        for change in message_views.changes(bob)
    ]
    assert shown == [
        {"content": new},
        {"emoji": "❤️"},
        {"content": new},
        {"content": new},
        {"response": "maybe"},
        {"pinned": True},
        {"kept": False},
    ]
    assert [change.get("refused") for account in (ann, bob) for change in message_views.changes(account)] == [None] * 14


def test_a_secret_lies_only_where_phones_put_it(stage: Stage, ann: Account, bob: Account) -> None:
    kept = ann.primary.messages[_send(stage, ann, bob.pn_jid, {"kind": "text", "text": "hi"})]
    secret = kept.message.messageContextInfo.messageSecret
    assert len(secret) == 32
    copy = device_sent(kept.message, bob.pn_jid)
    assert copy.messageContextInfo.messageSecret == secret
    assert not copy.deviceSentMessage.message.HasField("messageContextInfo")
    stored = kept_as_stored(kept)
    assert (stored.messageSecret, stored.message.messageContextInfo.messageSecret) == (secret, b"")


def test_bytes_in_a_messages_place_reach_own_devices_as_they_are() -> None:
    plain = Message(conversation="hi").SerializeToString()
    copy = Message.FromString(to_wire(device_sent(from_raw(plain), "15550000002@s.whatsapp.net")))
    assert copy.deviceSentMessage.message.conversation == "hi"


def test_a_vote_is_decrypted_by_everybody_in_the_chat(stage: Stage, ann: Account, bob: Account) -> None:
    poll = {"kind": "poll", "question": "?", "options": ["a", "b", "c"], "selectable": 0}
    for chat in (bob.pn_jid, bob.lid_jid):
        message_id = _send(stage, ann, chat, poll)
        _order(stage, lambda turn, poll_id=message_id: change_actions.vote(turn, bob, poll_id, ["c", "a"]))
        (sent,) = [entry for entry in message_views.outbox(ann) if entry["messageId"] == message_id]
        assert [vote["options"] for vote in sent["votes"]] == [["a", "c"]]
        assert [vote["options"] for vote in _entry(bob, message_id)["votes"]] == [["a", "c"]]
        _order(stage, lambda turn, poll_id=message_id: change_actions.vote(turn, bob, poll_id, []))
        assert "votes" not in _entry(bob, message_id)
    with pytest.raises(ControlError):
        _order(stage, lambda turn: change_actions.vote(turn, bob, message_id, ["d"]))


def test_nobody_edits_or_revokes_what_others_wrote(stage: Stage, ann: Account, bob: Account) -> None:
    text = _send(stage, ann, bob.pn_jid, {"kind": "text", "text": "mine"})
    with pytest.raises(ControlError):
        _order(stage, lambda turn: change_actions.edit(turn, bob, text, {"kind": "text", "text": "yours"}))
    bob.primary.messages[text].own = True  # a phone that does not keep to it
    _order(stage, lambda turn: change_actions.edit(turn, bob, text, {"kind": "text", "text": "yours"}))
    (change,) = message_views.changes(ann)
    assert change["refused"] == "only its author may do that"
    assert message_views.outbox(ann)[0]["content"]["text"] == "mine"


def test_phones_talk_in_a_group_with_sender_keys_and_vote_there(stage: Stage, ann: Account, bob: Account) -> None:
    eve = stage.person("15550000003")
    client = stage.companion(bob)
    found: list[str] = []
    stage.turn(lambda turn: found.append(groups.make(turn, ann.phone, "Us", [bob.pn_jid, eve.lid_jid]).jid))
    (group,) = found
    image = _send(stage, ann, group, {"kind": "image", "media": MEDIA})
    second = _send(stage, ann, group, {"kind": "text", "text": "with the key they have"})
    for member in (bob, eve):
        assert _entry(member, image)["content"]["media"] == SEEN
        assert (_entry(member, second)["chat"], _entry(member, second)["sender"]) == (group, ann.lid_jid)
    assert [len(node.children("enc")) for node in client.got("message", participant=ann.lid_jid)] == [2, 1]
    poll = _send(stage, bob, group, {"kind": "poll", "question": "?", "options": ["a", "b"]})
    _order(stage, lambda turn: change_actions.vote(turn, eve, poll, ["b"]))
    assert [vote["options"] for vote in _entry(ann, poll)["votes"]] == [["b"]]
    with pytest.raises(ControlError):
        _send(stage, stage.person("15550000004"), group, {"kind": "text", "text": "not in it"})
    assert stage.core.world.stats.decrypt_failures == 0


def test_the_media_host_wants_its_token_and_signature_and_faults_stay_with_a_path(stage: Stage, ann: Account) -> None:
    taken: list[Any] = []

    def run(action: Callable[[Turn], object]) -> Any:
        stage.turn(lambda turn: taken.append(action(turn)))
        return taken[-1]

    auth, blob = run(lambda turn: media.authorize(turn, ann.phone)), b"a blob"
    token = media.token_of(blob)
    assert run(lambda turn: media.upload(turn, auth="other", token=token, blob=blob)) == 401
    assert run(lambda turn: media.upload(turn, auth=auth, token="other", blob=blob)) == 400
    direct_path = run(lambda turn: media.upload(turn, auth=auth, token=token + "==", blob=blob))
    path, _, query = direct_path.partition("?")
    signature = dict(part.split("=") for part in query.split("&"))["oh"]
    assert run(lambda turn: media.download(turn, path, signature)) == blob
    assert run(lambda turn: media.download(turn, path, "other")) == 403
    assert run(lambda turn: media.download(turn, "/v/other", signature)) == 404
    asked = fault_actions.FaultRequest(kind=FaultKind.MEDIA_403, phone=ann.phone, code=410, after=0.0, count=1)
    run(lambda turn: fault_actions.add_fault(turn, asked))
    assert [run(lambda turn: media.download(turn, path, signature)) for _ in range(2)] == [410, 410]
    safe = run(lambda turn: media.store(turn, blob, frozenset({ann.phone}), safe=True))
    assert safe.partition("?")[0] != path


def _history(stage: Stage, person: Account) -> list[Message]:
    shown: list[Message] = []
    stage.turn(lambda turn: shown.extend(history(turn, person)))
    return shown


def test_a_large_part_of_the_past_lies_on_the_media_host(stage: Stage, ann: Account, bob: Account) -> None:
    text = random.Random(1).randbytes(MAX_INLINE).hex()
    sent = _send(stage, bob, ann.pn_jid, {"kind": "text", "text": text})
    *_, recent = _history(stage, ann)
    shown = recent.protocolMessage.historySyncNotification
    assert shown.initialHistBootstrapInlinePayload == b""
    blob = media.fetch(stage.core.world, shown.directPath)
    assert blob is not None
    hashes = {"sha256": shown.fileSha256, "blob_sha256": shown.fileEncSha256}
    compressed = unseal(blob, media_key=shown.mediaKey, kind="History", **hashes)
    assert len(compressed) == shown.fileLength
    (chat,) = HistorySync.FromString(zlib.decompress(compressed)).conversations
    assert [item.message.key.id for item in chat.messages] == [sent]


def test_a_new_companion_learns_of_the_past_from_its_phone(stage: Stage, ann: Account, bob: Account) -> None:
    sent = [_send(stage, bob, ann.pn_jid, {"kind": "text", "text": f"past {number}"}) for number in range(3)]
    gone = _send(stage, ann, bob.pn_jid, {"kind": "text", "text": "deleted"})
    _order(stage, lambda turn: change_actions.revoke(turn, ann, gone))
    addresses, names, recent = (each.protocolMessage.historySyncNotification for each in _history(stage, ann))
    assert [(shown.chunkOrder, shown.progress) for shown in (addresses, names, recent)] == [(1, 33), (2, 66), (3, 100)]
    people = HistorySync.FromString(zlib.decompress(names.initialHistBootstrapInlinePayload)).pushnames
    assert {person.id: person.pushname for person in people} == {each.pn_jid: each.name for each in (ann, bob)}
    shown = recent
    chunk = HistorySync.FromString(zlib.decompress(shown.initialHistBootstrapInlinePayload))
    (chat,) = chunk.conversations
    assert (chat.id, chat.pnJid, chat.lidJid, chat.unreadCount) == (bob.pn_jid, bob.pn_jid, bob.lid_jid, 3)
    assert [item.message.key.id for item in chat.messages] == sent[::-1]
    assert {item.message.message.conversation for item in chat.messages} == {"past 0", "past 1", "past 2"}


def test_a_raw_message_carries_what_the_contract_has_no_words_for(stage: Stage, ann: Account, bob: Account) -> None:
    live = {"liveLocationMessage": {"degreesLatitude": 1.5, "degreesLongitude": 2.5}}
    raw = {"kind": "raw", "message": {"ephemeralMessage": {"message": live}}}
    entry = _entry(bob, _send(stage, ann, bob.pn_jid, raw))
    assert entry["content"] == {"kind": "unsupported", "whatsappType": "liveLocationMessage"}
    wrongs: list[object] = [{"nothingMessage": {}}, "text", None, {"conversation": 5}]
    for wrong in wrongs:
        with pytest.raises(ControlError):
            _send(stage, ann, bob.pn_jid, {"kind": "raw", "message": wrong})
