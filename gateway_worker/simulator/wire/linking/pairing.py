"""What pairing proves, both sides: QR text, device identity (ADV), key indexes, device lists and prekey digests.

The account key (the phone's identity key) signs `06 00 ‖ details ‖ companion identity`; the companion's identity key
answers with a signature over `06 01 ‖ details ‖ companion identity ‖ account key`. The ADV secret, which only the QR
code (or the pairing code) carried, keys an HMAC over the signed identity.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.curve import KEY_SIZE, KeyPair, verify
from gateway_worker.simulator.wire.errors import PairingError
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import (
    ADVDeviceIdentity,
    ADVKeyIndexList,
    ADVSignedDeviceIdentity,
    ADVSignedDeviceIdentityHMAC,
    ADVSignedKeyIndexList,
)

QR_PREFIX = "https://wa.me/settings/linked_devices#"
_ACCOUNT_PREFIX = b"\x06\x00"
_DEVICE_PREFIX = b"\x06\x01"
_KEY_INDEX_PREFIX = b"\x06\x02"
_MAX_QR = 1024
_QR_FIELDS = (4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """What a companion shows: the server's ref, its own keys (32 bytes each), the ADV secret, its platform id."""

    ref: str
    noise_key: bytes
    identity: bytes
    adv_secret: bytes
    platform: str | None


def parse_qr(text: str) -> QrCode:
    """A QR text, with the link before it (Baileys, whatsmeow) or bare (whatsapp-rust). `PairingError` for others."""
    if len(text) > _MAX_QR:
        raise PairingError("too long for a QR code")
    fields = text.removeprefix(QR_PREFIX).split(",")
    if len(fields) not in _QR_FIELDS or not fields[0]:
        raise PairingError("not ref, noise key, identity key, secret and platform")
    noise_key, identity, adv_secret = (_key(field) for field in fields[1:4])
    platform = fields[4] if len(fields) > len(("ref", "noise key", "identity", "secret")) else None
    return QrCode(ref=fields[0], noise_key=noise_key, identity=identity, adv_secret=adv_secret, platform=platform)


def qr_text(qr: QrCode) -> str:
    """The text of a QR code, with its link."""
    keys = (base64.b64encode(key).decode() for key in (qr.noise_key, qr.identity, qr.adv_secret))
    return QR_PREFIX + ",".join((qr.ref, *keys, *((qr.platform,) if qr.platform else ())))


def _key(field: str) -> bytes:
    try:
        key = base64.b64decode(field, validate=True)
    except binascii.Error as error:
        raise PairingError("not base64") from error
    if len(key) != KEY_SIZE:
        raise PairingError("a key of the wrong size")
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOffer:
    """The server's half of pairing. `content` goes into `<device-identity>` of `pair-success`."""

    details: bytes
    account_signature: bytes
    account_public: bytes
    companion_identity: bytes
    content: bytes


def offer_device(
    account: KeyPair, *, companion_identity: bytes, adv_secret: bytes, raw_id: int, key_index: int, timestamp: int
) -> DeviceOffer:
    """Sign a companion's identity key into an account as device `key_index`, at `timestamp` (s)."""
    details = ADVDeviceIdentity(rawId=raw_id, timestamp=timestamp, keyIndex=key_index).SerializeToString()
    signature = account.sign(_ACCOUNT_PREFIX + details + companion_identity)
    signed = ADVSignedDeviceIdentity(
        details=details, accountSignatureKey=account.public, accountSignature=signature
    ).SerializeToString()
    sealed = ADVSignedDeviceIdentityHMAC(details=signed, hmac=hmac.digest(adv_secret, signed, "sha256"))
    return DeviceOffer(
        details=details,
        account_signature=signature,
        account_public=account.public,
        companion_identity=companion_identity,
        content=sealed.SerializeToString(),
    )


def check_answer(offer: DeviceOffer, answer: bytes) -> bytes:
    """The complete serialised `ADVSignedDeviceIdentity` (account key included) from a `pair-device-sign`.

    The answer may leave the account key out (Baileys, whatsmeow) or repeat it (whatsapp-rust). `PairingError` if it
    answers another offer, or the device's signature is not its identity key's.
    """
    identity = _parse_identity(answer)
    if identity.details != offer.details or identity.accountSignature != offer.account_signature:
        raise PairingError("the answer belongs to another offer")
    if identity.accountSignatureKey not in (b"", offer.account_public):
        raise PairingError("the answer names another account")
    signed = _DEVICE_PREFIX + offer.details + offer.companion_identity + offer.account_public
    if not verify(offer.companion_identity, signed, identity.deviceSignature):
        raise PairingError("the device signature is not the companion's")
    identity.accountSignatureKey = offer.account_public
    return identity.SerializeToString()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedOffer:
    """The companion's half. `answer` goes into `pair-device-sign`; `identity` is kept and shown to others."""

    key_index: int
    account_public: bytes
    answer: bytes
    identity: bytes


