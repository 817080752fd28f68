from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.errors import (
    BadMac,
    BadSignature,
    IdentityMismatch,
    MalformedMessage,
    NoSession,
    ReusedCounter,
    SignalError,
    TooFarAhead,
    UnknownPreKey,
    UsedPreKey,
)
from gateway_worker.simulator.wire.signal.device import Ciphertext, SignalDevice, pad, unpad
from gateway_worker.simulator.wire.signal.messages import PreKeyMessage
from gateway_worker.simulator.wire.signal.ratchet import MAX_SKIPPED, PreKeyBundle
from tests.support.whatsapp.baileys_peer import Peer, PeerError

ALICE, BOB = "alice", "bob"


def device() -> SignalDevice:
    return SignalDevice(identity=KeyPair.generate(), registration_id=1234)


def pair() -> tuple[SignalDevice, SignalDevice]:
    """Alice, who has Bob's bundle, and Bob."""
    alice, bob = device(), device()
    alice.start_session(BOB, bob.bundle(bob.new_prekeys(1)[0]))
    return alice, bob


def talking() -> tuple[SignalDevice, SignalDevice]:
    """Alice and Bob after a message each way."""
    alice, bob = pair()
    assert bob.decrypt(ALICE, alice.encrypt(BOB, b"hello")) == b"hello"
    assert alice.decrypt(BOB, bob.encrypt(ALICE, b"hi")) == b"hi"
    return alice, bob


def altered(ciphertext: Ciphertext, at: int) -> Ciphertext:
    content = bytearray(ciphertext.content)
    content[at] ^= 1
    return Ciphertext(type=ciphertext.type, content=bytes(content))


# --- with ourselves


def test_messages_are_pkmsg_until_the_other_side_answers() -> None:
    alice, bob = pair()
    first, second = alice.encrypt(BOB, b"1"), alice.encrypt(BOB, b"2")
    assert (first.type, second.type) == ("pkmsg", "pkmsg")
    assert [bob.decrypt(ALICE, message) for message in (first, second)] == [b"1", b"2"]
    answer = bob.encrypt(ALICE, b"3")
    assert answer.type == "msg"
    assert alice.decrypt(BOB, answer) == b"3"
    assert alice.encrypt(BOB, b"4").type == "msg"


def test_a_bundle_without_a_one_time_prekey_is_enough() -> None:
    alice, bob = device(), device()
    alice.start_session(BOB, bob.bundle())
    assert bob.decrypt(ALICE, alice.encrypt(BOB, b"hello")) == b"hello"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=30))
@settings(max_examples=40)
def test_any_order_of_messages_is_read_once(script: list[tuple[bool, int]]) -> None:
    """Each step sends (alice or bob), and reads one of the waiting messages in some order."""
    alice, bob = talking()
    waiting: list[tuple[SignalDevice, str, Ciphertext, bytes]] = []
    for number, (from_alice, pick) in enumerate(script):
        text = b"%d" % number
        if from_alice:
            waiting.append((bob, ALICE, alice.encrypt(BOB, text), text))
        else:
            waiting.append((alice, BOB, bob.encrypt(ALICE, text), text))
        if pick:
            reader, sender, message, expected = waiting.pop((pick * 7) % len(waiting))
            assert reader.decrypt(sender, message) == expected
            with pytest.raises(ReusedCounter):
                reader.decrypt(sender, message)


def test_a_reused_counter_is_refused_and_changes_nothing() -> None:
    alice, bob = pair()
    first, second = alice.encrypt(BOB, b"1"), alice.encrypt(BOB, b"2")
    bob.decrypt(ALICE, first)
    for _ in range(2):
        with pytest.raises(ReusedCounter):
            bob.decrypt(ALICE, first)
    assert bob.decrypt(ALICE, second) == b"2"


@pytest.mark.parametrize("at", [-1, -9, 3, 40])
def test_an_altered_message_is_refused_and_changes_nothing(at: int) -> None:
    alice, bob = talking()
    message = alice.encrypt(BOB, b"text")
    with pytest.raises(SignalError):
        bob.decrypt(ALICE, altered(message, at))
    assert bob.decrypt(ALICE, message) == b"text"


def test_a_wrong_mac_says_so() -> None:
    alice, bob = talking()
    with pytest.raises(BadMac):
        bob.decrypt(ALICE, altered(alice.encrypt(BOB, b"text"), -1))


