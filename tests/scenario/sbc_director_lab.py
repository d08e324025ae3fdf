"""A virtual phone, the SBC of a customer's settings, and our registrar with its director behind it, in simulated time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from full_file import MAC, MODELS, a_file
from wire_lab import _WIRE, Endpoint, Lab

from provisioner.runtime.verify_subject import Tested
from provisioner.runtime.verify_through import Through, held_on_phone_leg, phone_leg
from sipstub.core.core import Core
from sipstub.core.places import Place, Places
from sipstub.phone.agent.incoming import Answering
from sipstub.sbc.compose import compose_sbc
from sipstub.sbc.predict.roles import Roles
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import site_of
from sipstub.sbc.stand_in import stand_in
from sipstub.stimulus.director import Director
from sipstub.stimulus.plan import plan_for
from sipstub.stimulus.session_plan import session_plan
from sipstub.transaction.sending import Hop
from sipstub.verify.compared import Compared
from sipstub.verify.finding import Finding
from sipstub.verify.run import Circumstances, verify
from sipstub.verify.stimulus import EVERY

SBC_PORT, INNER_PORT, REGISTRAR_PORT = 5060, 40_010, 40_020
BEHIND = "127.0.0.1"
FAR = frozenset({(BEHIND, REGISTRAR_PORT)})
INNER = 1
"Number of the SBC's socket towards the registrar."
LONGEST_S = 3_000.0
ONE_ACCOUNT = {"account.1.srtp_encryption": "0", "account.1.sip_server.2.address": ""}


@dataclass
class SbcLab(Lab):
    """The phone talks to the SBC, the SBC to the registrar."""

    sbc_settings: SbcSettings = field(default_factory=SbcSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stands = stand_in(self.sbc_settings, registrar=f"{BEHIND}:{REGISTRAR_PORT}", inner_port=INNER_PORT)
        self.sbc = compose_sbc(site_of(self.stands.settings), self.now)
        self.front: Core = self.sbc.core
        inner = Place("UDP", BEHIND, INNER_PORT, INNER)
        self.front.places = Places((Place("UDP", "127.0.0.2", SBC_PORT, 100), Place("TCP", "127.0.0.2", SBC_PORT), inner))
        self.stub.core.places = Places((Place("UDP", BEHIND, REGISTRAR_PORT, 1),))

    def _next(self) -> float | None:
        return min((at for at in (super()._next(), self.front.next_timer) if at is not None), default=None)

    def run(self, seconds: float) -> Lab:
        """Let time pass for the SBC too."""
        end = self.now + seconds
        self._carry()
        while (due := self._next()) is not None and due <= end:
            self.now = max(self.now, due)
            for item in [item for item in self._later if item[0] <= self.now]:
                self._later.remove(item)
                item[1]()
            if self.agent is not None:
                self.agent.on_timer(self.now)
            self.front.on_timer(self.now)
            self.stub.core.on_timer(self.now)
            self._carry()
        self.now = max(self.now, end)
        return self

    def _carry(self) -> None:
        while True:
            self._told()
            out = self.agent.to_send() if self.agent is not None else []
            sent, back = self.front.to_send(), self.stub.core.to_send()
            if not (out or sent or back):
                return
            for sending in out:
                self._from_phone(sending.data, sending.hop)
            for sending in sent:
                if (sending.hop.host, sending.hop.port) in FAR:
                    self._pass(False, sending.data)
                else:
                    self._to_phone(sending.data, sending.hop)
            for sending in back:
                self._pass(True, sending.data)

    def _pass(self, is_inbound: bool, data: bytes) -> None:
        """Carry a message between SBC and registrar, recorded at the SBC."""
        inner, far = Endpoint("udp", BEHIND, INNER_PORT), Endpoint("udp", BEHIND, REGISTRAR_PORT)
        self.now += 0.001
        self.packets += 1
        self.recorder.record(is_inbound, inner, far, data, self.now)
        if is_inbound:
            self.front.receive(data, Hop("UDP", BEHIND, REGISTRAR_PORT, INNER), self.now)
        else:
            self.stub.core.receive(data, Hop("UDP", BEHIND, INNER_PORT, 1), self.now)

    def _arrive(self, data: bytes, hop: Hop) -> None:
        local = Endpoint(_WIRE[hop.transport], hop.host, hop.port)
        if local not in self._locals:
            self._locals.append(local)
        port = hop.socket
        if hop.is_reliable:
            port = self._streams.setdefault((hop.transport, hop.host, hop.port), 40_001 + len(self._streams))
        source = Hop(hop.transport, "127.66.1.7", port, self._locals.index(local) + 100)
        self._ways[port] = source
        self._record(True, local, source, data)
        if hop.port == SBC_PORT:
            self.front.receive(data, source, self.now)

    def _to_phone(self, data: bytes, hop: Hop) -> None:
        way = hop if hop.socket else self._ways.get(hop.port, hop)
        if way.socket < 100 or self.agent is None:
            return
        local = self._locals[way.socket - 100]
        self._record(False, local, way, data)
        self.agent.receive(data, Hop(hop.transport, local.host, local.port, 0 if hop.is_reliable else way.port), self.now)


@dataclass(frozen=True)
class Played:
    """What a phone's calls came to."""

    compared: tuple[Compared, ...]
    findings: tuple[Finding, ...]
    lab: SbcLab
    is_done: bool

    @property
    def wrong(self) -> list[str]:
        """Return what differs from its prediction."""
        return [row.line for row in self.compared if row.agrees is False]

    @property
    def failed(self) -> list[str]:
        """Return the rules that failed."""
        return sorted(one.rule for one in self.findings if str(one.verdict) == "FAIL")


