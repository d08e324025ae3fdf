"""The media of one side of a call: its ports, from the first description to the end, and what both descriptions come to."""

from __future__ import annotations

from sipstub.media.agreement import agree
from sipstub.media.place import MediaLine, MediaPlace
from sipstub.media.report import NO_PORT, MediaReport
from sipstub.sip.error import SipError
from sipstub.sip.sdp import Sdp


class Voice:
    """One call; it speaks from `begin` to `end`, by what was said last."""

    def __init__(self, place: MediaPlace, near: str = "", own: str = "") -> None:
        """`near` and `own` are the two ends of the call's SIP."""
        self.line: MediaLine | None = None
        "None before `open`, after `end`, and where no port was free."
        self._place = place
        self._near = near
        self._own = own
        self._is_opened = False
        self._has_begun = False
        self._ours: Sdp | None = None
        self._theirs: Sdp | None = None

    def open(self, port: int = 0) -> None:
        """Take ports, once; a given one, or any."""
        if not self._is_opened:
            self._is_opened = True
            self.line = self._place.open(self._near, self._own, port)

    def said(self, ours: Sdp) -> None:
        """Take note of our description; it counts from the next `heard` or `begin` on."""
        self._ours = ours

    def heard(self, theirs: Sdp) -> None:
        """Go by the other side's description, and by what we said last."""
        self._theirs = theirs
        self._agree()

    def begin(self) -> None:
        """Speak from now on: the call is answered."""
        self._has_begun = True
        self._agree()

    def end(self) -> MediaReport | None:
        """Give the ports back and return what came of it; None where there never were any to have, or nothing was said yet."""
        line, self.line = self.line, None
        if line is not None:
            return line.close()
        return NO_PORT if self._is_opened and self._place.is_on else None

    def _agree(self) -> None:
        if self.line is None or self._ours is None or self._theirs is None or not self._has_begun:
            return
        try:
            agreement = agree(self._ours, self._theirs)
        except SipError:
            return
        if agreement is not None:
            self.line.agree(agreement)
