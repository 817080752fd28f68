"""The cryptography around the passkey when a device is linked: what companion and phone prove to each other.

The companion commits to a fresh key and a nonce before it sees the phone's; the phone answers with its own, and only
then the companion opens its nonce. From both nonces comes the code that a person may compare; from both keys the
envelope in which the companion's keys and its new ADV secret travel. Who shows by an HMAC that it has the secret of the
QR code (or pairing code) needs no comparison. All keys are 32 raw bytes. Source: see the README of the simulator.
"""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.curve import KEY_SIZE, KeyPair, hkdf
from gateway_worker.simulator.wire.errors import BadKey, CeremonyError
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import (
    CompanionCommitment,
    CompanionEphemeralIdentity,
    EncryptedPairingRequest,
    PairingRequest,
    PrimaryEphemeralIdentity,
    ProloguePayload,
)

NONCE_SIZE = 32
IV_SIZE = 12
_CODE_BYTES = 5
_CODE_HALF = 4
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
"""WhatsApp's base 32, as in its pairing codes: without 0, I, O and U."""
_HANDOFF_INFO = b"shortcake-passkey-handoff-v1"
_ENVELOPE_INFO = b"Pairing Information Encryption Key"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionIdentity:
    """What the companion says of itself in its prologue; `content` is what it has committed to."""

    public: bytes
    device_type: int
    ref: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingKeys:
    """What the envelope holds."""

    noise: bytes
    identity: bytes
    adv_secret: bytes


# --- prologue


def handoff_proof(adv_secret: bytes, payload: bytes) -> bytes:
    """Shows that who sends this prologue has the ADV secret of the code that was scanned or typed."""
    return hmac.digest(hkdf(adv_secret, KEY_SIZE, info=_HANDOFF_INFO), payload, "sha256")


def write_prologue(*, public: bytes, device_type: int, ref: str, nonce: bytes) -> tuple[bytes, bytes]:
    """The companion's side: `prologue_payload`, and the identity in it."""
    identity = CompanionEphemeralIdentity(publicKey=public, ref=ref)
    identity.deviceType = device_type  # pyright: ignore[reportAttributeAccessIssue] - a number, as it was given
    content = identity.SerializeToString()
    payload = ProloguePayload(
        companionEphemeralIdentity=content, commitment=CompanionCommitment(hash=_commitment(content, nonce))
    )
    return payload.SerializeToString(), content


def read_prologue(payload: bytes) -> tuple[CompanionIdentity, bytes]:
    """The phone's side: the companion's identity, and its commitment. `CeremonyError` `prologue` if it is none."""
    try:
        prologue = ProloguePayload.FromString(payload)
        identity = CompanionEphemeralIdentity.FromString(prologue.companionEphemeralIdentity)
    except DecodeError as error:
        raise CeremonyError("prologue") from error
    commitment = prologue.commitment.hash
    if len(identity.publicKey) != KEY_SIZE or len(commitment) != hashlib.sha256().digest_size or not identity.ref:
        raise CeremonyError("prologue")
    companion = CompanionIdentity(
        public=identity.publicKey,
        device_type=int(identity.deviceType),
        ref=identity.ref,
        content=prologue.companionEphemeralIdentity,
    )
    return companion, commitment


def check_commitment(companion: CompanionIdentity, commitment: bytes, nonce: bytes) -> None:
    """`CeremonyError` unless this is the nonce that the companion has committed to."""
    if len(nonce) != NONCE_SIZE:
        raise CeremonyError("nonce")
    if not hmac.compare_digest(_commitment(companion.content, nonce), commitment):
        raise CeremonyError("commitment")


def _commitment(identity: bytes, nonce: bytes) -> bytes:
    return hashlib.sha256(identity + nonce).digest()


# --- continuation


def write_primary(public: bytes, nonce: bytes) -> bytes:
    """The phone's side: `primary_ephemeral_identity`."""
    return PrimaryEphemeralIdentity(publicKey=public, nonce=nonce).SerializeToString()


def verification_code(*, companion_nonce: bytes, primary_nonce: bytes, primary_public: bytes) -> str:
    """The code that both sides show, as XXXX-XXXX."""
    digest = hashlib.sha256(companion_nonce + primary_public).digest()
    number = int.from_bytes(mine ^ yours for mine, yours in zip(primary_nonce[:_CODE_BYTES], digest, strict=False))
    letters = "".join(_ALPHABET[number >> shift & 0x1F] for shift in range(35, -1, -5))
    return f"{letters[:_CODE_HALF]}-{letters[_CODE_HALF:]}"


# --- envelope


def envelope_key(own: KeyPair, other: bytes, *, device_type: int, ref: str) -> bytes:
    """The key of the envelope, on either side; `CeremonyError` `envelope` if `other` is no usable key."""
    try:
        shared = own.agree(other)
    except BadKey as error:
        raise CeremonyError("envelope") from error
    salt = f"Companion Pairing {device_type} with ref {ref}".encode()
    return hkdf(shared, KEY_SIZE, salt=salt, info=_ENVELOPE_INFO)


def seal_keys(key: bytes, keys: PairingKeys, *, iv: bytes) -> bytes:
    """The companion's side: `encrypted_pairing_request`."""
    request = PairingRequest(
        companionPublicKey=keys.noise, companionIdentityKey=keys.identity, advSecret=keys.adv_secret
    )
    sealed = AESGCM(key).encrypt(iv, request.SerializeToString(), None)
    return EncryptedPairingRequest(encryptedPayload=sealed, iv=iv).SerializeToString()


def open_keys(key: bytes, content: bytes) -> PairingKeys:
    """The phone's side; `CeremonyError` `envelope` if it was sealed with another key, or does not hold three keys."""
    try:
        envelope = EncryptedPairingRequest.FromString(content)
        if len(envelope.iv) != IV_SIZE:
            raise CeremonyError("envelope")
        request = PairingRequest.FromString(AESGCM(key).decrypt(envelope.iv, envelope.encryptedPayload, None))
    except (DecodeError, InvalidTag, ValueError) as error:
        raise CeremonyError("envelope") from error
    keys = (request.companionPublicKey, request.companionIdentityKey, request.advSecret)
    if any(len(each) != KEY_SIZE for each in keys):
        raise CeremonyError("envelope")
    return PairingKeys(noise=keys[0], identity=keys[1], adv_secret=keys[2])