def play(
    settings: SbcSettings,
    file: Mapping[str, str],
    names: Sequence[str],
    *,
    disobey: tuple[str, ...] = (),
    model: str = "T46G",
    predicted_by: SbcSettings | None = None,
) -> Played:
    """Register a phone through the SBC, play these scenarios with it, and return what was seen beside what was predicted.

    With `predicted_by` the SBC is not set as those who predict believe.
    """
    lab = SbcLab([a_file(ONE_ACCOUNT, file)], MODELS[model], MAC, disobey, sbc_settings=settings)
    director = Director(lab.stub, token=iter(f"director{number}" for number in range(10**6)).__next__)
    lab.boot().run(15.0)
    assert lab.agent is not None
    lab.agent.answering = Answering.ANSWER
    plan = session_plan(lab.expectations, has_person=True, names=names)
    steps = tuple(step for step in plan.steps if step.accounts == (1,))
    run = director.run(lab.expectations, steps, lab.now)
    end = lab.now + LONGEST_S
    while not run.is_done and lab.now < end:
        lab.run(1.0)
        calls = [call for line in lab.agent.lines for call in line.calls]
        if run.step is not None and "dial" in run.waits_for and not calls:
            lab.agent.call(1, "100", lab.now)
    lab.run(40.0)
    messages = lab.recorder.messages()
    roles = Roles.known(messages, FAR)
    held = tuple(held_on_phone_leg({"it": run.held}, roles)["it"])
    tested = Tested(MAC, lab.expectations.subject.name, model, lab.expectations, "")
    known = Circumstances(frozenset(run.stimuli), boots=tuple(lab.boots), until=lab.now, held=held)
    verified = verify([lab.expectations], phone_leg(messages, FAR), known, now=lab.now)
    believed = lab.stands if predicted_by is None else stand_in(predicted_by)
    through = Through.of(believed.settings, believed.phones, believed.far)
    report = through.judged(verified, [tested], messages, roles, run.held).report.phones[0]
    return Played(report.compared, report.findings, lab, run.is_done)


def disturbed(settings: SbcSettings, file: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return what the rules say of a phone that was asked, refused, left without answers, called and restarted behind the SBC."""
    lab = SbcLab([a_file(ONE_ACCOUNT, file)], MODELS["T46G"], MAC, sbc_settings=settings)
    director = Director(lab.stub, token=iter(f"director{number}" for number in range(10**6)).__next__)
    lab.boot().run(15.0)
    assert lab.agent is not None
    lab.agent.answering = Answering.ANSWER
    run = director.run(lab.expectations, plan_for(lab.expectations, EVERY), lab.now, sees_fetches=True)
    end = lab.now + LONGEST_S
    while not run.is_done and lab.now < end:
        lab.run(1.0)
        if lab.fetches and lab.fetches[-1].at > run.stage.fetched_at:
            run.fetched(lab.fetches[-1].at)
        calls = [] if lab.agent is None else [call for line in lab.agent.lines for call in line.calls]
        if lab.agent is not None and run.step is not None and "dial" in run.waits_for and not calls:
            lab.agent.call(run.step.accounts[0], "100", lab.now)
        for call in calls if "press" in run.waits_for else ():
            call.press("5", lab.now)
    lab.run(40.0)
    known = Circumstances(frozenset(run.stimuli), boots=tuple(lab.boots), fetches=tuple(lab.fetches), until=lab.now)
    verified = verify([lab.expectations], phone_leg(lab.recorder.messages(), FAR), known, now=lab.now)
    return verified.report.phones[0].findings
