"""What the account's owner sets by command about itself and others: asked of WhatsApp at once, in no order of chats.

All of it may be repeated without harm: what is so already is set to the same again.
"""

from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.session.immediate import ImmediateCommands
from gateway_worker.whatsapp.port import Connection
from schemas.commands.commands import Command
from schemas.commands.contacts import BlockContact, UnblockContact


class OwnAccountCommands:
    """Carries them out for one session. All raise `GatewayError` as `ImmediateCommands.ask` does."""

    def __init__(self, direct: ImmediateCommands, resolver: Resolver) -> None:
        self._direct = direct
        self._resolver = resolver

    async def block(self, command: Command[BlockContact]) -> None:
        """Nothing of a person reaches the account any more."""
        await self._block(command, on=True)

    async def unblock(self, command: Command[UnblockContact]) -> None:
        """A person may write again."""
        await self._block(command, on=False)

    async def _block(self, command: Command[BlockContact] | Command[UnblockContact], *, on: bool) -> None:
        async def change(connection: Connection) -> None:
            await connection.block(await self._resolver.on(connection, command.data.jid), on=on)

        await self._direct.ask(command, change)
