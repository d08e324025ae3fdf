"""Which stimuli a phone's file wants, in which order, and how long they take.

The rules are asked: each is given no evidence at all, and what it misses names its stimulus.
"""

from __future__ import annotations

from collections.abc import Collection

from sipstub.stimulus.step import ORDER, Step
from sipstub.transaction.timing import Timing
from sipstub.verify.case import number_of
from sipstub.verify.expectation import Expectations
from sipstub.verify.facts import Facts
from sipstub.verify.finding import Finding
from sipstub.verify.judge import judge
from sipstub.verify.rule import RULES
from sipstub.verify.setting import OFF
from sipstub.verify.stimulus import EVERY, Stimulus
from sipstub.verify.tolerance import TOLERANCE
from sipstub.verify.verdict import Verdict

GRANT_S = 60
"What a phone is granted while stimuli are given to it, so that it comes back soon."
SLACK_S = 5.0
PERSON_S = 120.0
"Time that a person has to dial."
DIGIT_S = 60.0
QUIET_S = 8.0
"In which a digit would show, where the file says that it travels otherwise."
CALL_S = 10.0
"A call, once it is on its way."
REGISTER_S = 180.0
"Time for a phone to register that is not yet."
LONGEST_IDLE_S = 300.0
USUAL_SPACING_S = 30.0
USUAL_TRIES = 3
MORE_TRIES = 2
"Beyond what the file says, until a phone counts as one that never asks its second server."
USUAL_RETRY_S = 30.0
ENOUGH_GAPS = 2
"Pauses of length T2 that are waited for."
LONGEST_PROBE_S = 900.0
"A way back to the first server that takes longer is not waited for."
SECOND_SERVER = "2"
TOGETHER = "together"
WAIT_RULE = "retry-interval"
"Wants a 503, and the wait after it; a file that leaves the factory's wait alone does not bind it."


def plan_for(expectations: Expectations, allowed: Collection[Stimulus] = EVERY) -> tuple[Step, ...]:
    """Return the steps that the rules bound by a phone's file want, in the order in which they are best taken."""
    wanted: dict[Stimulus, tuple[dict[int, None], dict[str, None]]] = {}
    for finding in judge(expectations, Facts(), EVERY):
        if finding.verdict is not Verdict.INCONCLUSIVE:
            continue
        accounts, rules = wanted.setdefault(_stimulus_of(finding, allowed), ({}, {}))
        rules[finding.rule] = None
        if finding.account is not None:
            accounts[finding.account] = None
    if Stimulus.REGISTER not in wanted and wanted:
        wanted[Stimulus.REGISTER] = ({}, {})
    steps = [
        step
        for stimulus in ORDER
        if stimulus in wanted and stimulus in allowed
        for step in _steps(stimulus, expectations, tuple(wanted[stimulus][0]), tuple(wanted[stimulus][1]))
    ]
    return tuple(sorted(steps, key=lambda step: (_place(step), step.accounts if step.wants_person else ())))


def _stimulus_of(finding: Finding, allowed: Collection[Stimulus]) -> Stimulus:
    """Return what makes a setting show: where that is not allowed, what does so too."""
    usual, other = Stimulus(finding.stimulus), RULES[finding.rule].or_stimulus
    return other if other is not None and usual not in allowed and other in allowed else usual


def _place(step: Step) -> int:
    """Return where a step stands: a digit belongs to the call of its account."""
    return ORDER.index(Stimulus.CALL_OUT if step.wants_person else step.stimulus)


def _steps(stimulus: Stimulus, phone: Expectations, accounts: tuple[int, ...], rules: tuple[str, ...]) -> list[Step]:
    enabled = tuple(account for account in accounts if phone.is_enabled(account)) or tuple(phone.enabled)
    usual, limit = _TIMES[stimulus](phone, enabled)
    if stimulus is Stimulus.REFUSE and WAIT_RULE not in rules:
        usual, limit = GRANT_S / 2 + SLACK_S, GRANT_S + SLACK_S
    if stimulus not in (Stimulus.CALL_OUT, Stimulus.CALL_IN, Stimulus.DIGIT):
        return [Step(stimulus, enabled, usual, limit, rules)]
    wants_offer = stimulus is Stimulus.CALL_IN and any(RULES[rule].or_stimulus is stimulus for rule in rules)
    return [Step(stimulus, (account,), usual, limit, rules, wants_offer=wants_offer) for account in enabled]


def _longest(phone: Expectations, accounts: tuple[int, ...], setting: str, usual: float, index: str = "") -> float:
    found = [number_of(phone.text(setting, account, index)) for account in accounts]
    return max((number for number in found if number is not None), default=usual)


def _register(phone: Expectations, accounts: tuple[int, ...]) -> tuple[float, float]:
    usual = GRANT_S + TOLERANCE.absence
    return usual, REGISTER_S + usual + _longest(phone, accounts, "register-delay", 0.0)


