"""What a rule is: one function with its settings, stimulus, source and how sure that source is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome
from sipstub.verify.setting import SETTINGS
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

Check = Callable[[Case], Outcome | None]
"None where the rule has nothing to ask, given what else the file says."


@dataclass(frozen=True, slots=True)
class Rule:
    """One question to the evidence, asked for each account whose file says something of `setting`."""

    name: str
    "Its heading in docs/reference/rules.md."
    setting: str
    "The setting that binds it."
    check: Check
    rows: tuple[int, ...]
    "Rows of the table of what shows on the wire."
    source: str
    "RFC section, guide, or where it follows from."
    certainty: Certainty
    also: tuple[str, ...] = ()
    "Other settings that it judges or reads."
    stimulus: Stimulus = Stimulus.REGISTER
    or_stimulus: Stimulus | None = None
    "What makes it show too, without a person at the phone."
    is_per_index: bool = False
    "Whether each server or key is asked for by itself."
    is_per_phone: bool = False
    "Whether it is asked once for the phone and not for each account."
    wants_registered: bool = True
    "Whether only accounts that should be used are asked."

    @property
    def settings(self) -> tuple[str, ...]:
        """Return all settings that it is about."""
        return (self.setting, *self.also)


RULES: dict[str, Rule] = {}
"All rules by name, in the order of reports; filled by importing `sipstub.verify.rules`."


def rule(
    name: str,
    *,
    row: int | tuple[int, ...],
    source: str,
    certainty: Certainty,
    setting: str = "",
    also: tuple[str, ...] = (),
    stimulus: Stimulus = Stimulus.REGISTER,
    or_stimulus: Stimulus | None = None,
    is_per_index: bool = False,
    is_per_phone: bool = False,
    wants_registered: bool = True,
) -> Callable[[Check], Check]:
    """Register a function as a rule; the setting is called like the rule unless it is named."""
    bound = setting or name

    def register(check: Check) -> Check:
        if name in RULES or any(known not in SETTINGS for known in (bound, *also)):
            raise LookupError(f"rule {name}: a name twice, or a setting that is none")
        rows = (row,) if isinstance(row, int) else row
        RULES[name] = Rule(
            name, bound, check, rows, source, certainty, also, stimulus, or_stimulus, is_per_index, is_per_phone, wants_registered
        )
        return check

    return register
