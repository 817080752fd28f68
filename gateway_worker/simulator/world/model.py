"""The state of the simulated WhatsApp: people, their phones and other devices, connections. Plain values. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.linking.pairing import DeviceOffer
from gateway_worker.simulator.wire.linking.webauthn import Passkey
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.payload import Registration, SignedPreKey
from gateway_worker.simulator.wire.signal.device import SignalDevice
from gateway_worker.simulator.wire.signal.sender_keys import SenderKeys
from gateway_worker.simulator.world.app_state import StateEntry, StoredCollection
from gateway_worker.simulator.world.blobs import MediaHost
from gateway_worker.simulator.world.ceremony import Ceremony
from gateway_worker.simulator.world.fault import Fault
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.ids import ConnectionId
from gateway_worker.simulator.world.jids import LID_SERVER, PN_SERVER, Jid, device_jid, other_spelling, parse_jid
from gateway_worker.simulator.world.linking import LinkCode, Reference
from gateway_worker.simulator.world.phone_records import NO_TIMER, Call, Change, ChatState, ChatTimer, Dropped, Kept
from gateway_worker.simulator.world.records import Ledger
from gateway_worker.simulator.world.stats import Stats

MAX_ACCOUNTS = 20_000
MAX_COMPANIONS = 16
"""WhatsApp allows 4; tests may want a few more."""
MAX_MESSAGES = 10_000
"""Messages that a phone keeps, received and sent together; the oldest go first. As many changes."""
MAX_PUBLISHED = 1 << 20
MAX_CHAT_STATES = 256
MAX_DROPPED = 1_000

QueueKey = tuple[str, ...]


@dataclass(slots=True, kw_only=True, eq=False)
class Device:
    """One device of an account: number 0 is the phone, the others are companions."""

    account: "Account"
    number: int
    identity: bytes
    """Signal identity key, 32 raw bytes."""
    registration_id: bytes
    signed_prekey: SignedPreKey
    prekeys: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """One-time prekeys not yet handed out: id (3 bytes) → key, in order of upload."""
    spent_prekeys: set[bytes] = field(default_factory=set[bytes])
    """Ids that were handed out: never accepted again."""
    noise_static: bytes = b""
    details: bytes = b""
    """Serialised `ADVDeviceIdentity`, as signed at pairing."""
    signed_identity: bytes = b""
    """Serialised `ADVSignedDeviceIdentity` with the account key and both signatures."""
    connection: ConnectionId | None = None
    queue: dict[QueueKey, Node] = field(default_factory=dict[QueueKey, Node])
    """Stanzas that the device has not yet confirmed, oldest first."""
    recent: list[Node] = field(default_factory=list[Node])
    """The last few messages handed to it, for the fault `redeliver`."""
    logins: int = 0
    welcomed: bool = False
    """Whether its phone has sent it keys and history (after its first prekey upload)."""
    available: bool = False
    app_state_read: set[str] = field(default_factory=set[str])
    """Collections of the app state that it has asked for, since it was linked."""

    @property
    def primary(self) -> bool:
        """Whether it is the phone."""
        return self.number == 0

    def jid(self, server: str = PN_SERVER) -> str:
        """Its address as PN or LID."""
        return device_jid(self.account.user(server), self.number, server)


@dataclass(slots=True, kw_only=True, eq=False)
class Account:
    """A person on WhatsApp."""

    phone: str
    """E.164 digits, without the plus."""
    lid: str
    name: str
    identity: KeyPair
    """The account's (and the phone's) identity key: signs its companions."""
    raw_id: int
    business: bool = False
    """Whether it is a business: its companions hear its name as they are linked, others by the app state."""
    passkey: Passkey | None = None
    """Without it nobody links a device to this account."""
    devices: dict[int, Device] = field(default_factory=dict[int, Device])
    next_number: int = 1
    watchers: dict[str, None] = field(default_factory=dict[str, None])
    """Phones of the accounts that ever asked for its devices: they are told of changes."""
    presence_subscribers: dict[str, None] = field(default_factory=dict[str, None])
    collections: dict[str, StoredCollection] = field(default_factory=dict[str, StoredCollection])
    """App state, by the names of its collections."""
    announced_name: str = ""
    """The name that its app state says."""
    about: str = "Available"
    """The status text."""
    blocked: dict[str, None] = field(default_factory=dict[str, None])
    """Phones of the accounts whose messages and calls do not reach the person."""
    privacy: dict[str, str] = field(default_factory=dict[str, str])
    """Who sees what, by WhatsApp's name of the setting; what is missing is for everybody."""
    contact_code: str = ""
    """Of the link by which others find the person, once it was asked for."""
    picture: tuple[str, str] | None = None
    """Id and direct path of the profile picture."""
    new_chats: ChatTimer = NO_TIMER
    """What the chats begin with that the person begins."""
    key_index: bytes | None = None
    """The signed list of its companions, until they change."""
    _primary: "Phone | None" = None

    def user(self, server: str) -> str:
        """Its user part on a server."""
        return self.lid if server == LID_SERVER else self.phone

    @property
    def pn_jid(self) -> str:
        """`number@s.whatsapp.net`."""
        return f"{self.phone}@{PN_SERVER}"

    @property
    def lid_jid(self) -> str:
        """`number@lid`."""
        return f"{self.lid}@{LID_SERVER}"

    def jid(self, server: str) -> str:
        """Its address on a server, without a device."""
        return self.lid_jid if server == LID_SERVER else self.pn_jid

    @property
    def primary(self) -> "Phone":
        """The person's phone."""
        assert self._primary is not None
        return self._primary

    def own(self, phone: "Phone") -> None:
        """Gives the person the phone; once, when both are made."""
        self._primary = phone
        self.devices[0] = phone.device

    @property
    def companions(self) -> list[Device]:
        """The linked devices."""
        return [device for number, device in self.devices.items() if number]


