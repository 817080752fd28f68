"""What the consumers ask of others (publisher, ledger of commands, connection manager). `app` injects them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from gateway_worker.broker.headers import HeaderValue
from gateway_worker.broker.outgoing import Outgoing
from gateway_worker.store.operations.commands import Recorded
from gateway_worker.store.records import Json
from schemas.commands.account import DescribePrivacy, DescribeProfile, RejectCall, SetPrivacy, SetProfile
from schemas.commands.chats import ClearChat, DeleteChat, DeleteMessage, StarMessage, UpdateChat
from schemas.commands.commands import Command, CommandKey
from schemas.commands.contacts import BlockContact, GetPicture, RemoveContact, SaveContact, UnblockContact
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
from schemas.commands.labels import CreateLabel, DeleteLabel, LabelChat, LabelMessage, UpdateLabel
from schemas.commands.messages import (
    CheckContacts,
    FetchMedia,
    MarkRead,
    OutgoingCommand,
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
from schemas.content.labels import Label
from schemas.envelope import Envelope
from schemas.errors import GatewayError
from schemas.model import Model
from schemas.names import MessageId, SessionId, WorkerId
from schemas.results import (
    ContactPicture,
    ContactsChecked,
    EventsReplayed,
    WorkerDescription,
)

Query = Callable[[Command[Any]], Awaitable[Model]]
"""Answers one kind of command with its result. May raise gateway errors."""

Accepted = Callable[[MessageId], Awaitable[None]]
"""Called once a message is durable."""


class Publisher(Protocol):
    """The way out. Every call waits for the broker and returns when it has confirmed."""

    async def publish_event(self, envelope: Envelope) -> None:
        """Tell everyone who listens."""
        ...

    async def reply(
        self, reply_to: str, correlation_id: str | None, envelope: Envelope, *, is_due: Callable[[], bool]
    ) -> None:
        """Tell the one who asked. A queue that is gone is no error; nor is a lost connection, once it is not due."""
        ...

    async def forward(self, queue: str, message: Outgoing) -> None:
        """Move a command to another queue. Raises Unroutable, PublishRefused."""
        ...

    async def dead_letter(self, message: Outgoing, headers: Mapping[str, HeaderValue]) -> None:
        """Put a command into the dead queue."""
        ...


class CommandLedger(Protocol):
    """The commands seen, and their answers, for 7 days."""

    async def record(self, key: CommandKey, body_hash: bytes, command_type: str) -> Recorded:
        """Remember a command before its effect, or say what is known of it."""
        ...

    async def finish(self, key: CommandKey, reply: Json | None) -> None:
        """Remember its answer."""
        ...


class ChatStates(Protocol):
    """What the owner of a session's account does with chats and contacts. Every call may raise gateway errors."""

    async def update(self, command: Command[UpdateChat]) -> None:
        """Archive, pin, mute one, or mark it as unread, or the reverse."""
        ...

    async def clear(self, command: Command[ClearChat]) -> None:
        """Delete its messages for this account."""
        ...

    async def delete(self, command: Command[DeleteChat]) -> None:
        """Delete it for this account."""
        ...

    async def star_message(self, command: Command[StarMessage]) -> None:
        """Star a message, or no longer."""
        ...

    async def delete_message(self, command: Command[DeleteMessage]) -> None:
        """Delete a message for this account."""
        ...

    async def save_contact(self, command: Command[SaveContact]) -> None:
        """Save a person in the address book."""
        ...

    async def remove_contact(self, command: Command[RemoveContact]) -> None:
        """Take a person from the address book."""
        ...


class Labels(Protocol):
    """The labels of a session's account. Every call may raise gateway errors."""

    async def create(self, command: Command[CreateLabel]) -> Label:
        """Make one."""
        ...

    async def update(self, command: Command[UpdateLabel]) -> None:
        """Change one."""
        ...

    async def delete(self, command: Command[DeleteLabel]) -> None:
        """Have one no more."""
        ...

    async def label_chat(self, command: Command[LabelChat]) -> None:
        """Put one on a chat, or take it off."""
        ...

    async def label_message(self, command: Command[LabelMessage]) -> None:
        """Put one on a message, or take it off."""
        ...


class OwnAccount(Protocol):
    """What a session's account sets about itself and others. Every call may raise gateway errors."""

    async def describe_profile(self, command: Command[DescribeProfile], /) -> ProfileDescription:
        """How it shows itself."""
        ...

    async def set_profile(self, command: Command[SetProfile]) -> None:
        """Change how it shows itself."""
        ...

    async def set_group_picture(self, command: Command[SetGroupPicture]) -> None:
        """Give a group another picture, or none."""
        ...

    async def describe_privacy(self, command: Command[DescribePrivacy], /) -> PrivacySettings:
        """Who sees what of it."""
        ...

    async def set_privacy(self, command: Command[SetPrivacy]) -> None:
        """Change who sees what of it."""
        ...

    async def reject_call(self, command: Command[RejectCall]) -> None:
        """Decline a call."""
        ...

    async def block(self, command: Command[BlockContact]) -> None:
        """Block a person."""
        ...

    async def unblock(self, command: Command[UnblockContact]) -> None:
        """Block a person no longer."""
        ...


