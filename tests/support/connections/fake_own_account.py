"""The account itself, as a fake engine has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway_worker.whatsapp.account import Profile
from gateway_worker.whatsapp.errors import EngineError
from schemas.content.account import Audience


@dataclass
class FakeOwnAccount:
    """Implements `whatsapp.account.OwnAccount`: notes each change; `refusals` are raised first, one a change."""

    about: str = "Available"
    pictures: list[bytes | None] = field(default_factory=list[bytes | None])
    group_pictures: list[tuple[str, bytes | None]] = field(default_factory=list[tuple[str, bytes | None]])
    seen_by: dict[str, Audience] = field(default_factory=dict[str, Audience])
    blocks: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    rejected: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    refusals: list[EngineError | None] = field(default_factory=list[EngineError | None])

    async def profile(self) -> Profile:
        jid = "15550001111@s.whatsapp.net"
        return Profile(
            jid=jid,
            lid=None,
            phone="+15550001111",
            name="Anna",
            about=self.about,
            picture_id=None,
            picture_url=None,
        )

    async def set_about(self, text: str) -> None:
        self._maybe_refuse()
        self.about = text

    async def set_picture(self, picture: bytes | None, *, group_id: str | None = None) -> None:
        self._maybe_refuse()
        if group_id is None:
            self.pictures.append(picture)
        else:
            self.group_pictures.append((group_id, picture))

    async def privacy(self) -> Mapping[str, Audience]:
        return self.seen_by

    async def set_privacy(self, name: str, audience: Audience) -> None:
        self._maybe_refuse()
        self.seen_by[name] = audience

    async def reject_call(self, call_id: str, creator: str) -> None:
        self.rejected.append((call_id, creator))

    async def block(self, jid: str, *, on: bool) -> None:
        self._maybe_refuse()
        self.blocks.append((jid, on))

    def _maybe_refuse(self) -> None:
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise refusal