@dataclass(slots=True, kw_only=True, eq=False)
class Phone:
    """A person's phone."""

    device: Device
    signal: SignalDevice
    sender_keys: SenderKeys = field(default_factory=SenderKeys)
    """Of the groups it is in."""
    shared_sender_keys: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Which devices have this phone's sender key of a group."""
    online: bool = True
    available: bool = True
    messages: dict[str, Kept] = field(default_factory=dict[str, Kept])
    sent: int = 0
    """How many of them are own."""
    changes: dict[str, Change] = field(default_factory=dict[str, Change])
    """What was done to earlier messages, by anybody in the chat, in order."""
    dropped: list[Dropped] = field(default_factory=list[Dropped])
    """What WhatsApp would not have brought here."""
    timers: dict[str, ChatTimer] = field(default_factory=dict[str, ChatTimer])
    """Of chats with people, by the JID of the chat."""
    peer_messages: dict[str, Message] = field(default_factory=dict[str, Message])
    """Its own words to its companions (keys, history), for resends."""
    retries: dict[str, int] = field(default_factory=dict[str, int])
    """How often it asked for a message again, or was asked: by direction, id and device."""
    chat_states: dict[str, ChatState] = field(default_factory=dict[str, ChatState])
    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    """Calls that the person made."""
    app_state_keys: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """Secrets by id, the oldest first: it writes with the last."""
    withheld_keys: set[bytes] = field(default_factory=set[bytes])
    """Those that it shares only when it is asked for them."""
    app_state: dict[tuple[str, tuple[str, ...]], StateEntry] = field(
        default_factory=dict[tuple[str, tuple[str, ...]], StateEntry]
    )
    """What is set, by collection and index: whichever device did it."""
    published: int = 0
    passkey_code: str | None = None
    """The code that the person compares with the companion's, from a ceremony's continuation to its end."""

    @property
    def account(self) -> Account:
        """Whose phone it is."""
        return self.device.account

    def publish_prekey(self) -> tuple[bytes, bytes] | None:
        """A fresh one-time prekey, as the server hands it out: id (3 bytes) and key."""
        if self.published >= MAX_PUBLISHED:
            return None
        self.published += 1
        (prekey,) = self.signal.new_prekeys(1)
        return prekey.id.to_bytes(3), prekey.pair.public

    def keep(self, kept: Kept) -> None:
        """Puts a message on the phone; one under the id of another is another one."""
        taken = kept.message_id in self.messages
        self.messages[_other_name(kept.message_id, kept.chat, kept.sender) if taken else kept.message_id] = kept
        self.sent += kept.own
        if len(self.messages) > MAX_MESSAGES:
            self.sent -= self.messages.pop(next(iter(self.messages))).own

    def known(self, message_id: str, chat: str, sender: str) -> Kept | Change | None:
        """What came before in this chat, of this sender, under this id."""
        found = (
            self.messages.get(message_id),
            self.messages.get(_other_name(message_id, chat, sender)),
            self.changes.get(message_id),
        )
        return next((each for each in found if each and (each.chat, each.sender) == (chat, sender)), None)

    def forget_sender_key(self, group: str) -> None:
        """Somebody has left a group: the next message there has a new sender key."""
        self.sender_keys.rotate(group)
        self.shared_sender_keys.pop(group, None)

    def note_change(self, change: Change) -> None:
        """Something was done to an earlier message."""
        self.changes[change.message_id] = change
        if len(self.changes) > MAX_MESSAGES:
            del self.changes[next(iter(self.changes))]

    def note_dropped(self, dropped: Dropped) -> None:
        """A message was not what its stanza says."""
        self.dropped.append(dropped)
        del self.dropped[:-MAX_DROPPED]

    def see_chat_state(self, chat: str, state: Node, now: float) -> None:
        """Somebody types or has stopped."""
        name = state.tag
        if name == "composing":
            name = "recording" if state.attrs.get("media") == "audio" else "typing"
        self.chat_states.pop(chat, None)
        self.chat_states[chat] = ChatState(chat=chat, state=name, timestamp=now)
        if len(self.chat_states) > MAX_CHAT_STATES:
            del self.chat_states[next(iter(self.chat_states))]


