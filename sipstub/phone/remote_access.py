"""Who may control a phone over HTTP, by its file, and what an action URI asks of it.  Pure.

A GET of `/servlet?key=...` presses a key or dials a number.  The names of keys, and `number=...&outgoing_uri=...`, are recall and
public scripts; the parameters are those of the templates.  Until somebody allows it in the file nothing is listened to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, unquote_plus

from sipstub.phone.format.effective import Effective

ENABLE = "features.action_uri.enable"
ALLOWED = "features.action_uri_limit_ip"
ADMIN = "security.user_name.admin"
PORT = "network.port.http"
WEB = "wui.http_enable"
ANYBODY = "any"
FACTORY_ADMIN = "admin"
"Name and password from the factory."
FACTORY_PORT = 80
PATH = "/servlet"
MAX_NUMBER = 64
DIGITS = frozenset("0123456789*#+")
KEYS = {"POUND": "#", "*": "*", **{digit: digit for digit in "0123456789"}}
"Names of keys that are digits."


@dataclass(frozen=True, slots=True)
class RemoteAccess:
    """What the files of a phone say about being controlled."""

    is_on: bool
    allowed: tuple[str, ...]
    "Addresses, a `*` for any number in one; or `any`."
    port: int
    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, settings: Effective) -> Self:
        """Return what both files say together, with the documented factory values."""
        user = settings.text(ADMIN) or FACTORY_ADMIN
        port = settings.text(PORT)
        return cls(
            settings.is_on(ENABLE, default=True) and settings.is_on(WEB, default=True),
            tuple(word for part in settings.text(ALLOWED).split(",") if (word := part.strip())),
            int(port) if port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536 else FACTORY_PORT,
            user,
            settings.user_passwords.get(user, FACTORY_ADMIN),
        )

    def refusal(self, host: str) -> str:
        """Return why nobody at that address may control it; empty if it may."""
        if not self.is_on:
            return f"{ENABLE} or {WEB} is 0 in its file"
        if not self.allowed:
            return f"its file has no {ALLOWED}"
        return (
            "" if any(_fits(word, host) for word in self.allowed) else f"{ALLOWED} = {','.join(self.allowed)} leaves {host} out"
        )


@dataclass(frozen=True, slots=True)
class Dial:
    """A number is to be dialled."""

    number: str
    line: str = ""
    "`user@server` of the account; empty for whichever."

    @property
    def target(self) -> str:
        """Return path and query."""
        line = f"&outgoing_uri={quote(self.line, safe='@')}" if self.line else ""
        return f"{PATH}?key=number={quote(self.number, safe='*')}{line}"


@dataclass(frozen=True, slots=True)
class Press:
    """A digit is to be pressed."""

    digit: str

    @property
    def target(self) -> str:
        """Return path and query."""
        return f"{PATH}?key={next(name for name, digit in KEYS.items() if digit == self.digit)}"


def read_target(target: str) -> Dial | Press | None:
    """Return what a request wants; None for what is no action URI, or nothing that this phone does."""
    path, _, query = target.partition("?")
    if path != PATH or not query.startswith("key="):
        return None
    first, *more = query.removeprefix("key=").split("&")
    if not first.startswith("number="):
        digit = KEYS.get(unquote_plus(first).upper())
        return None if digit is None else Press(digit)
    number = unquote_plus(first.removeprefix("number="))
    if not 0 < len(number) <= MAX_NUMBER or not DIGITS.issuperset(number):
        return None
    line = next((unquote_plus(part.removeprefix("outgoing_uri=")) for part in more if part.startswith("outgoing_uri=")), "")
    return Dial(number, line)


def account_of(line: str, users: Sequence[tuple[int, str]]) -> int | None:
    """Return the account that dials: the one of `user@server`, else the first; None where there is none."""
    user = line.partition("@")[0]
    return next((number for number, name in users if name == user), users[0][0] if users else None)


def _fits(word: str, host: str) -> bool:
    if word.lower() == ANYBODY:
        return True
    wanted, given = word.split("."), host.split(".")
    return len(wanted) == len(given) and all(one in ("*", two) for one, two in zip(wanted, given, strict=True))
