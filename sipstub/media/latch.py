"""Where packets of a call go: to the address that its description named, or to where packets come from instead.

RFC 4961: who sends from an address hears there.  A phone behind NAT names an address that nobody else can reach; then the first
source that is heard is believed, and only that one until the description changes.  The named address wins whenever it is heard.
"""

from __future__ import annotations

from sipstub.media.agreement import Address


class Latch:
    """One direction of one stream."""

    def __init__(self, named: Address | None) -> None:
        self.named = named
        self._heard: Address | None = None

    @property
    def target(self) -> Address | None:
        """Return where packets go."""
        return self._heard or self.named

    @property
    def is_heard(self) -> bool:
        """Return whether anything came from where packets go."""
        return self._heard is not None

    def name(self, named: Address | None) -> None:
        """Take a new description; one that names the same address, or none, changes nothing."""
        if named is not None and named != self.named:
            self.named, self._heard = named, None

    def take(self, source: Address) -> bool:
        """Return whether a packet from there belongs to the stream."""
        if self._heard is None or source == self.named:
            self._heard = source
        return source == self._heard
