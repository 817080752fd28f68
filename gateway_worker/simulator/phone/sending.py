"""How a phone's messages leave: encrypted for each device, or once with a sender key for a group. Pure."""

from collections.abc import Iterable

from gateway_worker.simulator.content.outside import outside_of
from gateway_worker.simulator.errors import Conflict, NotFound
from gateway_worker.simulator.phone.phone import address
from gateway_worker.simulator.whatsapp.bundles import bundle
from gateway_worker.simulator.whatsapp.groups.groups import group_of
from gateway_worker.simulator.whatsapp.routing import route
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.raw import device_sent_raw, raw_of, to_wire
from gateway_worker.simulator.wire.signal.device import pad
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.jids import BROADCAST_SERVER, GROUP_SERVER, LID_SERVER, parse_jid
from gateway_worker.simulator.world.model import MAX_MESSAGES, Device, Phone
from gateway_worker.simulator.world.turn import Turn


def device_sent(message: Message, chat: str) -> Message:
    """A message as own devices get it: its context, with its secret, stands beside it and not in it."""
    if (raw := raw_of(message)) is not None:
        return device_sent_raw(raw, chat)
    copy = Message(deviceSentMessage=Message.DeviceSentMessage(destinationJid=chat, message=message))
    if message.HasField("messageContextInfo"):
        copy.messageContextInfo.CopyFrom(message.messageContextInfo)
        copy.deviceSentMessage.message.ClearField("messageContextInfo")
    return copy


def encrypt(turn: Turn, phone: Phone, device: Device, message: Message, count: int = 0) -> Node:
    """An `<enc>` for one device; starts the signal_session if there is none. `count` marks a resend."""
    name = address(device)
    if not phone.signal.has_session(name):
        phone.signal.start_session(name, bundle(turn, device))
    ciphertext = phone.signal.encrypt(name, _padded(turn, message))
    attrs = {"v": "2", "type": ciphertext.type} | _enc_attrs(message) | ({"count": str(count)} if count else {})
    return Node("enc", attrs, ciphertext.content)


def _padded(turn: Turn, message: Message) -> bytes:
    return pad(to_wire(message), padding=1 + turn.world.entropy(1)[0] % 16)


def dispatch(turn: Turn, phone: Phone, chat: str, message: Message, message_id: str) -> None:
    """Sends a message to a chat (a bare JID) under this id. `NotFound` if nobody is there."""
    content = _WAYS.get(parse_jid(chat).server, _to_person)(turn, phone, chat, message)
    turn.world.stats.phone_messages_sent += 1
    attrs = {"to": chat, "id": message_id} | stanza_attrs(message)
    route(turn, phone.device, Node("message", attrs, content + _meta(message)))


def _to_person(turn: Turn, phone: Phone, chat: str, message: Message) -> list[Node]:
    """All devices of the person, and copies for the own companions."""
    recipient, jid = turn.world.find(chat)
    if recipient is None:
        raise NotFound("recipient.unknown", "nobody has that number or JID")
    others = recipient.devices.values() if recipient is not phone.account else ()
    copy = device_sent(message, chat)
    targets = [*((device, message) for device in others), *((device, copy) for device in phone.account.companions)]
    listed = [
        Node("to", {"jid": device.jid(jid.server)}, [encrypt(turn, phone, device, body)]) for device, body in targets
    ]
    return [Node("participants", {}, listed)]


def _to_watchers(turn: Turn, phone: Phone, _chat: str, message: Message) -> list[Node]:
    """A status update: all devices of everybody whom the person has written with."""
    chats = {kept.chat for kept in phone.messages.values()}
    people = {person.phone: person for chat in chats if (person := turn.world.find(chat)[0]) is not None}
    devices = [device for person in people.values() for device in person.devices.values()]
    listed = [
        Node("to", {"jid": device.jid()}, [encrypt(turn, phone, device, message)])
        for device in devices
        if device is not phone.device
    ]
    return [Node("participants", {}, listed)]


def _to_group(turn: Turn, phone: Phone, chat: str, message: Message) -> list[Node]:
    """Once for everybody, and the sender key for the devices that do not have it."""
    group = group_of(turn, chat, phone.account)
    if not group.may_write(phone.account.phone):
        raise Conflict("group.forbidden", "only its admins may write in this group")
    devices = _devices(turn, group, phone)
    share = sender_key_share(phone, chat)
    known = phone.shared_sender_keys.setdefault(chat, set())
    new = [device for device in devices if address(device) not in known]
    known.update(address(device) for device in new)
    keys = [Node("to", {"jid": device.jid(LID_SERVER)}, [encrypt(turn, phone, device, share)]) for device in new]
    ciphertext = phone.sender_keys.encrypt(chat, _padded(turn, message))
    enc = Node("enc", {"v": "2", "type": "skmsg"} | _enc_attrs(message), ciphertext)
    return [*([Node("participants", {}, keys)] if keys else []), enc]


def _devices(turn: Turn, group: Group, phone: Phone) -> Iterable[Device]:
    members = [turn.world.accounts[member] for member in group.members]
    return [device for member in members for device in member.devices.values() if device is not phone.device]


_WAYS = {GROUP_SERVER: _to_group, BROADCAST_SERVER: _to_watchers}


def sender_key_share(phone: Phone, chat: str) -> Message:
    """What a device of a group must learn before it can read this phone's next message there."""
    share = Message.SenderKeyDistributionMessage(
        groupId=chat, axolotlSenderKeyDistributionMessage=phone.sender_keys.distribution(chat)
    )
    return Message(senderKeyDistributionMessage=share)


def send_peer(
    turn: Turn, phone: Phone, device: Device, message: Message, *, message_id: str = "", count: int = 0
) -> None:
    """The phone tells one of its companions something, end-to-end encrypted (`category="peer"`)."""
    message_id = message_id or turn.token(10)
    phone.peer_messages[message_id] = message
    if len(phone.peer_messages) > MAX_MESSAGES:
        del phone.peer_messages[next(iter(phone.peer_messages))]
    attrs = {"to": device.jid(), "id": message_id, "type": "text", "category": "peer"}
    route(turn, phone.device, Node("message", attrs, [encrypt(turn, phone, device, message, count)]))


def stanza_attrs(message: Message) -> dict[str, str]:
    """What the server may know of a message: its coarse type, and whether it edits or revokes another."""
    outside = outside_of(message)
    return {"type": outside.type} | ({"edit": outside.edit} if outside.edit else {})


def _enc_attrs(message: Message) -> dict[str, str]:
    outside = outside_of(message)
    shown = {"mediatype": outside.mediatype} if outside.mediatype else {}
    return shown | ({"decrypt-fail": "hide"} if outside.hidden else {})


def _meta(message: Message) -> list[Node]:
    meta = outside_of(message).meta
    return [] if meta is None else [Node("meta", {meta[0]: meta[1]})]
