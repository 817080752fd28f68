"""What is sealed about a message: encrypted with a key that follows from its secret, for all who have the message."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway_worker.simulator.wire.curve import hkdf
from gateway_worker.simulator.wire.errors import MalformedMessage

SECRET_SIZE = 32
IV_SIZE = 12


class Use(StrEnum):
    """What the key is for; its name is part of the key."""

    VOTE = "Poll Vote"
    RESPONSE = "Event Response"
    REACTION = "Enc Reaction"
    COMMENT = "Enc Comment"
    EDIT = "Message Edit"


_BOUND = frozenset({Use.VOTE, Use.RESPONSE})
"""Of these, the message's id and the sealing address are authenticated too."""


class Sealed(Protocol):
    """A part of a message that holds something sealed."""

    encPayload: bytes  # noqa: N815 (WhatsApp's names)
    encIv: bytes  # noqa: N815


def seal(
    plaintext: bytes, use: Use, *, secret: bytes, message_id: str, author: str, sealer: str, iv: bytes
) -> dict[str, bytes]:
    """The fields `encPayload` and `encIv`. `author` and `sealer` are bare JIDs in the chat's addressing."""
    key = _key(secret, message_id, author, sealer, use)
    return {"encPayload": AESGCM(key).encrypt(iv, plaintext, _bound(use, message_id, sealer)), "encIv": iv}


def unseal(
    sealed: Sealed, use: Use, *, secret: bytes, message_id: str, authors: Iterable[str], sealers: Iterable[str]
) -> bytes:
    """What was sealed; `MalformedMessage` if nobody among `sealers` can have sealed it about this message.

    Both people may be named by number or by LID, so several JIDs of each can be given.
    """
    for author in authors:
        for sealer in sealers:
            try:
                key = _key(secret, message_id, author, sealer, use)
                return AESGCM(key).decrypt(sealed.encIv, sealed.encPayload, _bound(use, message_id, sealer))
            except (InvalidTag, ValueError):
                continue
    raise MalformedMessage("not sealed by this person about this message")


def _key(secret: bytes, message_id: str, author: str, sealer: str, use: Use) -> bytes:
    return hkdf(secret, 32, info=(message_id + author + sealer + use).encode())


def _bound(use: Use, message_id: str, sealer: str) -> bytes | None:
    return f"{message_id}\0{sealer}".encode() if use in _BOUND else None
