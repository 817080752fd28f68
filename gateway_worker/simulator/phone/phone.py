"""The simulated phones: primary devices that really encrypt and decrypt. Their state, and more. Pure."""

from functools import partial

from gateway_worker.simulator.errors import Conflict, NotFound
from gateway_worker.simulator.whatsapp.presence import announce
from gateway_worker.simulator.whatsapp.receipts import forward
from gateway_worker.simulator.wire.linking.webauthn import PASSKEY_RANDOM, new_passkey
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.payload import SignedPreKey
from gateway_worker.simulator.wire.signal.device import SignalDevice
from gateway_worker.simulator.world.model import Account, Device, Phone, World
from gateway_worker.simulator.world.phone_records import Kept
from gateway_worker.simulator.world.turn import Turn

LATENCY = 0.02
"""Seconds that a phone takes to answer a message."""
MAX_RECEIPTS = 64
"""Receipts kept per sent message."""


def new_account(world: World, phone: str, name: str, *, passkey: bool, business: bool = False) -> Account:
    """A person with a phone, known to the server."""
    identity = world.new_key_pair()
    number = int.from_bytes(world.entropy(6)) % 10**14
    account = Account(
        phone=phone,
        lid=str(10**14 + number),
        name=name,
        identity=identity,
        raw_id=int.from_bytes(world.entropy(4)) >> 1,
        business=business,
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


def read_message(turn: Turn, phone: Phone, message_id: str) -> None:
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


def send_chat_state(turn: Turn, phone: Phone, to: str, state: str) -> None:
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
