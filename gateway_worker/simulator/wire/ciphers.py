"""AES-256 as Signal and pairing use it."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR

from gateway_worker.simulator.wire.errors import MalformedMessage

_BLOCK = 16


def encrypt_cbc(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """AES-256-CBC with PKCS#7 padding."""
    encryptor = Cipher(AES256(key), CBC(iv)).encryptor()
    padding = _BLOCK - len(plaintext) % _BLOCK
    return encryptor.update(plaintext + bytes([padding]) * padding) + encryptor.finalize()


def decrypt_cbc(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """The reverse; `MalformedMessage` if length or padding are wrong (authenticate first)."""
    if not ciphertext or len(ciphertext) % _BLOCK:
        raise MalformedMessage("not whole blocks")
    decryptor = Cipher(AES256(key), CBC(iv)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    padding = padded[-1]
    if not 1 <= padding <= _BLOCK or padded[-padding:] != bytes([padding]) * padding:
        raise MalformedMessage("wrong padding")
    return padded[:-padding]


def apply_ctr(key: bytes, iv: bytes, content: bytes) -> bytes:
    """AES-256-CTR; encrypts and decrypts."""
    encryptor = Cipher(AES256(key), CTR(iv)).encryptor()
    return encryptor.update(content) + encryptor.finalize()
