"""What an import would do to each phone, by key, against the inventory as it is.  Pure; writing is another step."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.catalogue.catalogue import Catalogue
from provisioner.errors import Problem
from provisioner.inventory.folder import InventoryText
from provisioner.inventory.importers.candidate import Candidate
from provisioner.inventory.importers.columns import Column
from provisioner.inventory.layer import PhoneText, Plain
from provisioner.inventory.spot import Place, Spot, order, own_places, own_values, place_text, shown
from provisioner.mac import MacAddress
from provisioner.secret import Secret

_DIGITS = re.compile(r"[1-9]\d*", re.ASCII)


class Action(enum.StrEnum):
    """What becomes of a phone."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


SYMBOLS = {Action.ADDED: "+", Action.CHANGED: "~", Action.UNCHANGED: "="}


@dataclass(frozen=True, slots=True)
class Change:
    """One value that would be another."""

    spot: Spot
    "Where; with an empty name a whole line or key that goes."

    old: Plain | None
    "As it is; None if it is not given."

    new: Plain | None
    "As it would be; None takes it away."

    def as_json(self) -> dict[str, Any]:
        """Return key, from and to; secrets only as `changed`."""
        if isinstance(self.old, Secret) or isinstance(self.new, Secret):
            return {"key": str(self.spot), "secret": "cleared" if self.new is None else "set" if self.old is None else "changed"}
        return {"key": str(self.spot), "from": self.old, "to": self.new}

    def __str__(self) -> str:
        if not self.spot.name:
            return f"{place_text(self.spot.place)}  removed"
        if isinstance(self.old, Secret) or isinstance(self.new, Secret):
            return f"{self.spot}  {self.as_json()['secret']} (not shown)"
        if self.old is None:
            return f"{self.spot}  {shown(self.new)}"
        return f"{self.spot}  {shown(self.old)} → {shown(self.new) if self.new is not None else 'cleared'}"


@dataclass(frozen=True, slots=True)
class PhonePlan:
    """What would happen to one phone."""

    action: Action
    mac: MacAddress
    "As it is in the inventory; of a new phone its own."

    name: str
    "As it is, or will be for a new phone."

    model: str
    "As it will be."

    file: str
    "Where it stands; empty for a new phone until it is staged."

    line: int
    "Row of the import, 0 if there was none."

    changes: tuple[Change, ...]
    "In the order a person would write them."

    @property
    def new_mac(self) -> MacAddress:
        """The MAC after the change."""
        for change in self.changes:
            if change.spot == Spot(None, "mac") and isinstance(change.new, str):
                return MacAddress.parse(change.new)
        return self.mac

    def as_json(self) -> dict[str, Any]:
        """Return the plan under the names that --json uses."""
        return {
            "phone": self.name,
            "mac": self.new_mac.plain,
            "model": self.model,
            "action": str(self.action),
            "file": self.file or None,
            "row": self.line or None,
            "changes": [change.as_json() for change in self.changes],
        }


@dataclass(slots=True)
class ImportPlan:
    """What would happen to all phones of a file, and what is in the way."""

    phones: list[PhonePlan] = field(default_factory=list)
    "In order of the rows; without rows that have a problem."

    problems: list[Problem] = field(default_factory=list)
    "By file, row and column."

    def count(self, action: Action) -> int:
        """Return how many phones it happens to."""
        return sum(phone.action is action for phone in self.phones)


