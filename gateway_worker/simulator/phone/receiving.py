"""What a phone does with what arrives: it decrypts, keeps, confirms, asks again, and sends again when asked. Pure."""

from google.protobuf.message import DecodeError

from gateway_worker.simulator.content.reading import is_empty, unwrap
from gateway_worker.simulator.phone.changes import Arrived, apply, change_of
from gateway_worker.simulator.phone.disappearing import take_context, take_timer
from gateway_worker.simulator.phone.files import fetch_file, on_upload_request
from gateway_worker.simulator.phone.phone import LATENCY, MAX_RECEIPTS, address, later_if_online, origin
from gateway_worker.simulator.phone.sending import device_sent, encrypt, send_peer, sender_key_share, stanza_attrs
from gateway_worker.simulator.phone.strictness import fault_of, misnamed
from gateway_worker.simulator.phone.welcome import answer_peer
from gateway_worker.simulator.whatsapp.bundles import (
    bundle,
    identity_nodes,
    prekey_node,
    read_bundle,
    signed_prekey_node,
)
from gateway_worker.simulator.whatsapp.receipts import message_ids
from gateway_worker.simulator.whatsapp.routing import route
from gateway_worker.simulator.wire.errors import (
    BadKey,
    BadSignature,
    IdentityMismatch,
    NodeError,
    PairingError,
    ReusedCounter,
    SignalError,
    UsedPreKey,
)
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.linking.pairing import check_identity
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.signal.device import Ciphertext, unpad
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.world.ledger import note_arrival, note_decrypted, note_failure
from gateway_worker.simulator.world.model import MAX_MESSAGES, Device, Phone
from gateway_worker.simulator.world.phone_records import Change, Dropped, Kept, Receipt
from gateway_worker.simulator.world.turn import Turn

MAX_RETRIES = 5
"""How often a phone asks for one message again, and how often it sends one again to one device."""


def arrive(turn: Turn, device: Device, node: Node) -> None:
    """A stanza reaches a phone that is online."""
    phone = device.account.primary
    match node.tag:
        case "message":
            _read_message(turn, phone, node)
        case "receipt":
            _read_receipt(turn, phone, node)
        case _:
            return


def _read_message(turn: Turn, phone: Phone, node: Node) -> None:
    stats = turn.world.stats
    sender = turn.world.device(node.attrs.get("participant") or node.attrs["from"])
    if sender is None:
        stats.count_failure("unknownSender")
        return
    note_arrival(turn, phone.device, node)
    try:
        message = _decrypt(phone, sender, node)
    except (SignalError, PairingError, DecodeError) as error:
        _fail(turn, phone, node, error)
        return
    if message is not None:
        stats.phone_messages_read += 1
        note_decrypted(turn, phone.device, node)
        _accept(turn, phone, sender, node, message)


def _fail(turn: Turn, phone: Phone, node: Node, error: Exception) -> None:
    """The phone cannot read a message: it asks for it again where that may help."""
    stats, name = turn.world.stats, type(error).__name__
    cause = name[0].lower() + name[1:]
    stats.count_failure(cause)
    note_failure(turn, phone.device, node, cause)
    match error:
        case ReusedCounter():
            # The server repeated a stanza, or the sender broke its ratchet: nobody can help by sending it again.
            stats.reused_counters += 1
            stats.broken_ratchets += not _count_copy(turn, phone, node.attrs["id"])
        case IdentityMismatch() | PairingError():
            stats.bad_signatures += 1
        case _:
            stats.reused_prekeys += isinstance(error, UsedPreKey)
            _ask_again(turn, phone, node)


def _decrypt(phone: Phone, sender: Device, node: Node) -> Message | None:
    """The message; None if nothing in it is for this phone. In groups a `pkmsg` brings the key of the next `skmsg`."""
    message = None
    for enc in node.children("enc"):
        match enc.attrs["type"]:
            case "skmsg":
                plaintext = phone.sender_keys.decrypt(node.attrs["from"], address(sender), enc.data)
            case "msg" | "pkmsg" as kind:
                if kind == "pkmsg" and not sender.primary:
                    _check_device_identity(sender, node)
                ciphertext = Ciphertext(type=kind, content=enc.data)
                plaintext = phone.signal.decrypt(address(sender), ciphertext, expected_identity=sender.identity)
            case _:
                continue
        message = Message.FromString(unpad(plaintext))
        if message.HasField("senderKeyDistributionMessage"):
            share = message.senderKeyDistributionMessage
            phone.sender_keys.learn(share.groupId, address(sender), share.axolotlSenderKeyDistributionMessage)
    return message


