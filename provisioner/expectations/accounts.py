"""The accounts in a phone's file, by the vendor's mapping: who registers as whom, with which password.  Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from provisioner.expectations.observables import Observable, Observables
from sipstub.verify.setting import ON

MAX_ACCOUNTS = 64
"Accounts of one phone that are looked at."

WANTED = ("account-enabled", "user-name", "auth-name", "password")


@dataclass(frozen=True, slots=True)
class Account:
    """One enabled account that has a name and a password."""

    number: int
    "Ours: the first is 1."
    user_name: str
    auth_name: str
    "The user name where the file gives no other."
    password: str = field(repr=False)


class AccountReader:
    """Reads accounts out of the values of files; made once, used for every phone of a fleet."""

    def __init__(self, observables: Observables) -> None:
        wanted = [each for each in observables.items if each.setting in WANTED and each.places == ("account",)]
        self._shapes: list[tuple[str, re.Pattern[str], Observable]] = [
            (each.parameter.partition("{")[0], each.shape, each) for each in wanted
        ]
        self._starts = tuple({start for start, _, _ in self._shapes})

    def read(self, values: Mapping[str, str]) -> Iterator[Account]:
        """Give the accounts that the file switches on and that can register, in order of their numbers."""
        found: defaultdict[int, dict[str, str]] = defaultdict(dict)
        for name, value in values.items():
            if not name.startswith(self._starts):
                continue
            for start, shape, observable in self._shapes:
                match = shape.fullmatch(name) if name.startswith(start) else None
                if match is None:
                    continue
                account = found[int(match["account"]) - observable.first_account + 1]
                if observable.default is not None:
                    account.setdefault("factory " + observable.setting, observable.word(observable.default) or "")
                if value != observable.reset and (word := observable.word(value)):
                    account[observable.setting] = word
        for number in sorted(found)[:MAX_ACCOUNTS]:
            account = found[number]
            user, password = account.get("user-name"), account.get("password")
            is_on = account.get("account-enabled", account.get("factory account-enabled")) == ON
            if is_on and user and password:
                yield Account(number, user, account.get("auth-name") or user, password)
