"""What may be wrong with bytes from a peer.

WireError
├── NodeError             not the binary XML of a node, or a node without what is required of it
├── FrameError            not WhatsApp's framing, or a frame above the limit
├── HandshakeError        not a Noise handshake, or one that does not authenticate
│   └── CertificateError  the server's certificate chain does not lead to the expected root
├── TransportError        a frame that does not authenticate at its counter
├── PayloadError          not a client payload we know
│   └── UnsignedPreKey    the registration's signed prekey is not signed by its identity key
├── PairingError          a QR text, device identity or code that does not fit
├── CeremonyError         a step of the passkey ceremony that breaks a rule
├── MediaError            a media blob that is not what its message says
├── BadKey                not a usable Curve25519 public key
└── SignalError           an end-to-end encrypted message that cannot be read
    ├── MalformedMessage  not a Signal message of version 3
    ├── BadMac            wrong key, wrong session or altered bytes
    ├── ReusedCounter     this counter of this chain was read before
    ├── TooFarAhead       more skipped messages than are kept
    ├── NoSession         a `msg` for which no session (or an `skmsg` for which no sender key) exists
    ├── UnknownPreKey     names a prekey this device never published
    ├── UsedPreKey        names a one-time prekey that already served another session
    ├── IdentityMismatch  claims another identity key than the device has
    └── BadSignature      a signature that does not verify (prekey bundle, sender key message)
"""


class WireError(Exception):
    """Bytes from a peer that break the protocol."""


class NodeError(WireError):
    """Not the binary XML of a node, or a node without what is required of it."""


class FrameError(WireError):
    """Not WhatsApp's framing, or a frame above the limit."""


class HandshakeError(WireError):
    """Not a Noise handshake, or one that does not authenticate."""


class CertificateError(HandshakeError):
    """The server's certificate chain does not lead to the expected root."""


class TransportError(WireError):
    """A frame that does not authenticate at its counter."""


class PayloadError(WireError):
    """Not a client payload we know."""


class UnsignedPreKey(PayloadError):  # noqa: N818 - named by what it means, like its siblings
    """The registration's signed prekey is not signed by its identity key."""


class PairingError(WireError):
    """A QR text, device identity or pairing code that does not fit."""


class CeremonyError(WireError):
    """A step of the passkey ceremony that breaks a rule; `cause` is its name, as `GET /stats` counts it."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class AppStateError(WireError):
    """A patch of the app state that is not what follows; `cause` says how, as `GET /stats` counts it."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class MediaError(WireError):
    """A media blob that is not what its message says."""


class BadKey(WireError):  # noqa: N818 - says what happened
    """Not a usable Curve25519 public key."""


class SignalError(WireError):
    """An end-to-end encrypted message that cannot be read."""


class MalformedMessage(SignalError):  # noqa: N818 - says what happened
    """Not a Signal message of version 3."""


class BadMac(SignalError):  # noqa: N818 - says what happened
    """Wrong key, wrong session or altered bytes."""


class ReusedCounter(SignalError):  # noqa: N818 - says what happened
    """This counter of this chain was read before."""


class TooFarAhead(SignalError):  # noqa: N818 - says what happened
    """More skipped messages than are kept."""


class NoSession(SignalError):  # noqa: N818 - says what happened
    """A `msg` without a session, or an `skmsg` without a sender key."""


class UnknownPreKey(SignalError):  # noqa: N818 - says what happened
    """Names a prekey this device never published."""


class UsedPreKey(SignalError):  # noqa: N818 - says what happened
    """Names a one-time prekey that already served another session."""


class IdentityMismatch(SignalError):  # noqa: N818 - says what happened
    """Claims another identity key than the device has."""


class BadSignature(SignalError):  # noqa: N818 - says what happened
    """A signature of a prekey bundle or of a sender key message that does not verify."""
