"""What is changed about a chat as a whole. It bypasses the order of chats; repeating it does no harm."""

from dataclasses import replace

from gateway_worker.connections.base.times import instant
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.groups.groups import GroupCommands
from gateway_worker.connections.messages.ids import MessageIds
from gateway_worker.connections.messages.timers import Timers
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.session.immediate import ImmediateCommands
from gateway_worker.timing.clock import Clock
from gateway_worker.whatsapp.errors import RecipientUnknown
from gateway_worker.whatsapp.outgoing import Acknowledged, OutgoingMessage, TimerSetting
from gateway_worker.whatsapp.port import Connection
from gateway_worker.whatsapp.timers import Timer
from schemas.addresses import AddressKind, Jid, jid_of, kind_of
from schemas.commands.commands import Command
from schemas.commands.messages import SetDisappearing
from schemas.errors import MessageRecipientUnknown


class ChatCommands:
    """Carries out the commands about chats of one session."""

    def __init__(
        self,
        writer: Writer,
        direct: ImmediateCommands,
        groups: GroupCommands,
        *,
        ids: MessageIds,
        identities: Identities,
        resolver: Resolver,
        timers: Timers,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self._immediate = direct
        self._groups = groups
        self._clock = clock
        self._ids = ids
        self._identities = identities
        self._resolver = resolver
        self._timers = timers

    async def set_disappearing(self, command: Command[SetDisappearing]) -> None:
        """Set the timer of a chat: a group's is its server's to keep, a person is told by a message.

        Raises:
            MessageRecipientUnknown: the number is not on WhatsApp, or the account is in no such group.
            GatewayError: WhatsApp refused it, there will be no connection, or the command expired.
        """
        chat = self._identities.chat_of(jid_of(command.data.to))
        at = now = self._clock.now()
        if kind_of(chat) is AddressKind.GROUP:
            await self._groups.set_disappearing(command, chat)
        else:
            chat, acknowledged = await self._set_for_person(command, chat)
            at = instant(acknowledged.timestamp, now)
        operations = self._timers.set_by_us(chat, command.data.seconds, at)
        if operations:
            await self._writer.write_surely(*operations)
            self._timers.learn(operations)

    async def _set_for_person(self, command: Command[SetDisappearing], named: Jid) -> tuple[Jid, Acknowledged]:
        """The chat as WhatsApp names it, and its answer. A repetition is the same message."""
        now = int(self._clock.now().timestamp())
        message = OutgoingMessage(
            message_id=await self._ids.of(command.key),
            to=named,
            content=TimerSetting(timer=Timer(seconds=command.data.seconds, changed_at=now, by_me=True)),
        )

        async def set_timer(connection: Connection) -> tuple[Jid, Acknowledged]:
            chat = await self._resolver.on(connection, named)
            return chat, await connection.send(replace(message, to=chat))

        try:
            return await self._immediate.ask(command, set_timer)
        except RecipientUnknown as error:
            raise MessageRecipientUnknown from error
