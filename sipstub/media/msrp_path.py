"""Paths of MSRP: `msrp://192.0.2.1:2855/s3ss10n;tcp`, one or several behind each other.  RFC 4975 section 6."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_HOPS = 8
"URIs of one path: relays, and who is behind them."
MAX_PATH = 1024
"Characters of one."
DEFAULT_PORT = 2855
_URI = re.compile(
    r"(msrps?)://(?:[A-Za-z0-9._~!$&'()*+,;=%-]{1,64}@)?(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})"
    r"(?::([0-9]{1,5}))?/([A-Za-z0-9._~+=/-]{1,128});tcp(?:;[!-:<-~]{1,128})*\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class MsrpUri:
    """One place on the way."""

    host: str
    "Without brackets."
    port: int
    session: str
    "What makes it one of ours: compared as it is written."
    is_secure: bool
    text: str

    @classmethod
    def parse(cls, text: str) -> MsrpUri | None:
        """Return the URI; None where a relay could do nothing with it."""
        match = _URI.match(text)
        port = int(match[3] or DEFAULT_PORT) if match is not None else 0
        if match is None or not 0 < port <= 65_535:
            return None
        return cls(match[2].strip("[]"), port, match[4], match[1].lower() == "msrps", text)

    @classmethod
    def build(cls, host: str, port: int, session: str, *, is_secure: bool = False) -> MsrpUri:
        """Return one of ours."""
        named = f"[{host}]" if ":" in host else host
        return cls(host, port, session, is_secure, f"msrp{'s' if is_secure else ''}://{named}:{port}/{session};tcp")

    def __str__(self) -> str:
        return self.text


def read_path(text: str) -> tuple[MsrpUri, ...]:
    """Return the URIs of a path; nothing if one of them is none, or there are too many."""
    words = text.split() if len(text) <= MAX_PATH else []
    found = [MsrpUri.parse(word) for word in words] if len(words) <= MAX_HOPS else [None]
    return tuple(one for one in found if one is not None) if None not in found else ()
