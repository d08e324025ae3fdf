"""Who may register: every enabled account of every phone, as the published files tell the phones.

A file that did not change is not read again.  What is kept is HA1, never a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provisioner.delivery.snapshot import PhoneEntry, Snapshot, SnapshotSource
from provisioner.expectations.accounts import AccountReader
from provisioner.expectations.observables import Observables
from sipstub.phone.format.reading import read_file
from sipstub.registrar.user import RegistrarUser, Users


@dataclass(frozen=True, slots=True)
class _FileUsers:
    sha256: str
    users: tuple[RegistrarUser, ...]


class FleetUsers:
    """Implements `sipstub.registrar.user.UserSource` over the newest generation."""

    def __init__(self, source: SnapshotSource, realm: str, observables: Observables) -> None:
        """`observables` tell which parameters of each vendor are names and passwords."""
        self._accounts = AccountReader(observables)
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

    def look(self) -> bool:
        """Read the newest generation if that was not done yet; return False while there is none."""
        self._current()
        return self._snapshot is not None

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
            file = snapshot.own_file(mac)
            if file is None:
                continue
            known = self._files.get(mac)
            if known is None or known.sha256 != file.sha256:
                known = _FileUsers(file.sha256, tuple(self._users_in(bytes(file.body), entry.model)))
            files[mac] = known
            for user in known.users:
                found.setdefault(user.name, user)  # a shared line: the same account on several phones
                owners.setdefault(user.name, entry)
        self._files, self._owners, self._users, self._snapshot = files, owners, Users(found), snapshot

    def _users_in(self, body: bytes, model: str) -> Iterator[RegistrarUser]:
        """Give the users of the enabled accounts of one phone's file."""
        for account in self._accounts.read(read_file(body).values()):
            auth_name = account.auth_name if account.auth_name != account.user_name else None
            yield RegistrarUser.of(account.user_name, account.password, self._realm, auth_name=auth_name, model=model)
