"""What one side of a call wants of session timers, and the figures of RFC 4028."""

from __future__ import annotations

import enum
from dataclasses import dataclass

LEAST_S = 90
"No Min-SE is smaller, and none at all counts as this (section 5)."
SUGGESTED_S = 1800
"What is asked for by default; no smaller value should be put in (section 4)."
SHORTEST_TAKEN_S = 10
"A 2xx or a peer without `timer` may say less than LEAST_S; under this a timer would be a flood of refreshes, so there is none."
LONGEST_S = 2**32 - 1
LONGEST_LEAD_S = 32.0
UAC, UAS = "uac", "uas"


class RefreshMethod(enum.StrEnum):
    """What a refresh is sent by."""

    UPDATE = "UPDATE"
    REINVITE = "INVITE"
    BY_ALLOW = "by-allow"
    "UPDATE where the last Allow of the peer has it, else re-INVITE (section 7.4)."


class Insertion(enum.Enum):
    """Whether a 2xx gets a timer that nobody asked for."""

    NEVER = "never"
    IF_SUPPORTED = "if-supported"
    "Where the request has Supported: timer (section 9)."
    ALWAYS = "always"
    "Also where it has not; then this side refreshes.  For the leg of a B2BUA that adds what is missing."


class Role(enum.Enum):
    """What `refresher` says in a request inside of a dialog (section 7.4)."""

    KEEP = "keep"
    "Whoever refreshes now goes on."
    SWAP = "swap"
    "The other side; only to a peer that is known to have timers, else as KEEP."
    OPEN = "open"
    "Nothing: the peer may choose."


@dataclass(frozen=True, slots=True)
class TimerSettings:
    """Wants of one side; the defaults are those of the RFC."""

    is_on: bool = True
    "Whether this side has the extension at all: `timer` in Supported, headers of peers honoured."
    expires_s: int | None = SUGGESTED_S
    "The interval that is asked for and put in; None asks for none."
    refresher: str | None = None
    "As caller: `uac` or `uas`, or None to leave it to the peer."
    answer_refresher: str = UAS
    "As callee, where the caller left it open: `uac` or `uas`."
    min_se_s: int = 0
    "The shortest interval that is taken; up to 90 nothing but 90."
    longest_s: int = LONGEST_S
    "As callee a longer interval is lowered to this; as caller none is asked for above it after a 422."
    method: RefreshMethod = RefreshMethod.BY_ALLOW
    takes_reinvite: bool = True
    "Whether the peer may be refreshed by re-INVITE; where UPDATE does not do either, this side never refreshes."
    inserts: Insertion = Insertion.IF_SUPPORTED
    refuses_short: bool = True
    "Whether intervals under the minimum get 422."
    sends_min_se: bool = False
    "Whether Min-SE stands in requests from the start, not only once somebody asked for it."
    requires: bool = False
    "Whether Require: timer insists that the peer has timers."
    proxy_requires: bool = False
    "Whether Proxy-Require: timer insists that proxies have."
    refreshes_alone: bool = False
    "Whether a peer without timers is refreshed all the same, so that its end is noticed (section 7.2)."
    refresh_share: float = 0.5
    "Part of the interval after which it is refreshed."

    def __post_init__(self) -> None:
        if self.refresher not in (None, UAC, UAS) or self.answer_refresher not in (UAC, UAS):
            raise ValueError(f"a refresher is uac or uas, not {self.refresher!r} or {self.answer_refresher!r}")
        if not (self.expires_s is None or 0 < self.expires_s <= LONGEST_S) or not 0 <= self.min_se_s <= LONGEST_S:
            raise ValueError(f"intervals lie between 1 and {LONGEST_S}, not {self.expires_s} and {self.min_se_s}")
        if self.longest_s < self.minimum_s:
            raise ValueError(f"the longest interval {self.longest_s} is under the minimum {self.minimum_s}")
        if not 0 < self.refresh_share < 1:
            raise ValueError(f"a refresh comes within the interval, not at {self.refresh_share} of it")

    @property
    def minimum_s(self) -> int:
        """Return the minimum as it may stand in Min-SE: 90 or more."""
        return max(self.min_se_s, LEAST_S)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what is allowed but against the advice of the RFC, or against itself."""
        found = []
        if self.expires_s is not None and self.expires_s < LEAST_S:
            found.append(f"an interval of {self.expires_s} s is under {LEAST_S}: a strict peer answers 422")
        elif self.expires_s is not None and self.expires_s < SUGGESTED_S:
            found.append(f"an interval of {self.expires_s} s should not be put in, being under {SUGGESTED_S}")
        if 0 < self.min_se_s < LEAST_S:
            found.append(f"Min-SE of {self.min_se_s} s cannot be said: it goes out as {LEAST_S}")
        if self.expires_s is not None and self.sends_min_se and self.expires_s < self.minimum_s:
            found.append(f"the interval {self.expires_s} s is under Min-SE: it goes out as {self.minimum_s}")
        if self.requires or self.proxy_requires:
            found.append("Require: timer is not recommended: a peer without timers refuses the call")
        return tuple(found)


def lead_s(interval_s: float) -> float:
    """Return how long before the end a side that sees no refresh hangs up: 32 s, or a third if that is less (section 10)."""
    return min(LONGEST_LEAD_S, interval_s / 3)
