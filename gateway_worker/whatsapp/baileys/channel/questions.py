"""What the bridge asks and has stored: each question's arguments and answer, written for it as `Questions`. Pure.

As `calls.py`, the other way round. Blobs travel beside both: keys, credentials, plaintexts.
"""

from typing import Annotated, Final, Literal, NotRequired

from typing_extensions import TypedDict

from gateway_worker.whatsapp.baileys.channel.calls import Method
from gateway_worker.whatsapp.baileys.channel.decoding import UNCHECKED
from gateway_worker.whatsapp.baileys.channel.facts import ChatTimer, ContactReport, Fact, MadeChange
from gateway_worker.whatsapp.baileys.channel.messages import EntryKey, Message


class EntryArguments(TypedDict):
    """A decrypted part; its plaintext is a blob. None: no backend sees it."""

    key: EntryKey
    message: Annotated[Message | None, UNCHECKED]
    unprocessed: NotRequired[bool]
    opened: NotRequired[bool]


class StateArguments(TypedDict):
    """What the app state says that is new, in order. `from_before`: it was so before this device was linked."""

    changes: list[MadeChange]
    from_before: bool


class CommitArguments(TypedDict):
    """What must become durable together; the blobs in the order credentials, keys, entries, sent.

    `keys`: kind, id, and whether it is set or removed. Keys are read one by one, and so is each message.
    """

    credentials: bool
    keys: Annotated[list[tuple[str, str, bool]], UNCHECKED]
    entries: list[EntryArguments]
    sent: list[str]
    processed: list[str]
    finished: NotRequired[list[str]]
    state: NotRequired[list[StateArguments]]


class HistoricEntryArguments(EntryArguments):
    """A message of the history; `order` tells it from others of the same second."""

    status: str | None
    order: int


class HistoryProgress(TypedDict):
    """A part of the history is complete."""

    progress: int
    chats: int
    contacts: int
    messages: int
    is_last: bool


class HistoryArguments(TypedDict):
    """A slice of the history; a blob for each entry."""

    entries: list[HistoricEntryArguments]
    contacts: list[ContactReport]
    timers: NotRequired[list[ChatTimer]]
    part: HistoryProgress | None
    processed: list[str]


class KeysArguments(TypedDict):
    """Keys of one kind."""

    kind: str
    ids: list[str]


class FoundKeys(TypedDict):
    """Those that are stored, a blob for each; the rest is to be asked for again."""

    found: list[str]
    rest: list[str]


class SentArguments(TypedDict):
    """A message of ours, of that chat where somebody there asks for it."""

    message_id: str
    chat: str | None


class SentMessage(TypedDict):
    """It is the blob; `edited`: what its text is now."""

    edited: str | None


class OriginalsArguments(TypedDict):
    """The messages of a chat under an id, of that author first."""

    message_id: str
    chat: str
    author: str | None


class StoredOriginal(TypedDict):
    """One of them, its plaintext a blob: all JIDs that are known of who wrote it, and a poll's options as they are."""

    authors: list[str]
    from_me: bool
    options: list[str]


class FileArguments(TypedDict):
    """Where a part of the history, or of the app state, lies; binary in hexadecimal."""

    key_class: Literal["history", "app_state"]
    direct_path: str
    media_key: str
    sha256: str | None
    encrypted_sha256: str | None
    size: int | None


NOTIFY: Final[Method[Fact, None]] = Method("notify")
COMMIT: Final[Method[CommitArguments, None]] = Method("commit")
HISTORY: Final[Method[HistoryArguments, None]] = Method("history")
LOAD_KEYS: Final[Method[KeysArguments, FoundKeys]] = Method("load_keys")
LOAD_ENTRY: Final[Method[EntryKey, bool]] = Method("load_entry")
BEGIN: Final[Method[str, bool]] = Method("begin")
LOAD_UNPROCESSED: Final[Method[None, list[EntryKey]]] = Method("load_unprocessed")
LOAD_SENT: Final[Method[SentArguments, SentMessage | None]] = Method("load_sent")
LOAD_ORIGINALS: Final[Method[OriginalsArguments, list[StoredOriginal]]] = Method("load_originals")
FETCH_FILE: Final[Method[FileArguments, bool]] = Method("fetch_file")
