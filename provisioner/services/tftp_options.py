"""Which options of a read request are accepted, and with what values (RFC 2347, 2348, 2349, 7440).

An option that is unknown, not a plain number or out of its range is left out of the answer, which is how RFC 2347 says no; it
never ends the transfer.  Option names are compared without regard to letter case and answered as the client spelt them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_BLKSIZE = 512
MIN_BLKSIZE = 8
MAX_BLKSIZE = 65464
MIN_TIMEOUT_S = 1
MAX_TIMEOUT_S = 255
MAX_WINDOWSIZE = 65535
"The largest number RFC 7440 lets a client write."

WINDOW_BLOCKS = 64
"The most blocks we send before an acknowledgement; RFC 7440 lets a server answer with less than it was asked for."

WINDOW_BYTES = 128 * 1024
"The most bytes on the way, so that a window always fits the default send buffer of a socket."

MAX_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Terms:
    """What client and server agreed upon for one transfer."""

    blksize: int = DEFAULT_BLKSIZE
    "Bytes in each DATA packet but the last."

    windowsize: int = 1
    "DATA packets in a row for one acknowledgement."

    timeout_s: int | None = None
    "Seconds before the first retransmission, if the client asked for it."

    accepted: tuple[tuple[str, str], ...] = ()
    "Names and values of the OACK; empty means that none is sent and DATA 1 comes at once."


PLAIN_TERMS = Terms()


def negotiate(options: Mapping[str, str], size_bytes: int | None) -> Terms:
    """Return the terms for a read request; `size_bytes` is the length on the wire, None where it is not known beforehand."""
    if not options:
        return PLAIN_TERMS
    blksize, asked_window, timeout_s = DEFAULT_BLKSIZE, 1, None
    window_name = ""
    accepted: dict[str, tuple[str, str]] = {}
    for name, text in options.items():
        known = name.lower()
        value = _number(text)
        if value is None or known in accepted:  # RFC 2347: an option may be given once; the first counts
            continue
        if known == "blksize" and MIN_BLKSIZE <= value <= MAX_BLKSIZE:
            blksize = value
            accepted[known] = (name, str(value))
        elif known == "tsize" and size_bytes:  # curl takes a size of 0 for a fault; RFC 2347 lets us leave it out
            accepted[known] = (name, str(size_bytes))
        elif known == "timeout" and MIN_TIMEOUT_S <= value <= MAX_TIMEOUT_S:
            timeout_s = value
            accepted[known] = (name, str(value))
        elif known == "windowsize" and 1 <= value <= MAX_WINDOWSIZE:
            asked_window, window_name = value, name
            accepted[known] = (name, "")
    windowsize = max(1, min(asked_window, WINDOW_BLOCKS, WINDOW_BYTES // blksize))
    if window_name:  # only now is the block size known
        accepted["windowsize"] = (window_name, str(windowsize))
    return Terms(blksize, windowsize, timeout_s, tuple(accepted.values()))


def _number(text: str) -> int | None:
    """Return a decimal number of ASCII digits, else None: `-1`, `0x10`, `1_000` and `abc` are not numbers here."""
    if len(text) <= MAX_DIGITS and text.isascii() and text.isdigit():
        return int(text)
    return None
