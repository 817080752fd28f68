"""The certificate chain by which a WhatsApp server proves its Noise static key: root → intermediate → leaf.

The root (pinned in clients, serial 0) signs the intermediate's details, the intermediate's key signs the leaf's, the
leaf's key is the server's static key. Signatures are XEdDSA, dates are seconds since the epoch.
"""

from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.curve import KEY_SIZE, KeyPair, verify
from gateway_worker.simulator.wire.errors import CertificateError
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import CertChain

ROOT_SERIAL = 0
_INTERMEDIATE_SERIAL = 1
_LEAF_SERIAL = 2
_CLOCK_SKEW = 24 * 3600
_LIFETIME = 365 * 24 * 3600


class CertificateAuthority:
    """Our own root. Clients that were not told `root_public` refuse us; keep `root` to stay the same."""

    __slots__ = ("intermediate", "root")

    def __init__(self, root: KeyPair, *, intermediate: KeyPair | None = None) -> None:
        self.root = root
        self.intermediate = intermediate or KeyPair.generate()

    @property
    def root_public(self) -> bytes:
        """The key that clients pin: 32 bytes."""
        return self.root.public

    def issue(self, static_public: bytes, *, now: int, lifetime: int = _LIFETIME) -> bytes:
        """A serialised `CertChain` for a server's static key, valid from a day before `now` (s) for `lifetime` (s)."""
        details = CertChain.NoiseCertificate.Details
        dates = {"notBefore": max(0, now - _CLOCK_SKEW), "notAfter": now + lifetime}
        intermediate = details(
            serial=_INTERMEDIATE_SERIAL, issuerSerial=ROOT_SERIAL, key=self.intermediate.public, **dates
        ).SerializeToString()
        leaf = details(
            serial=_LEAF_SERIAL, issuerSerial=_INTERMEDIATE_SERIAL, key=static_public, **dates
        ).SerializeToString()
        chain = CertChain(
            intermediate=CertChain.NoiseCertificate(details=intermediate, signature=self.root.sign(intermediate)),
            leaf=CertChain.NoiseCertificate(details=leaf, signature=self.intermediate.sign(leaf)),
        )
        return chain.SerializeToString()


def check_chain(chain: bytes, *, root_public: bytes, static_public: bytes, now: int) -> None:
    """The client's side: `CertificateError` unless `chain` proves `static_public` under the root at `now` (s)."""
    try:
        certificates = CertChain.FromString(chain)
        intermediate = CertChain.NoiseCertificate.Details.FromString(certificates.intermediate.details)
        leaf = CertChain.NoiseCertificate.Details.FromString(certificates.leaf.details)
    except DecodeError as error:
        raise CertificateError("not a certificate chain") from error
    if not verify(root_public, certificates.intermediate.details, certificates.intermediate.signature):
        raise CertificateError("the intermediate is not signed by the root")
    if len(intermediate.key) != KEY_SIZE:
        raise CertificateError("the intermediate has no key")
    if not verify(intermediate.key, certificates.leaf.details, certificates.leaf.signature):
        raise CertificateError("the leaf is not signed by the intermediate")
    if intermediate.issuerSerial != ROOT_SERIAL or leaf.issuerSerial != intermediate.serial:
        raise CertificateError("the serials do not form a chain")
    if leaf.key != static_public:
        raise CertificateError("the leaf is for another key")
    for details in (intermediate, leaf):
        if not details.notBefore <= now <= details.notAfter:
            raise CertificateError("a certificate is not valid now")
