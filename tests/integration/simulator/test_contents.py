"""Every kind of content between the unmodified Baileys and the phones, in both directions; files byte for byte."""

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.simulator.companion import Companion, Event, baileys
from tests.integration.simulator.conftest import World

FILE = bytes(range(256)) * 300
B64 = base64.b64encode(FILE).decode()
SHA256 = hashlib.sha256(FILE).hexdigest()
BYTES = {"base64": B64}
MEDIA = {"base64": B64, "mimetype": "application/x-test", "fileName": "file.bin"}
VCARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Eve\nTEL;waid=15550000009:+15550000009\nEND:VCARD"

FROM_PHONES: list[tuple[dict[str, Any], str]] = [
    ({"kind": "image", "media": MEDIA, "caption": "look"}, "imageMessage"),
    ({"kind": "video", "media": MEDIA, "gif": True}, "videoMessage"),
    ({"kind": "video", "media": MEDIA, "note": True}, "ptvMessage"),
    ({"kind": "audio", "media": MEDIA}, "audioMessage"),
    ({"kind": "voice", "media": MEDIA}, "audioMessage"),
    ({"kind": "document", "media": MEDIA, "caption": "read"}, "documentWithCaptionMessage"),
    ({"kind": "sticker", "media": MEDIA}, "stickerMessage"),
    ({"kind": "location", "latitude": 48.1, "longitude": 11.5}, "locationMessage"),
    ({"kind": "contacts", "contacts": [{"name": "Eve", "phones": ["+15550000009"]}]}, "contactMessage"),
    ({"kind": "poll", "question": "?", "options": ["a", "b"]}, "pollCreationMessageV3"),
]
WITH_FILE = ("image", "video", "audio", "voice", "document", "sticker")

FROM_BAILEYS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"image": BYTES, "caption": "look", "jpegThumbnail": ""}, {"kind": "image", "caption": "look"}),
    ({"video": BYTES, "gifPlayback": True, "jpegThumbnail": ""}, {"kind": "video", "gif": True}),
    ({"audio": BYTES, "seconds": 4}, {"kind": "audio", "seconds": 4}),
    ({"audio": BYTES, "seconds": 4, "ptt": True, "waveform": BYTES}, {"kind": "voice", "seconds": 4}),
    ({"document": BYTES, "mimetype": "text/plain", "fileName": "a.txt"}, {"kind": "document"}),
    ({"sticker": BYTES}, {"kind": "sticker"}),
    (
        {"location": {"degreesLatitude": 1.5, "degreesLongitude": 2.5, "name": "Here"}},
        {"kind": "location", "latitude": 1.5, "longitude": 2.5, "name": "Here"},
    ),
    ({"contacts": {"contacts": [{"displayName": "Eve", "vcard": VCARD}]}}, {"kind": "contacts"}),
    (
        {"poll": {"name": "?", "values": ["a", "b"], "selectableCount": 1}},
        {"kind": "poll", "question": "?", "options": ["a", "b"], "selectable": 1},
    ),
]


async def _send(world: World, phone: str, to: str, content: dict[str, Any], **more: Any) -> str:
    return (await world.post(f"/phones/{phone}/send", to=to, content=content, **more))["messageId"]


async def _changes(world: World, phone: str, at_least: int) -> list[dict[str, Any]]:
    changes = await world.get(f"/phones/{phone}/changes?wait=10&atLeast={at_least}")
    assert len(changes) >= at_least
    return changes


def _protocol(kind: str) -> Callable[[Event], bool]:
    """Whether a message is of this kind among those that change others."""

    def met(event: Event) -> bool:
        message: dict[str, Any] = event.get("message") or {}
        return message.get("protocolMessage", {}).get("type") == kind

    return met