def test_a_message_too_far_ahead_is_refused() -> None:
    alice, bob = talking()
    messages = [alice.encrypt(BOB, b"%d" % number) for number in range(MAX_SKIPPED + 2)]
    with pytest.raises(TooFarAhead):
        bob.decrypt(ALICE, messages[-1])
    assert bob.decrypt(ALICE, messages[MAX_SKIPPED]) == b"%d" % MAX_SKIPPED
    assert bob.decrypt(ALICE, messages[0]) == b"0"


def test_a_one_time_prekey_serves_one_session() -> None:
    alice, bob, carol = device(), device(), device()
    prekey = bob.new_prekeys(1)[0]
    alice.start_session(BOB, bob.bundle(prekey))
    carol.start_session(BOB, bob.bundle(prekey))
    bob.decrypt(ALICE, alice.encrypt(BOB, b"hello"))
    with pytest.raises(UsedPreKey):
        bob.decrypt("carol", carol.encrypt(BOB, b"hello"))


def test_a_forged_first_message_does_not_use_up_the_prekey() -> None:
    alice, bob = pair()
    message = alice.encrypt(BOB, b"hello")
    with pytest.raises(SignalError):
        bob.decrypt(ALICE, altered(message, -1))
    assert bob.decrypt(ALICE, message) == b"hello"


def rewritten(message: Ciphertext, **changes: Any) -> Ciphertext:
    parsed = PreKeyMessage.parse(message.content)
    fields = {name: getattr(parsed, name) for name in PreKeyMessage.__slots__}
    return Ciphertext(type="pkmsg", content=PreKeyMessage(**{**fields, **changes}).serialize())


def test_unknown_prekeys_are_refused() -> None:
    alice, bob = pair()
    message = alice.encrypt(BOB, b"hello")
    for changes in ({"prekey_id": 99}, {"prekey_id": 0}, {"signed_prekey_id": 99}):
        with pytest.raises(UnknownPreKey):
            bob.decrypt(ALICE, rewritten(message, **changes))


def test_another_identity_than_expected_is_refused() -> None:
    alice, bob = pair()
    message = alice.encrypt(BOB, b"hello")
    with pytest.raises(IdentityMismatch):
        bob.decrypt(ALICE, message, expected_identity=bob.identity.public)
    assert bob.decrypt(ALICE, message, expected_identity=alice.identity.public) == b"hello"


def test_an_unusable_key_in_a_message_is_refused() -> None:
    alice, bob = pair()
    with pytest.raises(MalformedMessage):
        bob.decrypt(ALICE, rewritten(alice.encrypt(BOB, b"hello"), base_key=bytes(32)))


def test_a_bundle_with_a_wrong_signature_starts_no_session() -> None:
    alice, bob = device(), device()
    good = bob.bundle()
    bad = PreKeyBundle(
        registration_id=good.registration_id,
        identity=good.identity,
        signed_prekey_id=good.signed_prekey_id,
        signed_prekey=KeyPair.generate().public,
        signed_prekey_signature=good.signed_prekey_signature,
    )
    with pytest.raises(BadSignature):
        alice.start_session(BOB, bad)
    assert not alice.has_session(BOB)


def test_without_a_session_nothing_is_sent_or_read() -> None:
    alice, bob = talking()
    message = alice.encrypt(BOB, b"text")
    bob.forget_sessions(ALICE)
    with pytest.raises(NoSession):
        bob.decrypt(ALICE, message)
    with pytest.raises(NoSession):
        bob.encrypt(ALICE, b"text")


def test_messages_of_an_older_session_are_still_read() -> None:
    alice, bob = talking()
    late = alice.encrypt(BOB, b"late")
    bob.start_session(ALICE, alice.bundle(alice.new_prekeys(1)[0]))
    fresh = bob.encrypt(ALICE, b"fresh")
    assert fresh.type == "pkmsg"
    assert alice.decrypt(BOB, fresh) == b"fresh"
    assert bob.decrypt(ALICE, late) == b"late"
    assert alice.decrypt(BOB, bob.encrypt(ALICE, b"still")) == b"still"
    assert bob.decrypt(ALICE, alice.encrypt(BOB, b"fine")) == b"fine"


def test_two_sessions_started_at_once_find_each_other() -> None:
    alice, bob = device(), device()
    alice.start_session(BOB, bob.bundle(bob.new_prekeys(1)[0]))
    bob.start_session(ALICE, alice.bundle(alice.new_prekeys(1)[0]))
    from_alice, from_bob = alice.encrypt(BOB, b"a"), bob.encrypt(ALICE, b"b")
    assert bob.decrypt(ALICE, from_alice) == b"a"
    assert alice.decrypt(BOB, from_bob) == b"b"
    for number in range(4):
        text = b"%d" % number
        assert bob.decrypt(ALICE, alice.encrypt(BOB, text)) == text
        assert alice.decrypt(BOB, bob.encrypt(ALICE, text)) == text


