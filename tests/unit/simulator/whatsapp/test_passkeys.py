"""Linking an account that has a passkey: what goes through, and each single thing that does not."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway_worker.simulator.control import person_actions
from gateway_worker.simulator.control.fault_actions import add_fault, parse_fault
from gateway_worker.simulator.errors import Conflict
from gateway_worker.simulator.strict_body import Body
from gateway_worker.simulator.whatsapp.passkeys import LIFETIME
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.errors import CeremonyError
from gateway_worker.simulator.wire.linking.webauthn import (
    PASSKEY_RANDOM,
    check_assertion,
    decode,
    encode,
    new_passkey,
    request_options,
    sign,
)
from gateway_worker.simulator.wire.nodes import Node
from tests.unit.simulator.passkey_client import Companion, scanned

Assertion = dict[str, Any]
Spoil = Callable[[Assertion], Assertion]


def _fault(companion: Companion, kind: str, **more: object) -> None:
    companion.stage.turn(lambda turn: add_fault(turn, parse_fault(Body({"kind": kind, **more}))))


def test_a_phone_with_a_passkey_asks_for_it_and_goes_no_further() -> None:
    companion = scanned()
    assert companion.options["rpId"] == "whatsapp.com"
    assert companion.options["userVerification"] == "required"
    companion.stage.run(100)
    assert companion.account.companions == []


@pytest.mark.parametrize("proven", [True, False])
def test_the_whole_ceremony_links_a_companion_under_its_new_secret(proven: bool) -> None:  # noqa: FBT001
    companion = scanned()
    companion.get_ref()
    assert companion.ask(companion.prologue(proof=companion.prove if proven else None)).attrs["type"] == "result"
    companion.hear_the_phone()
    companion.ask(Node("companion_nonce", {}, companion.nonce))
    shown = companion.account.primary.passkey_code
    assert shown == (None if proven else companion.code)
    companion.ask(companion.envelope())
    companion.stage.run()
    companion.client.secret = companion.secret  # the old one would not open what follows
    companion.client.countersign()
    assert len(companion.account.companions) == 1
    assert companion.account.primary.passkey_code is None
    assert companion.causes == {}
    assert companion.stage.core.world.stats.passkey_pairings == 1


def _client_data(assertion: Assertion, **changes: object) -> Assertion:
    client = json.loads(decode(assertion["response"]["clientDataJSON"])) | changes
    changed = encode(json.dumps(client).encode())
    return assertion | {"response": assertion["response"] | {"clientDataJSON": changed}}


def _authenticator(assertion: Assertion, index: int, mask: int) -> Assertion:
    content = bytearray(decode(assertion["response"]["authenticatorData"]))
    content[index] ^= mask
    return assertion | {"response": assertion["response"] | {"authenticatorData": encode(bytes(content))}}


def _response(assertion: Assertion, **changes: object) -> Assertion:
    return assertion | {"response": assertion["response"] | changes}


_SPOILED: list[tuple[str, Spoil]] = [
    ("origin", lambda a: _client_data(a, origin="https://whatsapp.com")),
    ("origin", lambda a: _client_data(a, origin="https://web.whatsapp.com.example.org")),
    ("challenge", lambda a: _client_data(a, challenge=encode(bytes(32)))),
    ("type", lambda a: _client_data(a, type="webauthn.create")),
    ("assertion", lambda a: _client_data(a, challenge=7)),
    ("rpId", lambda a: _authenticator(a, 0, 1)),
    ("userPresence", lambda a: _authenticator(a, 32, 1)),
    ("userVerification", lambda a: _authenticator(a, 32, 4)),
    ("signature", lambda a: _authenticator(a, 36, 1)),
    ("signature", lambda a: _response(a, signature=encode(bytes(70)))),
    ("userHandle", lambda a: _response(a, userHandle=encode(bytes(32)))),
    ("assertion", lambda a: _response(a, userHandle=None)),
    ("assertion", lambda a: _response(a, signature="%%%")),
    ("assertion", lambda a: a | {"type": "password"}),
    ("assertion", lambda a: {"id": a["id"]}),
    ("credential", lambda a: a | {"rawId": encode(bytes(16))}),
    ("credential", lambda a: a | {"id": encode(bytes(16))}),
]


@pytest.mark.parametrize(("cause", "spoil"), _SPOILED)
def test_an_assertion_that_is_wrong_in_one_point_is_refused_and_counted_by_it(cause: str, spoil: Spoil) -> None:
    companion = scanned()
    companion.get_ref()
    answer = companion.ask(companion.prologue(spoil(companion.assertion())))
    assert answer.need("error").attrs["code"] == "400"
    assert companion.causes == {cause: 1}
    companion.stage.run()
    assert companion.client.got("notification", type="crsc_continuation") == []


def test_an_assertion_without_user_verification_is_refused_even_when_it_is_signed() -> None:
    companion = scanned()
    companion.get_ref()
    companion.ask(companion.prologue(companion.assertion(verified=False)))
    assert companion.causes == {"userVerification": 1}


@pytest.mark.no_cover  # thousands of times the same
def test_an_assertion_is_refused_with_any_single_bit_of_it_wrong() -> None:
    passkey, challenge = new_passkey(bytes(range(PASSKEY_RANDOM))), bytes(32)
    assertion = sign(passkey, request_options(challenge, 60))

    def check(given: Assertion) -> None:
        check_assertion(json.dumps(given).encode(), passkey, challenge=challenge, credential_id=decode(given["rawId"]))

    check(assertion)
    for name in ("signature", "authenticatorData", "clientDataJSON", "userHandle"):
        right = decode(assertion["response"][name])
        bits = range(8 * len(right))
        if name == "clientDataJSON":  # the longest: one of each character, each time another
            bits = [8 * index + index % 8 for index in range(len(right))]
        for bit in bits:
            wrong = bytearray(right)
            wrong[bit // 8] ^= 1 << (bit % 8)
            with pytest.raises(CeremonyError):
                check(_response(assertion, **{name: encode(bytes(wrong))}))
    for bit in range(8 * len(passkey.credential_id)):
        wrong = bytearray(passkey.credential_id)
        wrong[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(CeremonyError):
            check(assertion | {"id": encode(bytes(wrong)), "rawId": encode(bytes(wrong))})


@pytest.mark.parametrize(
    ("cause", "change"),
    [
        ("ref", {"ref": "2@another"}),
        ("deviceType", {"device_type": 2}),
        ("prologue", {"ref": ""}),
    ],
)
def test_a_prologue_about_something_else_is_refused(cause: str, change: dict[str, Any]) -> None:
    companion = scanned()
    companion.get_ref()
    for name, value in change.items():
        setattr(companion, name, value)
    companion.ask(companion.prologue())
    assert companion.causes == {cause: 1}


def test_a_handoff_proof_under_another_secret_is_refused() -> None:
    companion = scanned()
    companion.get_ref()
    companion.client.secret = bytes(32)
    companion.ask(companion.prologue(proof=companion.prove))
    assert companion.causes == {"handoffProof": 1}


def test_another_credential_beside_the_assertion_is_refused() -> None:
    companion = scanned()
    companion.get_ref()
    companion.ask(companion.prologue(credential=bytes(16)))
    assert companion.causes == {"credential": 1}


@pytest.mark.parametrize(("cause", "nonce"), [("commitment", bytes(32)), ("nonce", bytes(31)), ("nonce", b"")])
def test_a_nonce_that_was_not_committed_to_is_refused(cause: str, nonce: bytes) -> None:
    companion = scanned()
    companion.come_to_the_nonce()
    companion.ask(Node("companion_nonce", {}, nonce))
    assert companion.causes == {cause: 1}


@pytest.mark.parametrize(
    ("cause", "change"),
    [
        ("noiseKey", {"noise": KeyPair.generate().public}),
        ("identityKey", {"identity": KeyPair.generate().public}),
        ("advSecret", {"adv_secret": bytes(range(32))}),  # the one of the QR code
        ("envelope", {"adv_secret": bytes(31)}),
        ("envelope", {"noise": b"\x05" + bytes(32)}),
    ],
)
def test_an_envelope_with_another_key_than_expected_is_refused(cause: str, change: dict[str, bytes]) -> None:
    companion = scanned()
    companion.come_to_the_envelope()
    companion.ask(companion.envelope(replace(companion.keys(), **change)))
    companion.stage.run()
    assert companion.causes == {cause: 1}
    assert [node for node in companion.client.got("iq") if node.child("pair-success")] == []


def test_an_envelope_sealed_for_another_device_type_or_altered_does_not_open() -> None:
    companion = scanned()
    companion.come_to_the_envelope()
    companion.ask(companion.envelope(device_type=2))
    assert companion.causes == {"envelope": 1}
    other = scanned()
    other.come_to_the_envelope()
    sealed = other.envelope()
    other.ask(Node(sealed.tag, {}, sealed.data[:-20] + bytes(20)))
    assert other.causes == {"envelope": 1}


@pytest.mark.parametrize(
    ("step", "kind", "cause"),
    [
        (Node("companion_nonce", {}, bytes(32)), "set", "order"),
        (Node("encrypted_pairing_request", {}, b""), "set", "order"),
        (Node("ref"), "set", "iqType"),
        (Node("passkey_prologue"), "get", "iqType"),
    ],
)
def test_a_step_that_is_not_due_is_refused_and_ends_the_ceremony(step: Node, kind: str, cause: str) -> None:
    companion = scanned()
    companion.ask(step, kind)
    assert companion.causes == {cause: 1}
    companion.ask(Node("ref"), "get")
    assert companion.causes == {cause: 1, "over": 1}


def test_no_step_is_taken_twice_and_none_without_the_ceremony() -> None:
    companion = scanned()
    companion.get_ref()
    companion.ask(Node("ref"), "get")
    assert companion.causes == {"order": 1}
    other = scanned()
    other.client.register()
    other.ask(Node("ref"), "get")
    assert other.causes == {"notAsked": 1}


def test_a_prologue_before_the_request_was_acknowledged_is_refused() -> None:
    companion = scanned(acknowledges=False)
    companion.get_ref()
    companion.ask(companion.prologue())
    assert companion.causes == {"unacknowledged": 1}


def test_a_prologue_without_what_belongs_to_it_is_malformed() -> None:
    companion = scanned()
    companion.get_ref()
    companion.ask(Node("passkey_prologue", {}, [Node("credential_id", {}, b"1")]))
    assert companion.causes == {"malformed": 1}


def test_the_options_are_given_again_to_who_could_not_read_them() -> None:
    companion = scanned()
    again = companion.ask(Node("passkey_request_options"), "get").need("passkey_request_options")
    assert json.loads(again.data) == companion.options


def test_a_challenge_is_over_after_its_time_and_the_connection_with_it() -> None:
    companion = scanned()
    companion.stage.run(LIFETIME - 1)
    assert companion.client.id not in companion.stage.closed
    companion.stage.run(2)
    assert companion.client.id in companion.stage.closed


def test_a_passkey_signs_for_whatsapp_only_and_only_where_it_is_allowed() -> None:
    companion = scanned()
    for wrong in ({"rpId": "example.org"}, {"allowCredentials": [{"type": "public-key", "id": encode(bytes(16))}]}):
        with pytest.raises(Conflict) as conflict:
            person_actions.assert_passkey(companion.account, companion.options | wrong)
        assert conflict.value.code == "passkey.none"


def test_a_passkey_stays_the_same_until_it_is_taken_away() -> None:
    companion = scanned()
    held, phone = companion.account.passkey, companion.account.phone
    companion.stage.turn(lambda turn: person_actions.add_phone(turn, phone, "", passkey=True))
    assert companion.account.passkey == held
    companion.get_ref()
    prologue = companion.prologue()
    companion.stage.turn(lambda turn: person_actions.add_phone(turn, phone, "", passkey=False))
    companion.ask(prologue)
    assert companion.causes == {"credential": 1}


# --- faults


def test_a_refused_prologue_says_with_which_code() -> None:
    companion = scanned()
    _fault(companion, "passkey_refused", code=463)
    companion.get_ref()
    answer = companion.ask(companion.prologue(proof=companion.prove))
    assert answer.need("error").attrs["code"] == "463"
    assert companion.causes == {"fault": 1}


def test_a_continuation_stays_away_or_comes_late() -> None:
    never = scanned()
    _fault(never, "passkey_unanswered")
    never.get_ref()
    never.ask(never.prologue())
    never.stage.run(LIFETIME - 10)
    assert never.client.got("notification", type="crsc_continuation") == []
    late = scanned()
    _fault(late, "passkey_late", after=20)
    late.get_ref()
    late.ask(late.prologue())
    late.stage.run(19)
    assert late.client.got("notification", type="crsc_continuation") == []
    late.stage.run(2)
    assert len(late.client.got("notification", type="crsc_continuation")) == 1


def test_a_continuation_has_a_nonce_of_the_wrong_length_or_comes_twice() -> None:
    short = scanned()
    _fault(short, "passkey_bad_nonce")
    short.come_to_the_nonce()
    assert len(short.primary.nonce) == 31
    twice = scanned()
    _fault(twice, "passkey_twice")
    twice.come_to_the_nonce()
    assert len(twice.client.got("notification", type="crsc_continuation")) == 2


def test_a_request_without_options_is_followed_by_the_question_for_them() -> None:
    companion = scanned()
    _fault(companion, "passkey_without_options")
    companion.client.register()
    companion.client.scanned_by(companion.account)
    (gate,) = companion.client.got("notification", type="passkey_prologue_request")
    assert gate.child("passkey_request_options") is None
    again = companion.ask(Node("passkey_request_options"), "get")
    assert json.loads(again.need("passkey_request_options").data)["rpId"] == "whatsapp.com"
