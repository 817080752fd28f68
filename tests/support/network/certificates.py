"""A server on loopback that nobody trusts yet."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def self_signed(folder: Path, *hosts: str) -> tuple[ssl.SSLContext, Path]:
    """What to serve ``127.0.0.1`` (and `hosts`) with, and the file with the certificate that its clients must trust."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _named("a server of a test")
    names = [x509.IPAddress(ip_address("127.0.0.1")), *map(x509.DNSName, hosts)]
    certificate = (
        _valid_today(name, name, key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, SHA256())
    )
    served, trusted = folder / "server.pem", folder / "certificate.pem"
    trusted.write_bytes(certificate.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    served.write_bytes(private + trusted.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served)
    return context, trusted


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA of one's own; `certificate` is the file that its clients must trust."""

    certificate: Path
    _key: ec.EllipticCurvePrivateKey
    _name: x509.Name

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        """A new one; its certificate lies in `folder`."""
        key, name = ec.generate_private_key(ec.SECP256R1()), _named("a CA of a test")
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        made = (
            _valid_today(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, SHA256())
        )
        path = folder / "ca.pem"
        path.write_bytes(made.public_bytes(Encoding.PEM))
        return cls(path, key, name)

    def certify(self, folder: Path, *hosts: str) -> tuple[Path, Path]:
        """Certificate and key of a server at ``127.0.0.1`` (and `hosts`), in `folder`."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(ip_address("127.0.0.1")), *map(x509.DNSName, hosts)]
        made = (
            _valid_today(_named("a server of a test"), self._name, key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, SHA256())
        )
        certificate, private = folder / "server-certificate.pem", folder / "server-key.pem"
        certificate.write_bytes(made.public_bytes(Encoding.PEM))
        private.touch(mode=0o600)
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, private


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _valid_today(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
