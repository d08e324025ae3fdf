"""Who proves to whom who they are, for one IP Group; and the users and passwords that the settings have for it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.secret import Secret
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sip.digest import MD5, SHA_256

BOTH = frozenset({MD5, SHA_256})
SETUP_INVITE = "SETUP-INVITE"
"In MethodList: INVITE outside of dialogs alone [from memory of the manual, in no source that was read]."
RADIUS_TIMEOUT_S = 5.0
"How long a RADIUS server may take [choice]."


class AuthenticationMode(enum.IntEnum):
    """Authentication Mode of the IP Group."""

    END_TO_END = 0
    SBC_AS_CLIENT = 1
    SBC_AS_SERVER = 2


class Checker(enum.IntEnum):
    """SBCServerAuthMode; 1 is refused where settings are read."""

    LOCAL = 0
    RADIUS = 2


@dataclass(frozen=True, slots=True)
class Login:
    """User and password of a digest."""

    username: str
    password: Secret


@dataclass(frozen=True, slots=True)
class GroupAuthentication:
    """What one row says."""

    mode: AuthenticationMode = AuthenticationMode.END_TO_END
    methods: frozenset[str] = frozenset()
    "That the SBC challenges, in dialogs too."
    users: tuple[tuple[str, Login], ...] = ()
    "User parts of addresses of record, and how they show that they are it."
    logins: tuple[tuple[str, Login], ...] = ()
    "Name of the group on whose behalf, empty for any, and how the SBC answers the challenges of this one; the first counts."

    @property
    def is_about_us(self) -> bool:
        """Return whether the SBC itself asks for passwords or gives them."""
        return self.mode is not AuthenticationMode.END_TO_END

    def challenges(self, method: str, *, is_setup: bool) -> bool:
        """Return whether the SBC asks for a password; `is_setup`: the request is in no dialog."""
        if self.mode is not AuthenticationMode.SBC_AS_SERVER:
            return False
        return method in self.methods or (is_setup and method == "INVITE" and SETUP_INVITE in self.methods)

    @property
    def own_names(self) -> frozenset[str]:
        """Return the names by which the SBC answers challenges of this group."""
        if self.mode is not AuthenticationMode.SBC_AS_CLIENT:
            return frozenset()
        return frozenset(login.username for _, login in self.logins)

    def login_for(self, group: str) -> Login | None:
        """Return how the SBC answers a challenge on behalf of a group, if it does."""
        if self.mode is not AuthenticationMode.SBC_AS_CLIENT:
            return None
        return next((login for served, login in self.logins if served in ("", group)), None)


@dataclass(frozen=True, slots=True)
class RadiusServer:
    """One that checks digests."""

    host: str
    port: int
    secret: Secret


class KnownUsers(Users):
    """Users with HA1 of both algorithms, in one realm; both are offered too where there is nobody."""

    def __init__(self, users: Iterable[tuple[str, Login]], realm: str) -> None:
        super().__init__(
            RegistrarUser.of(name, login.password.reveal(), realm, auth_name=login.username or None, algorithms=BOTH)
            for name, login in users
        )

    @property
    def algorithms(self) -> frozenset[str]:
        """Return both."""
        return BOTH


END_TO_END = GroupAuthentication()


def group_authentication(settings: SbcSettings, row: Row) -> GroupAuthentication:
    """Return what holds for the group of a row."""

    def is_of(name: str) -> bool:
        found = settings.row("IPGroup", name)
        return not name or (found is not None and found.index == row.index)

    def served(name: str) -> str:
        found = settings.row("IPGroup", name)
        return "" if found is None else found.name or str(found.index)

    users = [
        (one.text("LocalUser"), Login(one.text("Username"), _secret(one)))
        for one in settings.users
        if is_of(one.text("IPGroupName"))
    ]
    logins = [
        (served(one.text("ServedIPGroupName")), Login(one.text("Username"), _secret(one)))
        for one in settings.accounts
        if one.text("ServingIPGroupName") and is_of(one.text("ServingIPGroupName")) and one.text("Username")
    ]
    if row.text("Username"):
        logins.append(("", Login(row.text("Username"), _secret(row))))
    words = (word.strip().upper() for word in row.text("MethodList").replace(",", "\\").split("\\"))
    return GroupAuthentication(
        AuthenticationMode(row.number("AuthenticationMode")), frozenset(filter(None, words)), tuple(users), tuple(logins)
    )


def radius_servers(settings: SbcSettings) -> tuple[RadiusServer, ...]:
    """Return the RADIUS servers in their order."""
    found = []
    for row in settings.table("RadiusServers"):
        secret = row.value("SharedSecret")
        host = row.text("IPAddress").strip("[]")
        found.append(RadiusServer(host, row.number("AuthenticationPort"), secret if isinstance(secret, Secret) else Secret("")))
    return tuple(one for one in found if one.host)


def _secret(row: Row) -> Secret:
    found = row.value("Password")
    return found if isinstance(found, Secret) else Secret("")