class Groups(Protocol):
    """The groups of a session that lives in this worker. Every call may raise gateway errors."""

    async def create(self, command: Command[CreateGroup]) -> GroupCreated:
        """Make a group."""
        ...

    async def describe(self, command: Command[DescribeGroup]) -> GroupDescription:
        """What WhatsApp says of one."""
        ...

    async def list(self, command: Command[ListGroups]) -> GroupPage:
        """Those that the account is in, page by page."""
        ...

    async def change_participants(self, command: Command[ChangeParticipants]) -> ParticipantsChanged:
        """Add, remove, promote, demote."""
        ...

    async def requests(self, command: Command[GroupRequests]) -> GroupRequestsAnswered:
        """Who asks to come in; or lets people in, or turns them down."""
        ...

    async def update(self, command: Command[UpdateGroup]) -> None:
        """Change subject, description, settings."""
        ...

    async def invite(self, command: Command[InviteToGroup]) -> GroupInvite:
        """Its link."""
        ...

    async def join(self, command: Command[JoinGroup]) -> GroupJoined:
        """Come in by a link."""
        ...

    async def leave(self, command: Command[LeaveGroup]) -> None:
        """Leave one."""
        ...


class Session(Protocol):
    """A session that lives in this worker."""

    @property
    def groups(self) -> Groups:
        """Its groups."""
        ...

    @property
    def chat_states(self) -> ChatStates:
        """What its owner does with its chats."""
        ...

    @property
    def labels(self) -> Labels:
        """Its labels."""
        ...

    @property
    def own_account(self) -> OwnAccount:
        """What its account sets about itself and others."""
        ...

    async def send(self, command: Command[OutgoingCommand], accepted: Accepted) -> None:
        """Send a message; the order of calls is the order within a chat. Returns when it is settled."""
        ...

    async def use_passkey(self, command: Command[UsePasskey]) -> None:
        """Hand the person's assertion to WhatsApp."""
        ...

    async def confirm_passkey(self, command: Command[ConfirmPasskey]) -> None:
        """Say whether the phone shows our code."""
        ...

    async def mark_read(self, command: Command[MarkRead]) -> None:
        """Mark incoming messages read."""
        ...

    async def fetch_media(self, command: Command[FetchMedia]) -> None:
        """Have a message's media fetched into the bucket."""
        ...

    async def set_presence(self, command: Command[SetPresence]) -> None:
        """Show a chat what we do."""
        ...

    async def set_disappearing(self, command: Command[SetDisappearing]) -> None:
        """Set the timer of a chat."""
        ...

    async def check_contacts(self, command: Command[CheckContacts]) -> ContactsChecked:
        """Which numbers are on WhatsApp."""
        ...

    async def get_picture(self, command: Command[GetPicture]) -> ContactPicture:
        """Where somebody's picture is."""
        ...


class Queries(Protocol):
    """What can be asked of every session, whoever owns it."""

    def table(self) -> Mapping[str, Query]:
        """The query of each type of command."""
        ...

    async def knows(self, session_id: SessionId) -> bool:
        """Whether there is such a session, wherever it lives, and it is not being deleted."""
        ...


class Manager(Protocol):
    """The connection manager. Every call may raise gateway errors."""

    @property
    def queries(self) -> Queries:
        """What can be asked."""
        ...

    def of(self, session_id: SessionId) -> Session:
        """The session, if it lives here; `SessionNotFound` otherwise."""
        ...

    async def create(self, command: Command[CreateSession]) -> None:
        """Make it, or connect it. Returns when commands for it may be published."""
        ...

    async def owner(self, session_id: SessionId) -> WorkerId | None:
        """Which worker has it, None for nobody; `SessionNotFound` where there is no such session."""
        ...

    async def restart(self, command: Command[RestartSession]) -> None:
        """Wish for a new connection."""
        ...

    async def logout(self, command: Command[LogoutSession]) -> None:
        """Wish to be unlinked."""
        ...

    async def migrate(self, command: Command[MigrateSession]) -> None:
        """Wish for another worker."""
        ...

    async def delete(self, command: Command[DeleteSession]) -> None:
        """Wish to be gone."""
        ...

    async def fleet_is_full(self) -> bool:
        """Whether no worker has a free slot at this moment."""
        ...

    async def fail(self, command: Command[OutgoingCommand], error: GatewayError) -> bool:
        """It will not be sent. If it was accepted earlier, fail it (or leave what is settled) and answer True."""
        ...


class ThisWorker(Protocol):
    """The worker that consumes."""

    def describe(self) -> WorkerDescription:
        """What it holds at this moment."""
        ...

    async def drain(self) -> None:
        """Take no more sessions, and hand over those it has. Returns when that is known to the fleet."""
        ...


Replay = Callable[[SessionId, ReplayEvents], Awaitable[EventsReplayed]]
"""Publishes stored events of a session again. May raise gateway errors."""


class CommandObserver(Protocol):
    """Told of what was settled, synchronously; must not block or raise."""

    def command_settled(self, command_type: str, outcome: str, seconds: float) -> None:
        """A delivery got its outcome (``accepted``, ``result``, ``forwarded``, or an error's code)."""
        ...


class UnobservedCommands:
    """An `CommandObserver` that looks away."""

    def command_settled(self, command_type: str, outcome: str, seconds: float) -> None: ...  # noqa: D102 (see CommandObserver)
