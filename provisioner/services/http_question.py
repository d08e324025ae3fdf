"""What one HTTP request asks, whichever parser read it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from provisioner.delivery.request import FileRequest, Protocol

TEXT_MAX = 200
"Path and User-Agent are cut to this many characters in the journal."


class Question(NamedTuple):
    """One request, without its body.  A tuple, since one is made per request and a frozen dataclass costs four times as much."""

    protocol: Protocol
    "http or https: how the connection came, never what a header says."

    method: str
    "As sent: `GET`."

    path: str
    "As sent, without query."

    peer: str
    "IP address of the connection; X-Forwarded-For is believed from nobody."

    agent: str | None = None
    "User-Agent."

    if_none_match: str | None = None
    "The header's value."

    range: str | None = None
    "The header's value."

    if_range: str | None = None
    "The header's value."

    def as_file_request(self, decoded_path: str) -> FileRequest:
        """Return it as `decide` wants it; every method but GET and HEAD counts as a write."""
        return FileRequest(self.protocol, decoded_path, self.peer, self.agent, self.method not in ("GET", "HEAD"))


def decode_path(path: bytes) -> str:
    """Return the path percent-decoded once; what is not UTF-8 becomes U+FFFD, which no file name holds."""
    return (unquote_to_bytes(path) if b"%" in path else path).decode("utf-8", "replace")


def plain_address(host: str) -> str:
    """Return an IPv4-mapped IPv6 address as IPv4, and an IPv6 address without its zone."""
    if ":" not in host:
        return host
    if host.startswith("::ffff:") and "." in host:
        return host[7:]
    return host.partition("%")[0]
