"""Put a plan into a change set: new files, edits that keep comments, and passwords in files of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from passlib import pwd

from provisioner.errors import Problem
from provisioner.inventory.change_set import SECRETS, ChangeSet
from provisioner.inventory.edit import Edit, EditProblem, Remove, edit_phones
from provisioner.inventory.importers.plan import Action, Change, ImportPlan, PhonePlan, removals_of, values_of
from provisioner.inventory.layer import Plain
from provisioner.inventory.spot import Spot
from provisioner.inventory.toml_writer import phone_toml
from provisioner.mac import MacAddress
from provisioner.secret import Secret

PASSWORD_LENGTH = 20
"Characters of a generated password: 119 bits."

_ALPHABET = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"Without 0, O, 1, I and l: people read passwords from screens.  No sign that a cfg file or a URL treats specially."


def with_passwords(plans: Iterable[PhonePlan]) -> list[PhonePlan]:
    """Return the plans with a random password for each line of a new phone that has none."""
    done = []
    for plan in plans:
        if plan.action is Action.ADDED:
            given = values_of(plan)
            lines = {spot.place for spot in given if isinstance(spot.place, int)}
            missing = [Spot(line, "password") for line in sorted(lines) if Spot(line, "password") not in given]
            plan = replace(plan, changes=(*plan.changes, *(Change(spot, None, generate_password()) for spot in missing)))
        done.append(plan)
    return done


def generate_password() -> Secret:
    """Return a random password."""
    return Secret(pwd.genword(length=PASSWORD_LENGTH, chars=_ALPHABET))


def secret_name(mac: MacAddress, spot: Spot) -> str:
    """Return the file of a secret relative to devices/: `secrets/001565aabbcc-1` for a line's password."""
    what = str(spot.place) if isinstance(spot.place, int) and spot.name == "password" else spot.name
    return f"{SECRETS}/{mac.plain}-{what}"


def stage(plan: ImportPlan, changes: ChangeSet, file: str) -> list[Problem]:
    """Put every phone of the plan into `changes`; new phones get their file name.  Returns what cannot be edited."""
    problems: list[Problem] = []
    edits: dict[str, list[PhonePlan]] = {}
    for at, phone in enumerate(plan.phones):
        if phone.action is Action.ADDED:
            name = free_name(changes, phone)
            plan.phones[at] = replace(phone, file=name)
            changes.put(name, new_file(phone, changes))
        elif phone.action is Action.CHANGED:
            edits.setdefault(phone.file, []).append(phone)
    for name, phones in edits.items():
        try:
            text = changes.read(name)
            if text is None:
                raise EditProblem(f"{name} is gone", hint="run the command again")
            changes.put(name, edit_phones(text, {phone.mac: edits_of(phone, changes) for phone in phones}))
        except EditProblem as problem:
            problems += [
                Problem(file, phone.line, problem.code, f"{name}: {problem.message}", problem.hint, phone=phone.mac.plain)
                for phone in phones
            ]
    return problems


def new_file(phone: PhonePlan, changes: ChangeSet) -> str:
    """Return the text of a new phone's file; its secrets go into files of their own."""
    return phone_toml(_without_secrets(values_of(phone), phone.new_mac, changes))


def free_name(changes: ChangeSet, phone: PhonePlan) -> str:
    """Return the file for a new phone: by its name, or where that is taken by its MAC, or by both."""
    stems = (phone.name, phone.mac.plain, f"{phone.name}-{phone.mac.plain}")
    return next(
        (name for name in (f"phones/{stem}.toml" for stem in stems) if not changes.exists(name)), f"phones/{stems[2]}.toml"
    )


def edits_of(phone: PhonePlan, changes: ChangeSet) -> Sequence[Edit | Remove]:
    """Return the edits of a phone that is in the inventory; new secrets are put into `changes`."""
    found: list[Edit | Remove] = [Remove(place) for place in removals_of(phone)]
    for change in phone.changes:
        spot = change.spot
        if not spot.name:
            continue
        if not isinstance(change.old, Secret) and not isinstance(change.new, Secret):
            found.append(Edit(spot, change.new))
            continue
        named = Spot(spot.place, spot.name + "_file")
        found.append(Edit(spot, None))
        if isinstance(change.new, Secret):
            found.append(Edit(named, _put_secret(change.new, phone.new_mac, spot, changes)))
        else:
            found.append(Edit(named, None))
    return found


def _without_secrets(values: Mapping[Spot, Plain], mac: MacAddress, changes: ChangeSet) -> dict[Spot, Plain]:
    found: dict[Spot, Plain] = {}
    for spot, value in values.items():
        if isinstance(value, Secret):
            found[Spot(spot.place, spot.name + "_file")] = _put_secret(value, mac, spot, changes)
        else:
            found[spot] = value
    return found


def _put_secret(secret: Secret, mac: MacAddress, spot: Spot, changes: ChangeSet) -> str:
    name = secret_name(mac, spot)
    changes.put(name, secret.reveal() + "\n")
    return name
