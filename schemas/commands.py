"""The commands: the data of each as a model, the registry of those we take now, and how a body becomes a `Command`.

Models are as strict as the contract (section 3) says. A control command may name its session in `data` too
(``sessionId``, worker commands ``workerId``): it must agree with the envelope's `subject`, and fills it in where that
is missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from schemas.addresses import Address, Jid, Person, Phone, jid_of
from schemas.content import OutgoingContent
from schemas.envelope import Envelope
from schemas.errors import CommandInvalid, Problem
from schemas.model import (
    Attribute,
    Many,
    MessageIdField,
    Model,
    SessionIdField,
    StrictModel,
    UserIdField,
    WorkerIdField,
)
from schemas.names import SESSION_ID_PATTERN, WORKER_ID_PATTERN, CommandId, SessionId
from schemas.problems import problem_at, problems_of
from schemas.results import (
    ContactsChecked,
    MessageDescription,
    SessionDescription,
    SessionPage,
    SessionQr,
    WorkerDescription,
)
from schemas.session_settings import Pairing, SessionLimits, SessionOptions

MAX_MENTIONS: Final = 1024
MAX_PHONES: Final = 50
MAX_MESSAGE_IDS: Final = 256
MAX_PAGE: Final = 500


def _null_is_absent(value: object) -> object:
    return {} if value is None else value


def _null_is_empty(value: object) -> object:
    return () if value is None else value


def _named_by_subject(schema: dict[str, Any]) -> None:
    """On the wire the session (or worker) is named by the envelope; naming it again in `data` is optional."""
    required = [name for name in schema.get("required", []) if name not in {"sessionId", "workerId"}]
    schema.pop("required", None)
    if required:
        schema["required"] = required


def _named_by_subject_and_id(schema: dict[str, Any]) -> None:
    _named_by_subject(schema)
    schema["oneOf"] = [{"required": ["messageId"]}, {"required": ["commandId"]}]


class CreateSession(StrictModel):
    """``session.create.v1``: make a session, or connect the one that exists."""

    session_id: SessionIdField
    user_id: UserIdField
    pairing: Pairing
    options: Annotated[SessionOptions, BeforeValidator(_null_is_absent)] = Field(default_factory=SessionOptions)
    limits: Annotated[SessionLimits, BeforeValidator(_null_is_absent)] = Field(default_factory=SessionLimits)


class SessionCommand(StrictModel):
    """Data of a control command to one session. Abstract."""

    model_config = ConfigDict(json_schema_extra=_named_by_subject)

    session_id: SessionIdField


class DescribeSession(SessionCommand):
    """``session.describe.v1``: what the session is and how it fares."""


class GetQr(SessionCommand):
    """``session.qr.v1``: the live QR."""


class RestartSession(SessionCommand):
    """``session.restart.v1``: close the connection and open it again, credentials kept."""


class LogoutSession(SessionCommand):
    """``session.logout.v1``: unlink at WhatsApp, destroy the credentials, keep the record."""


class DeleteSession(SessionCommand):
    """``session.delete.v1``: log out, then remove the session; with `purge` its messages and media too."""

    purge: bool = False


class ListSessions(StrictModel):
    """``session.list.v1``: the sessions in the order of their ids, after `cursor`, at most `limit` of them."""

    cursor: SessionIdField | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    user_id: UserIdField | None = None


class QuoteRequest(StrictModel):
    """The stored message a new one replies to."""

    message_id: MessageIdField


class SendMessage(StrictModel):
    """``message.send.v1``: send `content` to a person or a group. `mentions` are people, by number or JID."""

    to: Annotated[Address, Field(repr=False)]
    content: OutgoingContent
    quote: QuoteRequest | None = None
    mentions: Annotated[Many[Person], Field(max_length=MAX_MENTIONS, repr=False), BeforeValidator(_null_is_empty)] = ()
    view_once: bool = False

    @field_validator("view_once")
    @classmethod
    def _only_media_can_be_viewed_once(cls, view_once: bool, fields: ValidationInfo) -> bool:  # noqa: FBT001 (pydantic's signature)
        if view_once and "content" in fields.data and fields.data["content"].kind == "text":
            raise ValueError("is for images, videos and voice messages, not for text")
        return view_once

    @property
    def recipient(self) -> Jid:
        """`to` as a JID."""
        return jid_of(self.to)

    @property
    def mentioned(self) -> tuple[Jid, ...]:
        """`mentions` as JIDs."""
        return tuple(jid_of(person) for person in self.mentions)


class MarkRead(StrictModel):
    """``message.read.v1``: mark incoming messages of a chat as read."""

    chat: Annotated[Address, Field(repr=False)]
    message_ids: Annotated[Many[MessageIdField], Field(min_length=1, max_length=MAX_MESSAGE_IDS)]


class SetPresence(StrictModel):
    """``chat.presence.v1``: what a chat sees of us; `available` and `unavailable` are seen by everyone."""

    to: Annotated[Address, Field(repr=False)]
    state: Literal["typing", "recording", "paused", "available", "unavailable"]


class CheckContacts(StrictModel):
    """``contact.check.v1``: which of these numbers are on WhatsApp."""

    phones: Annotated[Many[Phone], Field(min_length=1, max_length=MAX_PHONES, repr=False)]


class DescribeMessage(SessionCommand):
    """``message.describe.v1``: one message's ledger, by WhatsApp's id or by the id of the command that sent it.

    `source` is the source of that command; without it, the source of this one.
    """

    model_config = ConfigDict(json_schema_extra=_named_by_subject_and_id)

    message_id: MessageIdField | None = None
    command_id: Attribute | None = None
    source: Attribute | None = None

    @model_validator(mode="after")
    def _one_id(self) -> "DescribeMessage":
        if (self.message_id is None) == (self.command_id is None):
            raise problem_at("messageId", "must be given, or commandId, but not both")
        return self


class DescribeWorker(StrictModel):
    """``worker.describe.v1``: what the worker holds."""

    model_config = ConfigDict(json_schema_extra=_named_by_subject)

    worker_id: WorkerIdField


class Door(StrEnum):
    """Where a command enters (contract, section 1)."""

    SESSIONS = "sessions"  # the fleet's door: workers with a free slot
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
    door: Door
    klass: CommandClass
    model: DataModel
    subject: Subject = Subject.SESSION
    result: ResultModel | None = None

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
    return CommandType(type=type_, door=Door.CONTROL, klass=klass, model=model, result=result)


def _session(type_: str, klass: CommandClass, model: DataModel, result: ResultModel | None = None) -> CommandType:
    return CommandType(type=type_, door=Door.SESSION, klass=klass, model=model, result=result)


_TYPES: Final = (
    CommandType(type="session.create.v1", door=Door.SESSIONS, klass=CommandClass.I, model=CreateSession),
    _control("session.describe.v1", DescribeSession, SessionDescription),
    CommandType(
        type="session.list.v1",
        door=Door.CONTROL,
        klass=CommandClass.Q,
        model=ListSessions,
        subject=Subject.FLEET,
        result=SessionPage,
    ),
    _control("session.qr.v1", GetQr, SessionQr),
    _control("session.restart.v1", RestartSession),
    _control("session.logout.v1", LogoutSession),
    _control("session.delete.v1", DeleteSession),
    _control("message.describe.v1", DescribeMessage, MessageDescription),
    _session("message.send.v1", CommandClass.M, SendMessage),
    _session("message.read.v1", CommandClass.I, MarkRead),
    _session("chat.presence.v1", CommandClass.I, SetPresence),
    _session("contact.check.v1", CommandClass.Q, CheckContacts, ContactsChecked),
    CommandType(
        type="worker.describe.v1",
        door=Door.WORKER,
        klass=CommandClass.Q,
        model=DescribeWorker,
        subject=Subject.WORKER,
        result=WorkerDescription,
    ),
)

COMMANDS: Final[Mapping[str, CommandType]] = {kind.type: kind for kind in _TYPES}
"""The commands we take now, by type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandKey:
    """A command's idempotency key."""

    source: str
    id: str


Data_co = TypeVar("Data_co", bound=StrictModel, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[Data_co]):
    """A command that may be carried out: its envelope, its kind and its data."""

    envelope: Envelope
    kind: CommandType
    data: Data_co

    @property
    def id(self) -> CommandId:
        """The envelope's id; with `source` it is the key."""
        return CommandId(self.envelope.id)

    @property
    def key(self) -> CommandKey:
        """The idempotency key."""
        return CommandKey(source=self.envelope.source, id=self.envelope.id)

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
    return subject, []
