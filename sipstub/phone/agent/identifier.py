"""Tags, branches, Call-IDs and keys in the form that the phones give them, from a source of random bits that is given."""

from __future__ import annotations

import base64
from typing import Protocol


class RandomSource(Protocol):
    """`random.Random`, with a seed or without."""

    def getrandbits(self, bits: int, /) -> int:
        """Return so many random bits."""


class Identifiers:
    """Makes what must be unique; the same source gives the same texts."""

    def __init__(self, source: RandomSource) -> None:
        self._source = source

    def digits(self) -> str:
        """Return up to ten digits: branch, tag and Call-ID of the phones are made of them."""
        return str(self._source.getrandbits(32))

    def branch(self) -> str:
        """Return the part of a branch behind its cookie; long enough never to come twice."""
        return str(self._source.getrandbits(63))

    def hex(self, digits: int) -> str:
        """Return so many hexadecimal digits."""
        return f"{self._source.getrandbits(4 * digits):0{digits}x}"

    def call_id(self, account: int, host: str) -> str:
        """Return a Call-ID: `1_1234567890@192.0.2.7`."""
        return f"{account}_{self.digits()}@{host}"

    def share(self) -> float:
        """Return a number from 0 to below 1."""
        return self._source.getrandbits(30) / 2**30

    def srtp_key(self) -> str:
        """Return a master key with its salt, 30 bytes, as SDP has it (RFC 4568 section 6.1)."""
        return base64.b64encode(self._source.getrandbits(240).to_bytes(30, "big")).decode()
