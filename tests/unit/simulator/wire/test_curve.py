import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.simulator.wire.curve import KeyPair, hkdf, verify
from gateway_worker.simulator.wire.errors import BadKey
from tests.support.whatsapp.baileys_peer import Peer

ALICE = KeyPair.from_private(bytes(range(32)))


def test_both_sides_agree_on_a_secret() -> None:
    bob = KeyPair.generate()
    assert ALICE.agree(bob.public) == bob.agree(ALICE.public)


def test_a_pair_comes_back_from_its_private_key() -> None:
    pair = KeyPair.generate()
    assert KeyPair.from_private(pair.private).public == pair.public


@given(st.binary(max_size=64))
def test_only_the_signed_message_verifies(message: bytes) -> None:
    signature = ALICE.sign(message)
    assert verify(ALICE.public, message, signature)
    assert not verify(ALICE.public, message + b"x", signature)
    assert not verify(KeyPair.generate().public, message, signature)
    assert not verify(ALICE.public, message, signature[:-2] + bytes([signature[-2] ^ 1]) + signature[-1:])


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(65)])
def test_a_malformed_signature_is_not_valid(signature: bytes) -> None:
    assert not verify(ALICE.public, b"m", signature)
    assert not verify(b"short", b"m", ALICE.sign(b"m"))


def test_signatures_are_libsignals_both_ways(peer: Peer) -> None:
    for _ in range(4):  # keys of either sign
        pair = KeyPair.generate()
        assert peer("verify", public=pair.public, message=b"m", signature=pair.sign(b"m"))
        theirs = bytes.fromhex(peer("sign", private=pair.private, message=b"m"))
        assert verify(pair.public, b"m", theirs)
        assert not verify(pair.public, b"n", theirs)


@pytest.mark.parametrize("public", [bytes(32), b"short", bytes(33)])
def test_an_unusable_key_is_refused(public: bytes) -> None:
    with pytest.raises(BadKey):
        ALICE.agree(public)


def test_hkdf_follows_rfc_5869() -> None:
    okm = hkdf(b"\x0b" * 22, 42, salt=bytes(range(13)), info=bytes(range(0xF0, 0xFA)))
    assert okm.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
