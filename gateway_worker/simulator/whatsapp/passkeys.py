"""Linking an account that has a passkey: each step of the companion is checked, and what breaks a rule ends it. Pure.

The server asks for an assertion, gives a ref, takes the prologue and tells the phone; the phone answers with its key
and nonce (`crsc_continuation`), takes the companion's nonce and at last its keys. Then pairing goes on as without a
passkey, under the new ADV secret. A step that is not due, or comes twice, is refused like a wrong one.
"""

import hmac
import json
from collections.abc import Callable
from functools import partial

from gateway_worker.simulator.wire.errors import CeremonyError, NodeError
from gateway_worker.simulator.wire.linking.passkey_pairing import (
    NONCE_SIZE,
    PairingKeys,
    check_commitment,
    envelope_key,
    handoff_proof,
    open_keys,
    read_prologue,
    verification_code,
    write_primary,
)
from gateway_worker.simulator.wire.linking.webauthn import CHALLENGE_SIZE, check_assertion, request_options
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.ceremony import Ceremony, Stage
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import strike
from gateway_worker.simulator.world.jids import SERVER
from gateway_worker.simulator.world.model import Account, Connection
from gateway_worker.simulator.world.turn import ConnectionId, Turn

LIFETIME = 600.0
"""Seconds in which the person must have signed."""
LATENCY = 0.05
"""Seconds that the phone takes to answer a prologue."""
REFUSED = "400"

Link = Callable[[Turn, Account, Connection, bytes], None]
"""Goes on with pairing, under this ADV secret."""


def begin(turn: Turn, account: Account, connection: Connection, adv_secret: bytes) -> None:
    """The person has scanned, or typed the code: the companion is asked for an assertion."""
    turn.world.stats.passkey_gated += 1
    connection.ceremony_with, connection.ceremony = (
        account,
        Ceremony(
            adv_secret=adv_secret,
            challenge=turn.world.entropy(CHALLENGE_SIZE),
            expires=turn.now + LIFETIME,
            request_id=turn.token(),
        ),
    )
    account.primary.passkey_code = None
    request_id = connection.ceremony.request_id
    attrs = {"from": SERVER, "type": "passkey_prologue_request", "id": request_id, "t": turn.t}
    without = strike(turn.world, turn.now, FaultKind.PASSKEY_WITHOUT_OPTIONS, account.phone)
    content = [] if without else [_options(connection.ceremony)]
    turn.send(connection.id, Node("notification", attrs, content or None))
    turn.later(LIFETIME, partial(_expire, connection=connection, ceremony=connection.ceremony))


def on_ack(connection: Connection, ack: Node) -> None:
    """A client that has not logged in acknowledges a notification: the request for an assertion."""
    ceremony = connection.ceremony
    if ceremony is not None and ack.attrs.get("id") == ceremony.request_id:
        ceremony.acknowledged = ack.attrs.get("class") == "notification"


def _options(ceremony: Ceremony) -> Node:
    return Node("passkey_request_options", {}, json.dumps(request_options(ceremony.challenge, LIFETIME)).encode())


def _expire(turn: Turn, connection: Connection, ceremony: Ceremony) -> None:
    if turn.world.connections.get(connection.id) is connection and ceremony.stage is not Stage.OVER:
        end(connection)
        turn.close(connection.id)


def _person(connection: Connection) -> Account:
    """Whose phone the ceremony of this connection is held with."""
    assert connection.ceremony_with is not None
    return connection.ceremony_with


def end(connection: Connection) -> None:
    """The ceremony of this connection, if there is one, is over."""
    if connection.ceremony is not None:
        connection.ceremony.stage = Stage.OVER
        _person(connection).primary.passkey_code = None


def on_passkey_iq(turn: Turn, connection: Connection, iq: Node, query: Node, link: Link) -> list[Node]:
    """One step of the companion. Each at most once, in order; what breaks a rule is counted and ends the ceremony."""
    ceremony, (kind, step) = connection.ceremony, _STEPS[query.tag]
    if ceremony is None or ceremony.stage is Stage.OVER or ceremony.expires <= turn.now:
        return _refuse(turn, connection, "notAsked" if ceremony is None else "over")
    if iq.attrs.get("type") != kind:
        return _refuse(turn, connection, "iqType")
    try:
        return step(turn, connection, ceremony, query, link)
    except NodeError:
        return _refuse(turn, connection, "malformed")
    except CeremonyError as error:
        return _refuse(turn, connection, error.cause)


def _refuse(turn: Turn, connection: Connection, cause: str, code: str = REFUSED) -> list[Node]:
    turn.world.stats.count_passkey_refusal(cause)
    end(connection)
    return [Node("error", {"code": code, "text": "bad-request" if code == REFUSED else "refused"})]


def _require(ceremony: Ceremony, stage: Stage) -> None:
    if ceremony.stage is not stage:
        raise CeremonyError("order")


# --- the steps


def _give_options(_turn: Turn, _on: Connection, ceremony: Ceremony, _query: Node, _link: Link) -> list[Node]:
    """For who could not read them in the notification."""
    _require(ceremony, Stage.REF)
    return [_options(ceremony)]


def _give_ref(turn: Turn, _on: Connection, ceremony: Ceremony, _query: Node, _link: Link) -> list[Node]:
    _require(ceremony, Stage.REF)
    ceremony.stage, ceremony.ref = Stage.PROLOGUE, f"2@{turn.token(24)}"
    return [Node("ref", {}, ceremony.ref.encode())]


