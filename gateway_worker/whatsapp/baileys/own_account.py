"""The port's calls about the account itself, to the bridge."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from gateway_worker.whatsapp.account import Profile
from gateway_worker.whatsapp.baileys.channel import calls
from gateway_worker.whatsapp.baileys.channel.calls import A, Method, V
from schemas.content.account import Audience

_AUDIENCES: Final[Mapping[str, Audience]] = {each.value: each for each in Audience}


class Call(Protocol):
    """A call of the bridge about this connection."""

    async def __call__(self, method: Method[A, V], args: A, blobs: Sequence[bytes] = ()) -> V:
        """Its answer."""
        ...


class BaileysOwnAccount:
    """Implements `account.OwnAccount`. `call` calls a method of the bridge; all of these may be repeated."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def profile(self) -> Profile:
        """How it shows itself."""
        found = await self._call(calls.PROFILE, None)
        picture = found["picture"]
        return Profile(
            jid=found["jid"],
            lid=found["lid"],
            phone=found["phone"],
            name=found["push_name"],
            about=found["about"],
            picture_id=picture["id"],
            picture_url=picture["url"],
        )

    async def set_about(self, text: str) -> None:
        """Have another status text; none when it is empty."""
        await self._call(calls.SET_ABOUT, text)

    async def set_picture(self, picture: bytes | None, *, group_id: str | None = None) -> None:
        """Have another picture (a square JPEG), or none: the account itself, or a group."""
        await self._call(calls.SET_PICTURE, group_id, [] if picture is None else [picture])

    async def privacy(self) -> Mapping[str, Audience]:
        """Who sees what, by the names of `PrivacySettings`; what WhatsApp says in words of its own is missing."""
        found = await self._call(calls.PRIVACY, None)
        return {each["name"]: _AUDIENCES[each["value"]] for each in found if each["value"] in _AUDIENCES}

    async def set_privacy(self, name: str, audience: Audience) -> None:
        """Change who sees one of these."""
        await self._call(calls.SET_PRIVACY, {"name": name, "value": audience.value})

    async def reject_call(self, call_id: str, creator: str) -> None:
        """Decline a call of who is named so in it; it is told as ended."""
        await self._call(calls.REJECT_CALL, {"call_id": call_id, "creator": creator})

    async def block(self, jid: str, *, on: bool) -> None:
        """Block a person, or no longer; returns when WhatsApp has it and the owner was told."""
        await self._call(calls.BLOCK, {"jid": jid, "on": on})
