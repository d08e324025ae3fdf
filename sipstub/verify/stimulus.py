"""What is done to a phone so that a setting shows, and which of it disturbs whoever uses the phone."""

from __future__ import annotations

import enum


class Stimulus(enum.StrEnum):
    """One thing that is done, or waited for."""

    REGISTER = "register"
    "The phone registers, as it does by itself."
    IDLE = "idle"
    "Nothing is done until keep-alives come."
    CALL_OUT = "call-out"
    "A call from the phone."
    CALL_IN = "call-in"
    "A call to the phone."
    DIGIT = "digit"
    "A key is pressed in a call."
    BOOT = "boot"
    "The phone starts."
    SILENCE = "silence"
    "Requests of the phone get no answer."
    REFUSE = "refuse"
    "A REGISTER is answered 403, 423 or 503."
    OPTIONS = "options"
    "OPTIONS is sent to the phone."
    CHECK_SYNC = "check-sync"
    "NOTIFY check-sync is sent."
    SESSION = "session"
    "Calls are kept up until session timers have shown."

    @property
    def is_disturbing(self) -> bool:
        """Return whether the phone's user may notice."""
        return self not in PASSIVE and self is not Stimulus.OPTIONS


PASSIVE = frozenset({Stimulus.REGISTER, Stimulus.IDLE})
"What every phone does when it is left alone."
EVERY = frozenset(Stimulus) - {Stimulus.SESSION}
"What one setting after the other wants; the calls of session timers take minutes each, and are asked for by name."
