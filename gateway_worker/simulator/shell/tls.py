"""TLS for the media host: an authority of its own, and a certificate for loopback that it has signed.

Clients are told to trust the authority (`NODE_EXTRA_CA_CERTS`); it comes with the state, so that they keep doing so.
"""

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

_LIFETIME = timedelta(days=365)
_NAMES = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")), x509.IPAddress(ip_address("::1"))]


class MediaAuthority:
    """Signs the media host's certificate. `pem` holds its key and its certificate; make it with `new_authority`."""

    def __init__(self, pem: bytes) -> None:
        self.pem = pem
        self._key = load_pem_private_key(pem, None)
        self._certificate = x509.load_pem_x509_certificate(pem)

    @property
    def certificate(self) -> str:
        """What clients must trust, as PEM."""
        return self._certificate.public_bytes(Encoding.PEM).decode()

    def server_context(self) -> ssl.SSLContext:
        """A fresh certificate for loopback, ready to serve with."""
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _builder("simulated media host", self._certificate.subject, key)
        certificate = certificate.add_extension(x509.SubjectAlternativeName(_NAMES), critical=False)
        signed = certificate.sign(self._key, SHA256())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:  # `ssl` reads keys from files only
            path = Path(folder) / "server.pem"
            path.touch(mode=0o600)
            path.write_bytes(_pem(key) + signed.public_bytes(Encoding.PEM))
            context.load_cert_chain(path)
        return context


def new_authority() -> bytes:
    """The PEM of an authority that nobody knows yet."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated WhatsApp")])
    certificate = _builder("simulated WhatsApp", name, key)
    certificate = certificate.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return _pem(key) + certificate.sign(key, SHA256()).public_bytes(Encoding.PEM)


def _builder(subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
