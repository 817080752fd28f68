"""Pairing of a new companion: refs for QR codes, pair-success, its answer, and the restart (515). Pure."""

import base64
from functools import partial

from gateway_worker.simulator.errors import Conflict, Gone, Invalid
from gateway_worker.simulator.whatsapp import passkeys
from gateway_worker.simulator.whatsapp.login import RESTART, UNAUTHORIZED, fail, stream_error
from gateway_worker.simulator.whatsapp.notifications import devices_changed
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.errors import NodeError, PairingError
from gateway_worker.simulator.wire.linking.link_code import WRAPPED_SIZE, open_bundle
from gateway_worker.simulator.wire.linking.pairing import DeviceOffer, check_answer, offer_device, parse_qr
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.payload import Registration
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import strike
from gateway_worker.simulator.world.ids import ConnectionId
from gateway_worker.simulator.world.jids import LID_SERVER, SERVER, parse_jid
from gateway_worker.simulator.world.linking import LinkCode, Reference
from gateway_worker.simulator.world.model import MAX_COMPANIONS, Account, Connection, Device
from gateway_worker.simulator.world.turn import Turn

REFERENCES = 6
FIRST_LIFETIME = 60.0
NEXT_LIFETIME = 20.0
"""Seconds that a client shows its first QR code, and each further one."""
GRACE = 10.0
MAX_LINK_CODES = 10_000


def on_registration(turn: Turn, connection: Connection, registration: Registration) -> None:
    """A client without an account: it gets refs for its QR codes; after their time the connection ends."""
    turn.world.stats.registrations += 1
    if fault := strike(turn.world, turn.now, FaultKind.REJECT_LOGIN, None):
        fail(turn, connection, fault.code)
        return
    connection.registration = registration
    texts: list[str] = []
    for index in range(REFERENCES):
        text = "2@" + base64.urlsafe_b64encode(turn.world.entropy(48)).decode()
        expires = turn.now + FIRST_LIFETIME + NEXT_LIFETIME * index + GRACE
        turn.world.references[text] = Reference(connection=connection.id, expires=expires)
        texts.append(text)
    connection.references = texts
    refs = [Node("ref", {}, text.encode()) for text in texts]
    turn.send(connection.id, _iq(turn, Node("pair-device", {}, refs)))
    lifetime = FIRST_LIFETIME + NEXT_LIFETIME * (REFERENCES - 1) + GRACE
    turn.later(lifetime, partial(_expire, connection=connection))


def _iq(turn: Turn, content: Node) -> Node:
    attrs = {"from": SERVER, "type": "set", "id": turn.token(), "xmlns": "md", "t": turn.t}
    return Node("iq", attrs, [content])


def _expire(turn: Turn, connection: Connection) -> None:
    live = turn.world.connections.get(connection.id)
    busy = connection.pairing is not None or connection.ceremony is not None
    if live is connection and connection.device is None and not busy:
        turn.close(connection.id)


def forget_references(turn: Turn, connection: Connection) -> None:
    """The QR codes of a connection are over."""
    for text in connection.references:
        turn.world.references.pop(text, None)
    connection.references = []


def scan(turn: Turn, account: Account, qr: str) -> None:
    """The person scans a QR code. `Invalid` if it is none, `Gone` if it is not shown any more, `Conflict` if full."""
    try:
        code = parse_qr(qr)
    except PairingError as error:
        raise Invalid("qr.invalid", "not a WhatsApp QR code") from error
    reference = turn.world.references.get(code.ref)
    connection = turn.world.connections.get(reference.connection) if reference else None
    if reference is None or connection is None or connection.registration is None or reference.expires < turn.now:
        raise Gone("qr.expired", "this QR code is not valid, or not any more")
    if code.identity != connection.registration.identity or code.noise_key != connection.noise_static:
        raise Invalid("qr.invalid", "the QR code names other keys than its client has")
    _link(turn, account, connection, code.adv_secret)


def _link(turn: Turn, account: Account, connection: Connection, adv_secret: bytes) -> None:
    """The phone signs the companion in, unless a passkey is asked for."""
    if len(account.companions) >= MAX_COMPANIONS:
        raise Conflict("phone.full", f"the phone has {MAX_COMPANIONS} companions already")
    forget_references(turn, connection)
    if account.passkey is not None:
        passkeys.begin(turn, account, connection, adv_secret)
    else:
        _succeed(turn, account, connection, adv_secret)


