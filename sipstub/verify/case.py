"""What one rule sees: one expectation, the facts of its account, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sipstub.verify.assignment import AccountFacts, Assignment
from sipstub.verify.expectation import Expectation, Expectations
from sipstub.verify.facts import Facts, KeepaliveFact
from sipstub.verify.finding import Evidence, Outcome, failed, passed, unseen
from sipstub.verify.offer import LateOffer, read_offer
from sipstub.verify.request_fact import RequestFact, port_of
from sipstub.verify.setting import ON
from sipstub.verify.tolerance import TOLERANCE, Tolerance

FIRST_SERVER = "1"
RELIABLE = ("tcp", "tls")
SDP_TYPE = "application/sdp"
Shown = TypeVar("Shown", bound=Evidence)

OfferFact = RequestFact | LateOffer


@dataclass(frozen=True, slots=True)
class Case:
    """One expectation and the evidence about it."""

    expectation: Expectation
    expectations: Expectations
    facts: Facts
    account: AccountFacts
    assignment: Assignment
    tolerance: Tolerance = field(default=TOLERANCE)

    @property
    def value(self) -> str:
        """Return what is expected, in words of the vocabulary; empty for nothing."""
        return self.expectation.value or ""

    @property
    def is_on(self) -> bool:
        """Return whether a switch is on."""
        return self.value == ON

    @property
    def number(self) -> float | None:
        """Return what is expected as a number; None for what is none."""
        return number_of(self.value)

    def text(self, setting: str, index: str = "") -> str:
        """Return what is expected of another setting of the same account; empty if nothing is."""
        return self.expectations.text(setting, self.expectation.account, index)

    def says(self, setting: str, index: str = "") -> bool:
        """Return whether anything is expected of another setting."""
        return self.expectations.get(setting, self.expectation.account, index) is not None

    # -- what the account did

    @property
    def registers(self) -> list[RequestFact]:
        """Return every REGISTER of the account, removals included."""
        return [request for request in self.account.requests if request.method == "REGISTER"]

    @property
    def bindings(self) -> list[RequestFact]:
        """Return every REGISTER that asks for a binding."""
        return [request for request in self.registers if not request.is_removal]

    @property
    def invites(self) -> list[RequestFact]:
        """Return every INVITE of the account that begins a call."""
        return [request for request in self.account.requests if request.method == "INVITE" and request.is_initial]

    @property
    def late_offers(self) -> list[LateOffer]:
        """Return the offers of the account in its answers to calls that came without one."""
        calls = [request for request in self.account.received if request.method == "INVITE" and request.is_initial]
        found = []
        for final in [request.final for request in calls if not request.body]:
            offer = read_offer(final.body, SDP_TYPE) if final is not None and final.status < 300 else None
            if final is not None and offer is not None:
                found.append(LateOffer(final.number, final.at, offer, final.supported))
        return found

    @property
    def offers(self) -> list[OfferFact]:
        """Return what says which media the account offers: its calls, and its answers to calls without an offer; in order."""
        own = [request for request in self.invites if request.offer is not None]
        return sorted([*own, *self.late_offers], key=lambda fact: fact.number)

    def subscribes(self, *events: str) -> list[RequestFact]:
        """Return every SUBSCRIBE of the account to one of these packages; those that end one are left out."""
        return [
            request
            for request in self.account.requests
            if request.method == "SUBSCRIBE" and request.event in events and not request.is_removal
        ]

    def of_server(self, requests: Iterable[RequestFact], index: str) -> list[RequestFact]:
        """Return the requests that go to one of the account's servers; what fits none counts as the first one's."""
        return [request for request in requests if self.server_of(request) == index]

    def server_of(self, request: RequestFact) -> str:
        """Return which server a request is addressed to."""
        uri = request.sip_uri
        if uri is None:
            return FIRST_SERVER
        found = []
        for known in self.expectations.all("server-address", self.expectation.account):
            if (known.value or "").lower() == uri.host.lower():
                wanted = self.text("server-port", known.index)
                found.append((wanted != str(port_of(uri, request.peer.transport)), known.index))
        return min(found)[1] if found else FIRST_SERVER

    @property
    def registered(self) -> RequestFact | None:
        """Return the first REGISTER that got a 2xx."""
        return next((request for request in self.bindings if 200 <= request.status < 300), None)

    def watched_s(self, since: float) -> float:
        """Return how long the phone was watched after a moment."""
        return self.facts.until - since

    def heard_before(self, at: float) -> bool:
        """Return whether anything had come from the phone at a moment: it was on by then."""
        facts = self.facts
        return (
            any(request.at <= at for request in facts.requests)
            or any(packet.at <= at for packet in facts.keepalives)
            or any(answer.at <= at for request in facts.received for answer in request.answers)
        )

    def heard_after(self, at: float) -> bool:
        """Return whether anything came from the phone after a moment: it was on, and could be heard."""
        facts = self.facts
        return (
            any(request.sent_at[-1] > at for request in facts.requests)
            or any(packet.at > at for packet in facts.keepalives)
            or any(answer.at > at for request in facts.received for answer in request.answers)
        )

    @property
    def keepalives(self) -> list[KeepaliveFact]:
        """Return the packets that hold the account's path open."""
        return [packet for packet in self.account.keepalives if packet.kind != "stun"]

    # -- what rules have in common

    def every(
        self,
        requests: Sequence[Shown],
        read: Callable[[Shown], str | None],
        wanted: str,
        *,
        what: str,
        expected: str | None = None,
        likely: str = "",
        judge: Callable[..., Outcome] = failed,
    ) -> Outcome:
        """Return whether each request says `wanted`; the last that does not is shown, and where it began.

        `read` gives None for a request that cannot tell; `what` names the evidence that is missing if none can.
        """
        told = [(request, said) for request in requests if (said := read(request)) is not None]
        if not told:
            return unseen(f"no {what}", expected=expected)
        wrong = [(request, said) for request, said in told if said != wanted]
        if not wrong:
            request, said = told[-1]
            return passed(said or "nothing", request, expected=expected)
        request, said = wrong[-1]
        first = wrong[0][0]
        note = f"first in #{first.number}" if first.number != request.number else ""
        return judge(said or "nothing", request, expected=expected, note=note, likely=likely)

    def present(
        self,
        requests: Sequence[RequestFact],
        is_there: Callable[[RequestFact], bool],
        what: str,
        *,
        where: str,
        judge: Callable[..., Outcome] = failed,
    ) -> Outcome:
        """Return whether something stands in each request exactly if the switch is on."""
        wanted = what if self.is_on else f"no {what}"
        return self.every(
            requests,
            lambda request: what if is_there(request) else f"no {what}",
            wanted,
            what=where,
            expected=wanted,
            judge=judge,
        )


def number_of(text: str) -> float | None:
    """Return the number that a text is, or None."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if -1e12 < found < 1e12 else None
