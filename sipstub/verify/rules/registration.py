"""Rules about the life of a binding."""

from __future__ import annotations

from sipstub.verify.case import FIRST_SERVER, Case
from sipstub.verify.finding import Outcome, failed, noted, passed, skipped, unseen, warned
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

MAX_DELAY = 3600.0
"A REGISTER so long after a start is no part of it."
UNLIKELY = 0.001
"A chance below this is taken for no chance."


@rule("register-expiry", row=11, source="RFC 3261 section 10.2.1.1; guide", certainty=Certainty.STATED, is_per_index=True)
def register_expiry(case: Case) -> Outcome:
    """A REGISTER asks for this period; a longer one only after 423 said so."""
    wanted = case.number
    least = 0

    def read(request: RequestFact) -> str | None:
        nonlocal least
        asked, before = request.asked_s, least
        for answer in request.answers:
            if answer.status == 423 and answer.min_expires_s is not None:
                least = max(least, answer.min_expires_s)
        if not request.contacts:
            return None
        if asked is not None and wanted is not None and wanted < before <= asked:
            return None  # raised because the registrar wants more: RFC 3261 section 10.2.8
        return "no Expires" if asked is None else str(asked)

    index = case.expectation.index or FIRST_SERVER
    what = "REGISTER" if index == FIRST_SERVER else f"REGISTER to server {index}"
    return case.every(case.of_server(case.bindings, index), read, case.value, what=what)


@rule("register-refresh", setting="register-expiry", row=11, source="RFC 3261 section 10.2.4", certainty=Certainty.STATED)
def register_refresh(case: Case) -> Outcome:
    """A binding is refreshed before the time that was granted runs out."""
    expected = "refresh before expiry"
    registers = case.of_server(case.registers, FIRST_SERVER)
    good: Outcome | None = None
    for at, request in enumerate(registers):
        final = request.final
        if final is None or not 200 <= final.status < 300 or request.is_removal or not final.granted_s:
            continue
        granted = final.granted_s
        following = next((later for later in registers[at + 1 :] if later.at > final.at), None)
        if following is None and case.watched_s(final.at) <= granted + case.tolerance.edge_s:
            continue
        if following is None:
            return failed(f"no refresh within the {granted} s granted", request, expected=expected)
        after = following.at - final.at
        if after >= granted + case.tolerance.edge_s:
            return failed(f"refresh after {after:.0f} s of {granted} s", following, expected=expected)
        good = passed(f"refresh after {after:.0f} s of {granted} s", following, expected=expected)
    return good or unseen("no binding watched until its refresh", expected=expected)


def started_at(case: Case) -> float | None:
    """Return when the phone last started before it registered; None if nobody saw it."""
    starts = [*case.facts.boots, *(fetch.at for fetch in case.facts.fetches if fetch.is_boot)]
    first = [at for at in starts if any(request.at >= at for request in case.registers)]
    return max(first, default=None)


def _delays(case: Case) -> list[tuple[float, RequestFact]]:
    """Return for each start that was seen how long the first REGISTER came after the last file, and that REGISTER."""
    found: dict[int, tuple[float, RequestFact]] = {}
    starts = sorted(case.facts.boots or [fetch.at for fetch in case.facts.fetches if fetch.is_boot])
    for start in starts:
        request = next((request for request in case.registers if request.at >= start), None)
        if request is None or request.at - start > MAX_DELAY:
            continue
        files = [fetch.at for fetch in case.facts.fetches if start <= fetch.at <= request.at]
        found[request.number] = (request.at - max(files, default=start), request)
    return list(found.values())


@rule(
    "register-delay",
    row=24,
    source="guide; how long a start takes is not written anywhere",
    certainty=Certainty.STATED,
    stimulus=Stimulus.BOOT,
)
def register_delay(case: Case) -> Outcome:
    """After a start the first REGISTER comes within this wait, and what a start takes; not at once each time."""
    limit = case.number
    if limit is None:
        return skipped("not a number")
    expected = f"within {limit:g} s"
    delays = _delays(case)
    if not delays:
        return unseen("no start seen", expected=expected)
    late = next((found for found in delays if found[0] > limit + case.tolerance.boot), None)
    if late is not None:
        return warned(f"after {late[0]:.1f} s", late[1], expected=expected)
    longest, request = max(delays, key=lambda found: found[0])
    # A wait that is drawn anew at each start is hardly short each time.
    if limit > 0 and (longest / limit) ** len(delays) < UNLIKELY:
        return warned(f"{longest:.1f} s at most after each of {len(delays)} starts", request, expected=expected)
    return passed(f"after {longest:.1f} s", request, expected=expected)


def _first(case: Case, since: float) -> RequestFact:
    return next((request for request in case.registers if request.at >= since), case.registers[-1])


@rule(
    "unregister-on-boot",
    row=25,
    source="guide; the form on the wire follows from RFC 3261 section 10.2.2",
    certainty=Certainty.STATED,
    stimulus=Stimulus.BOOT,
)
def unregister_on_boot(case: Case) -> Outcome:
    """After a start the first REGISTER removes bindings, and a normal one follows; only where it is on."""
    expected = "Expires: 0 first" if case.is_on else "no Expires: 0 first"
    start = started_at(case)
    if start is None:
        return unseen("no start seen", expected=expected)
    request = _first(case, start)
    if request.at - start > MAX_DELAY:
        return unseen("no REGISTER after the start", expected=expected)
    seen = "Expires: 0 first" if request.is_removal else f"Expires: {request.asked_s} first"
    if request.is_removal == case.is_on:
        return passed(seen, request, expected=expected)
    return (failed if case.is_on else warned)(seen, request, expected=expected)


@rule("session-timer-register", setting="session-timer", row=39, source="RFC 4028 section 7.1", certainty=Certainty.INFERRED)
def session_timer_register(case: Case) -> Outcome | None:
    """Whether REGISTER names `timer`: for information, since these phones send no Supported there."""
    found = next((request for request in case.bindings if "timer" in request.supported), None)
    if found is None:
        return None
    return noted("timer in Supported of REGISTER", found, expected="judged on INVITE")
