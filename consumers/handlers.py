"""Who carries out each command, and what is replied. Messages go their own way (`dispatch.Dispatcher`)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from consumers.dispatch import Handler
from consumers.ports import Manager, Replay, Session, ThisWorker
from consumers.replies import Reply, accepted, result
from schemas.commands.commands import Command
from schemas.commands.sessions import CreateSession, ReplayEvents
from schemas.commands.workers import DescribeWorker, DrainWorker
from schemas.errors import FleetFull, Unavailable
from schemas.model import Model, StrictModel

_Data = TypeVar("_Data", bound=StrictModel)
_Answer = TypeVar("_Answer")


class Handlers:
    """Every handler, by the command's type."""

    def __init__(self, manager: Manager, worker: ThisWorker, replay: Replay) -> None:
        self._manager = manager
        self._worker = worker
        self._replay = replay

    def table(self) -> Mapping[str, Handler]:
        """Type → handler."""
        return {
            "session.create.v1": _does(self._create),
            "session.restart.v1": _does(self._manager.restart),
            "session.logout.v1": _does(self._manager.logout),
            "session.migrate.v1": _does(self._manager.migrate),
            "session.delete.v1": _does(self._manager.delete),
            "events.replay.v1": _answers(self._replay_events),
            "worker.describe.v1": _answers(self._describe_worker),
            "worker.drain.v1": _does(self._drain_worker),
            **{kind: _answers(query) for kind, query in self._manager.queries.table().items()},
            **self._of_one_session(),
        }

    def _of_one_session(self) -> Mapping[str, Handler]:
        """What a session that lives here carries out, or one of its parts."""
        of = self._of
        return {
            "session.passkey.v1": _does(of(lambda session: session.use_passkey)),
            "session.passkey.confirm.v1": _does(of(lambda session: session.confirm_passkey)),
            "media.fetch.v1": _does(of(lambda session: session.fetch_media)),
            "message.read.v1": _does(of(lambda session: session.mark_read)),
            "chat.presence.v1": _does(of(lambda session: session.set_presence)),
            "chat.disappearing.v1": _does(of(lambda session: session.set_disappearing)),
            "contact.check.v1": _answers(of(lambda session: session.check_contacts)),
            "contact.picture.v1": _answers(of(lambda session: session.get_picture)),
            "group.create.v1": _answers(of(lambda session: session.groups.create)),
            "group.describe.v1": _answers(of(lambda session: session.groups.describe)),
            "group.list.v1": _answers(of(lambda session: session.groups.list)),
            "group.participants.v1": _answers(of(lambda session: session.groups.change_participants)),
            "group.update.v1": _does(of(lambda session: session.groups.update)),
            "group.picture.v1": _does(of(lambda session: session.own_account.set_group_picture)),
            "group.requests.v1": _answers(of(lambda session: session.groups.requests)),
            "group.invite.v1": _answers(of(lambda session: session.groups.invite)),
            "group.join.v1": _answers(of(lambda session: session.groups.join)),
            "group.leave.v1": _does(of(lambda session: session.groups.leave)),
            "chat.update.v1": _does(of(lambda session: session.chat_states.update)),
            "chat.clear.v1": _does(of(lambda session: session.chat_states.clear)),
            "chat.delete.v1": _does(of(lambda session: session.chat_states.delete)),
            "message.star.v1": _does(of(lambda session: session.chat_states.star_message)),
            "message.delete.v1": _does(of(lambda session: session.chat_states.delete_message)),
            "contact.save.v1": _does(of(lambda session: session.chat_states.save_contact)),
            "contact.remove.v1": _does(of(lambda session: session.chat_states.remove_contact)),
            "label.create.v1": _answers(of(lambda session: session.labels.create)),
            "label.update.v1": _does(of(lambda session: session.labels.update)),
            "label.delete.v1": _does(of(lambda session: session.labels.delete)),
            "chat.label.v1": _does(of(lambda session: session.labels.label_chat)),
            "message.label.v1": _does(of(lambda session: session.labels.label_message)),
            "profile.describe.v1": _answers(of(lambda session: session.own_account.describe_profile)),
            "profile.set.v1": _does(of(lambda session: session.own_account.set_profile)),
            "privacy.describe.v1": _answers(of(lambda session: session.own_account.describe_privacy)),
            "privacy.set.v1": _does(of(lambda session: session.own_account.set_privacy)),
            "call.reject.v1": _does(of(lambda session: session.own_account.reject_call)),
            "contact.block.v1": _does(of(lambda session: session.own_account.block)),
            "contact.unblock.v1": _does(of(lambda session: session.own_account.unblock)),
        }

    def _of(
        self, method: Callable[[Session], Callable[[Command[_Data]], _Answer]]
    ) -> Callable[[Command[_Data]], _Answer]:
        """The method of the session that a command names; `SessionNotFound` if it does not live here by then."""
        return lambda command: method(self._manager.of(command.session_id))(command)

    async def _create(self, command: Command[CreateSession]) -> None:
        """Make the session, or connect it; once accepted, its queue exists.

        A command that came as the last slot was taken is held until there is room again, or the fleet's queue is closed
        and it goes back for another worker.
        """
        try:
            await self._manager.create(command)
        except FleetFull as error:
            raise Unavailable(error.message) from error

    async def _replay_events(self, command: Command[ReplayEvents]) -> Model:
        """Publish stored events again; the answer comes when the broker has them."""
        return await self._replay(command.session_id, command.data)

    async def _describe_worker(self, _: Command[DescribeWorker]) -> Model:
        return self._worker.describe()

    async def _drain_worker(self, _: Command[DrainWorker]) -> None:
        await self._worker.drain()


def _does(call: Callable[[Command[_Data]], Awaitable[None]]) -> Handler:
    """Accepted once the call has returned."""

    async def handle(command: Command[Any]) -> Reply:
        await call(command)
        return accepted(command)

    return handle


def _answers(call: Callable[[Command[_Data]], Awaitable[Model]]) -> Handler:
    """The result is what the call gives."""

    async def handle(command: Command[Any]) -> Reply:
        return result(command, await call(command))

    return handle
