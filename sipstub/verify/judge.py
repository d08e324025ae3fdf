"""From expectations and facts to findings: each rule that the file binds, asked once per account.

Rules see nothing but their case.  What is done here for all of them: a rule from recall never fails, a factory value that
no file names is information, what was not seen for want of a stimulus is skipped, secrets are masked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from sipstub.verify.assignment import Assignment, assign
from sipstub.verify.case import FIRST_SERVER, Case
from sipstub.verify.expectation import Expectation, Expectations
from sipstub.verify.facts import Facts
from sipstub.verify.finding import Finding, Outcome
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import Rule
from sipstub.verify.rules import RULES
from sipstub.verify.stimulus import PASSIVE, Stimulus
from sipstub.verify.tolerance import TOLERANCE, Tolerance
from sipstub.verify.verdict import Certainty, Verdict

MAX_FINDINGS = 5_000
"Of one phone."
MANY = 3
"So many values that are all the factory's mean that the phone took nothing."

UNTOUCHED = "the phone has factory values only: it did not take its file; look whether it fetched it"
FACTORY = "the phone has its factory value: it did not take this line"
KEPT = "the phone kept a value that it had before, or was changed by hand"
NOT_RESET = "the phone kept its value: the reset was not taken"


def judge(
    expectations: Expectations,
    facts: Facts,
    stimuli: Collection[Stimulus] = PASSIVE,
    *,
    tolerance: Tolerance = TOLERANCE,
    is_factory_reset: bool = False,
) -> tuple[Finding, ...]:
    """Return a finding for each rule and account that the file binds, in the order of accounts and rules.

    `is_factory_reset` says that the phone was reset before it took its file: then factory values count like written ones.
    """
    assignment = assign(facts, expectations)
    found: list[Finding] = []
    for rule, expectation in _questions(expectations):
        case = Case(expectation, expectations, facts, assignment.of(expectation.account), assignment, tolerance)
        outcome = rule.check(case)
        if outcome is None:
            continue
        verdict = _verdict(rule, expectation, outcome, stimuli, is_factory_reset=is_factory_reset)
        if verdict is not None and len(found) < MAX_FINDINGS:
            found.append(_finding(rule, expectation, outcome, verdict, facts, assignment))
    found = _explained(found, expectations)
    return tuple(finding.masked(expectations.secrets) for finding in found)


def _questions(expectations: Expectations) -> Iterator[tuple[Rule, Expectation]]:
    enabled = set(expectations.enabled)
    for rule in RULES.values():
        if rule.is_per_phone:
            for expectation in expectations.all(rule.setting)[: None if rule.is_per_index else 1]:
                yield rule, expectation
    for account in expectations.accounts:
        for rule in RULES.values():
            if rule.is_per_phone or (rule.wants_registered and account not in enabled):
                continue
            found = sorted(expectations.all(rule.setting, account), key=lambda item: item.index)
            for expectation in found[: None if rule.is_per_index else 1]:
                yield rule, _of_account(expectation, account)


def _of_account(expectation: Expectation, account: int) -> Expectation:
    return expectation if expectation.account == account else replace(expectation, account=account)


def _verdict(
    rule: Rule, expectation: Expectation, outcome: Outcome, stimuli: Collection[Stimulus], *, is_factory_reset: bool
) -> Verdict | None:
    """Return the verdict after what is the same for all rules; None where there is nothing to tell."""
    verdict = outcome.verdict
    is_unasked = rule.stimulus is Stimulus.SESSION and Stimulus.SESSION not in stimuli
    if is_unasked and verdict in (Verdict.INCONCLUSIVE, Verdict.SKIPPED):
        return None  # such calls take minutes; nobody asked for them, so nobody misses them
    if verdict is Verdict.INCONCLUSIVE and stimulus_of(rule, expectation) not in stimuli and rule.or_stimulus not in stimuli:
        verdict = Verdict.SKIPPED
    if verdict is Verdict.FAIL and rule.certainty is Certainty.RECALL:
        verdict = Verdict.WARN
    if expectation.is_default and not is_factory_reset:
        return Verdict.INFO if verdict in (Verdict.PASS, Verdict.FAIL, Verdict.WARN, Verdict.INFO) else None
    return verdict


def stimulus_of(rule: Rule, expectation: Expectation) -> Stimulus:
    """Return what makes the setting show: a server behind the first shows when those before it are silent."""
    is_spare = rule.is_per_index and not rule.is_per_phone and expectation.index not in ("", FIRST_SERVER)
    return Stimulus.SILENCE if is_spare else rule.stimulus


def _finding(
    rule: Rule, expectation: Expectation, outcome: Outcome, verdict: Verdict, facts: Facts, assignment: Assignment
) -> Finding:
    evidence = outcome.evidence
    seen = outcome.seen
    if verdict is Verdict.SKIPPED and outcome.verdict is Verdict.INCONCLUSIVE:
        other = f" or {rule.or_stimulus}" if rule.or_stimulus is not None else ""
        seen = f"{seen}: wants {stimulus_of(rule, expectation)}{other}"
    return Finding(
        rule.name,
        verdict,
        expectation.shown if outcome.expected is None else outcome.expected,
        expectation.place,
        seen,
        expectation.parameter,
        value_is_secret=expectation.is_secret,
        account=expectation.account,
        index=expectation.index if rule.is_per_index else "",
        number=evidence.number if evidence is not None else 0,
        at=evidence.at if evidence is not None else 0.0,
        label=str(getattr(evidence, "label", "")) if evidence is not None else "",
        note=outcome.note,
        likely=outcome.likely,
        retries=_retries(evidence, facts) if isinstance(evidence, RequestFact) else 0,
        source=rule.source,
        certainty=str(rule.certainty),
        stimulus=str(stimulus_of(rule, expectation)),
        row=", ".join(str(row) for row in rule.rows),
    )


def _retries(evidence: RequestFact, facts: Facts) -> int:
    """Return how often the message was sent again, and tried anew after no answer at all or a refusal."""
    again = len(evidence.copies)
    for other in facts.requests:
        same = other.method == evidence.method and other.user == evidence.user and other.call_id == evidence.call_id
        if same and other.number < evidence.number and (other.final is None or other.status >= 500):
            again += 1
    return again


def _explained(found: list[Finding], expectations: Expectations) -> list[Finding]:
    """Return the findings, each FAIL and WARN with a likely cause where its values tell one."""
    by_key = {(item.parameter, item.account): item for item in expectations.items}
    by_key |= {(item.parameter, None): item for item in expectations.items}
    bad = [finding for finding in found if finding.verdict is Verdict.FAIL]
    untouched = {id(finding) for finding in bad if _is_factory(finding, by_key)}
    took_nothing = len(untouched) >= MANY and len(untouched) == len(bad)
    explained = []
    for finding in found:
        likely = finding.likely
        item = by_key.get((finding.parameter, finding.account)) or by_key.get((finding.parameter, None))
        if finding.verdict is Verdict.FAIL and not likely:
            is_factory = id(finding) in untouched
            likely = UNTOUCHED if took_nothing else FACTORY if is_factory else KEPT
            if item is not None and item.is_reset:
                likely = NOT_RESET
        explained.append(replace(finding, likely=likely))
    return explained


def _is_factory(finding: Finding, by_key: dict[tuple[str, int | None], Expectation]) -> bool:
    item = by_key.get((finding.parameter, finding.account)) or by_key.get((finding.parameter, None))
    return item is not None and item.factory is not None and item.factory != "" and finding.seen == item.factory
