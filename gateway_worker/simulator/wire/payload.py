"""`ClientPayload`, what a client says inside the handshake: it registers a new device or logs in as a known one."""

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.curve import KEY_SIZE, KEY_TYPE, SIGNATURE_SIZE, verify
from gateway_worker.simulator.wire.errors import PayloadError, UnsignedPreKey
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ClientPayload, DeviceProps

_REGISTRATION_ID_SIZE = 4
_PREKEY_ID_SIZE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPreKey:
    """A signed prekey as it travels in nodes: id (3 bytes, big-endian), key (32 raw bytes), XEdDSA signature (64)."""

    id: bytes
    public: bytes
    signature: bytes

    def signed_by(self, identity: bytes) -> bool:
        """Whether the signature is the identity key's, over the key with its type byte."""
        return verify(identity, KEY_TYPE + self.public, self.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A device that wants to be paired: its Signal identity and what it says about itself."""

    registration_id: bytes
    """4 bytes, big-endian."""
    identity: bytes
    signed_prekey: SignedPreKey
    device_props: DeviceProps
    app_version: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A paired device: the account's phone number (digits) and the device's number."""

    username: str
    device: int
    passive: bool
    push_name: str
    app_version: tuple[int, int, int]


def parse_payload(payload: bytes) -> Registration | Login:
    """What the client wants; `PayloadError` for anything else, a signed prekey with a wrong signature included."""
    try:
        message = ClientPayload.FromString(payload)
    except DecodeError as error:
        raise PayloadError("not a client payload") from error
    version = message.userAgent.appVersion
    app_version = (version.primary, version.secondary, version.tertiary)
    if message.HasField("devicePairingData"):
        return _registration(message.devicePairingData, app_version)
    if not message.HasField("username") or not message.HasField("device"):
        raise PayloadError("neither a registration nor a login")
    return Login(
        username=str(message.username),
        device=message.device,
        passive=message.passive,
        push_name=message.pushName,
        app_version=app_version,
    )


def _registration(
    pairing: ClientPayload.DevicePairingRegistrationData, app_version: tuple[int, int, int]
) -> Registration:
    signed_prekey = SignedPreKey(id=pairing.eSkeyId, public=pairing.eSkeyVal, signature=pairing.eSkeySig)
    sizes = (
        (pairing.eRegid, _REGISTRATION_ID_SIZE),
        (pairing.eKeytype, len(KEY_TYPE)),
        (pairing.eIdent, KEY_SIZE),
        (pairing.eSkeyId, _PREKEY_ID_SIZE),
        (pairing.eSkeyVal, KEY_SIZE),
        (pairing.eSkeySig, SIGNATURE_SIZE),
    )
    if any(len(value) != size for value, size in sizes) or pairing.eKeytype != KEY_TYPE:
        raise PayloadError("a registration with a field of the wrong size")
    if not signed_prekey.signed_by(pairing.eIdent):
        raise UnsignedPreKey("the signed prekey is not signed by the identity key")
    try:
        device_props = DeviceProps.FromString(pairing.deviceProps)
    except DecodeError as error:
        raise PayloadError("not device props") from error
    return Registration(
        registration_id=pairing.eRegid,
        identity=pairing.eIdent,
        signed_prekey=signed_prekey,
        device_props=device_props,
        app_version=app_version,
    )
