"""What the SIP process writes into the journal: changes of registrations, refusals, and what connections do wrong.

Who has no password can make as many refusals as there are addresses to send from, so all of them together have a bound; the rest
is counted.  Changes are made by phones with a password alone, and all of them are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from provisioner.delivery.event import DeliveryEvent, EventSink
from provisioner.delivery.snapshot import PhoneEntry
from provisioner.services.sip_users import FleetUsers
from sipstub.core.allowance import Allowance
from sipstub.net.server import NetEvent
from sipstub.registrar.binding import Binding, BindingChange
from sipstub.registrar.policy import NO_DOMAIN
from sipstub.registrar.reason import RegistrarEvent, Why
from sipstub.registrar.source import Source, flow_of
from sipstub.sip.error import SipError
from sipstub.sip.uri import SipUri
from sipstub.transaction.sending import Hop

MAX_REFUSALS = 1_000
"In a row: every phone of a large fleet may be refused once at the same time."
REFUSALS_PER_S = 20.0
"So fast room for further ones comes back."
LEFT_OUT = "left-out"
"Outcome of the row that tells how many refusals were not written."
MAX_TEXT = 200
MAX_OUTCOME = 32
MAX_PEER = 64

BoundAt = Callable[[str], Iterable[Binding]]
"Gives the bindings that were made over a flow, as `udp 10.0.0.1:5060`."


class SipJournal:
    """Makes events of what happens."""

    def __init__(self, sink: EventSink, users: FleetUsers, bound: BoundAt = lambda flow: ()) -> None:
        """`users` tell whose account it is, `bound` which bindings came from an address."""
        self._sink = sink
        self._users = users
        self._bound = bound
        self._allowance = Allowance(MAX_REFUSALS, REFUSALS_PER_S)

    def change(self, change: BindingChange) -> None:
        """Write what became of a binding; a refresh that changes nothing is none of it."""
        if not change.is_news:
            return
        binding = change.binding
        fact = f"{binding.contact} over {binding.flow} for {binding.remaining_s(change.at)} s"
        self._write(change.at, "REGISTER", binding.aor, binding.flow, str(change.change), 200, fact, binding.user_agent)

    def refusal(self, refusal: RegistrarEvent) -> None:
        """Write who was refused what."""
        if self._allowance.takes(refusal.at):
            self._write(refusal.at, "REGISTER", refusal.aor, refusal.flow, str(refusal.why), refusal.status, refusal.fact)

    def malformed(self, error: SipError, source: Hop, now: float) -> None:
        """Write what was wrong with a message that could not be read."""
        if self._allowance.takes(now):
            aor = self._at(source) or self._named(error)
            self._write(now, "", aor, str(source), str(Why.MALFORMED), error.status, error.fact)

    def connection(self, event: NetEvent) -> None:
        """Write what a connection did wrong."""
        if self._allowance.takes(event.at):
            self._write(event.at, "CONNECT", self._at(event.peer), str(event.peer), "connection", 0, event.fact)

    def settle(self, now: float) -> None:
        """Write how many were left out since the last time; once a second, and at the end."""
        count = self._allowance.take_left_out()
        if count:
            self._write(now, "", "", "", LEFT_OUT, 0, f"{count} more refusals and malformed messages were not written down")

    def _at(self, source: Source) -> str:
        """Return the address of record that is bound at an address; empty where none is, or several phones' are."""
        aors = {binding.aor for binding in self._bound(flow_of(source))}
        owners = {self._owner(aor) for aor in aors}
        return min(aors) if len(owners) == 1 else ""

    def _named(self, error: SipError) -> str:
        """Return the account that an unreadable message says it comes from, if it is one of ours."""
        try:
            uri = error.partial.from_.uri if error.partial is not None else None
        except SipError:
            return ""
        aor = f"sip:{uri.username}@{uri.host}" if isinstance(uri, SipUri) and uri.username else ""
        return aor if aor and self._owner(aor) is not None else ""

    def _owner(self, aor: str) -> PhoneEntry | None:
        user = aor.partition(":")[2].partition("@")[0]
        return self._users.owner(user) if user else None

    def _write(
        self, at: float, method: str, aor: str, flow: str, outcome: str, status: int, fact: str, agent: str | None = None
    ) -> None:
        owner = self._owner(aor)
        mac, phone, model = (owner.mac, owner.name, owner.model) if owner is not None else (None, None, None)
        peer = flow.partition(" ")[2] or flow
        self._sink.record(
            DeliveryEvent(
                at, "sip", method, aor.removesuffix("@" + NO_DOMAIN)[:MAX_TEXT], peer[:MAX_PEER],
                agent[:MAX_TEXT] if agent else None, mac, phone, model, None, outcome[:MAX_OUTCOME], status, fact=fact[:MAX_TEXT],
            )
        )  # fmt: skip
