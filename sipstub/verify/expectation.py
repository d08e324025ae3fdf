"""What a phone's files say that it should do: each statement with the place that says it.  JSON both ways.

A password is kept, because its digest has to be checked, but neither `repr` nor JSON shows it unless it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sipstub.errors import SipstubError
from sipstub.verify.setting import OFF, ON, SETTINGS

MAX_EXPECTATIONS = 20_000
"Of one phone; a T48G with every account, slot and key has about 3,000."
MASK = "***"


class ExpectationProblem(SipstubError):
    """A file of expectations that cannot be read as such."""

    code = "bad-expectations"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One statement of one file."""

    setting: str
    "Name in the vocabulary: `register-expiry`."

    value: str | None = field(repr=False)
    "In words of the vocabulary; None for a secret that was not given along."

    parameter: str
    "As the vendor calls it: `account.1.sip_server.1.expires`."

    file: str = ""
    "The phone's file that says so; empty for a factory value that no file names."

    line: int = 0
    "1-based line in that file; 0 if there is none."

    account: int | None = None
    "Account; None for what holds for the whole phone."

    index: str = ""
    "Which server, slot or key, where there are several."

    origin: str = ""
    "Where a person wrote it, `devices/groups/reception.toml:6`, if that is known."

    factory: str | None = None
    "What a phone does that was told nothing, where that is documented."

    is_default: bool = False
    "Whether no file says it: it is the documented factory value."

    is_reset: bool = False
    "Whether the file puts the parameter back to its factory value."

    @property
    def is_secret(self) -> bool:
        """Whether the value must not be shown."""
        return SETTINGS[self.setting].is_secret

    @property
    def shown(self) -> str:
        """Return the value for people, masked if it is secret."""
        return MASK if self.is_secret else self.value or ""

    @property
    def place(self) -> str:
        """Return where it is written: the person's file if known, else the phone's."""
        if self.origin:
            return self.origin
        if not self.file:
            return "factory value"
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Subject:
    """The phone that is judged."""

    name: str
    mac: str = ""
    "Twelve hex digits, or empty where nobody knows."
    model: str = ""
    firmware: str = ""
    agent: str = ""
    "How the model calls itself in a User-Agent: `SIP-T46G`."
    addresses: tuple[str, ...] = ()
    "Where its files were fetched from."
    codec_slots: int = 0
    "How many codec slots the model has; 0 where nobody knows."


@dataclass(frozen=True, slots=True)
class Expectations:
    """All that the files of one phone say."""

    subject: Subject
    items: tuple[Expectation, ...] = ()
    _by_key: dict[tuple[str, int | None, str], Expectation] = field(init=False, repr=False, compare=False)
    _by_setting: dict[tuple[str, int | None], list[Expectation]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {(item.setting, item.account, item.index): item for item in self.items})
        groups: dict[tuple[str, int | None], list[Expectation]] = {}
        for item in self.items:
            groups.setdefault((item.setting, item.account), []).append(item)
        object.__setattr__(self, "_by_setting", groups)

    def get(self, setting: str, account: int | None = None, index: str = "") -> Expectation | None:
        """Return what is said of a setting: for this account, else for the whole phone."""
        found = self._by_key.get((setting, account, index))
        return found if found is not None or account is None else self._by_key.get((setting, None, index))

    def all(self, setting: str, account: int | None = None) -> list[Expectation]:
        """Return all that is said of a setting for this account or for the whole phone, one for each index."""
        own = list(self._by_setting.get((setting, account), ()))
        if account is None:
            return own
        taken = {item.index for item in own}
        return own + [item for item in self._by_setting.get((setting, None), ()) if item.index not in taken]

    def text(self, setting: str, account: int | None = None, index: str = "") -> str:
        """Return the value; empty if nothing is said."""
        found = self.get(setting, account, index)
        return (found.value or "") if found is not None else ""

    @property
    def accounts(self) -> list[int]:
        """Return the accounts that are spoken of."""
        return sorted({account for _, account in self._by_setting if account is not None})

    @property
    def enabled(self) -> list[int]:
        """Return the accounts that should be used."""
        return [account for account in self.accounts if self.is_enabled(account)]

    def is_enabled(self, account: int) -> bool:
        """Return whether an account should be used: switched on, or named and not switched off."""
        found = self.get("account-enabled", account)
        if found is None or found.is_default:
            return self.text("user-name", account) != "" and (found is None or found.value != OFF)
        return found.value == ON

    @property
    def secrets(self) -> frozenset[str]:
        """Return the values that may stand in no report."""
        return frozenset(item.value for item in self.items if item.is_secret and item.value)

    def as_json(self, *, reveal: bool = False) -> dict[str, Any]:
        """Return names to values for a file; without `reveal` a secret is null, and rules about it cannot be judged."""
        subject = {name: getattr(self.subject, name) for name in _SUBJECT_FIELDS}
        subject["addresses"] = list(self.subject.addresses)
        rows = []
        for item in self.items:
            row: dict[str, Any] = {name: getattr(item, name) for name in _FIELDS}
            if item.is_secret and not reveal:
                row["value"] = None
                row["factory"] = None
            rows.append({name: value for name, value in row.items() if value not in ("", 0, False) or name in _ALWAYS})
        return {"format": FORMAT, "phone": subject, "expectations": rows}