def _idle(phone: Expectations, accounts: tuple[int, ...]) -> tuple[float, float]:
    on = tuple(account for account in accounts if phone.text("keepalive", account) != OFF)
    spacing = _longest(phone, on or accounts, "keepalive-interval", USUAL_SPACING_S)
    usual = min(spacing * (TOLERANCE.keepalive_rounds + 1) + SLACK_S, LONGEST_IDLE_S)
    return usual, usual


def _call(phone: Expectations, accounts: tuple[int, ...]) -> tuple[float, float]:
    return CALL_S, PERSON_S


def _call_in(phone: Expectations, accounts: tuple[int, ...]) -> tuple[float, float]:
    return CALL_S, 4 * CALL_S


def _options(phone: Expectations, accounts: tuple[int, ...]) -> tuple[float, float]:
    return SLACK_S, 4 * CALL_S


def _digit(phone: Expectations, accounts: tuple[int, ...]) -> tuple[float, float]:
    return QUIET_S, DIGIT_S


def _refuse(phone: Expectations, accounts: tuple[int, ...]) -> tuple[float, float]:
    wait = _longest(phone, accounts, "retry-interval", USUAL_RETRY_S)
    return GRANT_S / 2 + wait + SLACK_S, GRANT_S + wait + TOLERANCE.retry(wait) + SLACK_S


def asks_in_turn(phone: Expectations, account: int) -> bool:
    """Return whether an account has a second server and asks it only when the first has failed."""
    return bool(phone.text("server-address", account, SECOND_SERVER)) and phone.text("server-order", account) != TOGETHER


def probe_s(phone: Expectations, account: int) -> float:
    """Return how long to wait for such an account to try its first server again; 0 if nothing is said of that."""
    found = number_of(phone.text("server-probe", account)) if asks_in_turn(phone, account) else None
    return min(found + TOLERANCE.retry(found) + SLACK_S, LONGEST_PROBE_S) if found else 0.0


def silence_s(phone: Expectations, account: int) -> float:
    """Return how long a phone has to be left without an answer: until its pauses have grown to T2, or it asks another server."""
    usual = Timing()
    t1 = number_of(phone.text("timer-t1", account)) or usual.t1_s
    timing = Timing(t1, max(t1, number_of(phone.text("timer-t2", account)) or usual.t2_s))
    if asks_in_turn(phone, account):
        tries = number_of(phone.text("retry-count", account)) or USUAL_TRIES
        wait = number_of(phone.text("retry-interval", account)) or USUAL_RETRY_S
        return (tries + MORE_TRIES) * (timing.timeout_s + wait) + SLACK_S  # it ends as soon as the second server is asked
    grown, pause = 0.0, timing.t1_s
    while pause < timing.t2_s:
        grown += pause
        pause = timing.after(pause)
    return min(grown + ENOUGH_GAPS * timing.t2_s + SLACK_S, timing.timeout_s + SLACK_S)


def _usual_silence_s(phone: Expectations, account: int) -> float:
    """Return how long it takes a phone that does what its file says, where the next try follows a silent one at once."""
    if not asks_in_turn(phone, account):
        return silence_s(phone, account)
    tries = number_of(phone.text("retry-count", account)) or USUAL_TRIES
    t1 = number_of(phone.text("timer-t1", account)) or Timing().t1_s
    return tries * 64 * t1 + probe_s(phone, account)


def _silence(phone: Expectations, accounts: tuple[int, ...]) -> tuple[float, float]:
    longest = max((silence_s(phone, account) + probe_s(phone, account) for account in accounts), default=0.0)
    wait = _longest(phone, accounts, "retry-interval", USUAL_RETRY_S)
    usual = max((_usual_silence_s(phone, account) for account in accounts), default=0.0)
    return GRANT_S / 2 + usual, GRANT_S + longest + wait + SLACK_S


def _check_sync(phone: Expectations, accounts: tuple[int, ...]) -> tuple[float, float]:
    is_restart = phone.text("check-sync") == "always"
    return (TOLERANCE.reboot / 2, TOLERANCE.reboot + SLACK_S) if is_restart else (SLACK_S, TOLERANCE.resync + SLACK_S)


def _boot(phone: Expectations, accounts: tuple[int, ...]) -> tuple[float, float]:
    delay = _longest(phone, accounts, "register-delay", 0.0)
    return TOLERANCE.reboot / 2 + delay, TOLERANCE.reboot + delay + SLACK_S


_TIMES = {
    Stimulus.REGISTER: _register,
    Stimulus.IDLE: _idle,
    Stimulus.CALL_IN: _call_in,
    Stimulus.CALL_OUT: _call,
    Stimulus.DIGIT: _digit,
    Stimulus.OPTIONS: _options,
    Stimulus.BOOT: _boot,
    Stimulus.REFUSE: _refuse,
    Stimulus.SILENCE: _silence,
    Stimulus.CHECK_SYNC: _check_sync,
}
