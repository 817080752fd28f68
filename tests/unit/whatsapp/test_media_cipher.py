"""Files as they lie at WhatsApp, opened in pieces of any size, and only if they are what the message tells of."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.whatsapp.downloads import NowhereToLook, address_of
from gateway_worker.whatsapp.media_cipher import FileDamaged, Opening, encrypted_size
from gateway_worker.whatsapp.remote_files import KeyClass, RemoteFile

KEY = bytes(range(32))


def sealed(plaintext: bytes, key_class: KeyClass = KeyClass.IMAGE) -> tuple[bytes, RemoteFile]:
    name = key_class.value.replace("_", " ").title()
    keys = HKDF(SHA256(), 112, None, f"WhatsApp {name} Keys".encode()).derive(KEY)
    padder, encryptor = PKCS7(128).padder(), Cipher(AES(keys[16:48]), CBC(keys[:16])).encryptor()
    ciphertext = encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()
    blob = ciphertext + hmac.digest(keys[48:80], keys[:16] + ciphertext, "sha256")[:10]
    return blob, RemoteFile(
        key_class=key_class,
        url=None,
        direct_path="/v/x.enc",
        media_key=KEY,
        sha256=hashlib.sha256(plaintext).digest(),
        encrypted_sha256=hashlib.sha256(blob).digest(),
        size=len(plaintext),
    )


def opened(blob: bytes, file: RemoteFile, piece: int = 7) -> bytes:
    opening = Opening(file)
    found = b"".join(opening.feed(blob[at : at + piece]) for at in range(0, len(blob), piece))
    return found + opening.finish()


@given(st.binary(max_size=200), st.integers(1, 64), st.sampled_from(KeyClass))
def test_a_file_opens_however_it_comes(plaintext: bytes, piece: int, key_class: KeyClass) -> None:
    blob, file = sealed(plaintext, key_class)
    assert len(blob) == encrypted_size(len(plaintext))
    assert opened(blob, file, piece) == plaintext


@given(st.binary(min_size=1, max_size=100), st.data())
def test_not_one_bit_may_differ(plaintext: bytes, data: st.DataObject) -> None:
    blob, file = sealed(plaintext)
    at = data.draw(st.integers(0, len(blob) - 1))
    changed = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
    with pytest.raises(FileDamaged):
        opened(changed, replace(file, encrypted_sha256=None, sha256=None, size=None))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"encrypted_sha256": bytes(32)}, "encrypted_hash"),
        ({"sha256": bytes(32)}, "hash"),
        ({"media_key": bytes(32)}, "mac"),
        ({"key_class": KeyClass.VIDEO}, "mac"),
    ],
)
def test_what_the_message_says_must_be_so(changes: dict[str, object], reason: str) -> None:
    blob, file = sealed(b"hello")
    with pytest.raises(FileDamaged, match=f"^{reason}$"):
        opened(blob, replace(file, **changes))  # pyright: ignore[reportArgumentType] (a field of it each)


@pytest.mark.parametrize("stated", [0, 4, 1 << 50, None])
def test_the_length_that_a_message_tells_decides_nothing(stated: int | None) -> None:
    blob, file = sealed(b"hello")
    assert opened(blob, replace(file, size=stated)) == b"hello"


@pytest.mark.parametrize("blob", [b"", b"short", b"x" * 10, b"x" * 27])
def test_what_is_no_such_file_is_damaged(blob: bytes) -> None:
    with pytest.raises(FileDamaged):
        opened(blob, replace(sealed(b"")[1], encrypted_sha256=None, sha256=None, size=None))


def place(url: str | None, path: str | None) -> RemoteFile:
    return replace(sealed(b"")[1], url=url, direct_path=path)


def test_a_file_is_looked_for_at_whatsapp_only() -> None:
    assert address_of(place("https://evil.example/x", "/v/a?oh=1"), None) == "https://mmg.whatsapp.net/v/a?oh=1"
    assert address_of(place("https://media-fra3-1.cdn.whatsapp.net/v/a", None), None).startswith("https://media-fra3")
    assert address_of(place("https://127.0.0.1:9/v/a", None), "127.0.0.1:9") == "https://127.0.0.1:9/v/a"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://127.0.0.1/v/a", None),
        ("http://mmg.whatsapp.net/v/a", None),
        ("https://mmg.whatsapp.net:8443/v/a", None),
        ("https://mmg.whatsapp.net@evil.example/a", None),
        ("https://evilwhatsapp.net/a", None),
        ("https://[::1/a", None),
        (None, "@evil.example/a"),
        (None, "/v/a\r\nHost: evil"),
        ("", None),
    ],
)
def test_no_message_leads_elsewhere(url: str | None, path: str | None) -> None:
    with pytest.raises(NowhereToLook):
        address_of(place(url, path), None)
