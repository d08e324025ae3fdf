"""Hosts: names, IPv4 addresses and IPv6 references.  Nothing is resolved.

A name may end in a label with digits (`pbx1`) and hold underscores, as people name machines; RFC 3261 section 25.1 is narrower.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from sipstub.sip.error import SipError
from sipstub.sip.scanner import parse_number

MAX_HOST = 255
MAX_PORT = 65535
CACHED_HOSTS = 4096
"So many hosts are not looked at again; each is at most MAX_HOST characters."

HOST = r"\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9_.\-]++"
"Pattern of what may be a host; `parse_host` has the last word."

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?)*\.?\Z")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)+\Z")


def parse_host(text: str) -> str:
    """Return the host as written; raises SipError for what is neither a name nor an address."""
    return _checked(text) if len(text) <= MAX_HOST else _refused(text)


@lru_cache(CACHED_HOSTS)
def _checked(text: str) -> str:
    if text[:1] == "[":
        if text[-1:] != "]" or not _is_ipv6(text[1:-1]):
            raise SipError(f"not an IPv6 reference: {text!r}")
    elif not _NAME.match(text):
        _refused(text)
    elif text[-1:].isdigit() and _NUMBERS.match(text) and not _is_ipv4(text):
        raise SipError(f"not an IPv4 address: {text!r}")
    return text


def _refused(text: str) -> str:
    raise SipError(f"not a host: {text!r}")


def parse_port(text: str | None) -> int | None:
    """Return the port, or None where there is none."""
    if text is None:
        return None
    port = parse_number(text, "port", limit=MAX_PORT)
    if port == 0:
        raise SipError("port 0")
    return port


def parse_address(text: str) -> str:
    """Return an IP address without brackets; IPv6 may stand in brackets or not (RFC 5118 section 4.5)."""
    bare = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    if not (_is_ipv6(bare) if ":" in bare else _is_ipv4(bare)):
        raise SipError(f"not an IP address: {text!r}")
    return bare


def host_key(host: str) -> str:
    """Return the form in which equal hosts are equal: lower case, no last dot, IPv6 addresses by value."""
    if host[:1] == "[":
        return f"[{ipaddress.IPv6Address(host[1:-1])}]"
    return host.lower().rstrip(".")


def _is_ipv4(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 255 for part in parts)


def _is_ipv6(text: str) -> bool:
    if "%" in text:  # a zone has no meaning for the peer
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