@given(st.binary(max_size=120), st.sampled_from(["msg", "pkmsg"]))
def test_any_bytes_are_refused_as_a_signal_error(noise: bytes, kind: Literal["msg", "pkmsg"]) -> None:
    for content in (noise, b"\x33" + noise):
        with pytest.raises(SignalError):
            BUSY.decrypt(ALICE, Ciphertext(type=kind, content=content))


BUSY = talking()[1]


@given(st.binary(max_size=50))
def test_padding_comes_off(plaintext: bytes) -> None:
    padded = pad(plaintext)
    assert 1 <= len(padded) - len(plaintext) <= 16
    assert unpad(padded) == plaintext
    assert pad(b"x", padding=2) == b"x\2\2"


@pytest.mark.parametrize("padded", [b"", b"x\0", b"x\x11", b"\2", b"x\1\3\3"])
def test_wrong_padding_is_refused(padded: bytes) -> None:
    with pytest.raises(MalformedMessage):
        unpad(padded)


# --- with libsignal as Baileys ships it


def remote(peer: Peer, name: str) -> PreKeyBundle:
    bundle = peer("device", device=name)
    return PreKeyBundle(
        registration_id=bundle["registrationId"],
        identity=bytes.fromhex(bundle["identity"]),
        signed_prekey_id=bundle["signedId"],
        signed_prekey=bytes.fromhex(bundle["signed"]),
        signed_prekey_signature=bytes.fromhex(bundle["signature"]),
        prekey_id=bundle["prekeyId"],
        prekey=bytes.fromhex(bundle["prekey"]),
    )


def from_peer(peer: Peer, name: str, to: str, plaintext: bytes) -> Ciphertext:
    message = peer("encrypt", device=name, name=to, plaintext=plaintext)
    return Ciphertext(type=message["type"], content=bytes.fromhex(message["content"]))


def read_by_peer(peer: Peer, name: str, sender: str, message: Ciphertext) -> bytes:
    return bytes.fromhex(peer("decrypt", device=name, name=sender, type=message.type, content=message.content))


def converse(peer: Peer, name: str, ours: SignalDevice) -> None:
    """Runs of messages each way, some of them late and out of order."""
    for run in (1, 3, 2):
        for number in range(run):
            text = b"to them %d" % number
            assert read_by_peer(peer, name, "us", ours.encrypt("them", text)) == text
        messages = [from_peer(peer, name, "us", b"to us %d" % number) for number in range(run)]
        for number, message in reversed(list(enumerate(messages))):
            assert ours.decrypt("them", message) == b"to us %d" % number


def test_libsignal_answers_a_session_of_ours(peer: Peer) -> None:
    ours = device()
    ours.start_session("them", remote(peer, "responder"))
    first = [ours.encrypt("them", b"%d" % number) for number in range(3)]
    for number in (2, 0, 1):
        assert read_by_peer(peer, "responder", "us", first[number]) == b"%d" % number
    converse(peer, "responder", ours)
    late = ours.encrypt("them", b"once")
    read_by_peer(peer, "responder", "us", late)
    with pytest.raises(PeerError):
        read_by_peer(peer, "responder", "us", late)


def test_we_answer_a_session_of_libsignal(peer: Peer) -> None:
    ours = device()
    remote(peer, "initiator")
    bundle = ours.bundle(ours.new_prekeys(1)[0])
    assert bundle.prekey is not None
    sent = {
        "registrationId": bundle.registration_id,
        "identity": bundle.identity.hex(),
        "signedId": bundle.signed_prekey_id,
        "signed": bundle.signed_prekey.hex(),
        "signature": bundle.signed_prekey_signature.hex(),
        "prekeyId": bundle.prekey_id,
        "prekey": bundle.prekey.hex(),
    }
    peer("start", device="initiator", name="us", bundle=sent)
    first = [from_peer(peer, "initiator", "us", b"%d" % number) for number in range(3)]
    for number in (1, 2, 0):
        assert ours.decrypt("them", first[number]) == b"%d" % number
    with pytest.raises(ReusedCounter):
        ours.decrypt("them", first[0])
    converse(peer, "initiator", ours)
