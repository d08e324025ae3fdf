"""One end of a call as a prediction needs it: what it says about session timers, and how it refreshes."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_S = 90
"No session is shorter, and Min-SE that is missing counts as this (RFC 4028 section 5)."
UAC, UAS = "uac", "uas"


@dataclass(frozen=True, slots=True)
class Said:
    """What one message says about the session timer."""

    expires_s: int | None = None
    refresher: str | None = None
    min_se_s: int | None = None
    has_timer: bool = False
    "Whether `timer` stands in Supported or Require."

    @property
    def text(self) -> str:
        """Return Session-Expires and Min-SE as headers say them."""
        if self.expires_s is None:
            return "no Session-Expires"
        role = f";refresher={self.refresher}" if self.refresher else ""
        least = f", Min-SE: {self.min_se_s}" if self.min_se_s else ""
        return f"Session-Expires: {self.expires_s}{role}{least}"


NOTHING = Said()


@dataclass(frozen=True, slots=True)
class End:
    """A phone, or who is called or calls on the other side."""

    name: str
    has_timer: bool = False
    "Whether it has RFC 4028 at all."
    expires_s: int | None = None
    "What it asks for as the caller; None for nothing."
    refresher: str | None = None
    "Whom it names as the caller."
    answer_refresher: str = UAS
    "Whom it names as the callee, where the caller left it open."
    longest_s: int | None = None
    "As the callee it lowers what is asked for to this; None: it takes it as it is."
    min_se_s: int = 0
    "Under this it answers 422; up to 90 that is 90."
    method: str = "UPDATE"
    "What it refreshes by."
    takes_update: bool = True
    "Whether its Allow names UPDATE."
    sources: tuple[str, ...] = ()
    "What of its file says so."

    @property
    def side(self) -> str:
        """Return the leg that it is on, as lines name it."""
        return self.name.partition(" ")[0]

    @property
    def asks(self) -> Said:
        """Return what its first INVITE says."""
        if not self.has_timer:
            return NOTHING
        return Said(self.expires_s, self.refresher if self.expires_s else None, None, has_timer=True)

    def refuses(self, heard: Said) -> int | None:
        """Return the Min-SE of its 422 to an INVITE that says this, or None."""
        least = max(self.min_se_s, LEAST_S)
        is_short = self.has_timer and heard.has_timer and heard.expires_s is not None and heard.expires_s < least
        return least if is_short else None

    def agrees(self, heard: Said) -> Said:
        """Return what its 2xx says (RFC 4028 section 9): the interval as it was asked for or lowered, and nothing unasked."""
        if not self.has_timer or heard.expires_s is None:
            return Said(has_timer=self.has_timer)
        interval = min(heard.expires_s, max(self.longest_s or heard.expires_s, heard.min_se_s or LEAST_S))
        if not heard.has_timer:
            return Said(interval, UAS, has_timer=True)
        return Said(interval, heard.refresher or self.answer_refresher, has_timer=True)


def raised(asked: Said, least_s: int) -> Said:
    """Return what an INVITE says after a 422 with that Min-SE (sections 7.3 and 7.4)."""
    return Said(max(asked.expires_s or 0, least_s), asked.refresher, least_s, asked.has_timer)
