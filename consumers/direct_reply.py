"""The address that RabbitMQ gives to a client that waits for replies without a queue ("direct reply-to"). Pure.

The broker writes it into ``reply_to`` itself, in place of the bare name: the Erlang process of the client's channel and
a secret key, each in base64. A sender may write there what it likes, and not every broker takes it well to be asked to
publish to what only looks like one: so it must be one in every byte before a reply goes there.
"""

import base64
import binascii
import re
from typing import Final

from schemas.topology.channels import DIRECT_REPLY_TO

_ADDRESS: Final = re.compile(rf"{re.escape(DIRECT_REPLY_TO)}\.([A-Za-z0-9+/=]{{1,400}})\.([A-Za-z0-9+/=]{{1,64}})")
_KEY_BYTES: Final = 16
_TERM, _PROCESS = 131, 88  # Erlang's external term format, version 131: NEW_PID_EXT
_LENGTH_BYTES: Final = {118: 2, 119: 1, 100: 2, 115: 1}
"""Of the name of a node, which is an atom: in UTF-8, or as older brokers write it."""
_NUMBERS_BYTES: Final = 12  # id, serial, creation
_HEAD: Final = 3


def is_direct_reply_address(name: str) -> bool:
    """Whether it is one as a broker writes it."""
    found = _ADDRESS.fullmatch(name)
    if found is None:
        return False
    try:
        process, key = (base64.b64decode(each, validate=True) for each in found.groups())
    except binascii.Error:
        return False
    return len(key) == _KEY_BYTES and _is_process(process)


def _is_process(term: bytes) -> bool:
    if len(term) < _HEAD or term[0] != _TERM or term[1] != _PROCESS or term[2] not in _LENGTH_BYTES:
        return False
    begins = _HEAD + _LENGTH_BYTES[term[2]]
    length = int.from_bytes(term[_HEAD:begins])
    node = term[begins : begins + length]
    return len(term) == begins + length + _NUMBERS_BYTES and node.count(b"@") == 1 and node.isascii()
