"""What the bridges are told about WhatsApp and about time."""

import re
from dataclasses import dataclass
from typing import Final

from gateway_worker.whatsapp.baileys.channel.calls import Settings

Version = tuple[int, int, int]
_VERSION: Final = re.compile(r"\s*(\d+)\.(\d+)\.(\d+)\s*")
_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Times in seconds.

    Attributes:
        url: WhatsApp's WebSocket address; None is the real one.
        root_key: hex of the key that signs Noise certificates; None is WhatsApp's own.
        version: of WhatsApp Web, e.g. ``"2.3000.1043857760"``; None is the newest known.
        ack_deadline: how long a message waits for WhatsApp's acknowledgement.
        store_deadline: how long one read or commit of the owner may take before the connection ends.
        qr_timeout: how long each QR lives; None is WhatsApp's own: 60, then 20.
        keep_alive: pause between pings to WhatsApp.
        passkey_answer_timeout: how long a phone may take for its part of a passkey ceremony.
        passkey_handoff_lifetime: how long a scanned QR (or typed code) proves that no code has to be compared.
    """

    url: str | None = None
    root_key: str | None = None
    version: str | None = None
    ack_deadline: float = 20.0
    store_deadline: float = 10.0
    qr_timeout: float | None = None
    keep_alive: float = 25.0
    passkey_answer_timeout: float = 60.0
    passkey_handoff_lifetime: float = 300.0

    def __post_init__(self) -> None:
        if self.version is not None:
            parse_version(self.version)
        if self.root_key is not None and len(bytes.fromhex(self.root_key)) != 32:  # noqa: PLR2004 (Curve25519)
            raise ValueError("the root key must be 32 bytes in hex")

    def to_bridge(self, newest: Version | None, media_certificate: str | None = None) -> Settings:
        """The arguments of `configure`.

        Args:
            newest: WhatsApp Web's current version, where it is known.
            media_certificate: PEM of an authority to trust besides the usual ones.
        """
        return {
            "url": self.url,
            "root_key": self.root_key,
            "media_certificate": media_certificate,
            "version": newest if self.version is None else parse_version(self.version),
            "ack_deadline": self.ack_deadline * _MS,
            "store_deadline": self.store_deadline * _MS,
            "qr_timeout": None if self.qr_timeout is None else self.qr_timeout * _MS,
            "keep_alive": self.keep_alive * _MS,
            "passkey_answer_timeout": self.passkey_answer_timeout * _MS,
            "passkey_handoff_lifetime": self.passkey_handoff_lifetime * _MS,
        }


def parse_version(text: str) -> Version:
    """``"2.3000.1043857760"`` → its three numbers.

    Raises:
        ValueError: it is not three numbers with dots.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValueError("a WhatsApp version looks like 2.3000.1043857760")
    major, minor, revision = map(int, found.groups())
    return major, minor, revision
