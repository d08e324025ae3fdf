"""Reads of an X.509 certificate what the standard library does not give for one's own: dates and names.

A walk over DER (X.690) along RFC 5280 section 4.1; nothing is verified.  CertificateUnreadable for what is not a certificate.
At most MAX_CERTIFICATES of a file, MAX_FILE_BYTES of it and MAX_NAMES of each are read.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

MAX_FILE_BYTES = 1024 * 1024
MAX_CERTIFICATES = 20
MAX_NAMES = 1000

SEQUENCE, SET, OID, UTC_TIME, BOOLEAN, OCTETS = 0x30, 0x31, 0x06, 0x17, 0x01, 0x04
VERSION, EXTENSIONS = 0xA0, 0xA3
DNS_NAME, IP_NAME = 0x82, 0x87
"Tags of GeneralName, RFC 5280 section 4.2.1.6."

COMMON_NAME = bytes.fromhex("550403")
ALTERNATIVE_NAME = bytes.fromhex("551d11")

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class CertificateUnreadable(Exception):
    """The bytes are not a certificate."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What phones compare."""

    begins: float
    "Unix time of notBefore."

    ends: float
    "Unix time of notAfter."

    names: tuple[str, ...]
    "DNS names of the extension, lower case; without any name in the extension the common name (RFC 6125 section 6.4.4)."

    addresses: tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]
    "IP addresses of the extension."

    def covers(self, host: str) -> bool:
        """Return whether the certificate is for this name or address; `*.example` covers one label (RFC 6125 section 6.4.3)."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            wanted = host.lower().removesuffix(".")
            return wanted in self.names or "*." + wanted.partition(".")[2] in self.names
        return address in self.addresses or str(address) in self.names  # an old certificate has the address as common name


def read_pem(text: str) -> list[Certificate]:
    """Return the certificates of a PEM text in its order: the server's first, then its chain."""
    found = []
    for block in _PEM.findall(text[:MAX_FILE_BYTES])[:MAX_CERTIFICATES]:
        try:
            found.append(read_der(ssl.PEM_cert_to_DER_cert(block)))
        except ValueError as error:
            raise CertificateUnreadable(f"not base64: {error}") from None
    if not found:
        raise CertificateUnreadable("it holds no BEGIN CERTIFICATE")
    return found


def read_der(data: bytes) -> Certificate:
    """Return dates and names of one certificate."""
    try:
        (_, whole), *_ = _parts(data)
        (_, signed), *_ = _parts(whole)
        fields = [(tag, value) for tag, value in _parts(signed) if tag != VERSION]
        # serial number, signature algorithm, issuer, validity, subject, key, extensions
        begins, ends = (_time(tag, value) for tag, value in _parts(fields[3][1]))
        extensions = next((value for tag, value in fields if tag == EXTENSIONS), b"")
        names, addresses = _alternatives(extensions)
        if not names and not addresses:
            names = tuple(_common_names(fields[4][1]))
        return Certificate(begins, ends, names, addresses)
    except (ValueError, IndexError, OverflowError) as error:
        raise CertificateUnreadable(f"not a certificate: {error}") from None


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and value of each element that stands in `data` one after the other."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length >= 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("a length that DER does not allow")
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + length > len(data):
            raise ValueError("it ends too early")
        yield tag, data[at : at + length]
        at += length


def _time(tag: int, value: bytes) -> float:
    text = value.decode("ascii")
    if tag == UTC_TIME:  # RFC 5280 section 4.1.2.5.1: from 50 on it is 19xx
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _alternatives(extensions: bytes) -> tuple[tuple[str, ...], tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]]:
    names: list[str] = []
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for _, listed in _parts(extensions):
        for _, extension in _parts(listed):
            parts = list(_parts(extension))
            if parts[0] != (OID, ALTERNATIVE_NAME):
                continue
            for _, general in _parts(parts[-1][1]):
                for tag, value in _parts(general):
                    if len(names) + len(addresses) == MAX_NAMES:
                        break
                    if tag == DNS_NAME:
                        names.append(value.decode("ascii", "replace").lower())
                    elif tag == IP_NAME:
                        addresses.append(ipaddress.ip_address(value))
    return tuple(names), tuple(addresses)


def _common_names(subject: bytes) -> Iterator[str]:
    for _, relative in _parts(subject):
        for _, pair in _parts(relative):
            (tag, oid), (_, value) = _parts(pair)
            if (tag, oid) == (OID, COMMON_NAME):
                yield value.decode("utf-8", "replace").lower()
