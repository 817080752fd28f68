"""Signal's sender keys: in a group a sender encrypts once (`skmsg`) with a chain it shared with every member before.

The chain is shared by a distribution message inside a 1:1 message. Messages are signed by a key of the chain, so
members cannot write in each other's name. Compatible with the group cipher that Baileys ships.
"""

import hmac
import secrets
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.ciphers import decrypt_cbc, encrypt_cbc
from gateway_worker.simulator.wire.curve import KEY_TYPE, SIGNATURE_SIZE, KeyPair, hkdf, verify
from gateway_worker.simulator.wire.errors import BadSignature, MalformedMessage, NoSession, ReusedCounter, TooFarAhead
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import SenderKeyDistributionMessage, SenderKeyMessage
from gateway_worker.simulator.wire.signal.messages import VERSION, public_key, versioned

MAX_SKIPPED = 2000
"""How far ahead of its chain a message may be, and how many skipped keys a chain keeps (libsignal's number)."""
_MAX_CHAINS = 5
_CHAIN_KEY_SIZE = 32


@dataclass(slots=True)
class _Own:
    """The chain we send with."""

    number: int
    signing: KeyPair
    chain_key: bytes
    iteration: int = 0


@dataclass(slots=True)
class _Learned:
    """A chain of somebody else, and the keys of messages that were skipped."""

    number: int
    signing: bytes
    chain_key: bytes
    iteration: int
    skipped: dict[int, bytes] = field(default_factory=dict[int, bytes])


class SenderKeys:
    """One device's sender keys. Groups and senders are any strings that name them."""

    __slots__ = ("_learned", "_own")

    def __init__(self) -> None:
        self._own: dict[str, _Own] = {}
        self._learned: dict[tuple[str, str], list[_Learned]] = {}

    def distribution(self, group: str) -> bytes:
        """What every other member's device must learn before it can read our next message; makes our chain at need."""
        own = self._own.get(group)
        if own is None:
            own = self._own[group] = _Own(
                number=1 + secrets.randbelow(2**31 - 2),
                signing=KeyPair.generate(),
                chain_key=secrets.token_bytes(_CHAIN_KEY_SIZE),
            )
        message = SenderKeyDistributionMessage(
            id=own.number, iteration=own.iteration, chainKey=own.chain_key, signingKey=KEY_TYPE + own.signing.public
        )
        return VERSION + message.SerializeToString()

    def rotate(self, group: str) -> None:
        """Forget our own chain, as when a member left; the next distribution makes a new one."""
        self._own.pop(group, None)

    def encrypt(self, group: str, plaintext: bytes) -> bytes:
        """The content of an `skmsg`. `NoSession` before our first `distribution`."""
        own = self._own.get(group)
        if own is None:
            raise NoSession("no sender key of our own in this group")
        iv, key = _message_keys(_seed(own.chain_key))
        message = SenderKeyMessage(id=own.number, iteration=own.iteration, ciphertext=encrypt_cbc(key, iv, plaintext))
        own.chain_key, own.iteration = _next_chain_key(own.chain_key), own.iteration + 1
        signed = VERSION + message.SerializeToString()
        return signed + own.signing.sign(signed)

    def learn(self, group: str, sender: str, distribution: bytes) -> None:
        """Take in a sender's chain. One that is known stays where it is, or read messages could be read again."""
        try:
            message = SenderKeyDistributionMessage.FromString(versioned(distribution))
        except DecodeError as error:
            raise MalformedMessage("not a sender key distribution") from error
        if len(message.chainKey) != _CHAIN_KEY_SIZE:
            raise MalformedMessage("a sender key of the wrong size")
        signing = public_key(message.signingKey)
        chains = self._learned.setdefault((group, sender), [])
        if any(chain.number == message.id and chain.signing == signing for chain in chains):
            return
        learned = _Learned(message.id, signing, message.chainKey, message.iteration)
        chains[:] = [learned, *(chain for chain in chains if chain.number != message.id)][:_MAX_CHAINS]

    def decrypt(self, group: str, sender: str, content: bytes) -> bytes:
        """The plaintext of an `skmsg`.

        `NoSession`, `BadSignature`, `ReusedCounter`, `TooFarAhead` or `MalformedMessage`; then nothing has changed.
        """
        body = versioned(content)
        try:
            message = SenderKeyMessage.FromString(body[:-SIGNATURE_SIZE])
        except DecodeError as error:
            raise MalformedMessage("not a sender key message") from error
        known = self._learned.get((group, sender), [])
        chain = next((chain for chain in known if chain.number == message.id), None)
        if chain is None:
            raise NoSession("the sender key is not known")
        if not verify(chain.signing, content[:-SIGNATURE_SIZE], content[-SIGNATURE_SIZE:]):
            raise BadSignature("the message is not signed by the sender key")
        return _read(chain, message.iteration, message.ciphertext)


def _read(chain: _Learned, iteration: int, ciphertext: bytes) -> bytes:
    if iteration < chain.iteration:
        if iteration not in chain.skipped:
            raise ReusedCounter(f"message {iteration} of this chain was read before")
        iv, key = _message_keys(chain.skipped[iteration])
        plaintext = decrypt_cbc(key, iv, ciphertext)
        del chain.skipped[iteration]
        return plaintext
    if iteration - chain.iteration > MAX_SKIPPED:
        raise TooFarAhead(f"{iteration - chain.iteration} messages ahead")
    chain_key, skipped = chain.chain_key, dict(chain.skipped)
    for number in range(chain.iteration, iteration):
        skipped[number] = _seed(chain_key)
        chain_key = _next_chain_key(chain_key)
    while len(skipped) > MAX_SKIPPED:
        del skipped[next(iter(skipped))]
    iv, key = _message_keys(_seed(chain_key))
    plaintext = decrypt_cbc(key, iv, ciphertext)
    chain.chain_key, chain.iteration, chain.skipped = _next_chain_key(chain_key), iteration + 1, skipped
    return plaintext


def _seed(chain_key: bytes) -> bytes:
    return hmac.digest(chain_key, b"\x01", "sha256")


def _next_chain_key(chain_key: bytes) -> bytes:
    return hmac.digest(chain_key, b"\x02", "sha256")


def _message_keys(seed: bytes) -> tuple[bytes, bytes]:
    """IV and AES key of a message."""
    keys = hkdf(seed, 48, info=b"WhisperGroup")
    return keys[:16], keys[16:]