async def test_everything_phones_send_is_read_by_baileys_and_its_files_are_the_same(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        for content, field in FROM_PHONES:
            message_id = await _send(world, bob, f"+{ann}", content)
            assert field in (await companion.received(message_id))["message"], content["kind"]
            if content["kind"] in WITH_FILE:
                found = await companion.call("download", id=message_id)
                assert found == {"size": len(FILE), "sha256": SHA256}, content["kind"]
        once = await _send(world, bob, f"+{ann}", {"kind": "image", "media": MEDIA}, viewOnce=True)
        assert "viewOnceMessageV2" in (await companion.received(once))["message"]
    assert await world.stat("retries") == 0


async def test_everything_baileys_sends_is_decrypted_by_the_phone_and_its_files_are_the_same(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        sent = [
            (await companion.call("send", to=f"{bob}@s.whatsapp.net", content=content, options={}))["id"]
            for content, _ in FROM_BAILEYS
        ]
        entries = await world.inbox(bob, len(FROM_BAILEYS))
        assert [entry["messageId"] for entry in entries] == sent
        for entry, (_, wanted) in zip(entries, FROM_BAILEYS, strict=True):
            content = entry["content"]
            assert {name: content.get(name) for name in wanted} == wanted
            if content["kind"] in WITH_FILE:
                assert (content["media"]["size"], content["media"]["sha256"]) == (len(FILE), SHA256), content
                async with world.http.get(f"/phones/{bob}/media/{entry['messageId']}") as file:
                    assert await file.read() == FILE
        assert entries[7]["content"]["contacts"] == [{"name": "Eve", "phones": ["+15550000009"], "vcard": VCARD}]
        once = {"image": BYTES, "jpegThumbnail": "", "viewOnce": True}
        dropped = await companion.call("send", to=f"{bob}@s.whatsapp.net", content=once, options={})
        (shown,) = await world.get(f"/phones/{bob}/dropped?wait=10")
        assert (shown["messageId"], shown["cause"]) == (dropped["id"], "mediatype")
        await world.post("/strictness", strict=False)
        await companion.call("send", to=f"{bob}@s.whatsapp.net", content=once, options={})
        assert (await world.inbox(bob, len(FROM_BAILEYS) + 1))[-1]["viewOnce"]
    for figure in ("decryptFailures", "mediaFailures", "malformed"):
        assert await world.stat(figure) == 0, figure


async def test_what_a_phone_does_to_messages_is_seen_by_baileys(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        text = await world.text(bob, ann, "helo")
        await companion.received(text)
        await world.post(f"/phones/{bob}/edit", messageId=text, content={"kind": "text", "text": "hello"})
        edit = await companion.event("message", _protocol("MESSAGE_EDIT"))
        assert edit["message"]["protocolMessage"]["editedMessage"]["conversation"] == "hello"
        await world.post(f"/phones/{bob}/react", messageId=text, emoji="👍")
        reaction = await companion.event("reaction")
        assert (reaction["key"]["id"], reaction["reaction"]["text"]) == (text, "👍")
        poll = await _send(world, bob, f"+{ann}", {"kind": "poll", "question": "?", "options": ["a", "b"]})
        await companion.received(poll)
        vote = (await world.post(f"/phones/{bob}/vote", messageId=poll, options=["b"]))["messageId"]
        await companion.received(vote)
        jid = f"{bob}@s.whatsapp.net"
        chosen = await companion.call("votes", id=poll, vote=vote, creator=jid, voter=jid)
        assert chosen == [hashlib.sha256(b"b").hexdigest()]
        await world.post(f"/phones/{bob}/revoke", messageId=text)
        await companion.event("message", _protocol("REVOKE"))


async def test_what_baileys_does_to_messages_takes_effect_on_the_phone(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    to = f"{bob}@s.whatsapp.net"
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await world.post("/strictness", strict=False)  # Baileys hides no edits
        text = await companion.send(to, "helo")
        key = {"remoteJid": to, "fromMe": True, "id": text}
        await companion.call("send", to=to, content={"text": "hello", "edit": key}, options={})
        await companion.call("send", to=to, content={"react": {"text": "🎉", "key": key}}, options={})
        await companion.call("send", to=to, content={"delete": key}, options={})
        changes = await _changes(world, bob, 3)
        assert [(change["kind"], change["target"]) for change in changes] == [
            ("edit", text),
            ("reaction", text),
            ("revoke", text),
        ]
        (entry,) = await world.inbox(bob)
        assert entry["content"]["text"] == "hello"
        assert (entry["reactions"][0]["emoji"], entry["revoked"]["sender"]) == ("🎉", f"{ann}@s.whatsapp.net")
        poll = await _send(world, bob, f"+{ann}", {"kind": "poll", "question": "?", "options": ["a", "b"]})
        await companion.received(poll)
        await _vote(world, companion, ann, bob, poll)
        assert (await _changes(world, bob, 4))[-1]["options"] == ["b"]


async def _vote(world: World, companion: Companion, ann: str, bob: str, poll: str) -> None:
    """Ann's companion votes for `b` on Bob's poll."""
    secret = world.simulator.core.world.accounts[bob].primary.messages[poll].message.messageContextInfo.messageSecret
    creator, voter = f"{bob}@s.whatsapp.net", f"{ann}@s.whatsapp.net"
    fields = {"to": creator, "options": ["b"], "creator": creator, "voter": voter}
    key = {"remoteJid": creator, "fromMe": False, "id": poll}
    await companion.call("vote", poll=key, secret={"base64": base64.b64encode(secret).decode()}, **fields)


@pytest.mark.parametrize("code", [403, 404, 410])
async def test_media_that_whatsapp_dropped_are_uploaded_again_by_the_own_phone(world: World, code: int) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        image = await _send(world, bob, f"+{ann}", {"kind": "image", "media": MEDIA})
        await companion.received(image)
        await world.post("/faults", kind="media_403", phone=ann, code=code)
        for _ in range(2):
            with pytest.raises(AssertionError):
                await companion.call("download", id=image)
        await companion.call("reupload", id=image)
        assert (await companion.call("download", id=image))["sha256"] == SHA256
        assert await world.stat("mediaReuploads") == 1
        await world.post("/faults", kind="media_lost", phone=ann)
        with pytest.raises(AssertionError, match="re-upload"):
            await companion.call("reupload", id=image)


async def test_an_upload_that_whatsapp_refuses_fails_at_the_client(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await world.post("/faults", kind="media_upload", phone=ann)
        content = {"image": BYTES, "jpegThumbnail": ""}
        with pytest.raises(AssertionError, match="upload failed"):
            await companion.call("send", to=f"{bob}@s.whatsapp.net", content=content, options={})
        assert await world.stat("mediaRefused") == 1


async def test_a_slow_media_host_takes_an_upload_in_its_time(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await world.post("/faults", kind="media_slow", phone=ann, after=1, count=1)
        content = {"image": BYTES, "jpegThumbnail": ""}
        began = time.monotonic()
        await companion.call("send", to=f"{bob}@s.whatsapp.net", content=content, options={})
        assert time.monotonic() - began >= 1.0
        assert await world.get("/faults") == [], "it was slow once"


async def test_phones_and_baileys_talk_in_a_group(world: World) -> None:
    ann, bob, eve = await world.person(), await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        group = await world.post("/groups", owner=bob, subject="Us", participants=[f"+{ann}", f"+{eve}"])
        jid = group["groupId"]
        first = await _send(world, bob, jid, {"kind": "image", "media": MEDIA})
        event = await companion.received(first)
        assert (event["key"]["remoteJid"], "imageMessage" in event["message"]) == (jid, True)
        assert (await companion.call("download", id=first))["sha256"] == SHA256
        second = await _send(world, bob, jid, {"kind": "text", "text": "again"})
        await companion.received(second)
        answer = await companion.send(jid, "hello group")
        for phone in (bob, eve):
            entries = await world.inbox(phone, 1 if phone == bob else 3)
            assert entries[-1]["messageId"] == answer
        await world.post(f"/phones/{eve}/react", messageId=first, emoji="👍")
        reaction = await companion.event("reaction")
        assert reaction["key"]["id"] == first
    assert await world.stat("decryptFailures") == 0
    assert await world.stat("retries") == 0


async def test_baileys_manages_a_group_and_hears_what_phones_do_to_it(world: World) -> None:
    ann, bob, eve = await world.person(), await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        made = await companion.call("group", subject="Us", participants=[f"{bob}@s.whatsapp.net"])
        jid = made["id"]
        added = await companion.call(
            "groupDo", action="groupParticipantsUpdate", args=[jid, [f"{eve}@s.whatsapp.net"], "add"]
        )
        assert [person["status"] for person in added] == ["200"]
        await companion.call("groupDo", action="groupUpdateSubject", args=[jid, "We"])
        await companion.call("groupDo", action="groupUpdateDescription", args=[jid, "All of us"])
        await companion.call("groupDo", action="groupSettingUpdate", args=[jid, "locked"])
        code = await companion.call("groupDo", action="groupInviteCode", args=[jid])
        (group,) = await world.get("/groups")
        assert (group["subject"], group["description"], group["settings"]) == ("We", "All of us", ["locked"])
        assert group["invite"] == code
        sent = await companion.send(jid, "to both")
        assert (await world.inbox(eve))[0]["messageId"] == sent
        await world.post(f"/groups/{jid}/leave", phone=eve)
        left = await companion.event("participants", lambda event: event["action"] == "remove")
        assert [person["phoneNumber"] for person in left["participants"]] == [f"{eve}@s.whatsapp.net"]
        await companion.call("groupDo", action="groupLeave", args=[jid])
        assert (await world.get("/groups"))[0]["owner"] == f"+{bob}"
    assert await world.stat("unknownIqs") == 0
    assert await world.stat("decryptFailures") == 0


async def test_calls_pictures_and_status_updates_reach_baileys(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    jid = f"{bob}@s.whatsapp.net"
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await companion.send(jid, "so that they know each other")
        await world.inbox(bob)
        call = await world.post(f"/phones/{bob}/call", to=f"+{ann}", video=True)
        ringing = await companion.event("call", lambda event: event["status"] == "offer")
        assert (ringing["id"], ringing["from"], ringing["isVideo"]) == (call["callId"], jid, True)
        await companion.call("reject", id=ringing["id"], caller=ringing["from"])
        assert [made["state"] for made in await world.get(f"/phones/{bob}/calls")] == ["rejected"]
        await world.post(f"/phones/{bob}/picture", base64=B64)
        assert (await companion.event("contact", lambda event: event.get("imgUrl")))["imgUrl"] == "changed"
        url = await companion.call("picture", of=jid)
        assert await companion.call("fetch", url=url) == B64
        status = await _send(world, bob, "status@broadcast", {"kind": "image", "media": MEDIA})
        assert (await companion.received(status))["key"]["remoteJid"] == "status@broadcast"
    assert await world.stat("unknownIqs") == 0