def _take_prologue(turn: Turn, connection: Connection, ceremony: Ceremony, query: Node, _link: Link) -> list[Node]:
    _require(ceremony, Stage.PROLOGUE)
    if not ceremony.acknowledged:
        raise CeremonyError("unacknowledged")
    payload = query.need("prologue_payload").data
    _check_companion(connection, ceremony, payload)
    passkey = _person(connection).passkey
    if passkey is None:
        raise CeremonyError("credential")  # taken from the phone meanwhile
    assertion, credential = query.need("webauthn_assertion").data, query.need("credential_id").data
    check_assertion(assertion, passkey, challenge=ceremony.challenge, credential_id=credential)
    if proof := query.child("pairing_handoff_proof"):
        if not hmac.compare_digest(handoff_proof(ceremony.adv_secret, payload), proof.data):
            raise CeremonyError("handoffProof")
        ceremony.proven = True
    if fault := strike(turn.world, turn.now, FaultKind.PASSKEY_REFUSED, _person(connection).phone):
        return _refuse(turn, connection, "fault", str(fault.code))
    ceremony.stage = Stage.CONTINUATION
    _answer_by_phone(turn, connection, ceremony)
    return []


def _check_companion(connection: Connection, ceremony: Ceremony, payload: bytes) -> None:
    companion, commitment = read_prologue(payload)
    registration = connection.registration
    if companion.ref != ceremony.ref:
        raise CeremonyError("ref")
    if registration is None or companion.device_type != int(registration.device_props.platformType):
        raise CeremonyError("deviceType")
    ceremony.companion, ceremony.commitment = companion, commitment


def _answer_by_phone(turn: Turn, connection: Connection, ceremony: Ceremony) -> None:
    """The phone answers a moment later; with a fault never, late, wrongly or twice."""
    phone = _person(connection).phone
    if strike(turn.world, turn.now, FaultKind.PASSKEY_UNANSWERED, phone):
        return
    late = strike(turn.world, turn.now, FaultKind.PASSKEY_LATE, phone)
    short = strike(turn.world, turn.now, FaultKind.PASSKEY_BAD_NONCE, phone)
    twice = strike(turn.world, turn.now, FaultKind.PASSKEY_TWICE, phone)
    ceremony.ephemeral, ceremony.nonce = turn.world.new_key_pair(), turn.world.entropy(NONCE_SIZE)
    nonce = ceremony.nonce[:-1] if short else ceremony.nonce
    content = [Node("primary_ephemeral_identity", {}, write_primary(ceremony.ephemeral.public, nonce))]
    for number in range(2 if twice else 1):
        attrs = {"from": SERVER, "type": "crsc_continuation", "id": turn.token(), "t": turn.t}
        node = Node("notification", attrs, content)
        delay = (late.after if late else LATENCY) * (1 + number)
        turn.later(delay, partial(_continue, connection=connection.id, ceremony=ceremony, node=node))


def _continue(turn: Turn, connection: ConnectionId, ceremony: Ceremony, node: Node) -> None:
    live = turn.world.connections.get(connection)
    if live is None or live.ceremony is not ceremony or ceremony.stage is Stage.OVER:
        return
    if ceremony.stage is Stage.CONTINUATION:
        ceremony.stage = Stage.NONCE
    turn.send(connection, node)


def _take_nonce(_turn: Turn, connection: Connection, ceremony: Ceremony, query: Node, _link: Link) -> list[Node]:
    _require(ceremony, Stage.NONCE)
    companion, ephemeral = ceremony.companion, ceremony.ephemeral
    assert companion is not None
    assert ephemeral is not None
    check_commitment(companion, ceremony.commitment, query.data)
    ceremony.stage = Stage.REQUEST
    if not ceremony.proven:
        _person(connection).primary.passkey_code = verification_code(
            companion_nonce=query.data, primary_nonce=ceremony.nonce, primary_public=ephemeral.public
        )
    return []


def _take_keys(turn: Turn, connection: Connection, ceremony: Ceremony, query: Node, link: Link) -> list[Node]:
    _require(ceremony, Stage.REQUEST)
    companion, ephemeral, registration = ceremony.companion, ceremony.ephemeral, connection.registration
    assert companion is not None
    assert ephemeral is not None
    assert registration is not None
    key = envelope_key(ephemeral, companion.public, device_type=companion.device_type, ref=companion.ref)
    keys = open_keys(key, query.data)
    _check_keys(keys, ceremony, noise=connection.noise_static, identity=registration.identity)
    end(connection)
    turn.world.stats.passkey_pairings += 1
    # The answer to this iq goes first.
    go_on = partial(_go_on, account=_person(connection), connection=connection.id, secret=keys.adv_secret, link=link)
    turn.later(0.0, go_on)
    return []


def _check_keys(keys: PairingKeys, ceremony: Ceremony, *, noise: bytes, identity: bytes) -> None:
    if keys.noise != noise:
        raise CeremonyError("noiseKey")
    if keys.identity != identity:
        raise CeremonyError("identityKey")
    if hmac.compare_digest(keys.adv_secret, ceremony.adv_secret):
        raise CeremonyError("advSecret")  # the old one


def _go_on(turn: Turn, account: Account, connection: ConnectionId, secret: bytes, link: Link) -> None:
    live = turn.world.connections.get(connection)
    if live is not None and live.registration is not None and live.pairing is None:
        link(turn, account, live, secret)


_STEPS: dict[str, tuple[str, Callable[[Turn, Connection, Ceremony, Node, Link], list[Node]]]] = {
    "passkey_request_options": ("get", _give_options),
    "ref": ("get", _give_ref),
    "passkey_prologue": ("set", _take_prologue),
    "companion_nonce": ("set", _take_nonce),
    "encrypted_pairing_request": ("set", _take_keys),
}
PASSKEY_STEPS = frozenset(_STEPS)
