"""The rule about NOTIFY check-sync."""

from __future__ import annotations

from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, passed, unseen
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

EVENT = "check-sync"


@rule("check-sync", row=88, source="guide", certainty=Certainty.STATED, stimulus=Stimulus.CHECK_SYNC, is_per_phone=True)
def check_sync(case: Case) -> Outcome:
    """NOTIFY check-sync makes the phone restart, fetch its files quietly, or do nothing at all."""
    asked = [request for request in case.facts.received if request.method == "NOTIFY" and request.event == EVENT]
    wants_reboot = bool(asked) and "reboot=true" in (asked[-1].value("event") or "").lower().replace(" ", "")
    reboots = case.value == "always" or (case.value == "on-request" and wants_reboot)
    expected = "restart" if reboots else "nothing" if case.value == "never" else "fetch without a restart"
    if not asked:
        return unseen("no NOTIFY check-sync was sent", expected=expected)
    notify = asked[-1]
    watched = case.watched_s(notify.at)
    restart = _restarted_at(case, notify)
    limit = notify.at + case.tolerance.resync
    fetch = next((fetch for fetch in case.facts.fetches if notify.at <= fetch.at <= limit), None)
    if restart is not None:
        return (passed if reboots else failed)(f"restart after {restart - notify.at:.0f} s", notify, expected=expected)
    if reboots:
        if watched < case.tolerance.reboot:
            return unseen(f"no restart yet, watched for {watched:.0f} s only", expected=expected)
        return failed("fetch without a restart" if fetch is not None else "nothing", notify, expected=expected)
    if fetch is not None:
        return (failed if case.value == "never" else passed)("fetch without a restart", notify, expected=expected)
    if not case.facts.sees_fetches:
        return unseen("requests for files were not watched", expected=expected)
    if watched < case.tolerance.resync:
        return unseen(f"watched for {watched:.0f} s only", expected=expected)
    return (passed if case.value == "never" else failed)("nothing", notify, expected=expected)


def _restarted_at(case: Case, notify: RequestFact) -> float | None:
    """Return when the phone started after the NOTIFY: it was seen to, or it registers under a new Call-ID."""
    limit = notify.at + case.tolerance.reboot
    known = {request.call_id for request in case.facts.registers if request.at < notify.at}
    signs = [at for at in case.facts.boots if notify.at <= at <= limit]
    if known:
        signs += [
            request.at for request in case.facts.registers if notify.at <= request.at <= limit and request.call_id not in known
        ]
    return min(signs, default=None)
