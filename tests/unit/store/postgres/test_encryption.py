"""Encryption: what comes back, what is refused, what is forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.store.errors import EncryptionError, KeyUnavailable, Tampered
from gateway_worker.store.postgres.encryption import Ciphers, Keyring, Purpose, place

OLD, NEW = bytes(range(32)), bytes(range(1, 33))


def cipher_of(keyring: Keyring, session: str = "s1"):  # noqa: ANN201 (a Cipher)
    return Ciphers(keyring).of(session, Purpose.CONTENT, keyring.new_data_key(session, Purpose.CONTENT))


@given(st.binary(max_size=200))
def test_a_value_comes_back_only_at_its_own_place(value: bytes) -> None:
    cipher = cipher_of(Keyring([OLD]))
    encrypted = cipher.encrypt(value, "keys", "session", "1")
    assert cipher.decrypt(encrypted, "keys", "session", "1") == value
    for elsewhere in (("keys", "session", "2"), ("keys", "session"), ("entries", "session", "1")):
        with pytest.raises(Tampered):
            cipher.decrypt(encrypted, *elsewhere)


def test_the_same_value_is_never_the_same_ciphertext() -> None:
    keyring = Keyring([OLD])
    cipher = cipher_of(keyring)
    assert cipher.encrypt(b"x", "c") != cipher.encrypt(b"x", "c")
    assert keyring.seal(b"x", b"w") != keyring.seal(b"x", b"w")


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_is_noticed(position: int, change: int) -> None:
    keyring = Keyring([OLD])
    sealed = bytearray(keyring.seal(b"value", b"where"))
    sealed[position % len(sealed)] ^= change
    with pytest.raises(EncryptionError):
        keyring.unseal(bytes(sealed), b"where")


@pytest.mark.parametrize("value", [b"", b"\x01", b"\x02" + bytes(40)])
def test_what_is_no_ciphertext_is_refused(value: bytes) -> None:
    keyring = Keyring([OLD])
    with pytest.raises(Tampered):
        keyring.unseal(value, b"")
    with pytest.raises(Tampered):
        cipher_of(keyring).decrypt(value, "c")


def test_the_first_key_seals_and_all_unseal() -> None:
    sealed = Keyring([OLD]).seal(b"x", b"w")
    rotated = Keyring([NEW, OLD])
    assert rotated.unseal(sealed, b"w") == b"x"
    assert Keyring([NEW]).unseal(rotated.seal(b"y", b"w"), b"w") == b"y"
    with pytest.raises(KeyUnavailable, match="fingerprint"):
        Keyring([NEW]).unseal(sealed, b"w")


@pytest.mark.parametrize("keys", [[], [b"short"]])
def test_keys_that_are_none_are_refused(keys: list[bytes]) -> None:
    with pytest.raises(EncryptionError):
        Keyring(keys)


def test_a_data_key_belongs_to_its_session_and_purpose() -> None:
    keyring = Keyring([OLD])
    sealed = keyring.new_data_key("s1", Purpose.CONTENT)
    for session, purpose in (("s2", Purpose.CONTENT), ("s1", Purpose.IDENTITY)):
        with pytest.raises(Tampered):
            Ciphers(keyring).of(session, purpose, sealed)
    with pytest.raises(EncryptionError, match="destroyed"):
        Ciphers(keyring).of("s1", Purpose.CONTENT, None)


def test_only_so_many_data_keys_are_remembered_and_a_forgotten_one_works_again() -> None:
    keyring = Keyring([OLD])
    ciphers = Ciphers(keyring, size=2)
    sealed = [keyring.new_data_key("s1", Purpose.CONTENT) for _ in range(3)]
    first = ciphers.of("s1", Purpose.CONTENT, sealed[0])
    value = first.encrypt(b"x", "c")
    second = ciphers.of("s1", Purpose.CONTENT, sealed[1])
    assert ciphers.of("s1", Purpose.CONTENT, sealed[0]) is first, "used last, so the other one goes"
    ciphers.of("s1", Purpose.CONTENT, sealed[2])
    assert ciphers.of("s1", Purpose.CONTENT, sealed[1]) is not second
    assert ciphers.of("s1", Purpose.CONTENT, sealed[0]).decrypt(value, "c") == b"x"


def test_places_of_different_parts_differ() -> None:
    assert place("a", "b") != place("ab") != place("a", "", "b")
