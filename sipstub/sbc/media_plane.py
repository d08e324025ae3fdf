"""What happens to media on their way from leg to leg: the seam for a relay.

Without one descriptions pass untouched, and media goes from phone to phone (SBCDirectMedia 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sipstub.sip.message import Message

if TYPE_CHECKING:
    from sipstub.sbc.leg import Leg
    from sipstub.sbc.relay import Relay


class MediaRefused(Exception):
    """Media that a call cannot have."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class MediaSession(Protocol):
    """The media of one call."""

    @property
    def is_direct(self) -> bool:
        """Return whether media go from phone to phone, so that each has to know where the other is."""

    def carry(self, message: Message, source: Leg, to: Leg, *, tells: bool = True) -> bytes:
        """Return the description in a message as the other leg gets it, if it `tells` it; raises MediaRefused."""

    def asked_without_offer(self) -> None:
        """Take note of an INVITE that leaves the offer to the other side."""

    def first_offer(self, leg: Leg) -> bytes:
        """Return an offer of the SBC's own to a side that has to have one, empty where none can be made; raises MediaRefused."""

    def answered(self, leg: Leg, body: bytes) -> None:
        """Take the answer of one leg to an offer of the SBC's own."""

    def refused(self, body: bytes) -> bytes:
        """Return a description with every line refused: for one that comes where no call can be refused any more."""

    def connected(self, one: Leg, other: Leg, now: float) -> str:
        """Take note of who talks to whom from now on; what is held for others is freed.

        Return why the call has to end now; an empty text if it need not.
        """

    def stay(self, one: Leg, other: Leg) -> None:
        """Take note that those two go on to talk: what was taken for somebody else, who was not let in, is freed."""

    def end(self) -> None:
        """Free whatever is held for it."""


class MediaPlane(Protocol):
    """Where sessions come from."""

    def session(self, relay: Relay) -> MediaSession:
        """Return the media of a new call."""


class DirectMedia:
    """Nothing is touched; one object for all calls, as there is nothing to hold."""

    is_direct = True

    def session(self, relay: Relay) -> DirectMedia:
        """Return the media of a new call."""
        return self

    def carry(self, message: Message, source: Leg, to: Leg, *, tells: bool = True) -> bytes:
        """Return it as it came."""
        return message.body

    def asked_without_offer(self) -> None:
        """There is nothing to note."""

    def first_offer(self, leg: Leg) -> bytes:
        """Return nothing: nobody's coders are known."""
        return b""

    def answered(self, leg: Leg, body: bytes) -> None:
        """There is nothing to note."""

    def refused(self, body: bytes) -> bytes:
        """Return it as it came."""
        return body

    def connected(self, one: Leg, other: Leg, now: float) -> str:
        """There is nothing to free."""
        return ""

    def stay(self, one: Leg, other: Leg) -> None:
        """There is nothing to free."""

    def end(self) -> None:
        """There is nothing to free."""
