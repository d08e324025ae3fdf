"""TLS contexts, and what went wrong with a handshake in words for people."""

from __future__ import annotations

import ssl
from pathlib import Path

from sipstub.errors import SipstubError

MINIMUM = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
"What may be asked for; phones of the old firmware know nothing newer than 1.0 or 1.2."
OLD = ("1.0", "1.1")
OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"
"OpenSSL signs no handshake of TLS 1.0 at a higher level."

_REASONS = {
    "NO_SHARED_CIPHER": "no cipher in common",
    "UNSUPPORTED_PROTOCOL": "the peer speaks only an older TLS than is allowed here",
    "NO_PROTOCOLS_AVAILABLE": "no version of TLS in common",
    "WRONG_VERSION_NUMBER": "the peer does not speak TLS",
    "HTTP_REQUEST": "the peer speaks HTTP",
    "HTTPS_PROXY_REQUEST": "the peer speaks HTTP",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not trust our certificate authority",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer does not take our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the peer does not take our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the peer says that our certificate has expired",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the peer does not take our version of TLS",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the peer finds nothing in common",
    "CERTIFICATE_VERIFY_FAILED": "the peer's certificate is not trusted",
    "UNEXPECTED_EOF_WHILE_READING": "the peer went away",
    "VERSION_TOO_LOW": "the peer speaks only an older TLS than is allowed here",
}


class TlsProblem(SipstubError):
    """A certificate or version that TLS cannot be spoken with."""

    code = "bad-tls"


def server_context(certificate: Path, key: Path | None = None, *, minimum: str = "1.2") -> ssl.SSLContext:
    """Return a context for listening; `key` may stand in the certificate's file.  Raises TlsProblem."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _lower(context, minimum)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise TlsProblem(
            f"cannot use the certificate {certificate}: {getattr(error, 'reason', None) or error.strerror or error}",
            hint="a PEM file with the certificate, its chain, and the key, or --key",
        ) from None
    return context


def client_context(ca: Path | None = None, *, minimum: str = "1.2") -> ssl.SSLContext:
    """Return a context for connections of ours.

    With `ca` the other side must have a certificate of it, whatever its name: phones are called by address.  Without, anybody is
    trusted: a phone that closed its connection has no certificate that anybody could check.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    _lower(context, minimum)
    if ca is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(ca)
    return context


def handshake_problem(error: Exception) -> str:
    """Return why a handshake failed."""
    reason = getattr(error, "reason", None)
    if isinstance(error, ssl.SSLError) and isinstance(reason, str):
        return f"TLS handshake: {_REASONS.get(reason, reason.replace('_', ' ').lower())}"
    if isinstance(error, ConnectionAbortedError) and "handshake" in str(error):
        return "TLS handshake: took too long"
    return "TLS handshake: the peer went away"


def _lower(context: ssl.SSLContext, minimum: str) -> None:
    if minimum not in MINIMUM:
        raise TlsProblem(f"no such version of TLS: {minimum!r}", hint="one of " + ", ".join(MINIMUM))
    if minimum in OLD:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = MINIMUM[minimum]
        context.set_ciphers(OLD_CIPHERS)
    else:
        context.minimum_version = MINIMUM[minimum]
