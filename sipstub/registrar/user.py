"""Who may register: users with HA1, never with a password.  From any mapping, or from an htdigest file.

A source of users says which algorithms *all* of its users can be offered: a challenge must not depend on who asks (RFC 7616
section 5.2 names user enumeration), so one user with MD5 only means MD5 for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from passlib.apache import HtdigestFile

from sipstub.sip.digest import MD5, make_ha1

MAX_HTDIGEST_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class RegistrarUser:
    """One user: the address of record that may be registered, and what proves who asks."""

    name: str
    "User part of the address of record, escapes undone."
    auth_name: str
    "The name that the phone authenticates with; often the same."
    ha1: Mapping[str, str] = field(repr=False)
    "HA1 in hexadecimal by algorithm, `MD5` and perhaps `SHA-256`."
    model: str = ""
    "Model of the phone, where it is known: for people."

    @classmethod
    def of(
        cls,
        name: str,
        password: str,
        realm: str,
        *,
        auth_name: str | None = None,
        algorithms: Iterable[str] = (MD5,),
        model: str = "",
    ) -> RegistrarUser:
        """Return the user of a clear password, which is not kept."""
        login = auth_name or name
        return cls(name, login, {algorithm: make_ha1(login, realm, password, algorithm) for algorithm in algorithms}, model)


class UserSource(Protocol):
    """Where users are looked up.  Both questions are asked for each request, known user or not."""

    @property
    def algorithms(self) -> frozenset[str]:
        """Return the algorithms that every user of this source has an HA1 for."""
        ...

    def user(self, name: str, realm: str) -> RegistrarUser | None:
        """Return the user whose address of record has that user part."""
        ...

    def by_auth_name(self, auth_name: str, realm: str) -> RegistrarUser | None:
        """Return a user who authenticates by that name: to tell 'not yours' from 'wrong password'."""
        ...


class Users:
    """Users in memory, from any mapping or list."""

    def __init__(self, users: Mapping[str, RegistrarUser] | Iterable[RegistrarUser] = ()) -> None:
        found = users.values() if isinstance(users, Mapping) else users
        self._by_name: dict[str, RegistrarUser] = {user.name: user for user in found}
        self._by_auth_name = {user.auth_name: user for user in self._by_name.values()}
        known = [frozenset(user.ha1) for user in self._by_name.values()]
        self._algorithms = frozenset.intersection(*known) if known else frozenset({MD5})

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[RegistrarUser]:
        return iter(self._by_name.values())

    @property
    def algorithms(self) -> frozenset[str]:
        """Return what every one of them has; MD5 of nobody."""
        return self._algorithms

    def user(self, name: str, realm: str) -> RegistrarUser | None:
        """Return the user of that name; the realm is that which their HA1 was made for."""
        return self._by_name.get(name)

    def by_auth_name(self, auth_name: str, realm: str) -> RegistrarUser | None:
        """Return a user who authenticates by that name."""
        return self._by_auth_name.get(auth_name)


def htdigest_users(content: bytes | str, realm: str) -> Users:
    """Return the users of one realm of an htdigest file, given its content.

    Their HA1 is MD5, as the format has no other.  Raises ValueError for what is no such file, or is over MAX_HTDIGEST_BYTES.
    """
    data = content.encode() if isinstance(content, str) else content
    if len(data) > MAX_HTDIGEST_BYTES:
        raise ValueError(f"{len(data)} bytes, at most {MAX_HTDIGEST_BYTES} are taken")
    table = HtdigestFile.from_string(data)
    found = []
    for name in table.users(realm):
        ha1 = table.get_hash(name, realm)
        text = ha1.decode() if isinstance(ha1, bytes) else str(ha1)
        found.append(RegistrarUser(name, name, {MD5: text.lower()}))
    return Users(found)
