"""Votes on polls: by the hashes of the options' names."""

import hashlib
from collections.abc import Iterable, Sequence

from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.errors import MalformedMessage
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message


def write_vote(options: Iterable[str]) -> bytes:
    """The vote for these options, to be sealed."""
    return Message.PollVoteMessage(selectedOptions=[option_hash(option) for option in options]).SerializeToString()


def read_vote(vote: bytes, options: Sequence[str]) -> list[str]:
    """The options voted for, in the poll's order; `MalformedMessage` if it is no vote."""
    try:
        chosen = set(Message.PollVoteMessage.FromString(vote).selectedOptions)
    except DecodeError as error:
        raise MalformedMessage("no vote") from error
    return [option for option in options if option_hash(option) in chosen]


def option_hash(option: str) -> bytes:
    """What a vote calls an option."""
    return hashlib.sha256(option.encode()).digest()