def accept_offer(content: bytes, *, identity: KeyPair, adv_secret: bytes) -> AcceptedOffer:
    """Check and countersign what `pair-success` brought. `PairingError` if it does not prove itself."""
    try:
        sealed = ADVSignedDeviceIdentityHMAC.FromString(content)
    except DecodeError as error:
        raise PairingError("not a sealed device identity") from error
    if not hmac.compare_digest(hmac.digest(adv_secret, sealed.details, "sha256"), sealed.hmac):
        raise PairingError("the seal was not made with our secret")
    signed = _parse_identity(sealed.details)
    account = signed.accountSignatureKey
    if not verify(account, _ACCOUNT_PREFIX + signed.details + identity.public, signed.accountSignature):
        raise PairingError("the account signature does not verify")
    signed.deviceSignature = identity.sign(_DEVICE_PREFIX + signed.details + identity.public + account)
    complete = signed.SerializeToString()
    signed.ClearField("accountSignatureKey")
    try:
        key_index = ADVDeviceIdentity.FromString(signed.details).keyIndex
    except DecodeError as error:
        raise PairingError("not a device identity") from error
    return AcceptedOffer(
        key_index=key_index, account_public=account, answer=signed.SerializeToString(), identity=complete
    )


@lru_cache(maxsize=4096)  # a companion shows the same proof with every `pkmsg`
def check_identity(identity: bytes, *, companion_identity: bytes) -> bytes:
    """The account key that a complete device identity proves for a companion's identity key; else `PairingError`."""
    signed = _parse_identity(identity)
    account = signed.accountSignatureKey
    if not verify(account, _ACCOUNT_PREFIX + signed.details + companion_identity, signed.accountSignature):
        raise PairingError("the account signature does not verify")
    covered = _DEVICE_PREFIX + signed.details + companion_identity + account
    if not verify(companion_identity, covered, signed.deviceSignature):
        raise PairingError("the device signature does not verify")
    return account


def _parse_identity(content: bytes) -> ADVSignedDeviceIdentity:
    try:
        return ADVSignedDeviceIdentity.FromString(content)
    except DecodeError as error:
        raise PairingError("not a signed device identity") from error


def key_index_list(
    account: KeyPair, *, raw_id: int, timestamp: int, current_index: int, valid_indexes: Sequence[int]
) -> bytes:
    """The content of `<key-index-list>`: the account's valid device numbers, signed by it at `timestamp` (s)."""
    details = ADVKeyIndexList(
        rawId=raw_id, timestamp=timestamp, currentIndex=current_index, validIndexes=valid_indexes
    ).SerializeToString()
    signature = account.sign(_KEY_INDEX_PREFIX + details)
    return ADVSignedKeyIndexList(details=details, accountSignature=signature).SerializeToString()


def device_hash(devices: Iterable[tuple[str, int, str]]) -> str:
    """The hash of a device list (`dhash`, `device_hash`, `phash`) from (user, device number, server) triples.

    As in whatsmeow: `2:` and unpadded base64 of the first 6 bytes of SHA-256 over the sorted `user.0:device@server`.
    """
    names = sorted(f"{user}.0:{device}@{server}" for user, device, server in devices)
    digest = hashlib.sha256("".join(names).encode()).digest()[:6]
    return "2:" + base64.b64encode(digest).decode().rstrip("=")


def prekey_digest(*, identity: bytes, signed_prekey: bytes, signature: bytes, prekeys: Iterable[bytes]) -> bytes:
    """The `<hash>` of `encrypt/digest`: SHA-1 over identity ‖ signed prekey ‖ its signature ‖ prekeys in list order."""
    # SHA-1 is the protocol's choice; nothing is proved by it, clients compare it with their own keys.
    return hashlib.sha1(identity + signed_prekey + signature + b"".join(prekeys), usedforsecurity=False).digest()
