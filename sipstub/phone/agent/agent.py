"""The user agent of one phone: it does what its file says.  Pure: messages, time and random bits come in, messages go out.

    agent = PhoneAgent(identity, settings, source=random.Random(1))
    agent.start(now)
    agent.to_send(), agent.next_timer       what has to go out, and when on_timer is due
    agent.receive(message, hop, now)        what came in
    agent.next_event()                      what whoever runs it should know

Accounts that are switched off, have no user or no server do nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from sipstub.media.place import NO_MEDIA, MediaPlace
from sipstub.phone.agent.alarm import Alarms
from sipstub.phone.agent.call import Call
from sipstub.phone.agent.event import PhoneEvent
from sipstub.phone.agent.identifier import Identifiers, RandomSource
from sipstub.phone.agent.inbox import Inbox
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.agent.line import Line
from sipstub.phone.agent.place import Names, Place
from sipstub.phone.agent.plan import Plan, make_plan
from sipstub.phone.agent.stun import is_stun
from sipstub.phone.agent.surroundings import Surroundings
from sipstub.phone.format.effective import Effective
from sipstub.phone.identity import PhoneIdentity
from sipstub.sip.error import SipError
from sipstub.sip.framing import is_keep_alive
from sipstub.sip.message import Message, Request
from sipstub.sip.reader import parse_message
from sipstub.sip.uri import SipUri
from sipstub.transaction.sending import Hop, Sending

MAX_EVENTS = 1_000
"Kept for `next_event`; the oldest go first."


class PhoneAgent:
    """All accounts of one phone."""

    def __init__(
        self,
        identity: PhoneIdentity,
        settings: Effective,
        *,
        source: RandomSource,
        place: Place | None = None,
        names: Names | None = None,
        disobey: Iterable[str] = (),
        media: MediaPlace = NO_MEDIA,
    ) -> None:
        """`media` has the ports of its calls.

        `disobey` has names of `sipstub.phone.disobey.MUTANTS`; raises DisobeyProblem for one that does not exist.
        """
        self.plan: Plan = make_plan(identity, settings, disobey)
        self._events: deque[PhoneEvent] = deque(maxlen=MAX_EVENTS)
        self._alarms = Alarms()
        self._inbox = Inbox(self.plan.conduct, self.plan.check_sync_mode, self._events.append)
        self._identifiers = Identifiers(source)
        around = Surroundings(
            identity=identity,
            place=place or Place(identity.loopback),
            names=names or {},
            conduct=self.plan.conduct,
            identifiers=self._identifiers,
            alarms=self._alarms,
            tell=self._events.append,
            media=media,
        )
        self.lines = [Line(around, account, self._inbox) for account in self.plan.active]
        self.broken = 0
        "Messages that could not be read."

    # What it is told

    def start(self, now: float) -> None:
        """Begin: at once, or after the random wait that the file wants."""
        longest_s = self.plan.longest_wait_s
        if longest_s:
            self._alarms.after(longest_s * self._identifiers.share(), self._register, now)
        else:
            self._register(now)

    def _register(self, now: float) -> None:
        for line in self.lines:
            line.start(now)
        self._settle(now)

    def leave(self, now: float) -> None:
        """Take all registrations back."""
        for line in self.lines:
            line.leave(now)
        self._settle(now)

    def stop(self) -> None:
        """Do nothing more, as without power."""
        for line in self.lines:
            line.stop()

    def line(self, account: int) -> Line | None:
        """Return an account that is switched on."""
        return next((line for line in self.lines if line.account.number == account), None)

    def call(self, account: int, number: str, now: float) -> Call | None:
        """Place a call; None where that account cannot."""
        line = self.line(account)
        call = None if line is None else line.call(number, now)
        self._settle(now)
        return call

    @property
    def answering(self) -> Answering:
        """What happens to calls that come in."""
        return self._inbox.answering

    @answering.setter
    def answering(self, answering: Answering) -> None:
        self._inbox.answering = answering

    @property
    def is_registered(self) -> bool:
        """Return whether every account that can is registered, and there is one."""
        return bool(self.lines) and all(any(lane.is_registered for lane in line.registrations) for line in self.lines)

    # Messages and time

    def receive(self, message: Message | bytes, source: Hop, now: float) -> None:
        """Take a message; what cannot be read is counted and dropped."""
        if isinstance(message, bytes):
            if is_keep_alive(message):
                return
            if is_stun(message):
                for one in self.lines:
                    one.take_stun(message, now)
                self._settle(now)
                return
            try:
                message = parse_message(message, is_stream=source.is_reliable)
            except SipError:
                self.broken += 1
                return
        if isinstance(message, Request):
            line = self._line_for(message)
            if line is not None:
                line.layer.receive(message, source, now)
        else:
            for line in self.lines:  # branches are never the same; the others do not know it
                line.layer.receive(message, source, now)
        self._settle(now)

    def _line_for(self, request: Request) -> Line | None:
        """Return the account that a request is for: by the URI, else by its dialog, else the first one."""
        uri = request.uri
        if isinstance(uri, SipUri):
            mark = uri.params.get("line")
            found = next((line for line in self.lines if mark and line.shape.line == mark), None)
            found = found or next((line for line in self.lines if line.account.user == uri.username), None)
            if found is not None:
                return found
        call_id = request.headers.get("call-id") or ""
        return next((line for line in self.lines if line.has_call(call_id)), next(iter(self.lines), None))

    def to_send(self) -> list[Sending]:
        """Return what has to go out, in order, each once."""
        return [sending for line in self.lines for sending in line.layer.to_send()]

    def on_transport_error(self, failed: Sending, now: float) -> None:
        """Take back what could not be sent."""
        for line in self.lines:
            if failed.transaction is not None:
                line.layer.on_transport_error(failed, now)
                break
        self._settle(now)

    def flow_closed(self, hop: Hop, now: float) -> None:
        """Take that a connection is gone: who was registered over it registers anew."""
        for line in self.lines:
            for lane in line.registrations:
                lane.flow_closed(hop, now)

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        times = [self._alarms.next_timer, *(line.layer.next_timer for line in self.lines)]
        return min((time for time in times if time is not None), default=None)

    def on_timer(self, now: float) -> None:
        """Let time pass up to now."""
        for line in self.lines:
            line.layer.on_timer(now)
        self._settle(now)
        self._alarms.ring(now)
        self._settle(now)

    def next_event(self) -> PhoneEvent | None:
        """Return what whoever runs it should know next."""
        return self._events.popleft() if self._events else None

    def _settle(self, now: float) -> None:
        for line in self.lines:
            line.take_events(now)