def _check_device_identity(sender: Device, node: Node) -> None:
    """A companion proves with its first message that its account has linked it."""
    proof = node.child("device-identity")
    account = check_identity(proof.data if proof else b"", companion_identity=sender.identity) if proof else b""
    if account != sender.account.identity.public:
        raise PairingError("the device identity is not of the sender's account")


def _accept(turn: Turn, phone: Phone, sender: Device, node: Node, message: Message) -> None:
    own = sender.account is phone.account
    if own and node.attrs.get("category") == "peer":
        later_if_online(turn, phone, LATENCY, _answer(node, "peer_msg"))
        answer_peer(turn, phone, sender, node.attrs["id"], message)
        return
    chat = node.attrs["from"] if not own else node.attrs.get("recipient", node.attrs["from"])
    if own and message.HasField("deviceSentMessage"):
        message = _own_words(message)
    grouped = parse_jid(node.attrs["from"]).server == GROUP_SERVER
    bare, author = parse_jid(chat).bare, _author(node)
    if not own and not sender.primary and turn.world.strict and (cause := fault_of(node, message)):
        _drop(turn, phone, node, chat=bare, cause=cause)
        return
    later_if_online(turn, phone, LATENCY, _answer(node, "sender" if own and not grouped else ""))
    if _count(turn, phone.known(node.attrs["id"], bare, author)) or is_empty(message):
        return
    _take_in(turn, phone, sender, node, message=message, chat=bare)


def _drop(turn: Turn, phone: Phone, node: Node, *, chat: str, cause: str) -> None:
    """As WhatsApp drops it: its sender never hears of it again."""
    turn.world.stats.count_dropped(cause)
    id_, author = node.attrs["id"], _author(node)
    phone.note_dropped(Dropped(message_id=id_, chat=chat, sender=author, cause=cause, timestamp=turn.now))


def _own_words(copy: Message) -> Message:
    """What an own companion has sent, as it was sent to others; polls' secrets may stand beside it."""
    message = Message()
    message.CopyFrom(copy.deviceSentMessage.message)
    if copy.HasField("messageContextInfo") and not message.HasField("messageContextInfo"):
        message.messageContextInfo.CopyFrom(copy.messageContextInfo)
    return message


def _take_in(turn: Turn, phone: Phone, sender: Device, node: Node, *, message: Message, chat: str) -> None:
    """A message is kept; what changes an earlier one takes effect."""
    arrived = Arrived(
        message_id=node.attrs["id"],
        chat=chat,
        sender=_author(node),
        account=sender.account,
        own=sender.account is phone.account,
        device=sender.number,
        timestamp=turn.now,
    )
    if (change := change_of(message, arrived)) is not None:
        apply(turn.world, phone, sender.account, change)
        return
    if unwrap(message).HasField("protocolMessage"):
        take_timer(turn, phone, chat, unwrap(message))
        return
    take_context(turn, phone, chat, message)
    not_understood = [] if arrived.own or not turn.world.strict else misnamed(node, message)
    for part in not_understood:
        turn.world.stats.count_misnamed(part)
    kept = Kept(
        message_id=arrived.message_id,
        chat=chat,
        sender=arrived.sender,
        own=arrived.own,
        device=arrived.device,
        timestamp=turn.now,
        message=message,
        stanza=Node(node.tag, node.attrs),
        file=fetch_file(turn, phone, message),
        not_understood=not_understood,
    )
    phone.keep(kept)


def _count_copy(turn: Turn, phone: Phone, message_id: str) -> bool:
    """Whether the message is there already; then its copies are one more."""
    return _count(turn, phone.messages.get(message_id) or phone.changes.get(message_id))


def _author(node: Node) -> str:
    return parse_jid(node.attrs.get("participant") or node.attrs["from"]).bare


