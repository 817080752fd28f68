"""The simulated phones: primary devices that really encrypt and decrypt. Their state, and more. Pure."""

from dataclasses import dataclass, field
from functools import partial

from gateway_worker.simulator.errors import Conflict, NotFound
from gateway_worker.simulator.whatsapp.presence import announce
from gateway_worker.simulator.whatsapp.receipts import forward
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.payload import SignedPreKey
from gateway_worker.simulator.wire.sender_keys import SenderKeys
from gateway_worker.simulator.wire.signal import SignalDevice
from gateway_worker.simulator.wire.webauthn import PASSKEY_RANDOM, new_passkey
from gateway_worker.simulator.world.model import Account, Device, World
from gateway_worker.simulator.world.phone_records import Call, Change, ChatState, ChatTimer, Kept
from gateway_worker.simulator.world.strictness import Dropped
from gateway_worker.simulator.world.turn import Turn

MAX_MESSAGES = 10_000
"""Messages that a phone keeps, received and sent together; the oldest go first. As many changes."""
LATENCY = 0.02
"""Seconds that a phone takes to answer a message."""
MAX_PUBLISHED = 1 << 20
MAX_CHAT_STATES = 256
MAX_DROPPED = 1_000
MAX_RECEIPTS = 64
"""Receipts kept per sent message."""


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
    app_state_key: tuple[bytes, bytes] | None = None
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


def new_account(world: World, phone: str, name: str, *, passkey: bool) -> Account:
    """A person with a phone, known to the server."""
    identity = world.new_key_pair()
    number = int.from_bytes(world.entropy(6)) % 10**14
    account = Account(
        phone=phone,
        lid=str(10**14 + number),
        name=name,
        identity=identity,
        raw_id=int.from_bytes(world.entropy(4)) >> 1,
        passkey=new_passkey(world.entropy(PASSKEY_RANDOM)) if passkey else None,
    )
    registration_id = 1 + int.from_bytes(world.entropy(2)) % 16_380
    signal = SignalDevice(identity=identity, registration_id=registration_id, new_key_pair=world.new_key_pair)
    device = Device(
        account=account,
        number=0,
        identity=identity.public,
        registration_id=signal.registration_id.to_bytes(4),
        signed_prekey=SignedPreKey(
            id=signal.signed_prekey.id.to_bytes(3),
            public=signal.signed_prekey.pair.public,
            signature=signal.signed_prekey_signature,
        ),
    )
    account.own(Phone(device=device, signal=signal))
    world.accounts[phone] = world.lids[account.lid] = account
    return account


def address(device: Device) -> str:
    """The name of a device's signal_session."""
    return f"{device.account.phone}.{device.number}"


def require_online(phone: Phone) -> None:
    """`Conflict` if the phone is offline."""
    if not phone.online:
        raise Conflict("phone.offline", "the phone is offline")


def read(turn: Turn, phone: Phone, message_id: str) -> None:
    """The person reads a message: its sender is told."""
    require_online(phone)
    kept = find_message(phone, message_id)
    if kept.own or kept.stanza is None:
        raise Conflict("message.own", "a phone reads what others sent")
    kept.read = True
    attrs = {"id": message_id, "type": "read", "t": turn.t} | origin(kept.stanza)
    forward(turn, phone.device, Node("receipt", attrs))


def origin(stanza: Node) -> dict[str, str]:
    """Where a receipt for this message goes."""
    out = {"to": stanza.attrs["from"]}
    return out | {name: stanza.attrs[name] for name in ("participant", "recipient") if name in stanza.attrs}


def find_message(phone: Phone, message_id: str) -> Kept:
    """A message on the phone; `NotFound` if it is not there."""
    if message_id not in phone.messages:
        raise NotFound("message.not_found", "the phone has no message with this id")
    return phone.messages[message_id]


def chat_state(turn: Turn, phone: Phone, to: str, state: str) -> None:
    """The person types (`typing`), records (`recording`) or stops (`paused`)."""
    require_online(phone)
    recipient, chat = turn.world.find(to)
    if recipient is None:
        raise NotFound("recipient.unknown", "nobody has that number or JID")
    child = (
        Node("paused") if state == "paused" else Node("composing", {"media": "audio"} if state == "recording" else {})
    )
    for device in recipient.companions:
        if device.connection is not None:
            turn.send(device.connection, Node("chatstate", {"from": phone.account.jid(chat.server)}, [child]))
    recipient.primary.see_chat_state(phone.account.pn_jid, child, turn.now)


def go_online(turn: Turn, phone: Phone) -> None:
    """The phone is back: it gets what waited for it."""
    phone.online = phone.available = True
    announce(turn, phone.account)
    waiting = list(phone.device.queue.values())
    phone.device.queue.clear()
    turn.arrivals += [(phone.device, node) for node in waiting]


def go_offline(turn: Turn, phone: Phone) -> None:
    """The phone is away: what comes for it waits at the server."""
    phone.online = phone.available = False
    announce(turn, phone.account)


def later_if_online(turn: Turn, phone: Phone, delay: float, node: Node) -> None:
    """The phone sends a receipt a moment later, unless it is offline by then."""
    turn.later(delay, partial(_receipt, phone=phone, node=node))


def _receipt(turn: Turn, phone: Phone, node: Node) -> None:
    if phone.online:
        forward(turn, phone.device, node)
