"""The users registered through the SBC: found by the Contact that it made, by address of record, by their own Contact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sipstub.sbc.agenda import Sleeper
from sipstub.sbc.ip_group import IpGroup
from sipstub.sip.host import host_key
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.uri import SipUri, TelUri, Uri, unescape
from sipstub.transaction.sending import Hop

MAX_USERS = 10_000
"Bindings at a time; more are refused with 503."
MAX_CONTACTS = 5
"Of one address of record, as older releases had it [choice]."
MAKER = "FEU"
"How the user part begins that stands for a phone at the registrar."
PARAMETER = "ac-feu"
KEPT_PARAMETERS = frozenset({"gr", "ac-int"})
"What `All` does not exclude from comparison."


@dataclass(slots=True, eq=False)
class User:
    """One binding."""

    aor: NameAddr
    "To of its REGISTER, without a tag."
    contact: SipUri
    "As it came."
    hop: Hop
    group: IpGroup
    number: int
    call_id: str
    "Of our REGISTERs."
    from_tag: str
    cseq: int = 0
    server: IpGroup | None = None
    "Where it is registered; None where the SBC keeps it alone."
    sent_contact: str = ""
    "Contact of our REGISTERs."
    sent_uri: Uri | None = None
    "Their Request-URI."
    server_ends_at: float = 0.0
    ends_at: float = 0.0
    "When its time is up, grace not counted."
    dropped_at: float | None = None
    "When it leaves the table; None before it is in there."
    is_survivor: bool = field(default=False)
    "Whether it was answered last while the registrar was away."
    wake_at: float | None = None
    primary: Uri | None = None
    "Of the shared line whose secondary it is."
    learnt: tuple[Uri, ...] = ()
    "Other addresses that its registrar named."
    instance: str = ""
    "Of a phone that can do GRUU."
    has_server_gruu: bool = False
    "Whether its registrar gave it a GRUU."
    reminder: Sleeper | None = None
    "Of a phone that is pushed to."

    @property
    def unique_user(self) -> str:
        """Return the user part that the SBC makes for it."""
        return f"{MAKER}1_{self.number}_1"

    @property
    def unique_parameter(self) -> str:
        """Return the value of `ac-feu`."""
        return f"1-{self.number}-1-1"

    @property
    def aliases(self) -> tuple[Uri, ...]:
        """Return the addresses by which it is found besides its own."""
        return self.learnt if self.primary is None else (self.primary, *self.learnt)

    @property
    def is_behind_nat(self) -> bool:
        """Return whether its requests come from elsewhere than its Contact says."""
        return host_key(self.contact.host).strip("[]") != host_key(self.hop.host)


class UserTable:
    """All of them."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[User]] = {}
        self._by_unique: dict[str, User] = {}
        self._by_contact: dict[tuple[str | None, str, int], list[User]] = {}
        "Those of one user part, host and port; parameters may tell them apart (SBCURIComparisonExcludedParams)."
        self._by_alias: dict[str, list[User]] = {}
        self._indexed: dict[User, tuple[Uri, ...]] = {}
        "The aliases under which users stand in the index."

    def __len__(self) -> int:
        return len(self._by_unique)

    def __iter__(self) -> Iterator[User]:
        return iter(list(self._by_unique.values()))

    def __contains__(self, user: User) -> bool:
        return self._by_unique.get(user.unique_user) is user

    def of_aor(self, uri: Uri, *, whole: bool) -> list[User]:
        """Return the bindings of an address of record, the oldest first.

        `whole` compares user and host alone; else the user part is enough where nothing has both (SBCDBRoutingSearchMode 0).
        A tel: URI and user=phone are compared by the user part always.
        """
        name, host = name_and_host(uri)
        named = self._by_name.get(name, [])
        if host is None:
            return list(named)
        exact = [user for user in named if name_and_host(user.aor.uri)[1] in (host, None)]
        return exact if exact or whole else list(named)

    def find(self, uri: Uri, *, whole: bool) -> list[User]:
        """Return whom a Request-URI means: the Contact that the SBC made, the address of record, the phone's own Contact."""
        if isinstance(uri, SipUri):
            parameter = uri.params.get(PARAMETER)
            if parameter is not None:
                number = parameter.split("-")
                made = self._by_unique.get(f"{MAKER}1_{number[1]}_1") if len(number) > 1 else None
            else:
                made = self._by_unique.get(uri.user or "")
            if made is not None:
                return [made]
        found = self.of_aor(uri, whole=whole)
        if isinstance(uri, SipUri) and (mark := uri.params.get("gr")):
            found = [user for user in found if user.instance and user.instance == unescape(mark)]
        else:
            found += [user for user in self._aliased(uri, whole=whole) if user not in found]
        if not found and isinstance(uri, SipUri):
            there = self._by_contact.get(_place(uri), ())
            return [user for user in there if user.contact == uri][:1] or list(there[:1])
        return found

    def binding(self, aor: Uri, contact: SipUri, excluded: str) -> User | None:
        """Return the binding that a REGISTER is about."""
        return next((user for user in self.of_aor(aor, whole=True) if is_same(user.contact, contact, excluded)), None)

    def add(self, user: User) -> User | None:
        """Put one in; return another one that stood for the same Contact and is out now."""
        if user in self:
            return None
        place = _place(user.contact)
        other = next((one for one in self._by_contact.get(place, ()) if one.contact == user.contact), None)
        if other is not None:
            self.remove(other)
        self._by_unique[user.unique_user] = user
        self._by_contact.setdefault(place, []).append(user)
        self._by_name.setdefault(name_and_host(user.aor.uri)[0], []).append(user)
        return other

    def know(self, user: User) -> None:
        """Take note of the aliases of a user that is in here."""
        if self._indexed.get(user, ()) == user.aliases:
            return
        self._forget_aliases(user)
        self._indexed[user] = user.aliases
        for name in {name_and_host(uri)[0] for uri in user.aliases}:
            self._by_alias.setdefault(name, []).append(user)

    def _aliased(self, uri: Uri, *, whole: bool) -> list[User]:
        name, host = name_and_host(uri)
        named = self._by_alias.get(name, [])
        if host is None:
            return list(named)
        wanted = ((name, host), (name, None))
        exact = [user for user in named if any(name_and_host(one) in wanted for one in user.aliases)]
        return exact if exact or whole else list(named)

    def _forget_aliases(self, user: User) -> None:
        for name in {name_and_host(uri)[0] for uri in self._indexed.pop(user, ())}:
            left = [one for one in self._by_alias[name] if one is not user]
            if left:
                self._by_alias[name] = left
            else:
                del self._by_alias[name]

    def move(self, user: User, contact: SipUri) -> None:
        """Take note that a binding is at another Contact that counts as the same."""
        self._leave_place(user)
        user.contact = contact
        self._by_contact.setdefault(_place(contact), []).append(user)

    def _leave_place(self, user: User) -> None:
        place = _place(user.contact)
        left = [one for one in self._by_contact.get(place, ()) if one is not user]
        if left:
            self._by_contact[place] = left
        else:
            self._by_contact.pop(place, None)

    def remove(self, user: User) -> None:
        """Take one out."""
        if self._by_unique.pop(user.unique_user, None) is None:
            return
        self._forget_aliases(user)
        self._leave_place(user)
        name = name_and_host(user.aor.uri)[0]
        named = [one for one in self._by_name.get(name, ()) if one is not user]
        if named:
            self._by_name[name] = named
        else:
            self._by_name.pop(name, None)


def name_and_host(uri: Uri) -> tuple[str, str | None]:
    """Return user part and host by which an address of record is known; no host where the user part is all."""
    if isinstance(uri, TelUri):
        return uri.digits, None
    if not isinstance(uri, SipUri):
        return str(uri), None
    if (uri.params.get("user") or "").lower() == "phone":
        return uri.username or "", None
    return uri.username or "", host_key(uri.host)


def is_same(one: SipUri, two: SipUri, excluded: str) -> bool:
    """Return whether two Contacts are one phone, by SBCURIComparisonExcludedParams."""
    if one.user != two.user or host_key(one.host) != host_key(two.host):
        return False
    words = {word.strip().lower() for word in excluded.split(",")}
    is_all = "all" in words
    if not is_all and "port" not in words and one.effective_port != two.effective_port:
        return False
    ours, theirs = one.params.as_dict(), two.params.as_dict()
    names = (ours.keys() | theirs.keys()) & KEPT_PARAMETERS if is_all else (ours.keys() | theirs.keys()) - words
    return all((ours.get(name) or "").lower() == (theirs.get(name) or "").lower() for name in names)


def _place(uri: SipUri) -> tuple[str | None, str, int]:
    return uri.user, host_key(uri.host), uri.effective_port