def _count(turn: Turn, kept: Kept | Change | None) -> bool:
    if kept is None:
        return False
    kept.copies += 1
    turn.world.stats.copies += 1
    return True


def _answer(node: Node, kind: str) -> Node:
    attrs = {"id": node.attrs["id"]} | origin(node) | ({"type": kind} if kind else {})
    return Node("receipt", attrs)


def _ask_again(turn: Turn, phone: Phone, node: Node) -> None:
    """A retry receipt with a fresh bundle, so that the sender can start a new signal_session."""
    id_ = node.attrs["id"]
    count = _count_retry(phone, "asked", id_, node.attrs["from"])
    if count > MAX_RETRIES:
        return
    device, prekey = phone.device, phone.publish_prekey()
    registration, kind, identity = identity_nodes(device)
    keys = [kind, identity, *([prekey_node(*prekey)] if prekey else []), signed_prekey_node(device.signed_prekey)]
    retry = Node("retry", {"count": str(count), "id": id_, "t": node.attrs["t"], "v": "1"})
    attrs = {"id": id_, "type": "retry", "t": turn.t} | origin(node)
    later_if_online(turn, phone, LATENCY, Node("receipt", attrs, [retry, registration, Node("keys", {}, keys)]))


def _count_retry(phone: Phone, direction: str, id_: str, who: str) -> int:
    key = f"{direction} {id_} {who}"
    count = phone.retries.pop(key, 0) + 1
    phone.retries[key] = count
    if len(phone.retries) > MAX_MESSAGES:
        del phone.retries[next(iter(phone.retries))]
    return count


def _read_receipt(turn: Turn, phone: Phone, node: Node) -> None:
    kind = node.attrs.get("type", "delivery")
    if kind == "retry":
        _send_again(turn, phone, node)
        return
    if kind == "server-error":
        on_upload_request(turn, phone, node)
        return
    device = node.attrs.get("participant") or node.attrs["from"]
    for id_ in message_ids(node):
        kept = phone.messages.get(id_)
        if kept is not None and kept.own and len(kept.receipts) < MAX_RECEIPTS:
            kept.receipts.append(Receipt(device=device, type=kind, timestamp=turn.now))


def _send_again(turn: Turn, phone: Phone, node: Node) -> None:
    """A device could not read a message of this phone: it gets it once more, in a new signal_session."""
    id_, who = node.attrs["id"], node.attrs.get("participant") or node.attrs["from"]
    device = turn.world.device(who)
    count = _count_retry(phone, "sent", id_, who)
    sent = phone.messages.get(id_) or phone.changes.get(id_)
    peer = phone.peer_messages.get(id_)
    if device is None or count > MAX_RETRIES or (peer is None and (sent is None or sent.device != 0)):
        return
    try:
        fresh = read_bundle(node) if node.child("keys") else bundle(turn, device)
        phone.signal.start_session(address(device), fresh)
    except (BadSignature, BadKey, NodeError) as error:
        turn.world.stats.bad_signatures += isinstance(error, BadSignature)
        turn.world.stats.malformed += not isinstance(error, BadSignature)
        return
    if peer is not None:
        send_peer(turn, phone, device, peer, message_id=id_, count=count)
    elif sent is not None:
        attrs = {"id": id_} | stanza_attrs(sent.message) | _destination(phone, device, sent.chat, who)
        body = _for_one(phone, device, sent.chat, sent.message)
        route(turn, phone.device, Node("message", attrs, [encrypt(turn, phone, device, body, count)]))


def _destination(phone: Phone, device: Device, chat: str, who: str) -> dict[str, str]:
    """Where a message goes that is for one device of its chat only."""
    if parse_jid(chat).server == GROUP_SERVER:
        return {"to": chat, "participant": who}
    return {"to": who} | ({"recipient": chat} if device.account is phone.account else {})


def _for_one(phone: Phone, device: Device, chat: str, message: Message) -> Message:
    """A message as that device gets it again; in a group with the sender key that it may lack."""
    if parse_jid(chat).server == GROUP_SERVER:
        body = sender_key_share(phone, chat)
        body.MergeFrom(message)
        return body
    return device_sent(message, chat) if device.account is phone.account else message
