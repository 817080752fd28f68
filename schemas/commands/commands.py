"""The commands: the registry of those we take now, and how a body becomes a `Command`.

The data of each is a model in one of the modules beside this one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Generic, TypeVar

from pydantic import ValidationError

from schemas.commands.account import DescribePrivacy, DescribeProfile, RejectCall, SetPrivacy, SetProfile
from schemas.commands.chats import (
    ClearChat,
    DeleteChat,
    DeleteMessage,
    DescribeChat,
    ListChats,
    StarMessage,
    UpdateChat,
)
from schemas.commands.contacts import (
    BlockContact,
    DescribeContact,
    GetPicture,
    ListBlocked,
    ListContacts,
    RemoveContact,
    SaveContact,
    UnblockContact,
)
from schemas.commands.groups import (
    ChangeParticipants,
    CreateGroup,
    DescribeGroup,
    GroupRequests,
    InviteToGroup,
    JoinGroup,
    LeaveGroup,
    ListGroups,
    SetGroupPicture,
    UpdateGroup,
)
from schemas.commands.labels import CreateLabel, DeleteLabel, LabelChat, LabelMessage, ListLabels, UpdateLabel
from schemas.commands.messages import (
    CheckContacts,
    CountMessages,
    DescribeMessage,
    EditMessage,
    FetchMedia,
    ForwardMessage,
    ListMessages,
    MarkRead,
    PinMessage,
    ReactToMessage,
    RevokeMessage,
    SendMessage,
    SetDisappearing,
    SetPresence,
    UnpinMessage,
    VoteInPoll,
)
from schemas.commands.sessions import (
    ConfirmPasskey,
    CreateSession,
    DeleteSession,
    DescribeSession,
    GetQr,
    ListSessions,
    LogoutSession,
    MigrateSession,
    ReplayEvents,
    RestartSession,
    UsePasskey,
)
from schemas.commands.workers import DescribeWorker, DrainWorker
from schemas.content.account import PrivacySettings, ProfileDescription
from schemas.content.groups import (
    GroupCreated,
    GroupDescription,
    GroupInvite,
    GroupJoined,
    GroupPage,
    GroupRequestsAnswered,
    ParticipantsChanged,
)
from schemas.content.labels import Label, LabelList
from schemas.envelope import Envelope
from schemas.errors import CommandInvalid, Problem
from schemas.model import Model, StrictModel
from schemas.names import RESERVED_SESSION_IDS, SESSION_ID_PATTERN, WORKER_ID_PATTERN, CommandId, SessionId
from schemas.problems import problems_of
from schemas.results import (
    ChatDescription,
    ChatPage,
    ContactDescription,
    ContactPage,
    ContactPicture,
    ContactsChecked,
    EventsReplayed,
    MessageDescription,
    MessagePage,
    MessageStats,
    SessionDescription,
    SessionPage,
    SessionQr,
    WorkerDescription,
)


class CommandQueue(StrEnum):
    """Where a command enters (contract, section 1)."""

    SESSIONS = "sessions"  # the fleet's queue: workers with a free slot
    CONTROL = "control"  # every worker, always
    SESSION = "session"  # the session's own queue: what needs a live connection
    WORKER = "worker"  # one worker's own queue


class CommandClass(StrEnum):
    """What a repetition of a command does (contract, section 3)."""

    M = "message"  # the same message, under the same WhatsApp id
    I = "idempotent"  # noqa: E741 (the contract's letter) harmless
    N = "not_idempotent"  # never repeated by itself
    Q = "query"  # answered afresh


class Subject(StrEnum):
    """What the envelope's `subject` of a command names."""

    SESSION = "sessionId"
    WORKER = "workerId"
    FLEET = ""  # nothing in particular


DataModel = type[StrictModel]
ResultModel = type[Model]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandType:
    """A kind of command. `result` is the model of its ``command.result.v1``; None: it is answered with accepted."""

    type: str
    queue: CommandQueue
    klass: CommandClass
    model: DataModel
    subject: Subject = Subject.SESSION
    result: ResultModel | None = None
    for_owner: bool = False
    """Only the worker that has the session can carry it out: whichever receives it passes it on to that one."""

    @property
    def names_subject_in_data(self) -> bool:
        """Whether `data` has a field for what the subject names."""
        return self.subject is not Subject.FLEET and _FIELDS[self.subject] in self.model.model_fields


_FIELDS: Final = {Subject.SESSION: "session_id", Subject.WORKER: "worker_id"}
_PATTERNS: Final = {
    Subject.SESSION: re.compile(SESSION_ID_PATTERN.strip("^$")),
    Subject.WORKER: re.compile(WORKER_ID_PATTERN.strip("^$")),
}


def _control(type_: str, model: DataModel, result: ResultModel | None = None) -> CommandType:
    klass = CommandClass.I if result is None else CommandClass.Q
    return CommandType(type=type_, queue=CommandQueue.CONTROL, klass=klass, model=model, result=result)


