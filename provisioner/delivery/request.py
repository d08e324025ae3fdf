"""One question of one phone, as every transport puts it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Protocol(enum.StrEnum):
    """How the question came."""

    HTTP = "http"
    HTTPS = "https"
    TFTP = "tftp"
    PNP = "pnp"


@dataclass(frozen=True, slots=True)
class FileRequest:
    """Which file is asked for, by whom."""

    protocol: Protocol
    "The transport it came by."

    name: str
    "The path, percent-decoded once, as sent: `/001565aabbcc.cfg` (HTTP) or `001565aabbcc.cfg` (TFTP)."

    peer: str
    "The sender's IP address without port; an IPv4-mapped IPv6 address is given as IPv4."

    agent: str | None = None
    "The User-Agent header, or None where the transport has none."

    is_write: bool = False
    "True for a TFTP write request or an HTTP PUT or POST."
