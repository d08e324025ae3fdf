"""What a scenario is: one call that is kept up in a certain way so that rules about session timers can judge it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from sipstub.scenario.conduct import Conduct
from sipstub.session_timer.setting import LEAST_S, UAC

INTERVAL_S = LEAST_S
"Of every scenario that has to wait for a refresh: the shortest honest one.  Longer ones of the phone are lowered to it."

LINGER_S = 3.0
"What a slow phone still has to say at the end of a call comes meanwhile."


class Caller(enum.StrEnum):
    """Who begins the call."""

    STUB = "stub"
    PHONE = "phone"
    "Somebody has to dial there."


@dataclass(frozen=True, slots=True)
class PhoneTimer:
    """What the file of a phone says of one account."""

    is_on: bool
    expires_s: int
    refresher: str
    "`uac` where the phone is to refresh, `uas` where the other side is."

    @property
    def is_phones(self) -> bool:
        """Return whether the phone refreshes calls that it makes."""
        return self.refresher == UAC


Wants = Callable[[PhoneTimer], bool]


def if_on(timer: PhoneTimer) -> bool:
    """Return whether the account has session timers."""
    return timer.is_on


def if_off(timer: PhoneTimer) -> bool:
    """Return whether they are switched off."""
    return not timer.is_on


def if_phone_refreshes(timer: PhoneTimer) -> bool:
    """Return whether the phone refreshes calls that it makes."""
    return timer.is_on and timer.is_phones


def if_peer_refreshes(timer: PhoneTimer) -> bool:
    """Return whether the other side refreshes calls that the phone makes."""
    return timer.is_on and not timer.is_phones


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call.  Nobody hangs up but the stub, when all that was expected has come, or `longest_s` is over."""

    name: str
    "Unique: `silent-as-callee`."
    what: str
    "What is done, for people."
    caller: Caller
    wants: Wants
    "Whether an account is to be tried."
    rules: tuple[str, ...]
    "What it feeds."
    conduct: Callable[[PhoneTimer], Conduct]
    "How the stub's side behaves."
    intervals: float = 0.0
    "How long it takes: so many session intervals ..."
    seconds: float = 5.0
    "... and so many seconds."
    refreshes: int = 0
    "The stub hangs up once the phone has refreshed so often; 0 if that does not count."
    patience: float = 0.0
    "So many intervals more it waits for those, so that none at all is known to be too late."
    linger_s: float = LINGER_S
    "From the last thing that was expected until the stub hangs up."
    has_422: bool = False
    "Whether a refusal of the call is all that is wanted."

    @property
    def usual_s(self) -> float:
        """Return how long it takes on the wall clock once the call is on its way."""
        return self.intervals * INTERVAL_S + self.seconds

    @property
    def longest_s(self) -> float:
        """Return how long it takes if the phone does not do what is expected."""
        return self.usual_s + self.patience * INTERVAL_S

    @property
    def wants_person(self) -> bool:
        """Return whether somebody has to dial at the phone."""
        return self.caller is Caller.PHONE
