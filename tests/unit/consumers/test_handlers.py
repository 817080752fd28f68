"""Each command reaches the method whose port takes its data, and is answered as the contract says."""

from types import NoneType, SimpleNamespace
from typing import Any, Final, get_type_hints

import pytest

from consumers.handlers import Handlers
from consumers.ports import Manager, Session
from schemas.commands.commands import COMMANDS, Command, CommandClass, CommandQueue, Subject
from schemas.model import Model
from schemas.names import CommandId, SessionId

SESSION: Final = SessionId("s1")
OTHERWISE: Final = {"events.replay.v1"}  # neither the manager's nor a session's
OF_A_SESSION: Final = [
    kind
    for kind in COMMANDS.values()
    if kind.subject is Subject.SESSION and kind.klass is not CommandClass.M and kind.type not in OTHERWISE
    if kind.queue is not CommandQueue.CONTROL or kind.result is None  # queries have a table of their own
]


class Answer(Model):
    """What a call gives that gives anything."""


class Promised:
    """A port: what is called there notes what its promise says it takes and gives."""

    def __init__(self, port: type, promises: list[dict[str, Any]]) -> None:
        self._port = port
        self._promises = promises

    def __getattr__(self, name: str) -> Any:
        promise = getattr(self._port, name)
        if isinstance(promise, property):
            return Promised(get_type_hints(promise.fget)["return"], self._promises)

        async def call(command: Command[Any]) -> Model | None:
            assert command.session_id == SESSION
            self._promises.append(get_type_hints(promise))
            return None if self._promises[-1]["return"] is NoneType else Answer()

        return call


class PromisedManager(Promised):
    queries = SimpleNamespace(table=dict[str, Any])

    def of(self, session_id: SessionId) -> Promised:
        assert session_id == SESSION
        return Promised(Session, self._promises)


@pytest.mark.parametrize("kind", OF_A_SESSION, ids=lambda kind: kind.type)
async def test_a_command_reaches_the_method_that_takes_its_data_and_gives_its_result(kind: Any) -> None:
    promises = list[dict[str, Any]]()
    manager, nobody = PromisedManager(Manager, promises), SimpleNamespace()
    handle = Handlers(manager, nobody, nobody).table()[kind.type]  # pyright: ignore[reportArgumentType] (stand-ins)
    command: Any = SimpleNamespace(session_id=SESSION, id=CommandId("c1"), kind=kind)
    reply = await handle(command)
    (promise,) = promises
    assert promise["command"] == Command[kind.model]
    assert promise["return"] == (NoneType if kind.result is None else kind.result)
    assert reply.outcome == ("accepted" if kind.result is None else "result")
