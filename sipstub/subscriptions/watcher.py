"""Where a SUBSCRIBE came from.  Any endpoint with these three attributes will do."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """One side of a flow: what the socket says, not what the message says."""

    @property
    def transport(self) -> str:
        """Return the transport."""
        ...

    @property
    def host(self) -> str:
        """Return the address, IPv6 without brackets."""
        ...

    @property
    def port(self) -> int:
        """Return the port."""
        ...
