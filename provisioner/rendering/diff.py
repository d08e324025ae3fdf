"""What differs between two pairs of files, parameter by parameter: what a person reads instead of two texts.

A phone reads the common file first and its own file over it, so a pair counts as one set of values.  A reset is the
same as no value: both leave the phone with its factory setting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.catalogue.catalogue import Catalogue
from provisioner.rendering.lines import RESET, CfgLine, natural
from provisioner.rendering.redact import is_secret_name, masked, secrets_in
from sipstub.phone.format.reading import read_file

Values = Mapping[str, str]
"Values by identity: the parameter's name, for user passwords with the user."

FACTORY = "factory value"


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter that differs; secrets are masked already."""

    symbol: str
    "`+` set and was not, `~` another value, `-` back to the factory value."

    name: str
    "The parameter; for user passwords with the user: `security.user_password:admin`."

    old: str | None
    "Value before; None if there was none."

    new: str | None
    "Value after; None if there is none."

    is_secret: bool
    "Then old and new are masks and only say that something is there."

    restarts: bool
    "Whether the phone restarts to apply it, as far as the catalogue knows."

    @property
    def text(self) -> str:
        """Return `0 → 2`, `1`, or `1 → factory value`; of a secret only what became of it."""
        if self.is_secret:
            return {"+": "set", "~": "changed", "-": "removed"}[self.symbol]
        if self.symbol == "+":
            return _shown(self.new)
        return f"{_shown(self.old)} → {FACTORY if self.new is None else _shown(self.new)}"

    def as_json(self) -> dict[str, Any]:
        """Return the fields under the names of --json."""
        return {
            "symbol": self.symbol,
            "parameter": self.name,
            "old": self.old,
            "new": self.new,
            "secret": self.is_secret,
            "restarts": self.restarts,
        }


def values_of(*bodies: bytes | memoryview) -> dict[str, str]:
    """Return the values of files that are read one over the other; resets are left out."""
    found: dict[str, str] = {}
    for body in bodies:
        for entry in read_file(bytes(body)).entries:
            identity = CfgLine(entry.name, entry.value, _NOWHERE, None, False).identity
            found[identity] = entry.value
    return {identity: value for identity, value in found.items() if value != RESET}


def compare(old: Values, new: Values, catalogue: Catalogue, secret: Collection[str] = ()) -> tuple[Change, ...]:
    """Return the differences in natural order of the names; `secret` holds identities that are secret besides the catalogue's."""
    names = [identity for identity in {**old, **new} if old.get(identity) != new.get(identity)]
    if not names:
        return ()
    pairs = [(_name(identity), value) for values in (old, new) for identity, value in values.items()]
    known = secrets_in(pairs, catalogue) | {values[name] for values in (old, new) for name in secret if name in values}
    changes = []
    for identity in sorted(names, key=natural):
        name, before, after = _name(identity), old.get(identity), new.get(identity)
        is_secret = identity in secret or is_secret_name(name, catalogue)
        parameter = catalogue.parameter(name)
        changes.append(
            Change(
                "+" if before is None else "-" if after is None else "~",
                identity,
                None if before is None else masked(name, before, is_secret=is_secret, known=known),
                None if after is None else masked(name, after, is_secret=is_secret, known=known),
                is_secret,
                parameter is not None and parameter.reboot == "yes",
            )
        )
    return tuple(changes)


def secret_identities(lines: Mapping[str, CfgLine]) -> set[str]:
    """Return the identities of lines whose value came from a secret."""
    return {identity for identity, line in lines.items() if line.is_secret}


def _name(identity: str) -> str:
    return identity.partition(":")[0]


def _shown(value: str | None) -> str:
    return value or '""'


_NOWHERE: Any = None