FORMAT = "sipstub-expectations-1"
_SUBJECT_FIELDS = ("name", "mac", "model", "firmware", "agent", "codec_slots")
_FIELDS = (
    "setting", "value", "parameter", "file", "line", "account", "index", "origin", "factory", "is_default", "is_reset",
)  # fmt: skip
_ALWAYS = frozenset({"setting", "value", "parameter"})
_TYPES: dict[str, tuple[type, ...]] = {
    "line": (int,),
    "account": (int, type(None)),
    "value": (str, type(None)),
    "factory": (str, type(None)),
    "is_default": (bool,),
    "is_reset": (bool,),
}


def read_expectations(text: str) -> list[Expectations]:
    """Return the phones of a JSON file: one object, or a list of them; ExpectationProblem says what is wrong with it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ExpectationProblem(f"not JSON: {error}", hint="write it with `provisioner verify --expectations`") from None
    return [_phone(entry) for entry in (found if isinstance(found, list) else [found])]


def _phone(entry: Any) -> Expectations:
    if not isinstance(entry, dict) or entry.get("format") != FORMAT:
        raise ExpectationProblem(f'not expectations: there is no "format": "{FORMAT}"')
    subject = entry.get("phone")
    rows = entry.get("expectations")
    if not isinstance(subject, dict) or not isinstance(rows, list) or not isinstance(subject.get("name"), str):
        raise ExpectationProblem("expectations want a phone with a name, and a list of expectations")
    if len(rows) > MAX_EXPECTATIONS:
        raise ExpectationProblem(f"{len(rows)} expectations, at most {MAX_EXPECTATIONS} are read")
    fields = {name: subject[name] for name in _SUBJECT_FIELDS if name in subject}
    for name, value in fields.items():
        if type(value) is not (int if name == "codec_slots" else str):
            raise ExpectationProblem(f"phone: {name} is {value!r}")
    addresses = subject.get("addresses") or []
    if not isinstance(addresses, list) or not all(isinstance(address, str) for address in addresses):
        raise ExpectationProblem("phone: addresses is not a list of texts")
    return Expectations(Subject(**fields, addresses=tuple(addresses)), tuple(_row(row) for row in rows))


def _row(row: Any) -> Expectation:
    if not isinstance(row, dict):
        raise ExpectationProblem(f"not an expectation: {row!r:.80}")
    return Expectation(**_checked(row))


def _checked(row: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(row) - set(_FIELDS))
    if unknown:
        raise ExpectationProblem(f"an expectation has no field {unknown[0]!r:.80}")
    setting = row.get("setting")
    if not isinstance(setting, str) or setting not in SETTINGS:
        raise ExpectationProblem(f"no setting is called {setting!r:.80}", hint="docs/reference/rules.md lists them")
    for name in _ALWAYS - {"setting"}:
        if name not in row:
            raise ExpectationProblem(f"the expectation of {setting} has no {name}")
    for name, value in row.items():
        if not isinstance(value, _TYPES.get(name, (str,))) or (isinstance(value, bool) and bool not in _TYPES.get(name, ())):
            raise ExpectationProblem(f"the expectation of {setting} has a wrong {name}")  # never its value: it may be secret
    words = SETTINGS[setting].words
    if words and row["value"] not in words:
        raise ExpectationProblem(f"{setting} is {row['value']!r:.40}, none of {', '.join(words)}")
    return dict(row)


def merged(items: Iterable[Expectation]) -> tuple[Expectation, ...]:
    """Return the statements with the later one of each setting, account and index."""
    return tuple({(item.setting, item.account, item.index): item for item in items}.values())
