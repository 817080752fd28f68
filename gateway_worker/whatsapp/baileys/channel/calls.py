"""What Python asks of the bridge: each call's arguments and answer. Pure.

The one source of both sides' types: `bridge/channel/calls.ts` is written from it (`deploy/tools/bridge_types.py`).
Times in milliseconds, but for those of the health.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

from typing_extensions import TypedDict

from gateway_worker.whatsapp.baileys.channel.facts import Group, JoinRequest, StateChange
from gateway_worker.whatsapp.baileys.channel.messages import Attachment, Timer

A = TypeVar("A")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Method(Generic[A, V]):
    """A call with arguments `A`, answered with a `V`; some carry blobs beside both."""

    name: str


class Settings(TypedDict):
    """Of all connections that are opened from now on; None leaves what Baileys has."""

    url: str | None
    root_key: str | None
    media_certificate: str | None
    version: tuple[int, int, int] | None
    ack_deadline: float
    store_deadline: float
    qr_timeout: float | None
    passkey_answer_timeout: float
    passkey_handoff_lifetime: float
    keep_alive: float


class Health(TypedDict):
    """How a bridge is. The lag is the longest since it was asked last; both times in seconds."""

    rss: int
    heap_mb: int
    cpu_seconds: float
    event_loop_lag: float
    connections: int
    unhandled_rejections: int


class OpenArguments(TypedDict):
    """A connection of one session; its credentials, where it is paired, are the blob.

    `careful`: the process that held the session's last connection died: what waited is counted before it is handled.
    """

    paired: bool
    pair_with: str | None
    mark_online: bool
    read_receipts: bool
    reject_calls: bool
    history: str
    proxy: str | None
    careful: bool


class OriginalMessage(TypedDict):
    """The stored message that another quotes, or is about; its plaintext is the blob."""

    message_id: str
    sender: str
    from_me: bool
    edited: str | None


class SendArguments(TypedDict):
    """A message. `content` by its `kind`; `timer` None: as the chat's messages do, as far as is known here."""

    message_id: str
    to: str
    content: Any
    original: OriginalMessage | None
    mentions: Sequence[str]
    mentions_all: bool
    flags: dict[str, bool]
    timer: Timer | None


class Acknowledgement(TypedDict):
    """WhatsApp's server has a message: its clock, Unix seconds, and milliseconds since the message was encrypted."""

    timestamp: float
    wire_ms: float


class UploadArguments(TypedDict):
    """A file; `patience`: the host may be silent for so long."""

    path: str
    file_class: Literal["image", "video", "audio", "document", "sticker"]
    patience: int


class FileReference(TypedDict):
    """Where a file lies at WhatsApp. Binary in base64: it is small, and travels beside much else."""

    url: str
    direct_path: str
    media_key: str
    sha256: str
    encrypted_sha256: str
    size: int
    timestamp: int


class FileRequest(TypedDict):
    """A message whose file its phone is to put at WhatsApp again; the key in hexadecimal."""

    message_id: str
    chat: str
    participant: str | None
    from_me: bool
    media_key: str


class MessageReference(TypedDict):
    """A message in a receipt."""

    message_id: str
    chat: str
    participant: str | None


class PresenceArguments(TypedDict):
    """What another is to see of us."""

    to: str
    state: Literal["available", "unavailable", "typing", "recording", "paused"]


class Contact(TypedDict):
    """What WhatsApp says of a number."""

    phone: str
    exists: bool
    jid: str | None
    lid: str | None


class PictureArguments(TypedDict):
    """Whose picture, and in which size."""

    jid: str
    preview: bool


class Picture(TypedDict):
    """A picture, or why there is none."""

    state: Literal["shown", "none", "hidden"]
    id: str | None
    url: str | None


class Profile(TypedDict):
    """How the account shows itself; `about` is empty where there is none."""

    jid: str
    lid: str | None
    phone: str | None
    push_name: str | None
    about: str
    picture: Picture


class PrivacySetting(TypedDict):
    """Who sees something of the account: both in the contract's words, the name as Python writes it."""

    name: str
    value: str


class CallReference(TypedDict):
    """A call, and how WhatsApp names in it who calls."""

    call_id: str
    creator: str


class BlockArguments(TypedDict):
    """A person that is to be blocked, or no longer."""

    jid: str
    on: bool


class Proof(TypedDict):
    """What a passkey signed: the credential as JSON, and its id in base64url."""

    assertion: str
    credential_id: str


class GroupReference(TypedDict):
    """A group."""

    group_id: str


class NewGroupArguments(TypedDict):
    """A group that is to be made."""

    subject: str
    people: Sequence[str]


