"""A certificate authority of our own, and the server certificate that it signs: made on first start, kept, renewed in time.

The folder holds `ca.pem` (give it to phones), `ca-key.pem`, `server.pem` (certificate, chain and key, for TLS), all but the first
with mode 0600.  RFC 5922: the names stand in subjectAltName, as DNS names and IP addresses.  RSA with SHA-256, since phones of
the old firmware know no other keys.  `now` is seconds since 1970.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sipstub.net.tls import TlsProblem

KEY_BITS = 2048
CA_LIFETIME_DAYS = 3650
SERVER_LIFETIME_DAYS = 397
RENEW_DAYS = 30
"So long before its end a certificate is made anew."
BACKDATED_S = 86_400.0
"Phones have clocks that are wrong, by a time zone at least."
MAX_NAMES = 64
CA_NAME = "Provisioner SIP test authority"
ALWAYS = ("localhost", "127.0.0.1", "::1")

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Certificates:
    """What is in the folder now."""

    ca: Path
    "The authority's certificate alone: what a phone has to trust."
    server: Path
    "The server's certificate, chain and key."
    names: tuple[str, ...]
    is_new: bool
    "Whether the server's certificate was made just now."
    expires_at: float


def keep_certificates(folder: Path, names: Iterable[str], *, now: float) -> Certificates:
    """Return certificates for those names and localhost; what is missing, ends soon or lacks a name is made anew.

    The authority stays the same as long as it lasts, so that phones need its file once.  Raises TlsProblem.
    """
    wanted = tuple(dict.fromkeys([*(name.strip("[]").lower() for name in names if name), *ALWAYS]))
    if len(wanted) > MAX_NAMES:
        raise TlsProblem(f"{len(wanted)} names for one certificate, at most {MAX_NAMES} are taken")
    ca_path, key_path, server_path = folder / "ca.pem", folder / "ca-key.pem", folder / "server.pem"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _read_authority(ca_path, key_path)
        if authority is None or _ends_soon(authority[0], now):
            authority = _make_authority(now)
            _write(key_path, _key_bytes(authority[1]), 0o600)
            _write(ca_path, authority[0].public_bytes(_PEM), 0o644)
        ca, ca_key = authority
        server = _read_certificate(server_path)
        is_new = server is None or _ends_soon(server, now) or not _is_for(server, wanted) or not _is_signed_by(server, ca)
        if server is None or is_new:
            server, key = _make_server(wanted, ca, ca_key, now)
            _write(server_path, server.public_bytes(_PEM) + ca.public_bytes(_PEM) + _key_bytes(key), 0o600)
    except OSError as error:
        raise TlsProblem(
            f"cannot keep certificates in {folder}: {error.strerror}", hint="another folder, or --certificate"
        ) from None
    return Certificates(ca_path, server_path, wanted, is_new, server.not_valid_after_utc.timestamp())


def _make_authority(now: float) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = _new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CA_NAME)])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        _builder(name, name, key, now, CA_LIFETIME_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return made, key


def _make_server(
    names: tuple[str, ...], ca: x509.Certificate, ca_key: rsa.RSAPrivateKey, now: float
) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = _new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    made = (
        _builder(subject, ca.subject, key, now, SERVER_LIFETIME_DAYS)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    return made, key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, now: float, lifetime_days: int
) -> x509.CertificateBuilder:
    begin = datetime.datetime.fromtimestamp(now - BACKDATED_S, datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=lifetime_days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError:
        raise TlsProblem(f"not a name for a certificate: {name!r}") from None


def _is_for(certificate: x509.Certificate, names: tuple[str, ...]) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return set(found) >= {_general_name(name) for name in names}


def _is_signed_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except Exception:  # the library has one exception for each way to differ
        return False
    return True


def _ends_soon(certificate: x509.Certificate, now: float) -> bool:
    return certificate.not_valid_after_utc.timestamp() - now < RENEW_DAYS * 86_400


def _read_certificate(path: Path) -> x509.Certificate | None:
    with contextlib.suppress(FileNotFoundError, ValueError):
        return x509.load_pem_x509_certificate(path.read_bytes())
    return None


def _read_authority(certificate: Path, key: Path) -> tuple[x509.Certificate, rsa.RSAPrivateKey] | None:
    found = _read_certificate(certificate)
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        if found is not None and isinstance(loaded, rsa.RSAPrivateKey) and loaded.public_key() == found.public_key():
            return found, loaded
    return None


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def _key_bytes(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(path: Path, data: bytes, mode: int) -> None:
    """Put a file in place whole, never readable by others before its mode is set."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