def _for_owner(type_: str, model: DataModel) -> CommandType:
    return CommandType(type=type_, queue=CommandQueue.CONTROL, klass=CommandClass.I, model=model, for_owner=True)


def _session(type_: str, klass: CommandClass, model: DataModel, result: ResultModel | None = None) -> CommandType:
    return CommandType(type=type_, queue=CommandQueue.SESSION, klass=klass, model=model, result=result)


def _worker(type_: str, klass: CommandClass, model: DataModel, result: ResultModel | None = None) -> CommandType:
    return CommandType(
        type=type_, queue=CommandQueue.WORKER, klass=klass, model=model, subject=Subject.WORKER, result=result
    )


_TYPES: Final = (
    CommandType(type="session.create.v1", queue=CommandQueue.SESSIONS, klass=CommandClass.I, model=CreateSession),
    _control("session.describe.v1", DescribeSession, SessionDescription),
    CommandType(
        type="session.list.v1",
        queue=CommandQueue.CONTROL,
        klass=CommandClass.Q,
        model=ListSessions,
        subject=Subject.FLEET,
        result=SessionPage,
    ),
    _control("session.qr.v1", GetQr, SessionQr),
    _control("session.restart.v1", RestartSession),
    _for_owner("session.passkey.v1", UsePasskey),
    _for_owner("session.passkey.confirm.v1", ConfirmPasskey),
    _control("session.logout.v1", LogoutSession),
    _control("session.migrate.v1", MigrateSession),
    _control("session.delete.v1", DeleteSession),
    _control("message.describe.v1", DescribeMessage, MessageDescription),
    _control("message.history.v1", ListMessages, MessagePage),
    _control("message.stats.v1", CountMessages, MessageStats),
    _control("chat.list.v1", ListChats, ChatPage),
    _control("contact.list.v1", ListContacts, ContactPage),
    _control("contact.describe.v1", DescribeContact, ContactDescription),
    _control("contact.blocked.v1", ListBlocked, ContactPage),
    _control("chat.describe.v1", DescribeChat, ChatDescription),
    _control("events.replay.v1", ReplayEvents, EventsReplayed),
    _session("message.send.v1", CommandClass.M, SendMessage),
    _session("message.edit.v1", CommandClass.M, EditMessage),
    _session("message.revoke.v1", CommandClass.M, RevokeMessage),
    _session("message.react.v1", CommandClass.M, ReactToMessage),
    _session("message.pin.v1", CommandClass.M, PinMessage),
    _session("message.unpin.v1", CommandClass.M, UnpinMessage),
    _session("poll.vote.v1", CommandClass.M, VoteInPoll),
    _session("message.forward.v1", CommandClass.M, ForwardMessage),
    _session("media.fetch.v1", CommandClass.I, FetchMedia),
    _session("message.read.v1", CommandClass.I, MarkRead),
    _session("message.star.v1", CommandClass.I, StarMessage),
    _session("message.delete.v1", CommandClass.I, DeleteMessage),
    _session("chat.update.v1", CommandClass.I, UpdateChat),
    _session("chat.clear.v1", CommandClass.I, ClearChat),
    _session("chat.delete.v1", CommandClass.I, DeleteChat),
    _control("label.list.v1", ListLabels, LabelList),
    _session("label.create.v1", CommandClass.I, CreateLabel, Label),
    _session("label.update.v1", CommandClass.I, UpdateLabel),
    _session("label.delete.v1", CommandClass.I, DeleteLabel),
    _session("chat.label.v1", CommandClass.I, LabelChat),
    _session("message.label.v1", CommandClass.I, LabelMessage),
    _session("contact.save.v1", CommandClass.I, SaveContact),
    _session("contact.remove.v1", CommandClass.I, RemoveContact),
    _session("contact.block.v1", CommandClass.I, BlockContact),
    _session("contact.unblock.v1", CommandClass.I, UnblockContact),
    _session("call.reject.v1", CommandClass.I, RejectCall),
    _session("profile.describe.v1", CommandClass.Q, DescribeProfile, ProfileDescription),
    _session("profile.set.v1", CommandClass.I, SetProfile),
    _session("privacy.describe.v1", CommandClass.Q, DescribePrivacy, PrivacySettings),
    _session("privacy.set.v1", CommandClass.I, SetPrivacy),
    _session("chat.presence.v1", CommandClass.I, SetPresence),
    _session("chat.disappearing.v1", CommandClass.I, SetDisappearing),
    _session("contact.check.v1", CommandClass.Q, CheckContacts, ContactsChecked),
    _session("group.create.v1", CommandClass.N, CreateGroup, GroupCreated),
    _session("group.describe.v1", CommandClass.Q, DescribeGroup, GroupDescription),
    _session("group.list.v1", CommandClass.Q, ListGroups, GroupPage),
    _session("group.participants.v1", CommandClass.I, ChangeParticipants, ParticipantsChanged),
    _session("group.update.v1", CommandClass.I, UpdateGroup),
    _session("group.picture.v1", CommandClass.I, SetGroupPicture),
    _session("group.requests.v1", CommandClass.I, GroupRequests, GroupRequestsAnswered),
    _session("group.invite.v1", CommandClass.I, InviteToGroup, GroupInvite),
    _session("group.join.v1", CommandClass.I, JoinGroup, GroupJoined),
    _session("group.leave.v1", CommandClass.I, LeaveGroup),
    _session("contact.picture.v1", CommandClass.Q, GetPicture, ContactPicture),
    _worker("worker.describe.v1", CommandClass.Q, DescribeWorker, WorkerDescription),
    _worker("worker.drain.v1", CommandClass.I, DrainWorker),
)

