"""Does to phones what makes their settings show, and undoes it.  Pure: a service of the core, `now` is a parameter.

    director = Director(stub)
    run = director.run(expectations, plan_for(expectations), now)
    ... on_timer as the core wants it; run.waits_for says what has to happen ...
    run.is_done, run.results, run.stimuli, director.acts
    director.close(now)

Whoever makes it act from outside of the core's own turns sends what the core wants to send after that.  A phone in a call is
left alone, at most MAX_AT_ONCE phones are disturbed at a time, and whatever ends a run restores everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sipstub.core.compose import Stub
from sipstub.media.place import NO_MEDIA, MediaPlace
from sipstub.registrar.binding import Binding, BindingChange, Change
from sipstub.sip.message import Request, Response
from sipstub.sip.uri import SipUri, Uri
from sipstub.stimulus.act import Acts
from sipstub.stimulus.call import Call, CallState
from sipstub.stimulus.calls import Calls
from sipstub.stimulus.gate import MAX_AORS, Gate, Server
from sipstub.stimulus.media import random_key
from sipstub.stimulus.placed_call import PlacedCall, Ringing
from sipstub.stimulus.plan import GRANT_S
from sipstub.stimulus.problem import StimulusProblem
from sipstub.stimulus.question import OPTIONS, Pairs, Questions, check_sync
from sipstub.stimulus.refusal import Refusal
from sipstub.stimulus.run import Run
from sipstub.stimulus.stage import Refused, Stage
from sipstub.stimulus.step import Step
from sipstub.transaction.event import Cancelled, RequestArrived, TransactionFailed
from sipstub.transaction.layer import random_token
from sipstub.transaction.sending import Hop
from sipstub.verify.expectation import Expectations
from sipstub.verify.stimulus import Stimulus

MAX_AT_ONCE = 8
"Phones that are disturbed at a time; others wait for their turn."
MAX_RUNS = 1_000
MAX_RUN_AORS = 16_000
"Addresses of all phones that have a run."
TAKEN = frozenset({Change.CREATED, Change.REFRESHED, Change.SHORTENED})
WITHIN_S = 300.0

__all__ = ["Director", "StimulusProblem"]


class Director:
    """All stimuli of one stub."""

    def __init__(
        self,
        stub: Stub,
        *,
        challenges: bool = True,
        is_busy: Callable[[str], bool] = lambda aor: False,
        token: Callable[[], str] = random_token,
        key: Callable[[], str] = random_key,
        media: MediaPlace = NO_MEDIA,
    ) -> None:
        """`is_busy` tells of calls of an address that are not the stub's; `challenges`: whether callers must say who they are.

        `media` has the ports that its calls send and hear RTP at.
        """
        self.stub = stub
        self.acts = Acts()
        self.gate = Gate(
            self._aor_of, lambda response, hop: stub.core.layer.send_again(bytes(response), hop), self.acts, self._saw
        )
        self.calls = Calls(stub, self._call_changed, challenges=challenges, token=token, key=key, media=media)
        self.calls.wanted = lambda aor: aor in self._expected
        self.calls.refused = self._call_refused
        self.methods = self.calls.methods
        self._is_busy = is_busy
        self._questions = Questions(stub.core, self.acts, token)
        self._expected: dict[str, float] = {}
        self._runs: dict[str, Run] = {}
        self._going: list[Run] = []
        stub.registering.watch(self._binding_changed)
        stub.core.add(self)

    # What is done

    def refuse(self, aor: str, refusals: Iterable[Refusal], now: float, within_s: float = WITHIN_S) -> None:
        """Refuse the next REGISTERs of an address; raises StimulusProblem if its phone is in a call."""
        self._admit(aor, self.gate.refuse(aor, refusals, now, within_s) if not self.is_in_call([aor]) else None)

    def silence(self, aor: str, lasts_s: float, now: float, within_s: float = WITHIN_S, server: Server | None = None) -> None:
        """Give no answer to an address, `lasts_s` from its next request; raises StimulusProblem if its phone is in a call."""
        order = None if self.is_in_call([aor]) else self.gate.silence(aor, lasts_s, now, within_s, server)
        self._admit(aor, order)

    def _admit(self, aor: str, ordered: bool | None) -> None:
        self._watch()
        if ordered is None:
            raise StimulusProblem(f"{aor} is in a call", hint="wait until it is over")
        if not ordered:
            raise StimulusProblem(f"stimuli wait for {MAX_AORS} addresses already")

    def call(self, aor: str, now: float, how: Ringing = Ringing()) -> PlacedCall | None:  # noqa: B008 - a frozen value
        """Call the phone of an address; None if it cannot be reached or there are too many calls, raises if it is in one."""
        if self.is_in_call([aor]):
            raise StimulusProblem(f"{aor} is in a call", hint="wait until it is over")
        binding = self._binding(aor, now)
        call = self.calls.place(binding, how, now) if binding is not None else None
        if call is not None:
            call.act = self.acts.begin(Stimulus.CALL_IN, aor, "call to the phone", now, call_id=call.call_id, line="INVITE ")
        return call

    def expect_call(self, aor: str, now: float, within_s: float = WITHIN_S) -> None:
        """Answer calls of an address for a while; without this they get what the core says to every INVITE."""
        if aor in self._expected or len(self._expected) < MAX_AORS:
            self._expected[aor] = now + within_s

    def expect_no_call(self, aor: str, now: float) -> None:
        """Answer no more calls of an address."""
        self._expected.pop(aor, None)

    def check_sync(self, aor: str, now: float, *, with_reboot: bool = False) -> bool:
        """Tell the phone of an address to fetch its files, or to restart; return False if it cannot be reached.

        Raises StimulusProblem if it is in a call.
        """
        return self._ask(Stimulus.CHECK_SYNC, "NOTIFY", check_sync(with_reboot=with_reboot), aor, now)

    def options(self, aor: str, now: float) -> bool:
        """Send OPTIONS to the phone of an address, in a call or not; return False if it cannot be reached."""
        return self._ask(Stimulus.OPTIONS, "OPTIONS", OPTIONS, aor, now)

    def _ask(self, kind: Stimulus, method: str, headers: Pairs, aor: str, now: float) -> bool:
        if kind.is_disturbing and self.is_in_call([aor]):
            raise StimulusProblem(f"{aor} is in a call", hint="wait until it is over")
        binding = self._binding(aor, now)
        if binding is not None:
            self._questions.ask(kind, method, headers, binding, now)
        return binding is not None

    def check_sync_one(self, aors: Iterable[str], now: float, *, with_reboot: bool = False) -> bool:
        """Tell one phone by the first of its addresses that can be reached; return False if none can."""
        for aor in aors:
            if self.check_sync(aor, now, with_reboot=with_reboot):
                run = self._runs.get(aor)
                if run is not None and (with_reboot or run.stage.text("check-sync") == "always"):
                    run.stage.await_boot(now)
                return True
        return False

    def shorten(self, aor: str, seconds: int = GRANT_S) -> None:
        """Grant an address no more than so long, so that its phone comes back soon."""
        if len(self.stub.registrar.exceptions) < MAX_RUN_AORS:
            policy = self.stub.registrar.policy
            least = min(policy.min_expires_s, seconds)
            self.stub.registrar.exceptions[aor] = replace(
                policy, min_expires_s=least, default_expires_s=seconds, max_expires_s=seconds
            )

    def lift(self, aor: str, now: float) -> None:
        """Undo everything that waits for an address; its next REGISTER is granted what others are."""
        self.gate.lift(aor, now)
        self.expect_no_call(aor, now)
        self.stub.registrar.exceptions.pop(aor, None)
        self._watch()

    def close(self, now: float) -> None:
        """Undo everything: runs stop, calls end by BYE or CANCEL.  It can be used again afterwards."""
        for run in self.runs:
            self.stop(run, now)
        for call in self.calls.open:
            call.hang_up(now)
        for aor in [*self._expected, *self.stub.registrar.exceptions]:
            self.lift(aor, now)
        self.gate.clear(now)
        self._watch()

    # Whole plans

    def run(
        self,
        expectations: Expectations,
        steps: Sequence[Step],
        now: float,
        *,
        may_restart: bool = False,
        sees_fetches: bool = False,
        waits_turn: bool = True,
        grant_s: int = GRANT_S,
    ) -> Run:
        """Begin to walk one phone through its plan; raises StimulusProblem if another run has one of its addresses.

        `may_restart` allows a restart by check-sync where the phone would not register for long otherwise; `sees_fetches` says
        that `Run.fetched` will be called for each file that the phone asks for.  Virtual phones, that nobody uses, need not
        wait for their turn, and can be granted less.
        """
        aors = {number: self.aor(expectations.text("user-name", number)) for number in expectations.enabled}
        taken = [aor for aor in aors.values() if aor in self._runs]
        if taken:
            raise StimulusProblem(f"{taken[0]} has stimuli under way already")
        if len(self._going) >= MAX_RUNS or len(self._runs) + len(aors) > MAX_RUN_AORS:
            raise StimulusProblem(f"{len(self._going)} phones have stimuli under way already")
        may_restart = may_restart and expectations.text("check-sync") not in ("never", "")
        stage = Stage(self, expectations, now, aors, may_restart, sees_fetches)
        run = Run(stage, steps, now, has_turn=self._has_turn if waits_turn else lambda run: True)
        self._going.append(run)
        for aor in aors.values():
            self._runs[aor] = run
            self.gate.watched.add(aor)
            self.shorten(aor, grant_s)
        self._watch()
        return run

    def stop(self, run: Run, now: float) -> None:
        """End a run and undo what it did; nothing happens where it has ended already."""
        run.stop(now)
        if run in self._going:
            self._going.remove(run)
        for aor in [aor for aor, one in self._runs.items() if one is run]:
            del self._runs[aor]
            self.gate.watched.discard(aor)
            for call in [call for call in self.calls.open if call.aor == aor]:
                call.hang_up(now)
            self.lift(aor, now)

    @property
    def runs(self) -> list[Run]:
        """Return the runs that go on."""
        return list(self._going)

    def _has_turn(self, run: Run) -> bool:
        return run in self._disturbing()[:MAX_AT_ONCE]

    def _disturbing(self) -> list[Run]:
        """Return the runs that disturb their phone or want to, the first ones first."""
        return [run for run in self.runs if run.step is not None and run.step.stimulus.is_disturbing]

    # What is known

    def aor(self, user: str) -> str:
        """Return the key of a user's address of record."""
        return self.stub.registrar.policy.aor_key(SipUri("host", user))

    def is_in_call(self, aors: Iterable[str]) -> bool:
        """Return whether a phone with these addresses is in a call that the stub knows of."""
        wanted = frozenset(aors)
        return any(call.aor in wanted for call in self.calls.open) or any(self._is_busy(aor) for aor in wanted)

    def _binding(self, aor: str, now: float) -> Binding | None:
        found = self.stub.registrar.bindings(aor, now)
        return max(found, key=lambda binding: binding.updated_at, default=None)

    def _aor_of(self, uri: Uri) -> str | None:
        policy = self.stub.registrar.policy
        return policy.aor_key(uri) if isinstance(uri, SipUri) and policy.serves(uri) else None

    def _send(self, response: Response, hop: Hop) -> None:
        self.stub.core.layer.send_again(bytes(response), hop)

    def _watch(self) -> None:
        """See every request only while there is something to see."""
        self.stub.core.gate = None if self.gate.is_idle else self.gate.take

    # What phones do

    def _saw(self, aor: str, request: Request, now: float) -> None:
        run = self._runs.get(aor)
        if run is None:
            return
        if request.method == "REGISTER" and isinstance(request.uri, SipUri):
            run.stage.saw_register(aor, request, now, request.uri.host, request.uri.effective_port)
        elif request.method == "INVITE":  # its user wants to call: nothing may be in the way
            for other in run.stage.aors.values():
                self.gate.lift(other, now)
            run.interrupt(now)
        run.wake(now)

    def _binding_changed(self, change: BindingChange) -> None:
        run = self._runs.get(change.binding.aor)
        if run is not None and change.change in TAKEN:
            run.stage.registered(change.binding.aor, change.at)
            run.wake(change.at)

    def _call_refused(self, aor: str, call_id: str, status: int, now: float) -> None:
        run = self._runs.get(aor)
        if run is not None and run.stage.refused is None:
            self.acts.note(Stimulus.CALL_OUT, aor, f"call from the phone: refused with {status}", now, call_id=call_id)
            run.stage.refused = Refused(aor, status, now)
            run.wake(now)

    def _call_changed(self, call: Call, now: float) -> None:
        if call.is_from_phone and not call.act:
            call.act = self.acts.begin(Stimulus.CALL_OUT, call.aor, "call from the phone", now, call_id=call.call_id)
        if call.infos and call.state is not CallState.ENDED:
            self.acts.note(Stimulus.DIGIT, call.aor, f"INFO {call.infos[-1].content_type}", now, call_id=call.call_id)
        if call.is_ended:
            media = f"; {call.media}" if call.media is not None else ""
            self.acts.end(call.act, now, f"call {'from' if call.is_from_phone else 'to'} the phone: {call.ended_by}{media}")
        run = self._runs.get(call.aor)
        if run is not None:
            run.call_changed(call, now)

    # A service of the core

    def handle(self, arrived: RequestArrived, now: float) -> Response | None:
        """Answer what belongs to a call."""
        return self.calls.handle(arrived, now)

    def on_server_event(self, event: Cancelled | TransactionFailed, now: float) -> None:
        """Take a CANCEL."""
        self.calls.on_server_event(event, now)

    def on_flow_closed(self, flow: Hop, now: float) -> None:
        """End calls over a connection that is gone."""
        self.calls.on_flow_closed(flow, now)

    def next_timer(self) -> float | None:
        """Return when something is due."""
        times = [self.gate.next_timer(), self.calls.next_timer(), *self._expected.values()]
        times += [run.next_timer() for run in self.runs]
        return min((time for time in times if time is not None), default=None)

    def on_timer(self, now: float) -> None:
        """Let time pass."""
        self.gate.on_timer(now)
        self.calls.on_timer(now)
        for aor in [aor for aor, until in self._expected.items() if until <= now]:
            del self._expected[aor]
        for run in self.runs:
            run.on_timer(now)
            if run.is_done:
                self.stop(run, now)
        self._watch()
