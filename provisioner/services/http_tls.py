"""The TLS side of the phones' HTTPS port."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass
from pathlib import Path

from provisioner.errors import SettingsError

HANDSHAKE_FAILED = "tls-handshake-failed"

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """A certificate and how old a phone may be."""

    certificate: Path
    "PEM, with the chain."

    key: Path | None = None
    "PEM; None if it is in the certificate's file."

    minimum: str = "1.2"
    "Lowest version: 1.0, 1.1, 1.2 or 1.3.  Below 1.2 the old ciphers are allowed too."

    def context(self) -> ssl.SSLContext:
        """Return the server's context; SettingsError if the files or the version cannot be used."""
        version = VERSIONS.get(self.minimum)
        if version is None:
            raise SettingsError(f"tls_minimum {self.minimum!r} is unknown", hint="use " + ", ".join(VERSIONS))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with warnings.catch_warnings():
            # The standard library warns about TLS 1.0 and 1.1; whoever lowers the setting has been told by its text.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = version
        if self.minimum in ("1.0", "1.1"):
            # OpenSSL 3 allows the old versions at security level 0 only.
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
            raise SettingsError(
                f"the certificate {self.certificate} cannot be used: {reason}",
                hint="give a PEM certificate and its unencrypted key",
            ) from None
        return context


def failure_name(error: Exception) -> str:
    """Return OpenSSL's word for a failed handshake, such as `UNSUPPORTED_PROTOCOL`, or the kind of error."""
    reason = getattr(error, "reason", None)
    return str(reason) if reason else type(error).__name__
