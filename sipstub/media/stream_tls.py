"""TLS of MSRP: one certificate of ours, told apart by its fingerprint alone, and a connection's bytes in and out.  RFC 8122.

Who is connected to has to have the certificate that its description names.  Who connects is not asked for one [choice: Python's
ssl can ask for none that no authority signed]; it is told by the name of the session, which only the call's signalling has.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

READ_BYTES = 16 * 1024
BEGIN, END = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
"No date counts where the fingerprint does; the end is that of RFC 5280 section 4.1.2.5 for never."


class TlsIdentity:
    """The certificate of one engine, for both roles; it lasts as long as the process."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sipstub")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(BEGIN).not_valid_after(END)
        certificate = builder.sign(key, hashes.SHA256())
        der = certificate.public_bytes(serialization.Encoding.DER)
        self.fingerprint = "SHA-256 " + hashlib.sha256(der).digest().hex(":").upper()
        "As a description says it."
        pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._server, self._client = (ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
        self._client.check_hostname = False
        self._client.verify_mode = ssl.CERT_NONE  # `fits` decides
        for context in (self._server, self._client):
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            _load(context, pem)

    def tube(self, *, is_server: bool) -> TlsTube:
        """Return what a connection speaks through."""
        return TlsTube(self._server if is_server else self._client, is_server=is_server)


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """Have a context use a certificate and key that lie in no file: ssl takes paths alone."""
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


class TlsTube:
    """One connection."""

    def __init__(self, context: ssl.SSLContext, *, is_server: bool) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=is_server)
        self.is_up = False
        self.is_ended = False
        "Whether the other end has said that nothing more comes."

    @property
    def certificate(self) -> bytes:
        """Return the other end's, in DER; nothing if it showed none."""
        return self._tls.getpeercert(binary_form=True) or b""

    def feed(self, data: bytes) -> bytes:
        """Take what came; return what it says.  Raises ssl.SSLError."""
        self._in.write(data)
        found = bytearray()
        try:
            if not self.is_up:
                self._tls.do_handshake()
                self.is_up = True
            while chunk := self._tls.read(READ_BYTES):
                found += chunk
            self.is_ended = True
        except ssl.SSLWantReadError:
            pass
        return bytes(found)

    def write(self, data: bytes) -> None:
        """Take what is to be said; there is nothing to say before the handshake is over."""
        if self.is_up:
            self._tls.write(data)

    def take(self) -> bytes:
        """Return what has to go out."""
        return self._out.read()

    def goodbye(self) -> None:
        """Say that nothing more comes."""
        if self.is_up:
            try:
                self._tls.unwrap()
            except ssl.SSLError:  # the other end says goodbye later, or never
                return
