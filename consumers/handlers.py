"""What each command does, one sentence each. Messages go their own way (`dispatch.Dispatcher`)."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from consumers.dispatch import Handler
from consumers.handling.chats import ChatHandlers
from consumers.handling.groups import GroupHandlers
from consumers.handling.labels import LabelHandlers
from consumers.handling.own_account import OwnAccountHandlers
from consumers.ports import Manager, Query, Replay, ThisWorker
from consumers.replies import Reply, accepted, result
from schemas.commands.commands import Command
from schemas.commands.contacts import GetPicture
from schemas.commands.messages import (
    CheckContacts,
    FetchMedia,
    MarkRead,
    SetDisappearing,
    SetPresence,
)
from schemas.commands.sessions import (
    ConfirmPasskey,
    CreateSession,
    DeleteSession,
    LogoutSession,
    MigrateSession,
    ReplayEvents,
    RestartSession,
    UsePasskey,
)
from schemas.commands.workers import DescribeWorker, DrainWorker
from schemas.errors import FleetFull, Unavailable


class Handlers:
    """Every handler, by the command's type."""

    def __init__(self, manager: Manager, worker: ThisWorker, replay: Replay) -> None:
        self._manager = manager
        self._worker = worker
        self._replay = replay

    def table(self) -> Mapping[str, Handler]:
        """Type → handler."""
        return {
            "session.create.v1": self.create,
            "session.restart.v1": self.restart,
            "session.passkey.v1": self.use_passkey,
            "session.passkey.confirm.v1": self.confirm_passkey,
            "session.logout.v1": self.logout,
            "session.migrate.v1": self.migrate,
            "session.delete.v1": self.delete,
            "events.replay.v1": self.replay_events,
            "media.fetch.v1": self.fetch_media,
            "message.read.v1": self.mark_read,
            "chat.presence.v1": self.set_presence,
            "chat.disappearing.v1": self.set_disappearing,
            "contact.check.v1": self.check_contacts,
            **GroupHandlers(self._manager).table(),
            **ChatHandlers(self._manager).table(),
            **LabelHandlers(self._manager).table(),
            **OwnAccountHandlers(self._manager).table(),
            **{kind: partial(self._ask, query) for kind, query in self._manager.queries.table().items()},
            "contact.picture.v1": self.get_picture,
            "worker.describe.v1": self.describe_worker,
            "worker.drain.v1": self.drain_worker,
        }

    async def _ask(self, query: Query, command: Command[Any]) -> Reply:
        return result(command, await query(command))

    async def create(self, command: Command[CreateSession]) -> Reply:
        """Make the session, or connect it; once accepted, its queue exists.

        A command that came as the last slot was taken is held until there is room again, or the fleet's queue is closed
        and it goes back for another worker.
        """
        try:
            await self._manager.create(command)
        except FleetFull as error:
            raise Unavailable(error.message) from error
        return accepted(command)

    async def restart(self, command: Command[RestartSession]) -> Reply:
        """Wish for a new connection; the owner sees to it."""
        await self._manager.restart(command)
        return accepted(command)

    async def use_passkey(self, command: Command[UsePasskey]) -> Reply:
        """Hand the person's assertion to WhatsApp; accepted when it has taken it."""
        await self._manager.of(command.session_id).use_passkey(command)
        return accepted(command)

    async def confirm_passkey(self, command: Command[ConfirmPasskey]) -> Reply:
        """Say whether the phone shows our code."""
        await self._manager.of(command.session_id).confirm_passkey(command)
        return accepted(command)

    async def logout(self, command: Command[LogoutSession]) -> Reply:
        """Wish to be unlinked; the owner sees to it."""
        await self._manager.logout(command)
        return accepted(command)

    async def migrate(self, command: Command[MigrateSession]) -> Reply:
        """Wish for another worker; the owner sees to it."""
        await self._manager.migrate(command)
        return accepted(command)

    async def delete(self, command: Command[DeleteSession]) -> Reply:
        """Wish to be gone; the owner sees to it."""
        await self._manager.delete(command)
        return accepted(command)

    async def replay_events(self, command: Command[ReplayEvents]) -> Reply:
        """Publish stored events again; the answer comes when the broker has them."""
        return result(command, await self._replay(command.session_id, command.data))

    async def fetch_media(self, command: Command[FetchMedia]) -> Reply:
        """Have a message's media fetched; `media.ready` or `media.failed` follows."""
        await self._manager.of(command.session_id).fetch_media(command)
        return accepted(command)

    async def mark_read(self, command: Command[MarkRead]) -> Reply:
        """Send read receipts."""
        await self._manager.of(command.session_id).mark_read(command)
        return accepted(command)

    async def set_presence(self, command: Command[SetPresence]) -> Reply:
        """Show a chat what we do."""
        await self._manager.of(command.session_id).set_presence(command)
        return accepted(command)

    async def set_disappearing(self, command: Command[SetDisappearing]) -> Reply:
        """Set the timer of a chat."""
        await self._manager.of(command.session_id).set_disappearing(command)
        return accepted(command)

    async def check_contacts(self, command: Command[CheckContacts]) -> Reply:
        """Which numbers are on WhatsApp."""
        return result(command, await self._manager.of(command.session_id).check_contacts(command))

    async def get_picture(self, command: Command[GetPicture]) -> Reply:
        """Where somebody's picture is."""
        return result(command, await self._manager.of(command.session_id).get_picture(command))

    async def describe_worker(self, command: Command[DescribeWorker]) -> Reply:
        """What this worker holds."""
        return result(command, self._worker.describe())

    async def drain_worker(self, command: Command[DrainWorker]) -> Reply:
        """Have this worker emptied."""
        await self._worker.drain()
        return accepted(command)
