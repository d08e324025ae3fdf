"""Which phones are registered at the server of a state folder, for lists; nothing where nobody can tell."""

from __future__ import annotations

import re
from collections.abc import Collection

from provisioner.delivery.snapshot import Snapshot
from provisioner.expectations.accounts import AccountReader
from provisioner.expectations.observables import Observables
from provisioner.state.binding_table import BindingTable
from provisioner.state.database import Database
from sipstub.phone.format.reading import is_lpconfig, read_file

REGISTERED, SILENT = "registered", "silent"

_LINE = re.compile(rb"^account\.(\d+)\.(user_name|enable) *= *(\S*)", re.MULTILINE)


def registrations(snapshot: Snapshot, database: Database, observables: Observables, *, now: float) -> dict[str, str]:
    """Return a word for each phone that has accounts: registered if all are, silent if none is, else how many."""
    bound = {_user(aor) for aor in BindingTable(database).bound(now)}
    reader = AccountReader(observables)
    found = {}
    for mac in snapshot.phones:
        file = snapshot.own_file(mac)
        body = bytes(file.body) if file is not None else b""
        users = {one.user_name for one in reader.read(read_file(body).values())} if is_lpconfig(body) else enabled_users(body)
        if users:
            count = sum(user in bound for user in users)
            is_all = count == len(users)
            found[mac] = REGISTERED if is_all else SILENT if not count else f"{count} of {len(users)} {REGISTERED}"
    return found


def enabled_users(body: bytes) -> Collection[str]:
    """Return the user names of the accounts that a cfg file switches on."""
    values: dict[bytes, dict[bytes, bytes]] = {}
    for number, key, value in _LINE.findall(body):
        values.setdefault(number, {})[key] = value
    on = [one for one in values.values() if one.get(b"enable") == b"1"]
    return {one[b"user_name"].decode("utf-8", "replace") for one in on if b"user_name" in one}


def _user(aor: str) -> str:
    return aor.partition(":")[2].partition("@")[0]
