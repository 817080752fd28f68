import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.simulator.wire.curve import KEY_TYPE, KeyPair
from gateway_worker.simulator.wire.errors import (
    BadSignature,
    MalformedMessage,
    NoSession,
    ReusedCounter,
    SignalError,
    TooFarAhead,
)
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import SenderKeyDistributionMessage
from gateway_worker.simulator.wire.signal.sender_keys import MAX_SKIPPED, SenderKeys
from tests.support.whatsapp.baileys_peer import Peer

GROUP, ALICE = "120363@g.us", "alice"


def pair() -> tuple[SenderKeys, SenderKeys]:
    alice, bob = SenderKeys(), SenderKeys()
    bob.learn(GROUP, ALICE, alice.distribution(GROUP))
    return alice, bob


def test_messages_in_any_order_are_read_once() -> None:
    alice, bob = pair()
    messages = [(b"%d" % number, alice.encrypt(GROUP, b"%d" % number)) for number in range(20)]
    random.Random(1).shuffle(messages)
    for text, message in messages:
        assert bob.decrypt(GROUP, ALICE, message) == text
    for _, message in messages:
        with pytest.raises(ReusedCounter):
            bob.decrypt(GROUP, ALICE, message)


def test_a_late_member_reads_from_then_on() -> None:
    alice, bob = SenderKeys(), SenderKeys()
    alice.distribution(GROUP)
    early = alice.encrypt(GROUP, b"early")
    bob.learn(GROUP, ALICE, alice.distribution(GROUP))
    assert bob.decrypt(GROUP, ALICE, alice.encrypt(GROUP, b"now")) == b"now"
    with pytest.raises(ReusedCounter):
        bob.decrypt(GROUP, ALICE, early)


def test_learning_again_does_not_rewind() -> None:
    alice, bob = pair()
    first_distribution = alice.distribution(GROUP)
    message = alice.encrypt(GROUP, b"once")
    bob.decrypt(GROUP, ALICE, message)
    bob.learn(GROUP, ALICE, first_distribution)
    with pytest.raises(ReusedCounter):
        bob.decrypt(GROUP, ALICE, message)


def test_a_rotated_chain_must_be_learned_and_the_old_one_still_reads() -> None:
    alice, bob = pair()
    late = alice.encrypt(GROUP, b"late")
    alice.rotate(GROUP)
    with pytest.raises(NoSession):
        alice.encrypt(GROUP, b"not yet")
    distribution = alice.distribution(GROUP)
    fresh = alice.encrypt(GROUP, b"fresh")
    with pytest.raises(NoSession):
        bob.decrypt(GROUP, ALICE, fresh)
    bob.learn(GROUP, ALICE, distribution)
    assert bob.decrypt(GROUP, ALICE, fresh) == b"fresh"
    assert bob.decrypt(GROUP, ALICE, late) == b"late"


def test_a_message_in_anothers_name_is_refused() -> None:
    alice, bob = pair()
    mallory = SenderKeys()
    message = bytearray(alice.encrypt(GROUP, b"text"))
    message[-70] ^= 1
    with pytest.raises(BadSignature):
        bob.decrypt(GROUP, ALICE, bytes(message))
    mallory.distribution(GROUP)
    with pytest.raises(NoSession):
        bob.decrypt(GROUP, ALICE, mallory.encrypt(GROUP, b"text"))
    with pytest.raises(NoSession):
        bob.decrypt("other@g.us", ALICE, bytes(message))


def test_a_message_too_far_ahead_is_refused() -> None:
    alice, bob = pair()
    messages = [alice.encrypt(GROUP, b"%d" % number) for number in range(MAX_SKIPPED + 2)]
    with pytest.raises(TooFarAhead):
        bob.decrypt(GROUP, ALICE, messages[-1])
    assert bob.decrypt(GROUP, ALICE, messages[MAX_SKIPPED]) == b"%d" % MAX_SKIPPED
    assert bob.decrypt(GROUP, ALICE, messages[0]) == b"0"


def test_a_broken_distribution_is_refused() -> None:
    key = KEY_TYPE + KeyPair.generate().public
    broken = [
        b"",
        b"\x33\xff",
        b"\x22" + pair()[0].distribution(GROUP)[1:],
        b"\x33"
        + SenderKeyDistributionMessage(id=1, iteration=0, chainKey=b"short", signingKey=key).SerializeToString(),
        b"\x33"
        + SenderKeyDistributionMessage(id=1, iteration=0, chainKey=bytes(32), signingKey=key[1:]).SerializeToString(),
    ]
    for distribution in broken:
        with pytest.raises(MalformedMessage):
            SenderKeys().learn(GROUP, ALICE, distribution)


@given(st.binary(max_size=150))
def test_any_bytes_are_refused_as_a_signal_error(noise: bytes) -> None:
    with pytest.raises(SignalError):
        LEARNED.decrypt(GROUP, ALICE, b"\x33" + noise)


LEARNED = pair()[1]


def test_baileys_reads_our_group_messages(peer: Peer) -> None:
    alice = SenderKeys()
    peer("device", device="reader")
    peer("groupLearn", device="reader", sender="alice", distribution=alice.distribution(GROUP))
    messages = [alice.encrypt(GROUP, b"%d" % number) for number in range(4)]
    for number in (0, 3, 1, 2):
        assert peer("groupDecrypt", device="reader", sender="alice", content=messages[number]) == (b"%d" % number).hex()


def test_we_read_the_group_messages_of_baileys(peer: Peer) -> None:
    bob = SenderKeys()
    peer("device", device="writer")
    bob.learn(GROUP, "them", bytes.fromhex(peer("groupCreate", device="writer", sender="them")))
    messages = [
        bytes.fromhex(peer("groupEncrypt", device="writer", sender="them", plaintext=b"%d" % number))
        for number in range(4)
    ]
    for number in (1, 0, 3, 2):
        assert bob.decrypt(GROUP, "them", messages[number]) == b"%d" % number
