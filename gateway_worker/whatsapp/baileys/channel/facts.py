"""What the bridge says beside messages: facts, in order, and what WhatsApp answered. Pure.

As `messages.py`; times are Unix seconds, `expires_in` is seconds from now.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from gateway_worker.whatsapp.baileys.channel.decoding import UNCHECKED
from gateway_worker.whatsapp.baileys.channel.messages import Timer


class Person(TypedDict):
    """Somebody, in both addressings as far as they are known."""

    jid: str
    lid: str | None
    phone: str | None


class QrFact(TypedDict):
    """A QR to be scanned."""

    fact: Literal["qr"]
    text: str
    expires_in: float


class PairingCodeFact(TypedDict):
    """What is to be typed on the phone."""

    fact: Literal["pairing_code"]
    code: str
    expires_in: float


class PasskeyRequiredFact(TypedDict):
    """WhatsApp asks for a passkey; `options` is JSON, as WhatsApp wrote it."""

    fact: Literal["passkey_required"]
    options: str
    expires_in: float


class PasskeyConfirmFact(TypedDict):
    """A code is to be compared with the phone's."""

    fact: Literal["passkey_confirm"]
    code: str
    expires_in: float


class PairedFact(TypedDict):
    """The phone linked this device."""

    fact: Literal["paired"]
    jid: str
    lid: str | None


class ConnectedFact(TypedDict):
    """Logged in and ready."""

    fact: Literal["connected"]
    phone: str | None
    jid: str
    lid: str | None
    push_name: str | None


class NamedFact(TypedDict):
    """What the account calls itself is known, or another than before."""

    fact: Literal["named"]
    push_name: str


class DisconnectedFact(TypedDict):
    """The connection is over."""

    fact: Literal["disconnected"]
    cause: str
    code: int | None
    detail: str


class ReceiptFact(TypedDict):
    """A receipt for messages of ours; `participant` only in groups."""

    fact: Literal["receipt"]
    message_ids: list[str]
    chat: str
    kind: Literal["delivered", "read", "played", "read_elsewhere"]
    timestamp: int
    participant: str | None


class SendFailedFact(TypedDict):
    """WhatsApp's server refused a message after all."""

    fact: Literal["send_failed"]
    message_id: str
    code: str


class PeopleChange(TypedDict):
    """People of a group came, went, or are something else; each of them is read by itself."""

    kind: Literal["people"]
    action: str
    people: Annotated[list[Person], UNCHECKED]
    includes_me: bool
    subject: str | None
    previous: NotRequired[Person | None]
    method: NotRequired[str | None]


class SettingsChange(TypedDict):
    """A group is as these say now; what is missing is not said."""

    kind: Literal["changed"]
    subject: NotRequired[str]
    description: NotRequired[str]
    announcement: NotRequired[bool]
    locked: NotRequired[bool]
    join_approval: NotRequired[bool]
    members_add: NotRequired[bool]
    disappearing: NotRequired[int]
    picture: NotRequired[str]
    invite_code: NotRequired[str | None]
    whatsapp_type: NotRequired[str]


GroupChange = PeopleChange | SettingsChange


class GroupFact(TypedDict):
    """A notification about a group; `by` did it."""

    fact: Literal["group"]
    id: str
    group: str
    by: Person | None
    push_name: str | None
    timestamp: int
    changes: list[Annotated[GroupChange, Field(discriminator="kind")]]


class ChatTimer(TypedDict):
    """The timer of a chat."""

    chat: str
    timer: Timer


class TimersFact(TypedDict):
    """Timers that nobody has just set."""

    fact: Literal["timers"]
    timers: list[ChatTimer]


class NewChatsFact(TypedDict):
    """Messages of the account's new chats go after so many seconds."""

    fact: Literal["new_chats"]
    seconds: int


class ContactReport(Person):
    """What is said of a person: what is missing or None is not said, what is empty is gone."""

    push_name: NotRequired[str | None]
    saved_name: NotRequired[str | None]
    verified_name: NotRequired[str | None]
    about: NotRequired[str]
    picture: NotRequired[str]
    blocked: NotRequired[bool]
    timestamp: NotRequired[int | None]


class ContactsFact(TypedDict):
    """News of people; `from_before`: it was so before this device was linked."""

    fact: Literal["contacts"]
    contacts: list[ContactReport]
    from_before: bool


class ProfileFact(TypedDict):
    """The account has another status text or picture; what is missing is not said, what is empty is gone."""

    fact: Literal["profile"]
    about: NotRequired[str]
    picture: NotRequired[str]
    timestamp: int | None


class CallFact(TypedDict):
    """Somebody calls."""

    fact: Literal["call"]
    call_id: str
    caller: Person
    is_video: bool
    group: str | None
    is_rejected: bool
    timestamp: int
    creator: str


class CallEndedFact(TypedDict):
    """A call rings no longer; `seconds`: how long people talked."""

    fact: Literal["call_ended"]
    call_id: str
    caller: Person
    group: str | None
    outcome: Literal["missed", "rejected", "answered"]
    seconds: int | None
    timestamp: int


class PresenceFact(TypedDict):
    """What somebody does just now."""

    fact: Literal["presence"]
    chat: str
    participant: str | None
    state: str
    last_seen: int | None


class AppStateFact(TypedDict):
    """A collection of the app state does not fit: why, and what is done about it."""

    fact: Literal["app_state"]
    unreadable: str
    payload: str


class StateMessage(TypedDict):
    """A message in the app state: who wrote it, in a group, where that is not us; Unix seconds."""

    message_id: str
    from_me: bool
    participant: str | None
    timestamp: int


class StateChange(TypedDict):
    """Something of the app state that is to be otherwise: as `StateChange` of the port. `until` in milliseconds."""

    kind: Literal[
        "archived",
        "pinned",
        "muted",
        "read",
        "starred",
        "message_deleted",
        "cleared",
        "chat_deleted",
        "contact",
        "own_name",
        "label",
        "chat_label",
        "message_label",
    ]
    chat: str
    on: bool
    until: int | None
    message: StateMessage | None
    name: str | None
    lid: str | None
    label: NotRequired[str | None]
    color: NotRequired[int | None]


class MadeChange(StateChange):
    """Something that is otherwise: since when, and up to which message it was made."""

    through: int | None
    at: int


class UnreadableFact(TypedDict):
    """One that the bridge could not describe: which, why, and what it is."""

    fact: str
    unreadable: str
    payload: str


Fact = (
    QrFact
    | PairingCodeFact
    | PasskeyRequiredFact
    | PasskeyConfirmFact
    | PairedFact
    | ConnectedFact
    | NamedFact
    | DisconnectedFact
    | ReceiptFact
    | SendFailedFact
    | GroupFact
    | TimersFact
    | NewChatsFact
    | ContactsFact
    | ProfileFact
    | CallFact
    | CallEndedFact
    | PresenceFact
    | AppStateFact
)


class GroupMember(Person):
    """Somebody in a group."""

    rank: str


class Group(TypedDict):
    """A group as WhatsApp describes it; each of its members is read by itself."""

    group_id: str
    subject: str
    description: str | None
    owner: Person | None
    created: int | None
    size: int
    announcement: bool
    locked: bool
    join_approval: bool
    members_add: bool
    disappearing: int | None
    rank: str | None
    members: Annotated[list[GroupMember], UNCHECKED]


class JoinRequest(Person):
    """Somebody who asks to come into a group: how, in WhatsApp's word, and since when."""

    method: str | None
    since: int | None
