"""Where a request came from, as far as a registrar cares.  Any endpoint with these three attributes will do."""

from __future__ import annotations

from typing import Protocol


class Source(Protocol):
    """One side of a flow: what the socket says, not what the message says."""

    @property
    def transport(self) -> str:
        """Return `udp`, `tcp` or `tls`."""
        ...

    @property
    def host(self) -> str:
        """Return the address, IPv6 without brackets."""
        ...

    @property
    def port(self) -> int:
        """Return the port."""
        ...


def flow_of(source: Source) -> str:
    """Return the text by which requests of one flow are known as such: `udp 127.0.0.1:5060`."""
    host = f"[{source.host}]" if ":" in source.host else source.host
    return f"{source.transport.lower()} {host}:{source.port}"
