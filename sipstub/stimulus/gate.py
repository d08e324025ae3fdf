"""Requests of some addresses of record that are refused, or get no answer, for a while.

Everything here has an end: each refusal is given once and waits no longer than told, each silence ends by time.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.host import host_key
from sipstub.sip.message import Request, Response
from sipstub.sip.uri import SipUri, Uri
from sipstub.stimulus.act import Acts
from sipstub.stimulus.refusal import Refusal, asked_s
from sipstub.transaction.sending import Hop, answer_hops, mark_source
from sipstub.verify.stimulus import Stimulus

MAX_AORS = 256
"Addresses that refusals, and silences, wait for at a time."
MAX_REFUSALS = 16
"That wait for one address."
MAX_GIVEN = 256
"Refusals that are repeated to a repeated request."
MAX_SILENCE_S = 600.0
"Longest silence; phones that wait out two servers with T1 = 0.5 s and three tries each need half of it."

Server = tuple[str, int]
"Host and port of a Request-URI."


@dataclass(slots=True)
class Silence:
    """Requests of one address that get no answer."""

    lasts_s: float
    "From the first request that it swallows."
    until: float
    server: Server | None
    "Only requests to this registrar; None for all."
    act: int = 0
    "Of the record; 0 until a request was swallowed."
    swallowed: int = 0


class Gate:
    """What waits for the next requests of addresses of record; `take` is a `sipstub.core.service.Gate`."""

    def __init__(
        self,
        aor_of: Callable[[Uri], str | None],
        send: Callable[[Response, Hop], None],
        acts: Acts,
        saw: Callable[[str, Request, float], None] = lambda aor, request, now: None,
    ) -> None:
        """`aor_of` gives the key of an address of ours; `saw` hears of every request of such an address before it is judged."""
        self._aor_of = aor_of
        self._send = send
        self._acts = acts
        self._saw = saw
        self._refusals: dict[str, tuple[float, deque[Refusal]]] = {}
        self._silences: dict[str, Silence] = {}
        self._given: OrderedDict[bytes, Response] = OrderedDict()
        self.watched: set[str] = set()
        "Addresses whose requests `saw` hears of."

    # What is ordered

    def refuse(self, aor: str, refusals: Iterable[Refusal], now: float, within_s: float) -> bool:
        """Refuse the next REGISTERs of an address, one after the other; return False if too many wait."""
        wanted = list(refusals)[:MAX_REFUSALS]
        if not wanted or (aor not in self._refusals and len(self._refusals) >= MAX_AORS):
            return False
        self._refusals[aor] = (now + within_s, deque(wanted))
        return True

    def silence(self, aor: str, lasts_s: float, now: float, within_s: float, server: Server | None = None) -> bool:
        """Swallow the requests of an address for a while that begins with the next one; return False if too many wait."""
        if aor not in self._silences and len(self._silences) >= MAX_AORS:
            return False
        self.end_silence(aor, now)
        self._silences[aor] = Silence(min(lasts_s, MAX_SILENCE_S), now + within_s, server)
        return True

    def end_silence(self, aor: str, now: float) -> None:
        """Answer an address again."""
        silence = self._silences.pop(aor, None)
        if silence is not None and silence.act:
            self._acts.end(silence.act, now, f"no answer to {silence.swallowed} requests")

    def lift(self, aor: str, now: float) -> None:
        """Undo everything that waits for an address."""
        self._refusals.pop(aor, None)
        self.end_silence(aor, now)

    def clear(self, now: float) -> None:
        """Undo everything."""
        for aor in [*self._refusals, *self._silences]:
            self.lift(aor, now)
        self._given.clear()

    def refusals_of(self, aor: str) -> int:
        """Return how many refusals wait for an address."""
        found = self._refusals.get(aor)
        return len(found[1]) if found else 0

    def silence_of(self, aor: str) -> Silence | None:
        """Return the silence of an address, whether it has begun or not."""
        return self._silences.get(aor)

    @property
    def is_idle(self) -> bool:
        """Return whether nothing waits for anybody."""
        return not (self._refusals or self._silences or self.watched)

    # Time

    def next_timer(self) -> float | None:
        """Return when the next order ends."""
        times = [until for until, _ in self._refusals.values()]
        times += [silence.until for silence in self._silences.values()]
        return min(times, default=None)

    def on_timer(self, now: float) -> None:
        """End what is over."""
        for aor in [aor for aor, (until, _) in self._refusals.items() if until <= now]:
            del self._refusals[aor]
        for aor in [aor for aor, silence in self._silences.items() if silence.until <= now]:
            self.end_silence(aor, now)

    # Requests

    def take(self, request: Request, source: Hop, now: float) -> bool:
        """Return whether a request goes no further; it was refused then, or gets no answer."""
        if self.is_idle:
            return False
        try:
            aor = self._aor_of((request.to if request.method == "REGISTER" else request.from_).uri)
            if aor is None:
                return False
            if aor in self.watched:
                self._saw(aor, request, now)
            return self._is_swallowed(aor, request, now) or self._is_refused(aor, request, source, now)
        except SipError:
            return False

    def _is_swallowed(self, aor: str, request: Request, now: float) -> bool:
        silence = self._silences.get(aor)
        if silence is None or now >= silence.until:
            return False
        uri = request.uri
        if silence.server is not None and not (isinstance(uri, SipUri) and is_addressed(uri, silence.server)):
            return False
        if not silence.act:
            silence.until = now + silence.lasts_s
            silence.act = self._acts.begin(Stimulus.SILENCE, aor, "no answer", now, call_id=request.call_id)
        silence.swallowed += 1
        return True

    def _is_refused(self, aor: str, request: Request, source: Hop, now: float) -> bool:
        if request.method != "REGISTER":
            return False
        key = _key(request)
        response = self._given.get(key)
        if response is None:
            until, waiting = self._refusals.get(aor, (0.0, deque[Refusal]()))
            if not waiting or now >= until or not asked_s(request):  # who takes a binding away tries nothing again
                return False
            refusal = waiting.popleft()
            if not waiting:
                del self._refusals[aor]
            mark_source(request, request.via, source)
            response = refusal.answer_to(request, to_tag=key.hex()[:16])
            self._given[key] = response
            if len(self._given) > MAX_GIVEN:
                self._given.popitem(last=False)
            line = f"SIP/2.0 {refusal.status}"
            self._acts.note(Stimulus.REFUSE, aor, f"{refusal} to REGISTER", now, call_id=request.call_id, line=line)
        self._send(response, answer_hops(request.via, source)[0])
        return True


def is_addressed(uri: SipUri, server: Server) -> bool:
    """Return whether a Request-URI names that registrar."""
    return host_key(uri.host) == host_key(server[0]) and uri.effective_port == server[1]


def _key(request: Request) -> bytes:
    """Return what copies of one request have in common: a repetition gets the same answer (RFC 3261 section 17.2.2)."""
    text = "\0".join(value for key in ("via", "call-id", "cseq") for value in request.headers.lines(key)[:1])
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
