"""Who may register: every enabled account of every phone, as the published files tell the phones.

A file that did not change is not read again.  What is kept is HA1, never a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.delivery.snapshot import PhoneEntry, Snapshot, SnapshotSource
from sipstub.phone.format.cfg import parse_cfg
from sipstub.registrar.user import RegistrarUser, Users

MAX_ACCOUNTS = 16


@dataclass(frozen=True, slots=True)
class _FileUsers:
    sha256: str
    users: tuple[RegistrarUser, ...]


class FleetUsers:
    """Implements `sipstub.registrar.user.UserSource` over the newest generation."""

    def __init__(self, source: SnapshotSource, realm: str) -> None:
        self._source = source
        self._realm = realm
        self._snapshot: Snapshot | None = None
        self._files: dict[str, _FileUsers] = {}
        self._users = Users()
        self._owners: dict[str, PhoneEntry] = {}

    @property
    def algorithms(self) -> frozenset[str]:
        """Return the algorithms that every user has an HA1 for."""
        return self._current().algorithms

    def user(self, name: str, realm: str) -> RegistrarUser | None:
        """Return the user whose address of record has that user part."""
        return self._current().user(name, realm)

    def by_auth_name(self, auth_name: str, realm: str) -> RegistrarUser | None:
        """Return a user who authenticates by that name."""
        return self._current().by_auth_name(auth_name, realm)

    def owner(self, name: str) -> PhoneEntry | None:
        """Return the phone that has the account of that name."""
        self._current()
        return self._owners.get(name)

    def __len__(self) -> int:
        return len(self._current())

    def _current(self) -> Users:
        snapshot = self._source.current()
        if snapshot is not self._snapshot and snapshot is not None:
            self._read(snapshot)
        return self._users

    def _read(self, snapshot: Snapshot) -> None:
        files: dict[str, _FileUsers] = {}
        found: dict[str, RegistrarUser] = {}
        owners: dict[str, PhoneEntry] = {}
        for mac, entry in snapshot.phones.items():
            file = snapshot.files.get(mac + ".cfg")
            if file is None:
                continue
            known = self._files.get(mac)
            if known is None or known.sha256 != file.sha256:
                values = parse_cfg(bytes(file.body)).values()
                known = _FileUsers(file.sha256, tuple(accounts_of(values, self._realm, entry.model)))
            files[mac] = known
            for user in known.users:
                found.setdefault(user.name, user)  # a shared line: the same account on several phones
                owners.setdefault(user.name, entry)
        self._files, self._owners, self._users, self._snapshot = files, owners, Users(found), snapshot


def accounts_of(values: Mapping[str, str], realm: str, model: str) -> list[RegistrarUser]:
    """Return the users of the enabled accounts of one phone's file."""
    users = []
    for number in range(1, MAX_ACCOUNTS + 1):
        account = f"account.{number}."
        name, password = values.get(account + "user_name"), values.get(account + "password")
        if values.get(account + "enable") == "1" and name and password and "%NULL%" not in (name, password):
            users.append(
                RegistrarUser.of(name, password, realm, auth_name=values.get(account + "auth_name") or None, model=model)
            )
    return users
