"""The port to WhatsApp: what we ask of an engine, and what it asks of us. Pure types, no I/O.

An *engine* (`gateway_worker.whatsapp.baileys`) opens *connections*. A connection has no policy and no state: it does
not retry, reconnect or store. Everything durable it needs it asks of its *owner* (`gateway_worker.connections`), which
answers from PostgreSQL. What they say to each other lies beside this file: `errors`, `facts`, `incoming`, `outgoing`,
`past`, `people`, `groups`, `files`, `account`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from gateway_worker.whatsapp.account import OwnAccount
from gateway_worker.whatsapp.app_state import StateChange, StateChanges
from gateway_worker.whatsapp.facts import Fact
from gateway_worker.whatsapp.files import FileClass, FileReference
from gateway_worker.whatsapp.groups import Groups
from gateway_worker.whatsapp.incoming import Entry, EntryKey, StoredEntry, StoredOriginal
from gateway_worker.whatsapp.outgoing import Acknowledged, MessageRef, OutgoingMessage, SentMessage
from gateway_worker.whatsapp.past import HistoryPart
from gateway_worker.whatsapp.people import ContactCheck, Picture, PresenceState
from gateway_worker.whatsapp.remote_files import FileRequest, RemoteFile
from schemas.content.content import Media
from schemas.names import SessionId

KeyId = tuple[str, str]  # (kind, id), e.g. ("session", "1234_1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What must become durable in one transaction before the engine goes on (before wire, before receipt).

    Attributes:
        credentials: the whole credentials blob, when it changed; never of a device that is not paired.
        keys: Signal and app-state keys; None removes. Values are opaque bytes.
        entries: decrypted parts of incoming messages.
        sent: message id → serialised WAProto `Message` of an outgoing message, for later resends and quotes; once for
            each time it was encrypted to be sent.
        processed: ids of messages that the engine has acted on, whose entries were stored as unprocessed.
        finished: names of stanzas that `Owner.begin` was asked about, and that are handled.
        state: what the app state says that is new, with the versions and MACs among the keys.
    """

    credentials: bytes | None = None
    keys: Mapping[KeyId, bytes | None] = field(default_factory=dict[KeyId, bytes | None])
    entries: Sequence[Entry] = ()
    sent: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    processed: Sequence[str] = ()
    finished: Sequence[str] = ()
    state: Sequence[StateChanges] = ()


