"""What the account's owner sets by command about itself and others: asked of WhatsApp at once, in no order of chats.

All of it may be repeated without harm: what is so already is set to the same again. Where a command changes several
things they are changed one after the other, and a refusal tells which, and what was changed before it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway_worker.connections.base.ports import Files
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Messages
from gateway_worker.connections.groups.groups import group_refusal
from gateway_worker.connections.incoming.calls import call_name
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.session.chat_states import ChatStateCommands
from gateway_worker.connections.session.immediate import ImmediateCommands
from gateway_worker.whatsapp.errors import Refused
from gateway_worker.whatsapp.port import Connection
from schemas.commands.account import DescribePrivacy, DescribeProfile, RejectCall, SetPrivacy, SetProfile
from schemas.commands.commands import Command
from schemas.commands.contacts import BlockContact, UnblockContact
from schemas.commands.groups import SetGroupPicture
from schemas.content.account import Audience, PrivacySettings, ProfileDescription
from schemas.content.outgoing_media import MediaSource
from schemas.errors import CallNotFound, CommandInvalid, GatewayError, MessageRejectedByWhatsApp
from schemas.names import SessionId

Step = Callable[[], Awaitable[None]]


class OwnAccountCommands:
    """Carries them out for one session. All raise `GatewayError` as `ImmediateCommands.ask` does."""

    def __init__(
        self,
        session_id: SessionId,
        direct: ImmediateCommands,
        states: ChatStateCommands,
        *,
        resolver: Resolver,
        files: Files,
        messages: Messages,
    ) -> None:
        self._session_id = session_id
        self._direct = direct
        self._resolver = resolver
        self._states = states
        self._files = files
        self._messages = messages

    async def describe_profile(self, _command: Command[DescribeProfile]) -> ProfileDescription:
        """How the account shows itself, as WhatsApp says it."""
        found = await self._direct.ask_soon(lambda connection: connection.own.profile())
        return ProfileDescription(
            session_id=self._session_id,
            jid=found.jid,
            lid=found.lid,
            phone=found.phone,
            name=found.name,
            about=found.about or None,
            picture_id=found.picture_id,
            picture_url=found.picture_url,
        )

    async def set_profile(self, command: Command[SetProfile]) -> None:
        """Change name, status text, picture.

        Raises:
            CommandInvalid: the picture belongs to another session.
            MediaError: it cannot be had, or is none.
        """
        data = command.data
        steps: dict[str, Step] = {}
        if (name := data.name) is not None:
            steps["name"] = lambda: self._states.set_own_name(command, name)
        if (about := data.about) is not None:
            steps["about"] = lambda: self._direct.ask(command, lambda connection: connection.own.set_about(about))
        if data.picture is not None:
            picture = await self._made(data.picture)
            steps["picture"] = lambda: self._set_picture(command, picture)
        elif data.remove_picture:
            steps["removePicture"] = lambda: self._set_picture(command, None)
        await _in_turn(steps)

    async def set_group_picture(self, command: Command[SetGroupPicture]) -> None:
        """Give a group another picture, or none.

        Raises:
            CommandInvalid: the picture belongs to another session.
            MediaError: it cannot be had, or is none.
            MessageRecipientUnknown: the account is in no such group.
        """
        data = command.data
        picture = None if data.picture is None else await self._made(data.picture)

        async def change(connection: Connection) -> None:
            try:
                await connection.own.set_picture(picture, group_id=data.group_id)
            except Refused as error:
                raise group_refusal(error) from error

        await self._direct.ask(command, change)

    async def describe_privacy(self, _command: Command[DescribePrivacy]) -> PrivacySettings:
        """Who sees what of the account, as WhatsApp says it."""
        found = await self._direct.ask_soon(lambda connection: connection.own.privacy())
        return PrivacySettings(session_id=self._session_id, **found)

    async def set_privacy(self, command: Command[SetPrivacy]) -> None:
        """Change who sees what."""

        def step(name: str, audience: Audience) -> Step:
            return lambda: self._direct.ask(command, lambda connection: connection.own.set_privacy(name, audience))

        await _in_turn({name: step(name, audience) for name, audience in command.data.changes.items()})

    async def reject_call(self, command: Command[RejectCall]) -> None:
        """Decline a call. Raises CallNotFound."""
        call_id = command.data.call_id
        found = await until_stored(lambda: self._messages.under(self._session_id, call_name(call_id)))
        creator = next((str(each.content.get("creator")) for each in found), None)
        if creator is None:
            raise CallNotFound
        await self._direct.ask(command, lambda connection: connection.own.reject_call(call_id, creator))

    async def block(self, command: Command[BlockContact]) -> None:
        """Nothing of a person reaches the account any more."""
        await self._block(command, on=True)

    async def unblock(self, command: Command[UnblockContact]) -> None:
        """A person may write again."""
        await self._block(command, on=False)

    async def _block(self, command: Command[BlockContact] | Command[UnblockContact], *, on: bool) -> None:
        async def change(connection: Connection) -> None:
            await connection.own.block(await self._resolver.on(connection, command.data.jid), on=on)

        await self._direct.ask(command, change)

    async def _made(self, source: MediaSource) -> bytes:
        """The picture as WhatsApp's own clients make it."""
        if not source.belongs_to(self._session_id):
            raise CommandInvalid.at("data.picture.object", "must lie in the session's own folder or in uploads/")
        async with self._files.prepare("profile_picture", source, party=self._session_id) as file:
            return await asyncio.to_thread(file.path.read_bytes)

    async def _set_picture(self, command: Command[Any], picture: bytes | None) -> None:
        await self._direct.ask(command, lambda connection: connection.own.set_picture(picture))


async def _in_turn(steps: Mapping[str, Step]) -> None:
    done: list[str] = []
    for name, step in steps.items():
        try:
            await step()
        except MessageRejectedByWhatsApp as error:
            _tell(error, name, done)
            raise
        done.append(name)


def _tell(error: GatewayError, field: str, done: list[str]) -> None:
    error.detail = {**(error.detail or {}), "field": field, "changed": done}
