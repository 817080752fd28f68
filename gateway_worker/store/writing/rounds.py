"""Which operations of a group of writes may share a statement. Pure.

A group is many callers' writes in one transaction. All operations of one kind go into one statement, unless two of them
touch the same row: then the later one waits for the next *round*. Most groups need one round.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from gateway_worker.store.operations.commands import BeginMessage, FinishCommand, RecordCommand
from gateway_worker.store.operations.history import FinishHistory, StoreHistory
from gateway_worker.store.operations.identity import DropCredentials, PutCredentials, PutKeys
from gateway_worker.store.operations.media import PutMedia, PutUpload, RetryMedia, SettleMedia
from gateway_worker.store.operations.messages import (
    PutEntries,
    PutSentPlaintext,
    ReceiveMessage,
    ReplaceContent,
    SettleEntries,
)
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.people import JoinChats, LearnContacts
from gateway_worker.store.operations.receipts import AdvanceParticipant, AdvanceStatus
from gateway_worker.store.operations.sessions import AppendEvent, ChangeState
from gateway_worker.store.operations.set_aside import BeginStanza, EndStanzas, SetAside
from gateway_worker.store.operations.timers import SetTimers
from gateway_worker.store.records import Fence
from schemas.commands.commands import CommandKey
from schemas.names import SessionId

Kind = type[Operation[Any]]
Row = tuple[str, ...]

KINDS: Final[Sequence[Kind]] = (
    RecordCommand,
    BeginMessage,
    DropCredentials,
    PutCredentials,
    PutKeys,
    PutEntries,
    SettleEntries,
    PutSentPlaintext,
    BeginStanza,
    EndStanzas,
    SetAside,
    ReceiveMessage,
    StoreHistory,
    FinishHistory,
    JoinChats,
    LearnContacts,
    SetTimers,
    ReplaceContent,
    PutUpload,
    PutMedia,
    RetryMedia,
    SettleMedia,
    AdvanceStatus,
    AdvanceParticipant,
    ChangeState,
    AppendEvent,
    FinishCommand,
)
"""In the order in which they take effect within a round."""

_RANK: Final[Mapping[Kind, int]] = {kind: rank for rank, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An operation and where it stands: the number of its write in the group, and its own in the write."""

    write: int
    index: int
    fence: Fence
    operation: Any  # one of KINDS; a writer knows which

    @property
    def session_id(self) -> SessionId:
        """Whose it is."""
        return self.fence.session_id


@dataclass(frozen=True, slots=True)
class Round:
    """Operations that share statements, by kind."""

    placed: dict[Kind, list[Placed]] = field(default_factory=dict[Kind, list[Placed]])

    def steps(self) -> Iterable[tuple[Kind, list[Placed]]]:
        """The kinds that occur, in order."""
        return ((kind, self.placed[kind]) for kind in KINDS if kind in self.placed)


def rounds(operations: Iterable[Placed]) -> Sequence[Round]:
    """Distribute operations, given in the order of writes, over as few rounds as their rows allow."""
    found: list[Round] = []
    touched: dict[Row, tuple[int, int]] = {}  # row → the last round and rank that touch it
    for placed in operations:
        kind = cast("Kind", type(placed.operation))
        rank = _RANK[kind]
        rows = _rows(placed.session_id, placed.operation)
        number = 0
        for row in rows:
            last = touched.get(row)
            if last is not None:
                number = max(number, last[0] if last[1] < rank else last[0] + 1)
        touched.update(dict.fromkeys(rows, (number, rank)))
        while len(found) <= number:
            found.append(Round())
        found[number].placed.setdefault(kind, []).append(placed)
    return found


def stands_alone(operations: Iterable[Operation[Any]]) -> bool:
    """Whether a write must have a group for itself: dropping an identity touches more rows than can be told."""
    return any(isinstance(operation, DropCredentials) for operation in operations)


def weight(operations: Iterable[Operation[Any]]) -> int:  # noqa: C901 (a table, one line a kind)
    """How many rows a write may touch, roughly: what bounds a group."""
    total = 0
    for operation in operations:
        match operation:
            case PutKeys():
                total += len(operation.keys)
            case PutEntries():
                total += len(operation.entries)
            case JoinChats():
                total += len(operation.chats)
            case LearnContacts():
                total += len(operation.contacts)
            case SetTimers():
                total += len(operation.timers)
            case StoreHistory():
                total += len(operation.messages)
            case SettleEntries() | FinishHistory():
                total += len(operation.message_ids)
            case EndStanzas():
                total += len(operation.names)
            case PutSentPlaintext():
                total += len(operation.plaintexts)
            case _:
                total += 1
    return total


def _command(key: CommandKey) -> Row:
    return ("command", key.subject, key.source, key.id)


def _rows(session_id: SessionId, operation: Operation[Any]) -> list[Row]:  # noqa: C901, PLR0911, PLR0912 (a table, one line a kind)
    match operation:
        case RecordCommand() | FinishCommand():
            return [_command(operation.key)]
        case BeginMessage():
            return [_command(operation.key), ("message", session_id, operation.message_id)]
        case ReceiveMessage():
            files = [
                operation.message_id if operation.media else None,
                operation.about if operation.shows_media else None,
            ]
            touched: list[Row] = [("media", session_id, each) for each in files if each is not None]
            return [("message", session_id, operation.message_id), *touched]
        case ReplaceContent() | AdvanceStatus():
            return [("message", session_id, operation.message_id)]
        case AdvanceParticipant():
            # Not the message's row, which it reads as others of the same message left it: a hundred people may share a
            # statement. Only a failure told in the same moment takes effect before it, and gives way to it.
            return [("receipt", session_id, operation.message_id, operation.participant)]
        case PutMedia() | RetryMedia() | SettleMedia():
            return [("media", session_id, operation.message_id)]
        case JoinChats():
            return [("chats", session_id)]
        case StoreHistory():
            return [("message", session_id, message.message_id) for message in operation.messages]
        case PutCredentials():
            return [("credentials", session_id)]
        case PutKeys():
            return [("key", session_id, *key) for key in operation.keys]
        case PutEntries():
            return [("entry", session_id, entry.message_id) for entry in operation.entries if entry.unprocessed]
        case SettleEntries() | FinishHistory():
            return [("entry", session_id, message_id) for message_id in operation.message_ids]
        case PutSentPlaintext():
            return [("plaintext", session_id, message_id) for message_id in operation.plaintexts]
        case PutUpload():
            return [("upload", session_id, operation.file_class, operation.sha256)]
        case SetAside():
            return [("set_aside", session_id, operation.id)]
        case BeginStanza():
            return [("attempt", session_id, operation.name)]
        case EndStanzas():
            return [("attempt", session_id, name) for name in operation.names]
        case ChangeState():
            return [("state", session_id)]
        case _:  # only appended (events), one per statement (drops), settled by the first (entries), in turn (timers …)
            return []