def on_passkey_iq(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    """A step of the ceremony that lets an account with a passkey link a device; see `passkeys`."""
    return passkeys.on_passkey_iq(turn, connection, iq, query, _succeed)


def _succeed(turn: Turn, account: Account, connection: Connection, adv_secret: bytes) -> None:
    turn.linking.append(account)
    device = connection.pairing = _next_device(account, connection)
    connection.offer = offer_device(
        account.identity,
        companion_identity=device.identity,
        adv_secret=_secret(turn, account, adv_secret),
        raw_id=account.raw_id,
        key_index=device.number,
        timestamp=int(turn.now),
    )
    success = _iq(turn, _pair_success(device, connection.offer))
    connection.pairing_id = success.attrs["id"]
    turn.send(connection.id, success)


def _secret(turn: Turn, account: Account, adv_secret: bytes) -> bytes:
    """What the answer is signed with; with the fault `forged_pairing` it is not what the companion showed."""
    if turn.world.faults and strike(turn.world, turn.now, FaultKind.FORGED_PAIRING, account.phone):
        return bytes(len(adv_secret))
    return adv_secret


def _next_device(account: Account, connection: Connection) -> Device:
    """The device that the connection's client becomes. Numbers are never given twice."""
    registration = connection.registration
    assert registration is not None
    number = account.next_number
    account.next_number += 1
    return Device(
        account=account,
        number=number,
        identity=registration.identity,
        registration_id=registration.registration_id,
        signed_prekey=registration.signed_prekey,
        noise_static=connection.noise_static,
    )


def _pair_success(device: Device, offer: DeviceOffer) -> Node:
    account = device.account
    content = [
        Node("device-identity", {}, offer.content),
        # A person's companion learns what the person is called by the app state.
        *([Node("biz", {"name": account.name})] if account.business else []),
        Node("device", {"jid": device.jid(), "lid": device.jid(LID_SERVER)}),
        Node("platform", {"name": "android"}),
    ]
    return Node("pair-success", {}, content)


def on_pair_device_sign(turn: Turn, connection: Connection, iq: Node) -> None:
    """The companion has countersigned: it is linked, and must log in again."""
    device, offer = connection.pairing, connection.offer
    if device is None or offer is None or iq.attrs.get("id") != connection.pairing_id:
        raise NodeError("an answer that nobody waits for")
    connection.pairing = connection.offer = None
    try:
        device.signed_identity = check_answer(offer, iq.need("pair-device-sign").need("device-identity").data)
    except PairingError:
        turn.world.stats.bad_signatures += 1
        fail(turn, connection, UNAUTHORIZED)
        return
    device.details = offer.details
    device.account.devices[device.number] = device
    turn.world.stats.pairings += 1
    devices_changed(turn, device, added=True)
    connection.registration = None
    stream_error(turn, connection, RESTART)


# --- pairing codes


def on_link_code_iq(turn: Turn, connection: Connection, _iq: Node, query: Node) -> list[Node]:
    """A companion wants to be linked by code: `companion_hello`, later `companion_finish`."""
    if connection.registration is None:
        raise NodeError("only who registers is linked")
    phone = parse_jid(query.attr("jid")).user
    match query.attr("stage"):
        case "companion_hello":
            return _hello(turn, connection, phone, query)
        case "companion_finish":
            return _finish(turn, connection, phone, query)
        case _:
            raise NodeError("an unknown stage")


def _hello(turn: Turn, connection: Connection, phone: str, query: Node) -> list[Node]:
    if phone not in turn.world.accounts:
        return [Node("error", {"code": "404", "text": "item-not-found"})]
    wrapped = query.need("link_code_pairing_wrapped_companion_ephemeral_pub").data
    if len(wrapped) != WRAPPED_SIZE or len(turn.world.link_codes) >= MAX_LINK_CODES:
        raise NodeError("a wrapped key of the wrong size")
    reference = turn.world.entropy(16)
    turn.world.link_codes[phone] = LinkCode(connection=connection.id, reference=reference, wrapped_ephemeral=wrapped)
    ref = Node("link_code_pairing_ref", {}, reference)
    return [Node("link_code_companion_reg", {"stage": "companion_hello"}, [ref])]


def awaited_code(turn: Turn, account: Account) -> LinkCode:
    """The companion that waits for this person to type its code; `Gone` if there is none."""
    link = turn.world.link_codes.get(account.phone)
    if link is None or link.connection not in turn.world.connections:
        raise Gone("code.expired", "no companion waits for a pairing code of this phone")
    return link


def type_code(
    turn: Turn, account: Account, link: LinkCode, *, companion_ephemeral: bytes, ephemeral: KeyPair, wrapped: bytes
) -> None:
    """The person has typed the code: with it the companion's key was unwrapped and the phone's own was wrapped.

    `Gone` if another companion waits by now, or none.
    """
    if awaited_code(turn, account) is not link:
        raise Gone("code.expired", "the companion has asked for another code")
    link.companion_ephemeral, link.ephemeral = companion_ephemeral, ephemeral
    content = [
        Node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, wrapped),
        Node("primary_identity_pub", {}, account.identity.public),
        Node("link_code_pairing_ref", {}, link.reference),
    ]
    attrs = {"from": SERVER, "type": "link_code_companion_reg", "id": turn.token(), "t": turn.t}
    hello = Node("link_code_companion_reg", {"stage": "primary_hello"}, content)
    turn.send(link.connection, Node("notification", attrs, [hello]))


def _finish(turn: Turn, connection: Connection, phone: str, query: Node) -> list[Node]:
    account, link = turn.world.accounts.get(phone), turn.world.link_codes.pop(phone, None)
    if account is None or link is None or link.ephemeral is None or link.connection != connection.id:
        raise NodeError("no phone has said hello")
    registration = connection.registration
    assert registration is not None
    try:
        opened = open_bundle(
            query.need("link_code_pairing_wrapped_key_bundle").data,
            account=account.identity,
            ephemeral=link.ephemeral,
            companion_ephemeral=link.companion_ephemeral,
            companion_identity=registration.identity,
        )
    except PairingError:
        turn.world.stats.wrong_codes += 1
        return [Node("error", {"code": "401", "text": "not-authorized"})]
    # The answer to this iq goes first.
    turn.later(0.0, partial(_link_by_code, account=account, connection=connection.id, secret=opened.adv_secret))
    return []


def _link_by_code(turn: Turn, account: Account, connection: ConnectionId, secret: bytes) -> None:
    live = turn.world.connections.get(connection)
    if live is not None and live.registration is not None and live.pairing is None:
        try:
            _link(turn, account, live, secret)
        except Conflict:
            turn.close(live.id)
