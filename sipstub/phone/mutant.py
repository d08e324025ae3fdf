"""What a way to be wrong is; `disobey.py` and `disobey_timer.py` have them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sipstub.phone.agent.account import Account
from sipstub.phone.agent.conduct import Conduct


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to be wrong."""

    name: str
    summary: str
    "What the phone does."
    parameter: str
    "The setting that it disobeys; empty where it breaks a protocol."
    shows_when: str = "register"
    "register, renew, call, idle, 423, 503, silence, options, check-sync, boot; session is calls that are kept up."
    shows_with: Mapping[str, str] = field(default_factory=dict)
    "Settings of account 1, or of the phone, that it takes to see it."
    account: Callable[[Account], Account] = lambda account: account
    conduct: Callable[[Conduct], Conduct] = lambda conduct: conduct