def plan_import(
    file: str, candidates: Iterable[Candidate], columns: Sequence[Column], text: InventoryText, catalogue: Catalogue
) -> ImportPlan:
    """Return the plan: phones matched by MAC, then by name; a name that has another MAC now gets the new MAC."""
    plan = ImportPlan()
    phones = [phone for content in text.files.values() for phone in content.phones]
    by_mac = {phone.mac: phone for phone in phones}
    by_name = {phone.layer.name: phone for phone in phones}
    places = {column.spot: (column.at + 1, column.title) for column in columns}
    taken: dict[MacAddress, int] = {}
    for candidate in candidates:
        phone = by_mac.get(candidate.mac) if candidate.mac is not None else None
        if phone is None and candidate.name is not None:
            phone = by_name.get(candidate.name)
        if phone is not None and phone.mac in taken:
            message = f"{phone.layer.name} is also meant by row {taken[phone.mac]}"
            plan.problems.append(Problem(file, candidate.line, "duplicate-phone", message, "keep one of the rows"))
            plan.phones = [other for other in plan.phones if other.mac != phone.mac]
            continue
        made, problems = _added(candidate) if phone is None else _changed(candidate, phone, catalogue)
        for spot, code, message, hint in problems:
            at, title = places.get(spot, (None, None))
            plan.problems.append(Problem(file, candidate.line, code, message, hint, at, title))
        if made is not None and not problems:
            plan.phones.append(made)
            if phone is not None:
                taken[phone.mac] = candidate.line
    return plan


_Wrong = list[tuple[Spot, str, str, str]]


def _added(candidate: Candidate) -> tuple[PhonePlan | None, _Wrong]:
    wrong: _Wrong = []
    values: dict[Spot, Plain] = {spot: value for spot, value in candidate.values.items() if value is not None}
    model = values.get(Spot(None, "model"))
    if candidate.mac is None:
        message = f'no phone is called "{candidate.name}", and the row has no MAC'
        wrong.append((Spot(None, "mac"), "no-mac", message, "fill in the MAC of the new phone"))
    if model is None:
        wrong.append((Spot(None, "model"), "no-model", "a new phone without a model", "fill in the model: T46G"))
    for spot in candidate.masked:
        hint = "export with --reveal to copy phones, or leave the cell empty"
        wrong.append((spot, "masked-password", "a new phone, and its password is only stars", hint))
    if wrong or candidate.mac is None:
        return None, wrong
    name = candidate.name or candidate.mac.plain
    values[Spot(None, "name")] = name
    changes = tuple(Change(spot, None, values[spot]) for spot in order(values))
    return PhonePlan(Action.ADDED, candidate.mac, name, str(model), "", candidate.line, changes), wrong


def _changed(candidate: Candidate, phone: PhoneText, catalogue: Catalogue) -> tuple[PhonePlan | None, _Wrong]:
    wrong: _Wrong = []
    own = own_values(phone)
    model = catalogue.find_model(str(own.get(Spot(None, "model"), "")))
    if model is not None:
        own[Spot(None, "model")] = model.name
    changes = []
    there = own_places(phone)
    for place in candidate.removed:
        if place in there:
            changes.append(Change(Spot(place, ""), None, None))
    for spot in order(dict.fromkeys(candidate.values, "")):
        old, new = own.get(spot), candidate.values[spot]
        if old == new and isinstance(old, bool) == isinstance(new, bool):
            continue
        if _lost_zeros(old, new) and spot not in candidate.literal:
            message = f"{spot} is {new} here and {old} in the inventory: leading zeros lost"
            hint = f"format the column as text; if it is meant so, write \\{new}"
            wrong.append((spot, "leading-zeros-lost", message, hint))
            continue
        changes.append(Change(spot, old, new))
    action = Action.CHANGED if changes else Action.UNCHANGED
    written = candidate.values.get(Spot(None, "model")) or own.get(Spot(None, "model")) or ""
    plan = PhonePlan(action, phone.mac, phone.layer.name, str(written), phone.file, candidate.line, tuple(changes))
    return plan, wrong


def _lost_zeros(old: Plain | None, new: Plain | None) -> bool:
    if not isinstance(old, str) or not isinstance(new, str) or not _DIGITS.fullmatch(new):
        return False
    return old.startswith("0") and old.lstrip("0") == new


def values_of(plan: PhonePlan) -> Mapping[Spot, Plain]:
    """Return what a new phone will say."""
    return {change.spot: change.new for change in plan.changes if change.new is not None}


def removals_of(plan: PhonePlan) -> tuple[Place, ...]:
    """Return the lines and keys that go."""
    return tuple(change.spot.place for change in plan.changes if not change.spot.name)