class Owner(Protocol):
    """What a connection tells and asks the one who opened it. Calls for one connection may overlap, except `notify`."""

    async def notify(self, fact: Fact) -> None:
        """A fact, in order, one at a time. Returns when it is stored (or has been acted on)."""
        ...

    async def load_keys(self, kind: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        """Stored keys; ids that are not stored are missing from the answer."""
        ...

    async def load_entry(self, key: EntryKey) -> bytes | None:
        """The plaintext of an `Entry` stored earlier (a redelivered stanza must not touch the ratchet again)."""
        ...

    async def begin(self, name: str) -> bool:
        """A stanza is about to be handled that waited while we were away; asked where `OpenRequest.careful`.

        Answers False when it must not be touched: processes ended whenever it was handled. `name` is the same each
        time it comes, at most 128 characters of visible ASCII.
        """
        ...

    async def load_unprocessed(self) -> Sequence[StoredEntry]:
        """What an earlier connection confirmed and did not live to act on, oldest first; asked after each login."""
        ...

    async def load_sent(self, message_id: str, *, chat: str | None) -> SentMessage | None:
        """A message of ours, to be sent again to who could not read it; None also for what was deleted since.

        `chat` (a JID) is where it is asked for by others: what belongs to another chat is not there for them.
        """
        ...

    async def load_originals(self, message_id: str, *, chat: str, author: str | None) -> Sequence[StoredOriginal]:
        """The messages of a chat under an id, a few at most; of `author` first (as in `ReceivedChange`)."""
        ...

    async def commit(self, changes: Changes) -> None:
        """Make `changes` durable, atomically, under the owner's epoch. Raises when refused: the engine then closes."""
        ...

    async def store_history(self, part: HistoryPart) -> None:
        """Make a slice of the history durable, as `commit` does. It may come again after a crash."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """How to open a connection.

    Attributes:
        session_id: the session it belongs to.
        credentials: the stored blob, None for a device that is not paired.
        pair_with: digits of the phone to pair with by code; None pairs by QR. Ignored when credentials are paired.
        mark_online: appear online to contacts.
        read_receipts: tell senders that messages were read on `mark_read`.
        reject_calls: decline incoming calls.
        history: ``"none"`` or ``"recent"``.
        proxy: ``http(s)://`` address, or None.
        careful: the process that held this session's last connection died: ask before handling what waited.
    """

    session_id: SessionId
    credentials: bytes | None
    pair_with: str | None = None
    mark_online: bool = False
    read_receipts: bool = True
    reject_calls: bool = False
    history: str = "none"
    proxy: str | None = None
    careful: bool = False


class Connection(Protocol):
    """One live socket of a session. Every call raises `NotConnected` once the connection is over."""

    @property
    def groups(self) -> Groups:
        """What is asked about groups."""
        ...

    @property
    def own(self) -> OwnAccount:
        """What is asked about the account itself."""
        ...

    async def send(self, message: OutgoingMessage) -> Acknowledged:
        """Send; returns when WhatsApp's server acknowledged it, never earlier.

        Raises:
            Refused, RecipientUnknown, NotConnected: nothing more will happen with this try.
            OutcomeUnknown: it may have left (no acknowledgement in 20 s, or the connection ended in between).
            StoreRefused: a key write was refused; nothing has left.
        """
        ...

    async def upload(self, path: Path, file_class: FileClass) -> FileReference:
        """Encrypt the file at `path` (beside it, under the same name with another ending) and upload it.

        Raises:
            UploadFailed, NotConnected: it is not there.
        """
        ...

    async def holds(self, reference: FileReference) -> bool:
        """Whether WhatsApp's media host still gives out what was uploaded there."""
        ...

    async def ask_for_file(self, request: FileRequest) -> str:
        """Have the file of a message put at WhatsApp again; answers its new path. A phone that is off never answers.

        Raises:
            NotOnPhone: nobody has it any more.
            NotConnected: the connection is over.
        """
        ...

    async def file_in(self, plaintext: bytes) -> tuple[RemoteFile, Media] | None:
        """The file of a serialised WAProto `Message` and what is said of it; None when there is none."""
        ...

    async def mark_read(self, messages: Sequence[MessageRef]) -> None:
        """Send read receipts."""
        ...

    async def send_presence(self, to: str, state: PresenceState) -> None:
        """Tell a chat (or, for available / unavailable, everyone) what we do."""
        ...

    async def check_contacts(self, phones: Sequence[str]) -> Sequence[ContactCheck]:
        """Which of these E.164 numbers are on WhatsApp."""
        ...

    async def get_picture(self, jid: str, *, preview: bool) -> Picture:
        """The picture of a person or a group. Raises RecipientUnknown, and Refused for what WhatsApp does not like."""
        ...

    async def subscribe_presence(self, jid: str) -> None:
        """Have `PresenceChanged` told of a person, as long as this connection lives."""
        ...

    async def prove(self, assertion: Mapping[str, Any]) -> None:
        """Hand over the person's passkey assertion; returns when WhatsApp has taken it.

        Raises:
            NotPairing: none was asked for, or one was handed over.
            Refused, PasskeyUnanswered: WhatsApp did not take it; the connection ends.
            NotConnected: the connection is over.
        """
        ...

    async def confirm_code(self, *, same: bool) -> None:
        """Say whether the phone shows the code of `PasskeyCode`. Raises as `prove`."""
        ...

    async def change_state(self, changes: Sequence[StateChange]) -> None:
        """Change the app state; returns when WhatsApp has it, and `Owner.commit` has stored it.

        Raises:
            StateUnreadable: the phone has not shared a key yet, or what is there does not fit.
            Refused, OutcomeUnknown, NotConnected: as `send`.
        """
        ...

    async def logout(self) -> None:
        """Unlink this device at WhatsApp; the connection ends with `Cause.LOGGED_OUT` or `REQUESTED`."""
        ...

    async def close(self) -> None:
        """Close the socket; `Disconnected(REQUESTED)` is told before this returns."""
        ...


class Engine(Protocol):
    """Opens connections. Runs as a service of the worker."""

    async def open(self, request: OpenRequest, owner: Owner) -> Connection:
        """Open a socket for a session; facts follow through `owner.notify`.

        Raises:
            EngineError: no process is available to hold it, or the session is already open here.
        """
        ...
