"""Where calls get their media from: an interface that the sockets are behind, and the one without any."""

from __future__ import annotations

from typing import Protocol

from sipstub.media.agreement import Agreement
from sipstub.media.report import MediaReport


class MediaLine(Protocol):
    """The two ports of one call; nothing is sent before the first agreement."""

    @property
    def host(self) -> str:
        """Return our address, as a description has to say it."""

    @property
    def port(self) -> int:
        """Return the port of RTP; RTCP has the next one."""

    def agree(self, agreement: Agreement) -> None:
        """Send and receive by this from now on."""

    def close(self) -> MediaReport:
        """Give the ports back, once or more often, and return what came of it."""


class MediaPlace(Protocol):
    """Who has ports to give away."""

    @property
    def is_on(self) -> bool:
        """Return whether there are any at all; without, calls name the discard port and send nothing."""

    def open(self, near: str, own: str = "", port: int = 0) -> MediaLine | None:
        """Return the ports of a new call with SIP from `near`, at our address `own`, or None where none is free.

        Without `own`, or with one that stands for all addresses, it is the address that `near` is reached from; without `port`
        it is one of the range.
        """


class NoMedia:
    """Nothing is sent, and nothing heard."""

    is_on = False

    def open(self, near: str, own: str = "", port: int = 0) -> MediaLine | None:
        """Return None."""
        return None


NO_MEDIA = NoMedia()