class PeopleArguments(TypedDict):
    """What is to be done with people of a group, or who want to be."""

    group_id: str
    action: Literal["add", "remove", "promote", "demote", "approve", "reject"]
    people: Sequence[str]


class TextArguments(TypedDict):
    """A group's subject, or its description."""

    group_id: str
    text: str


class SettingArguments(TypedDict):
    """Who may write, or change it."""

    group_id: str
    setting: Literal["announcement", "not_announcement", "locked", "unlocked"]


class SecondsArguments(TypedDict):
    """After how long a group's messages disappear; 0: they stay."""

    group_id: str
    seconds: int


class SwitchArguments(TypedDict):
    """Whether something holds in a group."""

    group_id: str
    on: bool


class InviteArguments(TypedDict):
    """The code of a group's link, or a new one."""

    group_id: str
    revoke: bool


class JoinArguments(TypedDict):
    """A code of a group's link."""

    code: str


class MemberOutcome(TypedDict):
    """What became of one person; `code` is WhatsApp's."""

    asked: str
    jid: str | None
    code: str


class NewGroup(TypedDict):
    """A group that was made."""

    group_id: str
    members: Sequence[MemberOutcome]


class Joining(TypedDict):
    """A group that was joined, or waits for its admins."""

    group_id: str
    pending: bool


CONFIGURE: Final[Method[Settings, None]] = Method("configure")
DESCRIBE: Final[Method[None, Health]] = Method("describe")
OPEN: Final[Method[OpenArguments, None]] = Method("open")
SEND: Final[Method[SendArguments, Acknowledgement]] = Method("send")
UPLOAD: Final[Method[UploadArguments, FileReference]] = Method("upload")
HOLDS: Final[Method[str, bool]] = Method("holds")
ASK_FOR_FILE: Final[Method[FileRequest, str]] = Method("ask_for_file")
FILE_IN: Final[Method[None, Attachment | None]] = Method("file_in")
MARK_READ: Final[Method[Sequence[MessageReference], None]] = Method("mark_read")
PRESENCE: Final[Method[PresenceArguments, None]] = Method("presence")
CHECK: Final[Method[Sequence[str], Sequence[Contact]]] = Method("check")
PICTURE: Final[Method[PictureArguments, Picture]] = Method("picture")
SUBSCRIBE: Final[Method[str, None]] = Method("subscribe")
PROVE: Final[Method[Proof, None]] = Method("prove")
CONFIRM_CODE: Final[Method[bool, None]] = Method("confirm_code")
CHANGE_STATE: Final[Method[Sequence[StateChange], None]] = Method("change_state")
PROFILE: Final[Method[None, Profile]] = Method("profile")
SET_ABOUT: Final[Method[str, None]] = Method("set_about")
SET_PICTURE: Final[Method[str | None, None]] = Method("set_picture")
PRIVACY: Final[Method[None, Sequence[PrivacySetting]]] = Method("privacy")
SET_PRIVACY: Final[Method[PrivacySetting, None]] = Method("set_privacy")
REJECT_CALL: Final[Method[CallReference, None]] = Method("reject_call")
BLOCK: Final[Method[BlockArguments, None]] = Method("block")
LOGOUT: Final[Method[None, None]] = Method("logout")
CLOSE: Final[Method[None, None]] = Method("close")
GROUP_CREATE: Final[Method[NewGroupArguments, NewGroup]] = Method("group_create")
GROUP_DESCRIBE: Final[Method[GroupReference, Group]] = Method("group_describe")
GROUP_LIST: Final[Method[None, Sequence[Group]]] = Method("group_list")
GROUP_PEOPLE: Final[Method[PeopleArguments, Sequence[MemberOutcome]]] = Method("group_people")
GROUP_SUBJECT: Final[Method[TextArguments, None]] = Method("group_subject")
GROUP_DESCRIPTION: Final[Method[TextArguments, None]] = Method("group_description")
GROUP_SETTING: Final[Method[SettingArguments, None]] = Method("group_setting")
GROUP_DISAPPEARING: Final[Method[SecondsArguments, None]] = Method("group_disappearing")
GROUP_JOIN_APPROVAL: Final[Method[SwitchArguments, None]] = Method("group_join_approval")
GROUP_MEMBERS_ADD: Final[Method[SwitchArguments, None]] = Method("group_members_add")
GROUP_REQUESTS: Final[Method[GroupReference, Sequence[JoinRequest]]] = Method("group_requests")
GROUP_ANSWER: Final[Method[PeopleArguments, Sequence[MemberOutcome]]] = Method("group_answer")
GROUP_INVITE: Final[Method[InviteArguments, str]] = Method("group_invite")
GROUP_JOIN: Final[Method[JoinArguments, Joining]] = Method("group_join")
GROUP_LEAVE: Final[Method[GroupReference, None]] = Method("group_leave")
