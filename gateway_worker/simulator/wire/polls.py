"""Votes on polls: encrypted under the secret that came with the poll, for its creator and everybody in the chat."""

import hashlib
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.curve import hkdf
from gateway_worker.simulator.wire.errors import MalformedMessage
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message

SECRET_SIZE = 32


def seal_vote(
    options: Iterable[str], *, secret: bytes, poll_id: str, creator: str, voter: str, iv: bytes
) -> Message.PollEncValue:
    """The vote for these options. `creator` and `voter` are bare JIDs in the chat's addressing; `iv` is 12 bytes."""
    vote = Message.PollVoteMessage(selectedOptions=[_hash(option) for option in options])
    key = _key(secret, poll_id, creator, voter)
    ciphertext = AESGCM(key).encrypt(iv, vote.SerializeToString(), _bound(poll_id, voter))
    return Message.PollEncValue(encPayload=ciphertext, encIv=iv)


def open_vote(
    sealed: Message.PollEncValue,
    options: Sequence[str],
    *,
    secret: bytes,
    poll_id: str,
    creators: Iterable[str],
    voters: Sequence[str],
) -> list[str]:
    """The options voted for, in the poll's order; `MalformedMessage` if nobody among `voters` can have made it.

    Both people may be named by number or by LID, so several JIDs of each can be given.
    """
    for creator in creators:
        for voter in voters:
            try:
                key = _key(secret, poll_id, creator, voter)
                opened = AESGCM(key).decrypt(sealed.encIv, sealed.encPayload, _bound(poll_id, voter))
                chosen = set(Message.PollVoteMessage.FromString(opened).selectedOptions)
            except (InvalidTag, DecodeError, ValueError):
                continue
            return [option for option in options if _hash(option) in chosen]
    raise MalformedMessage("not a vote of this person on this poll")


def _hash(option: str) -> bytes:
    return hashlib.sha256(option.encode()).digest()


def _key(secret: bytes, poll_id: str, creator: str, voter: str) -> bytes:
    return hkdf(secret, 32, info=(poll_id + creator + voter + "Poll Vote").encode())


def _bound(poll_id: str, voter: str) -> bytes:
    return f"{poll_id}\0{voter}".encode()
