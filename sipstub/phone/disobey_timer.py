"""Phones that keep session timers wrongly: each changes one behaviour; rules have to catch it without knowing its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sipstub.phone.agent.conduct import Conduct
from sipstub.phone.mutant import Mutant
from sipstub.session_timer.header import NOTHING, TimerHeaders
from sipstub.session_timer.reply import Reply, TimerRefusal
from sipstub.session_timer.setting import LEAST_S, UAC, UAS, RefreshMethod, TimerSettings
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request

SHORT_S = 30
"An interval that nobody should ask for."
LOWERED_S = 60
"Under the minimum of RFC 4028 section 4, and long enough to be taken."
STRANGE = "me"
"No word for a refresher."
LEEWAY_S = 30.0
"How much too late a late one is."
_ENABLE, _EXPIRES, _REFRESHER = (f"account.X.session_timer.{name}" for name in ("enable", "expires", "refresher"))
_PHONE = {
    "account.1.session_timer.enable": "1",
    "account.1.session_timer.expires": "1800",
    "account.1.session_timer.refresher": "0",
}
_SERVER = {**_PHONE, "account.1.session_timer.refresher": "1"}
_OTHER = {UAC: UAS, UAS: UAC}


def _does(**changes: Any) -> Callable[[Conduct], Conduct]:
    return lambda conduct: replace(conduct, timer=replace(conduct.timer, **changes))


def _wants(**changes: Any) -> Callable[[Conduct], Conduct]:
    def settings(told: TimerSettings) -> TimerSettings:
        return replace(told, **changes)

    return _does(settings=settings)


def _by_reinvite(told: TimerSettings) -> TimerSettings:
    return replace(told, method=RefreshMethod.REINVITE)


def _said(**changes: Any) -> Callable[[TimerHeaders], TimerHeaders]:
    return lambda headers: replace(headers, **changes)


def _says(place: str, **changes: Any) -> Callable[[Conduct], Conduct]:
    return _does(**{place: _said(**changes)})


def _turned(headers: TimerHeaders) -> TimerHeaders:
    return replace(headers, refresher=_OTHER.get(headers.refresher or "", UAC))


def _doubled(headers: TimerHeaders) -> TimerHeaders:
    return replace(headers, expires_s=(headers.expires_s or 0) * 2)


def _agrees(change: Callable[[TimerHeaders], TimerHeaders], *methods: str) -> Callable[[Conduct], Conduct]:
    """Return the conduct of a phone whose 2xx says something else, and which keeps to what it says."""

    def reply(request: Request, due: Reply) -> Reply:
        return due if methods and request.method not in methods else _agreed(due, change)

    return _does(reply=reply)


def _agreed(due: Reply, change: Callable[[TimerHeaders], TimerHeaders]) -> Reply:
    if due.interval_s is None:
        return due
    headers = change(due.headers)
    is_refresher = due.is_refresher if headers.refresher is None else headers.refresher == UAS
    return replace(due, headers=headers, interval_s=headers.expires_s, is_refresher=is_refresher)


def _strange(request: Request, due: Reply) -> Reply:
    """Return what nobody can read, so that nobody keeps a timer."""
    if due.interval_s is None:
        return due
    return replace(due, headers=replace(due.headers, refresher=STRANGE), interval_s=None, is_refresher=False)


def _turned_if_asked(request: Request, due: Reply) -> Reply:
    asked = request.session_expires
    return _agreed(due, _turned) if asked is not None and asked.refresher else due


def _deaf_to_swaps(request: Request, due: Reply) -> Reply:
    return replace(due, is_refresher=False) if request.method == "UPDATE" else due


def _refuses_with(*headers: tuple[str, object]) -> Callable[[Conduct], Conduct]:
    def refusal(due: TimerRefusal) -> TimerRefusal:
        return replace(due, headers=headers) if due.status == 422 else due

    return _does(refusal=refusal)


def _under(name: str, change: Callable[[str], object]) -> Callable[[Conduct], Conduct]:
    def written(request: Request) -> None:
        request.headers.set(name, change(request.headers.get(name) or ""))

    return _does(refresh_request=written)


def _number_before(text: str) -> CSeq:
    found = CSeq.parse(text)
    return CSeq(max(0, found.number - 1), found.method)


def _mutant(
    name: str, summary: str, conduct: Callable[[Conduct], Conduct], parameter: str = "", *, is_server: bool = False
) -> Mutant:
    return Mutant(f"session-{name}", summary, parameter, "session", _SERVER if is_server else _PHONE, conduct=conduct)


TIMER_MUTANTS = (
    # calls of the phone
    _mutant("offer-untagged", "asks for a timer without `timer` in Supported", _does(is_offer_tagged=False), _ENABLE),
    _mutant("offer-30", "asks for 30 s whatever its file says", _says("offer", expires_s=SHORT_S), _EXPIRES),
    _mutant("offer-doubled", "asks for twice the interval of its file", _does(offer=_doubled), _EXPIRES),
    _mutant("offer-turned", "asks the other side to refresh", _does(offer=_turned), _REFRESHER),
    _mutant("offer-open", "leaves the refresher open when it calls",
            _does(offer=_said(refresher=None), retry=_said(refresher=None)), _REFRESHER),
    _mutant("offer-word", "asks with a refresher that is neither uac nor uas", _says("offer", refresher=STRANGE)),
    _mutant("offer-low-min-se", "asks with a Min-SE of 30", _says("offer", min_se_s=SHORT_S)),
    _mutant("offer-high-min-se", "asks with a Min-SE above its interval", _says("offer", min_se_s=4000)),
    # 422
    _mutant("ignores-422", "gives up after 422", _does(tries_again=False)),
    _mutant("retry-not-raised", "asks for the same interval again after 422", _says("retry", expires_s=1800)),
    _mutant("retry-without-min-se", "leaves Min-SE out after 422", _says("retry", min_se_s=None)),
    _mutant("retry-low-min-se", "says a Min-SE of 90 after 422 whatever that wants", _says("retry", min_se_s=LEAST_S)),
    _mutant("retry-without-interval", "leaves Session-Expires out after 422", _does(retry=lambda headers: NOTHING)),
    _mutant("retry-old-cseq", "calls again after 422 with the CSeq of before", _does(retry_raises_cseq=False)),
    _mutant("retry-new-call-id", "calls again after 422 under another Call-ID", _does(retry_keeps_call_id=False)),
    _mutant("422-without-min-se", "refuses a short interval without Min-SE", _refuses_with()),
    _mutant("422-low-min-se", "refuses a short interval with a Min-SE of 60", _refuses_with(("Min-SE", LOWERED_S))),
    # what it answers
    _mutant("answer-without-interval", "takes calls without Session-Expires although its timer is on",
            _agrees(lambda headers: replace(headers, expires_s=None, refresher=None, is_required=False), "INVITE"), _ENABLE),
    _mutant("answer-not-required", "answers without Require: timer", _agrees(_said(is_required=False))),
    _mutant("answer-raised", "answers with twice the interval that was asked for", _agrees(_doubled)),
    _mutant("answer-lowered", "answers with 60 s", _agrees(_said(expires_s=LOWERED_S))),
    _mutant("answer-turned", "answers with the other refresher than was asked for",
            _does(reply=_turned_if_asked)),
    _mutant("answer-without-refresher", "answers without a refresher", _agrees(_said(refresher=None))),
    _mutant("answer-word", "answers with a refresher that is neither uac nor uas", _does(reply=_strange)),
    _mutant("answer-with-min-se", "writes Min-SE into its 200", _agrees(_said(min_se_s=LEAST_S))),
    _mutant("answer-open-turned", "leaves the refreshing to the caller although its file says itself",
            _wants(answer_refresher=UAC), _REFRESHER),
    _mutant("answer-update-without-interval", "answers UPDATE without Session-Expires",
            _agrees(lambda headers: replace(headers, expires_s=None, refresher=None, is_required=False), "UPDATE")),
    _mutant("refuses-update", "answers a refresh by UPDATE with 488", _does(refuses={"UPDATE": 488})),
    _mutant("refuses-reinvite", "answers a refresh by re-INVITE with 488", _does(refuses={"INVITE": 488})),
    _mutant("changes-origin", "counts its o= line up although nothing changes", _does(keeps_origin=False)),
    _mutant("deaf-to-swap", "agrees to refresh from now on, and does not", _does(reply=_deaf_to_swaps)),
    # its refreshes
    _mutant("no-refresh", "does not refresh", _does(max_refreshes=0)),
    _mutant("one-refresh", "stops after its first refresh", _does(max_refreshes=1)),
    _mutant("refresh-late", "refreshes at nine tenths of the interval", _wants(refresh_share=0.9)),
    _mutant("refresh-past-end", "refreshes two seconds after the end",
            _does(past_end_s=2.0)),
    _mutant("refresh-early", "refreshes at a fifth of the interval", _wants(refresh_share=0.2)),
    _mutant("refresh-unasked", "refreshes although the other side does", _does(refreshes_unasked=True), _REFRESHER),
    _mutant("refresh-by-reinvite", "refreshes by re-INVITE", _does(settings=_by_reinvite)),
    _mutant("refresh-new-origin", "refreshes by re-INVITE with another o= line",
            _does(settings=_by_reinvite, refresh_keeps_origin=False)),
    _mutant("refresh-bare-reinvite", "refreshes by re-INVITE without SDP",
            _does(settings=_by_reinvite, has_reinvite_body=False)),
    _mutant("refresh-with-body", "puts SDP into UPDATE", _does(has_update_body=True)),
    _mutant("refresh-other-interval", "asks for twice the interval when it refreshes", _does(refresh=_doubled)),
    _mutant("refresh-without-interval", "refreshes without Session-Expires", _says("refresh", expires_s=None)),
    _mutant("refresh-turned", "names the other side as refresher when it refreshes", _does(refresh=_turned)),
    _mutant("refresh-without-refresher", "names no refresher when it refreshes", _says("refresh", refresher=None)),
    _mutant("refresh-word", "refreshes with a refresher that is neither uac nor uas", _says("refresh", refresher=STRANGE)),
    _mutant("refresh-untagged", "refreshes without `timer` in Supported", _says("refresh", is_supported=False)),
    _mutant("refresh-other-call-id", "refreshes outside of the dialog", _under("Call-ID", lambda text: f"x{text}")),
    _mutant("refresh-other-tag", "refreshes under another tag", _under("From", lambda text: f"{text}0")),
    _mutant("refresh-old-cseq", "refreshes without a higher CSeq", _under("CSeq", _number_before)),
    # ends
    _mutant("never-ends", "keeps a call that nobody refreshes", _does(ends_in_time=False)),
    _mutant("ends-late", "ends a call that nobody refreshes too late", _does(grace_s=32.0 + LEEWAY_S)),
    _mutant("ends-at-once", "ends a call at a quarter of the interval", _does(ends_at_share=0.25)),
    _mutant("counts-no-refresh", "ends a call that is refreshed", _does(counts_refreshes=False)),
    _mutant("ends-lonely", "ends a call that has no timer", _does(lonely_s=LOWERED_S)),
    _mutant("ends-on-500", "ends a call whose refresh gets 500", _does(ends_on=frozenset({500}))),
    _mutant("ends-on-491", "ends a call whose refresh gets 491", _does(ends_on=frozenset({491}))),
    _mutant("no-second-try", "does not refresh again after 491", _does(deaf_to=frozenset({491}))),
    _mutant("insists", "sends a refused refresh again every second", _does(insists_s=1.0)),
    _mutant("deaf-to-481", "keeps a call whose refresh gets 481", _does(deaf_to=frozenset({481}))),
    _mutant("deaf-to-timeout", "keeps a call whose refresh gets 408, or no answer", _does(deaf_to=frozenset({408}))),
)  # fmt: skip
"In the order of a call."