def _other_name(message_id: str, chat: str, sender: str) -> str:
    return f"{message_id} {chat} {sender}"


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """One live socket that has finished its handshake."""

    id: ConnectionId
    noise_static: bytes
    registration: Registration | None = None
    """What it registered with, until it is paired."""
    references: list[str] = field(default_factory=list[str])
    """Its QR codes' texts."""
    pairing: Device | None = None
    """The device it becomes once it has signed."""
    pairing_id: str = ""
    offer: DeviceOffer | None = None
    """What its phone signed for it."""
    ceremony: Ceremony | None = None
    """The passkey ceremony that stands between scan and pairing."""
    ceremony_with: Account | None = None
    """Whose phone it is held with."""
    device: Device | None = None
    """Who logged in."""
    behind: bool = False
    """It has not yet been given all of its offline queue: what comes in waits there too."""
    backlog: dict[QueueKey, Node] = field(default_factory=dict[QueueKey, Node])
    """What of its queue it has not yet been given."""
    backlog_total: int = 0


@dataclass(slots=True, kw_only=True)
class World:
    """Everything the server knows. `entropy(n)` gives n random bytes, `new_key_pair()` a fresh key pair."""

    entropy: Callable[[int], bytes]
    new_key_pair: Callable[[], KeyPair] = KeyPair.generate
    strict: bool = True
    """Phones drop what WhatsApp is reported to drop: see `strictness`."""
    media_authority: str = "127.0.0.1"
    """`host:port` by which clients reach the media host, with HTTPS."""
    accounts: dict[str, Account] = field(default_factory=dict[str, Account])
    lids: dict[str, Account] = field(default_factory=dict[str, Account])
    spellings: dict[str, str] = field(default_factory=dict[str, str])
    """Numbers that lead to an account which has another one, besides those of `jids.other_spelling`."""
    connections: dict[ConnectionId, Connection] = field(default_factory=dict[ConnectionId, Connection])
    references: dict[str, Reference] = field(default_factory=dict[str, Reference])
    link_codes: dict[str, LinkCode] = field(default_factory=dict[str, LinkCode])
    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    faults: list[Fault] = field(default_factory=list[Fault])
    stats: Stats = field(default_factory=Stats)
    ledger: Ledger = field(default_factory=Ledger)
    media: MediaHost = field(default_factory=MediaHost)

    def find(self, jid: str) -> tuple[Account | None, Jid]:
        """Whose address that is, PN or LID."""
        parsed = parse_jid(jid)
        people = self.lids if parsed.server == LID_SERVER else self.accounts
        return people.get(parsed.user), parsed

    def dial(self, jid: str) -> tuple[Account | None, Jid]:
        """Who is reached by that address: user sync and messages know a number however it is written, others do not."""
        account, parsed = self.find(jid)
        if account is None and parsed.server == PN_SERVER:
            canonical = self.spellings.get(parsed.user) or other_spelling(parsed.user)
            account = self.accounts.get(canonical or "")
        return account, parsed

    def device(self, jid: str) -> Device | None:
        """The device that is reached by that address."""
        account, parsed = self.dial(jid)
        return account.devices.get(parsed.device) if account else None

    def connection_of(self, device: Device) -> Connection | None:
        """The device's live connection."""
        return None if device.connection is None else self.connections.get(device.connection)
