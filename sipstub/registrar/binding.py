"""One binding of an address of record to a contact, and what can happen to it.  RFC 3261 section 10.3, RFC 3680 for the words.

Values only.  The size of a binding is bounded by MAX_BINDING_CHARACTERS, so that a registrar's memory is its number of bindings.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from sipstub.sip.contact import Contact
from sipstub.sip.params import Params
from sipstub.sip.uri import Uri, parse_uri

MAX_BINDING_CHARACTERS = 4096
"All texts of one binding together; a larger one is refused with 513."


@dataclass(frozen=True, slots=True)
class Binding:
    """Where one phone can be reached for one address of record, until when, and how it said so."""

    aor: str
    "Key of the address of record: `sip:100@example.com`, aliases of the domain undone."
    id: str
    "Key of the binding among all others, kept when it is refreshed."
    contact: str
    "URI of the contact, as written."
    params: Params
    "Parameters of the contact but `expires`, as written: q, +sip.instance, reg-id and what else the phone wants back."
    call_id: str
    cseq: int
    created_at: float
    "When it was first made, in seconds since 1970."
    updated_at: float
    expires_at: float
    instance: str = ""
    "`urn:uuid:...`, where the phone names one."
    reg_id: int = 0
    "The flow number of RFC 5626; 0 where outbound is not in use."
    path: tuple[str, ...] = ()
    "Path of the REGISTER: the Route of requests to this contact, the first hop first (RFC 3327)."
    flow: str = ""
    "Where the REGISTER came from: `udp 127.0.0.1:5060`."
    user_agent: str = ""
    display: str = ""
    "Display name of To, for people."

    @property
    def uri(self) -> Uri:
        """Return the contact's URI."""
        return parse_uri(self.contact)

    @property
    def q(self) -> float:
        """Return the preference among the contacts of one address, 1.0 where none is given."""
        return float(self.params.get("q") or 1.0)

    def is_live(self, now: float) -> bool:
        """Return whether it still holds."""
        return self.expires_at > now

    def remaining_s(self, now: float) -> int:
        """Return the whole seconds that remain, rounded up: a phone told 60 is told 60, and never 0 while the binding lives."""
        return max(0, math.ceil(self.expires_at - now))

    def listed(self, now: float) -> str:
        """Return the contact as a 200 lists it: everything the phone said, with what remains."""
        return f"<{self.contact}>{self.params};expires={self.remaining_s(now)}"

    def is_flow_of(self, contact: Contact) -> bool:
        """Return whether a contact names this very flow, by instance and reg-id (RFC 5626 section 6)."""
        return bool(self.reg_id) and self.instance == contact.instance and self.reg_id == contact.reg_id

    def is_at(self, contact: Contact) -> bool:
        """Return whether a contact has an equal URI (RFC 3261 section 19.1.4)."""
        return self.contact == str(contact.uri) or self.uri.matches(contact.uri)

    @property
    def characters(self) -> int:
        """Return the size of all its texts."""
        texts = (self.aor, self.contact, str(self.params), self.call_id, self.user_agent, self.display, *self.path)
        return sum(len(text) for text in texts)


class Change(enum.StrEnum):
    """What became of a binding, in the words of RFC 3680 section 5.1 where it has one."""

    CREATED = "created"
    REGISTERED = "registered"
    "Found again after a restart."
    REFRESHED = "refreshed"
    SHORTENED = "shortened"
    UNREGISTERED = "unregistered"
    "By its phone."
    EXPIRED = "expired"
    DEACTIVATED = "deactivated"
    "By us: its flow is dead, a new one stands in its place, or a person took it away.  The phone may register again."


REMOVALS = frozenset({Change.UNREGISTERED, Change.EXPIRED, Change.DEACTIVATED})


@dataclass(frozen=True, slots=True)
class BindingChange:
    """One change, for a store to keep and for watchers to be told."""

    change: Change
    binding: Binding
    "As it is now, or as it was when it ended."
    at: float
    before: Binding | None = field(default=None, repr=False, compare=False)
    "What it was before, of one that was refreshed or shortened."

    @property
    def is_news(self) -> bool:
        """Return whether people want to hear of it: not of a refresh by the same phone, at the same place, over the same flow."""
        old, new = self.before, self.binding
        return old is None or (old.contact, old.flow, old.user_agent, old.path) != (
            new.contact,
            new.flow,
            new.user_agent,
            new.path,
        )

    @property
    def is_removal(self) -> bool:
        """Return whether the binding is gone: delete `binding.id`, instead of writing it."""
        return self.change in REMOVALS


class BindingStore(Protocol):
    """Keeps bindings over a restart.  One call is one transaction: all of it or nothing."""

    def load(self) -> Iterable[Binding]:
        """Return what was kept, in any order."""
        ...

    def save(self, changes: tuple[BindingChange, ...]) -> None:
        """Keep these; whatever this raises, the phone is answered 500 and nothing has changed (RFC 3261 section 10.3 step 7)."""
        ...
