"""The registrar: REGISTER in, response out, changes of bindings as values.  RFC 3261 section 10, all or nothing.

`handle` never raises for what a peer sends.  Changes and refusals wait in bounded queues (`take_changes`, `take_events`) for
whoever keeps, shows and announces them; a store that is given is asked first, and its failure fails the request.  `now` is
seconds since 1970.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable
from functools import lru_cache

from sipstub.registrar.authentication import Authenticator, Denial
from sipstub.registrar.binding import Binding, BindingChange, BindingStore, Change
from sipstub.registrar.gruu import Gruus
from sipstub.registrar.location import Location
from sipstub.registrar.outbound import TAG as OUTBOUND
from sipstub.registrar.outbound import asks_outbound
from sipstub.registrar.plan import plan
from sipstub.registrar.policy import Policy
from sipstub.registrar.reason import Refusal, RegistrarEvent, Why
from sipstub.registrar.reply import reply
from sipstub.registrar.source import Source, flow_of
from sipstub.registrar.user import UserSource
from sipstub.sip.answer import refuse
from sipstub.sip.date import SipDate
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response
from sipstub.sip.plain_register import PlainRegister
from sipstub.sip.uri import SipUri, Uri

MAX_WAITING = 65_536
"Changes, and events, that wait to be taken; the oldest are dropped and counted."
ORDINARY = (Why.NO_CREDENTIALS, Why.STALE_NONCE)
"The first half of every registration: no line in the journal."
Asking = Request | PlainRegister
Added = list[tuple[str, str]]
"Headers of the response beyond those that are copied."
Verdict = tuple[int, Added]
"Status and headers."
EXPIRIES_AT_ONCE = 256
"Bindings that end in one call; the rest follow in the next, so that no phone waits for a thousand others."


class Registrar:
    """All bindings of one domain, and the rules by which they change."""

    def __init__(
        self, users: UserSource, policy: Policy, key: bytes, store: BindingStore | None = None, *, since: float = 0.0
    ) -> None:
        """`since` is when this process began: a nonce from before, of the same key, is stale."""
        self.policy = policy
        self._extensions = frozenset({"path"} | ({OUTBOUND} if policy.outbound else set()) | ({"gruu"} if policy.gruu else set()))
        self.exceptions: dict[str, Policy] = {}
        "By address of record: where other times hold for a while; whoever puts one in takes it out."
        self.location = Location()
        self.authenticator = Authenticator(users, policy, key, since=since)
        self.gruus = Gruus(key, policy.gruu)
        self._key = key
        self._store = store
        self._changes: deque[BindingChange] = deque(maxlen=MAX_WAITING)
        self._events: deque[RegistrarEvent] = deque(maxlen=MAX_WAITING)
        self.dropped = 0
        "Changes and events that nobody took in time."

    def handle(self, request: Request, source: Source, now: float, *, to_tag: str | None = None) -> Response:
        """Return the final response to a REGISTER, whatever is wrong with it; `to_tag` is that of its transaction."""
        self.on_timer(now)
        tag = to_tag or self._to_tag(request)
        try:
            status, added = self._decide(request, source, now)
        except SipError as error:
            self._note(Refusal(Why.MALFORMED, error.fact, status_hint=error.status), request, source, now)
            return refuse(request, error, to_tag=tag)
        return reply(request, status, added, tag)

    def handle_plain(
        self, request: PlainRegister, via: str, source: Source, now: float, *, to_tag: str | None = None
    ) -> tuple[int, bytes]:
        """Return status and bytes of the response that `handle` gives; `via` is the top Via with what a server fills in."""
        self.on_timer(now)
        tag = to_tag or self._tag((request.call_id, request.cseq_text, request.from_text, via))
        status, added = self._decide(request, source, now)
        return status, request.answer(status, added, tag, via)

    def authorise(self, request: Request, source: Source, name: str, now: float, *, to_tag: str | None = None) -> Response | None:
        """Return None if a request of any method may act for the user of that name, else the response that says no."""
        tag = to_tag or self._to_tag(request)
        try:
            found = self._ask(request, source, flow_of(source), name, self._aor_of_name(name), now)
        except SipError as error:
            return refuse(request, error, to_tag=tag)
        return reply(request, *self._refuse(found, request, source, now), tag) if isinstance(found, Refusal) else None

    def bindings(self, aor: str, now: float) -> tuple[Binding, ...]:
        """Return the live bindings of an address by its key, the oldest first."""
        return self.location.live(aor, now)

    def targets(self, uri: Uri, now: float) -> tuple[Binding, ...]:
        """Return where a request to that URI should go: by preference, the latest first among equals; nothing if nobody is there.

        A GRUU (RFC 5627) leads to the bindings of its instance alone.
        """
        if not isinstance(uri, SipUri) or not self.policy.serves(uri):
            return ()
        resolved = self.gruus.resolve(uri, self.policy.aor_key(uri))
        if resolved is None:
            found = self.location.live(self.policy.aor_key(uri), now)
        else:
            found = tuple(one for one in self.location.live(resolved.aor, now) if one.instance == resolved.instance)
        return tuple(sorted(found, key=lambda binding: (-binding.q, -binding.updated_at)))

    def restore(self, bindings: Iterable[Binding], now: float) -> int:
        """Take over bindings from before a restart, and return how many still hold; those over the limits are left out."""
        count = 0
        for binding in bindings:
            held = self.location.live(binding.aor, now)
            is_known = any(one.id == binding.id for one in held)
            if not binding.is_live(now) or is_known or len(held) >= self.policy.limits.contacts or self._is_full(binding.aor):
                continue
            self._commit((BindingChange(Change.REGISTERED, binding, now),))
            count += 1
        return count

    def drop_flow(self, flow: str, now: float) -> int:
        """End the bindings of a dead flow (RFC 5626 section 7), `flow` as `flow_of` writes it; return how many there were.

        Only those of phones that use outbound: others may be reached at their contact still.
        """
        gone = tuple(binding for binding in self.location.of_flow(flow) if binding.reg_id)
        return self._end(gone, Change.DEACTIVATED, now)

    def deactivate(self, aor: str, now: float) -> int:
        """End all bindings of an address, as a person wishes; return how many there were."""
        return self._end(self.location.live(aor, now), Change.DEACTIVATED, now)

    def next_timer(self) -> float | None:
        """Return when `on_timer` wants to be called."""
        return self.location.next_expiry()

    def on_timer(self, now: float) -> None:
        """End what is over, EXPIRIES_AT_ONCE at most."""
        at = self.location.next_expiry()
        if at is not None and at <= now:
            self._end(tuple(self.location.expired(now, EXPIRIES_AT_ONCE)), Change.EXPIRED, now)

    @property
    def has_news(self) -> bool:
        """Return whether changes or refusals wait to be taken."""
        return bool(self._changes or self._events)

    def take_changes(self) -> list[BindingChange]:
        """Return the changes since the last call, in their order."""
        found = list(self._changes)
        self._changes.clear()
        return found

    def take_events(self) -> list[RegistrarEvent]:
        """Return the refusals since the last call, in their order."""
        found = list(self._events)
        self._events.clear()
        return found

    def _decide(self, request: Asking, source: Source, now: float) -> Verdict:
        found = self._register(request, source, now)
        return self._refuse(found, request, source, now) if isinstance(found, Refusal) else (200, found)

    def _register(self, request: Asking, source: Source, now: float) -> Added | Refusal:
        refusal = self._admit(request)
        if refusal is not None:
            return refusal
        to = request.to_uri if isinstance(request, PlainRegister) else request.to.sip_uri
        aor = self.policy.aor_key(to)
        flow = flow_of(source)
        denial = self._ask(request, source, flow, to.username or "", aor, now)
        if denial is not None:
            return denial
        if not self.policy.serves(to):
            return Refusal(Why.UNKNOWN_DOMAIN, f"To {to.masked()[:100]!r}")
        before = self.location.live(aor, now)
        changes = plan(request, aor, flow, before, self.exceptions.get(aor, self.policy), now)
        if isinstance(changes, Refusal):
            return changes
        if not before and changes and self._is_full(aor):
            return Refusal(Why.TOO_MANY_AORS, headers=(("Retry-After", str(self.policy.limits.retry_after_s)),))
        if changes and self._store is not None:
            try:
                self._store.save(changes)
            except Exception as error:  # whatever a store has for a disk that is full
                return Refusal(Why.NOT_KEPT, f"{type(error).__name__}: {error}"[:200])
        self._commit(changes)
        return self._accept(request, aor, now)

    def _admit(self, request: Asking) -> Refusal | None:
        """Return what speaks against the request before anybody is asked for a password (steps 1 and 2)."""
        limits = self.policy.limits
        _ = request.supported, request.paths  # what the answer will need is read before anything changes
        if request.method != "REGISTER":
            return Refusal(Why.OTHER_METHOD, request.method[:32], (("Allow", "REGISTER"),))
        if request.raw is not None and len(request.raw) > limits.message_bytes:
            return Refusal(Why.TOO_LARGE, f"{len(request.raw)} bytes")
        if len(request.body) > limits.body_bytes:
            return Refusal(Why.TOO_LARGE, f"a body of {len(request.body)} bytes", status_hint=413)
        uri = request.uri
        if not isinstance(uri, SipUri):
            return Refusal(Why.UNKNOWN_DOMAIN, f"Request-URI of scheme {uri.scheme}", status_hint=416)
        if not self.policy.serves(uri):
            return Refusal(Why.UNKNOWN_DOMAIN, f"Request-URI {uri.masked()[:100]!r}")
        strange = [word for word in request.require if word.lower() not in self.extensions] if request.require else None
        if strange:
            return Refusal(Why.UNKNOWN_EXTENSION, ", ".join(strange)[:100], (("Unsupported", ", ".join(strange)),))
        if self.policy.needs_path_support and request.paths and not _asks(request, "path"):
            return Refusal(Why.UNKNOWN_EXTENSION, "Path without support for it", (("Unsupported", "path"),))
        return None

    @property
    def extensions(self) -> frozenset[str]:
        """Return the option tags that may be required."""
        return self._extensions

    def _ask(self, request: Asking, source: Source, flow: str, name: str, aor: str, now: float) -> Denial | None:
        bindings = self.location.live(aor, now) if len(self.authenticator.failures) else ()  # nobody is shut out else
        is_at_home = any(binding.flow == flow for binding in bindings)
        found = self.authenticator.judge(request, source, name, now, is_at_home=is_at_home)
        return found if isinstance(found, Denial) else None

    def _accept(self, request: Asking, aor: str, now: float) -> Added:
        bindings = self.location.live(aor, now)
        gives_gruu = self.policy.gruu and _asks(request, "gruu")
        added = [("Contact", binding.listed(now) + (self.gruus.params(binding) if gives_gruu else "")) for binding in bindings]
        if request.paths and _asks(request, "path"):
            added += [("Path", str(hop)) for hop in request.paths]
        added += [("Service-Route", route) for route in self.policy.service_route]
        if any(one.reg_id and one.call_id == request.call_id for one in bindings) and asks_outbound(request):
            added.append(("Require", OUTBOUND))
            if self.policy.flow_timer_s:
                added.append(("Flow-Timer", str(self.policy.flow_timer_s)))
        if self.policy.sends_date:
            added.append(("Date", _date(int(now))))
        return added

    def _refuse(self, refusal: Refusal, request: Asking, source: Source, now: float) -> Verdict:
        added = list(refusal.headers)
        if isinstance(refusal, Denial) and refusal.challenge:
            added.append(("WWW-Authenticate", refusal.challenge))
        self._note(refusal, request, source, now)
        return refusal.status, added

    def _note(self, refusal: Refusal, request: Asking, source: Source, now: float) -> None:
        if not refusal.is_news or refusal.why in ORDINARY:
            return
        try:
            aor = self.policy.aor_key(request.to.sip_uri)[:256]
        except SipError:
            aor = ""
        self.dropped += len(self._events) == MAX_WAITING
        self._events.append(RegistrarEvent(refusal.why, now, flow_of(source), aor, refusal.status, refusal.fact))

    def _commit(self, changes: tuple[BindingChange, ...]) -> None:
        for change in changes:
            self.location.apply(change)
            if self.policy.gruu:
                self.gruus.apply(change, self.location.live(change.binding.aor, change.at))
            self.dropped += len(self._changes) == MAX_WAITING
            self._changes.append(change)

    def _end(self, bindings: tuple[Binding, ...], change: Change, now: float) -> int:
        changes = tuple(BindingChange(change, binding, now) for binding in bindings)
        if changes and self._store is not None:
            try:
                self._store.save(changes)
            except Exception as error:  # they are over all the same; a store that kept them finds out when it loads
                self._events.append(RegistrarEvent(Why.NOT_KEPT, now, "", changes[0].binding.aor, 0, f"{type(error).__name__}"))
        self._commit(changes)
        return len(changes)

    def _is_full(self, aor: str) -> bool:
        return self.location.aors >= self.policy.limits.aors and aor not in self.location

    def _aor_of_name(self, name: str) -> str:
        return self.policy.aor_key(SipUri("host", name))

    def _to_tag(self, request: Request) -> str:
        """Return a tag that no other has, and that a repeated request gets again (RFC 3261 section 8.2.6.2)."""
        headers = request.headers
        return self._tag(value for key in ("call-id", "cseq", "from", "via") for value in headers.lines(key)[:1])

    def _tag(self, values: Iterable[str]) -> str:
        text = "\0".join(values)
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), key=self._key[:64], digest_size=8).hexdigest()


def _asks(request: Asking, tag: str) -> bool:
    return any(word.lower() == tag for word in (*request.supported, *request.require))


@lru_cache(2)
def _date(at: int) -> str:
    return str(SipDate(at))
