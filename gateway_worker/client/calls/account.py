"""The commands about the account itself and whom it has blocked, as methods."""

from typing import Any, Unpack

from gateway_worker.client.asking import Asking
from gateway_worker.client.commands import CommandOptions, valid
from gateway_worker.client.replies import Accepted
from schemas.commands.account import DescribePrivacy, DescribeProfile, RejectCall, SetPrivacy, SetProfile
from schemas.commands.contacts import BlockContact, ListBlocked, UnblockContact
from schemas.content.account import Audience, PrivacySettings, ProfileDescription
from schemas.results import ContactPage


class AccountCalls(Asking):
    """Mixed into `Gateway`."""

    async def describe_profile(self, session: str, **options: Unpack[CommandOptions]) -> ProfileDescription:
        """How the account shows itself, as WhatsApp says it now."""
        return await self.query(session, DescribeProfile(), ProfileDescription, **options)

    async def set_profile(
        self,
        session: str,
        *,
        name: str | None = None,
        about: str | None = None,
        picture: dict[str, Any] | None = None,
        remove_picture: bool = False,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Change name, status text or picture (``{"url": …}``, ``{"object": …}``); what is None stays as it is."""
        fields = {"name": name, "about": about, "picture": picture, "remove_picture": remove_picture}
        return await self.order(session, valid(SetProfile, fields), **options)

    async def describe_privacy(self, session: str, **options: Unpack[CommandOptions]) -> PrivacySettings:
        """Who sees what of the account, as WhatsApp says it now."""
        return await self.query(session, DescribePrivacy(), PrivacySettings, **options)

    async def set_privacy(
        self,
        session: str,
        *,
        last_seen: Audience | None = None,
        online: Audience | None = None,
        picture: Audience | None = None,
        about: Audience | None = None,
        groups: Audience | None = None,
        calls: Audience | None = None,
        read_receipts: Audience | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Change who sees what of the account; what is None stays as it is."""
        given = {
            "last_seen": last_seen,
            "online": online,
            "picture": picture,
            "about": about,
            "groups": groups,
            "calls": calls,
            "read_receipts": read_receipts,
        }
        fields = {name: None if audience is None else audience.value for name, audience in given.items()}
        return await self.order(session, valid(SetPrivacy, fields), **options)

    async def reject_call(self, session: str, call_id: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Decline a call that rings."""
        return await self.order(session, valid(RejectCall, {"call_id": call_id}), **options)

    async def block_contact(self, session: str, contact: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Block a person: nothing of it reaches the account any more."""
        return await self.order(session, valid(BlockContact, {"contact": contact}), **options)

    async def unblock_contact(self, session: str, contact: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Block a person no longer."""
        return await self.order(session, valid(UnblockContact, {"contact": contact}), **options)

    async def list_blocked(
        self,
        session: str,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        **options: Unpack[CommandOptions],
    ) -> ContactPage:
        """Those whom the account has blocked, in the order of their JIDs: from behind `cursor`."""
        fields = {"session_id": session, "cursor": cursor, "limit": limit}
        return await self.query(session, valid(ListBlocked, fields), ContactPage, **options)
