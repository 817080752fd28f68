"""More than texts: a picture, a voice message, a poll with a vote, and a group; each held against the other phone."""

import base64
import hashlib
import io
import math
import struct
import wave
from dataclasses import dataclass
from typing import Any, Final, Protocol

import qrcode

from deploy.demo.phones import Person, Phones
from deploy.demo.tally import Event, Tally
from gateway_worker.cli.terminal import console

_RATE: Final = 16_000  # samples per second
_TUNE: Final = (392.0, 523.25, 659.25, 523.25)  # Hz, half a second each


class Stage(Protocol):
    """What a scene needs of the demo."""

    tally: Tally
    phones: Phones

    async def publish(self, command_type: str, person: Person, data: dict[str, Any]) -> str:
        """Publish a command to the person's session; returns its id."""
        ...

    async def event(self, event_type: str, session: Person | None, **wanted: Any) -> Event:
        """The event, or reply, whose data has these values; waits for it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenes:
    """Played in order; each prints one line once everything it shows has happened."""

    stage: Stage
    me: Person
    you: Person

    async def play(self) -> None:
        """All of them. Raises what the stage raises when something does not happen."""
        await self._picture()
        await self._voice()
        await self._poll()
        await self._group()

    async def _picture(self) -> None:
        file = picture("Hello from a gateway worker")
        content = {"kind": "image", "media": _inline(file), "caption": "scan me"}
        message_id = await self._send(self.you.phone, content)
        shown = await self._at_the_phone(self.you, message_id)
        _must_be(shown["content"]["media"]["sha256"] == hashlib.sha256(file).hexdigest(), "the picture is the same")
        ready = await self.stage.event("media.ready.v1", self.you, messageId=message_id)
        media = ready["data"]["media"]
        _print("image", f"{media['size']:,} bytes, the same at {self.you.name}'s phone; stored as {media['object']}")

    async def _voice(self) -> None:
        message_id = await self._send(self.you.phone, {"kind": "voice", "media": _inline(tune())})
        shown = (await self._at_the_phone(self.you, message_id))["content"]
        media = shown["media"]
        _must_be(media["mimetype"].startswith("audio/ogg"), "the tune became a voice message")
        await self.stage.event("media.ready.v1", self.you, messageId=message_id)
        _print("voice", f"a WAV of {len(_TUNE) / 2:.0f} s, sent as Opus: {media['size']:,} bytes with its waveform")

    async def _poll(self) -> None:
        content = {"kind": "poll", "question": "Does it work?", "options": ["Yes", "Not yet"], "selectable": 1}
        message_id = await self._send(self.you.phone, content)
        await self._at_the_phone(self.you, message_id)
        await self.stage.phones.vote(self.you, message_id, ["Yes"])
        vote = await self.stage.event("poll.vote.v1", self.me, messageId=message_id)
        _print("poll", f"{self.you.name} votes on the phone; decrypted for {self.me.name}: {vote['data']['options']}")

    async def _group(self) -> None:
        data = {"subject": "Demo", "participants": [self.you.phone]}
        command_id = await self.stage.publish("group.create.v1", self.me, data)
        made = await self.stage.event("command.result.v1", None, commandId=command_id)
        group = made["data"]["result"]["groupId"]
        await self.stage.event("group.participants.v1", self.you, groupId=group)
        message_id = await self._send(group, {"kind": "text", "text": f"Hello group, {self.me.name} here."})
        received = await self.stage.event("message.received.v1", self.you, messageId=message_id)
        _must_be(received["data"]["chat"] == group, "the group's message says so")
        _print("group", f"made by a command; {self.you.name} is told and has the first message in it")

    async def _send(self, to: str, content: dict[str, Any]) -> str:
        command_id = await self.stage.publish("message.send.v1", self.me, {"to": to, "content": content})
        accepted = await self.stage.event("command.accepted.v1", None, commandId=command_id)
        message_id = str(accepted["data"]["messageId"])
        await self.stage.event("message.status.v1", self.me, messageId=message_id, status="delivered")
        await self.stage.event("message.received.v1", self.you, messageId=message_id)
        return message_id

    async def _at_the_phone(self, person: Person, message_id: str) -> dict[str, Any]:
        inbox = await self.stage.phones.inbox(person)
        found = [entry for entry in inbox if entry["messageId"] == message_id]
        _must_be(bool(found), "the phone has the message")
        return found[0]


class SceneFailedError(Exception):
    """Something is not as it was sent."""


def picture(text: str) -> bytes:
    """A PNG that says `text` to whoever scans it."""
    image = io.BytesIO()
    qrcode.make(text, box_size=12).save(image)
    return image.getvalue()


def tune() -> bytes:
    """A WAV: 16-bit, mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, _RATE, 0, "NONE", "not compressed"))
        for pitch in _TUNE:
            waves = (math.sin(2 * math.pi * pitch * n / _RATE) for n in range(_RATE // 2))
            sound.writeframes(b"".join(struct.pack("<h", round(12_000 * height)) for height in waves))
    return file.getvalue()


def _inline(file: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(file).decode()}


def _must_be(holds: bool, what: str) -> None:  # noqa: FBT001 (reads as an assertion)
    if not holds:
        raise SceneFailedError(f"not so: {what}")


def _print(what: str, how: str) -> None:
    console.print(f"[green]✓[/] [bold]{what:6}[/] {how}", soft_wrap=True)
