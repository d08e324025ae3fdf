"""A phone in simulated time that a director leads through its plan; somebody at the phone does what the plan waits for."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping

from full_file import MAC, MODELS, a_file
from wire_lab import Lab

from sipstub.media.place import NO_MEDIA, MediaPlace
from sipstub.stimulus.director import Director
from sipstub.stimulus.plan import plan_for
from sipstub.stimulus.run import Run
from sipstub.verify.finding import Finding
from sipstub.verify.judge import judge
from sipstub.verify.stimulus import EVERY, Stimulus
from sipstub.verify.verdict import Verdict

RICH = {
    "sip.reg_surge_prevention": "10",
    "account.1.unregister_on_reboot": "1",
    "account.1.100rel_enable": "1",
    "account.1.srtp_encryption": "2",
    "account.1.register_mac": "1",
    "account.1.enable_user_equal_phone": "1",
}
"On top of the full file."
SECOND = {
    "account.2.enable": "1",
    "account.2.user_name": "1002",
    "account.2.password": "secret-1002",
    "account.2.display_name": "Back Desk",
    "account.2.sip_server.1.address": "127.0.0.2",
    "account.2.sip_server.1.port": "5060",
    "account.2.sip_server.1.transport_type": "0",
    "account.2.sip_server.1.expires": "600",
    "account.2.reg_fail_retry_interval": "20",
    "account.2.dtmf.type": "1",
}
"An account with one server."
STREAMS = {"udp": ("0", "5060"), "tcp": ("1", "5060"), "tls": ("2", "5061")}
LONGEST_S = 3_000
AT_REST_S = 40.0
"Longer than 64 * T1: by then nothing of a call or a request is kept."


class Desk:
    """One phone, its stub, the director, and a person who dials and presses keys when told to."""

    def __init__(
        self,
        *changes: Mapping[str, str],
        model: str = "T46G",
        transport: str = "udp",
        disobey: tuple[str, ...] = (),
        has_person: bool = True,
        media: MediaPlace = NO_MEDIA,
    ) -> None:
        kind, port = STREAMS[transport]
        over = {
            f"account.1.sip_server.{number}.{name}": value
            for number in (1, 2)
            for name, value in (("transport_type", kind), ("port", port))
        }
        self.lab = Lab([a_file(RICH, over, *changes)], MODELS[model], MAC, disobey)
        tokens = itertools.count(1)
        self.director = Director(self.lab.stub, token=lambda: f"director{next(tokens)}", key=lambda: "k" * 40, media=media)
        self.has_person = has_person
        self.said: list[str] = []
        "What the run waited for, each once in a row."

    @property
    def now(self) -> float:
        return self.lab.now

    def aor(self, account: int = 1) -> str:
        return self.director.aor(self.lab.expectations.text("user-name", account))

    def boot(self, seconds: float = 15.0) -> Desk:
        """Switch the phone on and let it register."""
        self.lab.boot().run(seconds)
        return self

    def begin(self, allowed: Collection[Stimulus] = EVERY, *, may_restart: bool = False) -> Run:
        steps = plan_for(self.lab.expectations, allowed)
        return self.director.run(self.lab.expectations, steps, self.now, may_restart=may_restart, sees_fetches=True)

    def finish(self, run: Run) -> Run:
        """Go on until the run has ended."""
        end = self.now + LONGEST_S
        while not run.is_done:
            assert self.now < end, f"it still waits: {run.step} {run.waits_for}"
            self.second(run)
        self.lab.run(3.0)
        return run

    def until(self, run: Run, stimulus: Stimulus) -> Run:
        """Go on until that step is under way."""
        end = self.now + LONGEST_S
        while run.step is None or run.step.stimulus is not stimulus:
            assert not run.is_done and self.now < end
            self.second(run)
        return run

    def second(self, run: Run) -> None:
        """Let a second pass, and the person do what is waited for."""
        self.lab.run(1.0)
        lab = self.lab
        if lab.fetches and lab.fetches[-1].at > run.stage.fetched_at:
            run.fetched(lab.fetches[-1].at)
        if run.waits_for and self.said[-1:] != [run.waits_for]:
            self.said.append(run.waits_for)
        if not self.has_person or lab.agent is None or run.step is None:
            return
        calls = [call for line in lab.agent.lines for call in line.calls]
        if "dial" in run.waits_for and not calls:
            lab.agent.call(run.step.accounts[0], "100", self.now)
        if "press" in run.waits_for:
            for call in calls:
                call.press("5", self.now)

    def findings(self, run: Run) -> tuple[Finding, ...]:
        return judge(self.lab.expectations, self.lab.facts(), run.stimuli)

    @property
    def is_as_before(self) -> bool:
        """Return whether nothing is left of what was done."""
        director = self.director
        return (
            director.gate.is_idle
            and self.lab.stub.core.gate is None
            and not self.lab.stub.registrar.exceptions
            and not director.calls.open
            and not director.runs
        )


def odd(findings: Iterable[Finding]) -> dict[str, str]:
    """Return the rules that neither passed nor just informed, and what they saw."""
    return {
        f"{finding.rule} {finding.account or ''}".strip(): f"{finding.verdict}: {finding.seen}"
        for finding in findings
        if finding.verdict not in (Verdict.PASS, Verdict.INFO)
    }


def but(found: Mapping[str, str], allowed: Mapping[str, str]) -> dict[str, str]:
    """Return what is odd and not allowed, by the name of the rule, or by that and the account."""
    return {rule: seen for rule, seen in found.items() if rule not in allowed and rule.split()[0] not in allowed}