COMMANDS: Final[Mapping[str, CommandType]] = {kind.type: kind for kind in _TYPES}
"""The commands we take now, by type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandKey:
    """A command's idempotency key.

    `subject`: the session or worker that the command is for; "" for none. Who may speak for one session alone chooses
    `source` and `id` as he likes, and must not meet another's.
    """

    source: str
    id: str
    subject: str = ""


Data_co = TypeVar("Data_co", bound=StrictModel, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[Data_co]):
    """A command that may be carried out: its envelope, its kind and its data.

    `redriven`: a person had it tried again after it had failed; what was recorded of that is no answer.
    """

    envelope: Envelope
    kind: CommandType
    data: Data_co
    redriven: bool = False

    @property
    def id(self) -> CommandId:
        """The envelope's id; with `source` and `subject` it is the key."""
        return CommandId(self.envelope.id)

    @property
    def key(self) -> CommandKey:
        """The idempotency key."""
        return CommandKey(source=self.envelope.source, id=self.envelope.id, subject=self.subject or "")

    @property
    def subject(self) -> str | None:
        """The session id or worker id it is for; None when it is for the whole fleet."""
        return self.envelope.subject

    @property
    def session_id(self) -> SessionId:
        """The session it is for. Only for commands to a session."""
        assert self.kind.subject is Subject.SESSION, f"{self.kind.type} is not for a session"
        assert self.envelope.subject is not None, "parse_command saw to it"
        return SessionId(self.envelope.subject)

    @property
    def expires_at(self) -> datetime | None:
        """When it must not be started any more; None: never."""
        return self.envelope.expiresat

    @property
    def correlation_id(self) -> str | None:
        """The sender's own mark."""
        return self.envelope.correlationid


def parse_command(body: bytes) -> Command[StrictModel]:
    """Read a command from the body of a delivery. Its subject is filled in from `data` where only that names it.

    Raises:
        CommandInvalid: it is none we take, with the path of each problem and what could be read of it.
    """
    return read_command(Envelope.from_json(body))


def read_command(envelope: Envelope) -> Command[StrictModel]:
    """Read the command in an envelope.

    Raises:
        CommandInvalid: as `parse_command`.
    """
    kind = COMMANDS.get(envelope.type)
    if kind is None:
        raise CommandInvalid.at("type", "is not a command this gateway knows", origin=envelope.origin)
    subject, problems = _subject_of(envelope, kind)
    data = envelope.data
    if subject is not None and kind.names_subject_in_data:
        data = {**data, kind.subject.value: subject}
    try:
        parsed = kind.model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        problems.extend(problems_of(error, "data"))
        raise CommandInvalid(problems, origin=envelope.origin) from None
    if problems:
        raise CommandInvalid(problems, origin=envelope.origin)
    if subject != envelope.subject:
        envelope = envelope.model_copy(update={"subject": subject})
    return Command(envelope=envelope, kind=kind, data=parsed)


def _subject_of(envelope: Envelope, kind: CommandType) -> tuple[str | None, list[Problem]]:
    """What the command is for, and what is wrong with how it says so."""
    if kind.subject is Subject.FLEET:
        return envelope.subject, []
    in_data = envelope.data.get(kind.subject.value) if kind.names_subject_in_data else None
    subject = envelope.subject or (in_data if isinstance(in_data, str) else None)
    if subject is None:
        return None, [Problem(path="subject", problem="is required for this command")]
    if in_data is not None and in_data != subject:
        return subject, [Problem(path=f"data.{kind.subject.value}", problem="must be the same as the subject")]
    if not _PATTERNS[kind.subject].fullmatch(subject):
        return subject, [Problem(path="subject", problem="must be 1 to 64 of A-Z a-z 0-9 _ -")]
    if kind.subject is Subject.SESSION and subject.lower() in RESERVED_SESSION_IDS:
        return subject, [Problem(path="subject", problem="is a name that no session can have")]
    return subject, []
