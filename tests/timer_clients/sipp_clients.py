"""Every SIPp client: the scenario of the stub that it is led through, what it does, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sipp_script import (
    OFFER,
    TIMER,
    answered,
    called,
    calls,
    hangs_up,
    refreshes,
    refused,
    refuses_call,
    speaks_later,
    stays,
    takes,
    wait,
)

HALF_S, LATE_S, VAIN_S = 45.0, 75.0, 62.0


@dataclass(frozen=True)
class SippClient:
    """One process, one call."""

    name: str
    what: str
    scenario: str
    script: tuple[str, ...]
    bad: dict[str, tuple[str, str]] = field(default_factory=dict)
    "By rule: each FAIL and WARN, with a part of what was seen; there may be no other."
    good: tuple[str, ...] = ()
    "Rules that pass."
    refresher: str = "uac"
    "Of the file."

    @property
    def dials(self) -> bool:
        """Whether it is the caller."""
        return self.scenario in CALLERS


CALLERS = frozenset({"offer", "offer-refused", "refreshes-as-caller", "silent-as-caller", "peer-without-timer"})
REFRESHES = (
    "session-refresh-time",
    "session-refresh-role",
    "session-refresh-interval",
    "session-refresh-dialog",
    "session-refresh-body",
    "session-tag",
    "session-stays",
)


def _client(
    name: str, what: str, scenario: str, *parts: Iterable[str], bad: dict[str, tuple[str, str]] | None = None, **more: object
) -> SippClient:
    script = tuple(part for each in parts for part in each)
    return SippClient(name, what, scenario, script, bad or {}, **more)  # type: ignore[arg-type]


def _twice(method: str) -> Iterable[str]:
    for _ in range(2):
        yield from wait(HALF_S)
        yield from refreshes(method)
    yield from stays()


SWAPPED_OFFER = OFFER.replace("uac", "uas")
TIMER_OF_CALLER = TIMER.replace("uas", "uac")
"The one who calls refreshes."
NO, BUSY = "501 Not Implemented", "500 Server Internal Error"

CALLED = (
    _client(
        "c-update", "refreshes by UPDATE", "refreshes-as-callee", called(), _twice("UPDATE"),
        good=(*REFRESHES, "session-refresh-method", "session-answer"),
    ),
    _client(
        "c-reinvite", "refreshes by re-INVITE", "refreshes-as-callee", called(), _twice("INVITE"),
        bad={"session-refresh-method": ("WARN", "INVITE")}, good=(*REFRESHES, "session-answer"),
    ),
    _client(
        "c-never", "agrees to refresh and never does", "refreshes-as-callee", called(), stays(),
        bad={"session-refresh-time": ("FAIL", "none within 90 s")}, good=("session-answer", "session-stays"),
    ),
    _client(
        "c-late", "refreshes after 75 s of 90", "refreshes-as-callee",
        called(), wait(LATE_S), refreshes("UPDATE"), stays(),
        bad={"session-refresh-time": ("WARN", "after 7")}, good=("session-refresh-interval", "session-stays"),
    ),
    _client(
        "c-raises", "asks for 1800 s in its refresh", "refreshes-as-callee",
        called(), wait(HALF_S), refreshes("UPDATE", expires=1800), stays(),
        bad={"session-refresh-interval": ("FAIL", "Session-Expires: 1800")}, good=("session-refresh-time",),
    ),
    _client(
        "c-ends", "waits for a refresh in vain and hangs up", "silent-as-callee",
        called(TIMER_OF_CALLER), wait(VAIN_S), hangs_up(),
        good=("session-expiry", "session-answer", "session-refresh-role"),
    ),
    _client(
        "c-endless", "waits for a refresh in vain and never hangs up", "silent-as-callee", called(TIMER_OF_CALLER), stays(),
        bad={"session-expiry": ("FAIL", "no BYE in")}, good=("session-answer", "session-refresh-role"),
    ),
    _client(
        "c-hasty", "hangs up after 30 s of 90", "silent-as-callee", called(TIMER_OF_CALLER), wait(30.0), hangs_up(),
        bad={"session-stays": ("FAIL", "BYE after 3")},
    ),
    _client(
        "c-takes", "takes a refresh of every kind", "refreshed-soon",
        called(TIMER_OF_CALLER), takes("UPDATE"), takes("UPDATE", has_body=True), takes("INVITE"), takes("INVITE"), stays(),
        good=("session-takes-refresh", "session-answer", "session-answer-origin"),
    ),
    _client(
        "c-501", "knows no UPDATE", "refreshed-soon",
        called(TIMER_OF_CALLER), takes("UPDATE", NO), takes("UPDATE", NO), takes("INVITE"), takes("INVITE"), stays(),
        bad={"session-takes-refresh": ("FAIL", "501 to UPDATE")},
    ),
    _client(
        "c-busy", "answers 500 to every refresh, and hangs", "refreshed-soon",
        called(TIMER_OF_CALLER), takes("UPDATE", BUSY), takes("UPDATE", BUSY), takes("INVITE", BUSY), takes("INVITE", BUSY),
        stays(),
        bad={"session-takes-refresh": ("FAIL", "500 to UPDATE")},
    ),
    _client(
        "c-o-line", "counts its o= line up where nothing changes", "refreshed-soon",
        called(TIMER_OF_CALLER), takes("UPDATE"), takes("UPDATE", has_body=True), takes("INVITE", version=2), takes("INVITE"),
        stays(),
        bad={"session-answer-origin": ("FAIL", "o=- 1 2")}, good=("session-takes-refresh",),
    ),
    _client(
        "c-481", "hangs up when its refresh gets 481", "refresh-481",
        called(), wait(HALF_S), refreshes("UPDATE", status=481), hangs_up(),
        good=("session-refresh-gone", "session-refresh-time"),
    ),
    _client(
        "c-481-deaf", "goes on when its refresh gets 481", "refresh-481",
        called(), wait(HALF_S), refreshes("UPDATE", status=481), stays(),
        bad={"session-refresh-gone": ("FAIL", "the call goes on after 481")},
    ),
    _client(
        "c-500", "tries again after 500", "refresh-500",
        called(), wait(HALF_S), refreshes("UPDATE", status=500), wait(5.0), refreshes("UPDATE"), stays(),
        good=("session-refresh-refused", "session-stays"),
    ),
    _client(
        "c-500-ends", "hangs up when its refresh gets 500", "refresh-500",
        called(), wait(HALF_S), refreshes("UPDATE", status=500), hangs_up(),
        bad={"session-refresh-refused": ("FAIL", "s after 500")},
    ),
    _client("c-422", "refuses 60 s", "too-short", refuses_call("422 Session Interval Too Small", "Min-SE: 90"),
            good=("session-too-short",)),
    _client("c-422-bare", "refuses 60 s and names no minimum", "too-short", refuses_call("422 Session Interval Too Small"),
            bad={"session-too-short": ("FAIL", "422 without Min-SE")}),
    _client("c-longer", "takes more than was asked", "open", called(TIMER.replace("90", "1800")), stays(),
            bad={"session-answer": ("FAIL", "raised to 1800")}),
    _client("c-none", "has no timer although its file says so", "open", called(""), stays(),
            bad={"session-answer": ("FAIL", "no Session-Expires")}),
)  # fmt: skip

CALLING = (
    _client(
        "k-update", "refreshes by UPDATE", "refreshes-as-caller", calls(OFFER), answered(), _twice("UPDATE"),
        good=(*REFRESHES, "session-refresh-method", "session-timer", "session-expires", "session-refresher"),
    ),
    _client(
        "k-reinvite", "refreshes by re-INVITE", "refreshes-as-caller", calls(OFFER), answered(), _twice("INVITE"),
        bad={"session-refresh-method": ("WARN", "INVITE")}, good=REFRESHES,
    ),
    _client(
        "k-never", "agrees to refresh and never does", "refreshes-as-caller", calls(OFFER), answered(), stays(),
        bad={"session-refresh-time": ("FAIL", "none within 90 s")},
    ),
    _client(
        "k-late", "refreshes after 75 s of 90", "refreshes-as-caller",
        calls(OFFER), answered(), wait(LATE_S), refreshes("UPDATE"), stays(),
        bad={"session-refresh-time": ("WARN", "after 7")},
    ),
    _client(
        "k-word", "says in its refresh that the other side refreshes", "refreshes-as-caller",
        calls(OFFER), answered(), wait(HALF_S), refreshes("UPDATE", refresher="uas"), wait(VAIN_S), hangs_up(),
        bad={"session-refresh-interval": ("FAIL", "refresher=uas")}, good=("session-refresh-time", "session-expiry"),
    ),
    _client(
        "k-ends", "waits for a refresh in vain and hangs up", "silent-as-caller",
        calls(SWAPPED_OFFER), answered(), wait(VAIN_S), hangs_up(),
        good=("session-expiry", "session-refresh-role"), refresher="uas",
    ),
    _client(
        "k-endless", "waits for a refresh in vain and never hangs up", "silent-as-caller",
        calls(SWAPPED_OFFER), answered(), stays(), bad={"session-expiry": ("FAIL", "no BYE in")}, refresher="uas",
    ),
    _client(
        "k-422", "calls once more with what the 422 asks for", "offer-refused",
        calls(OFFER, "Session-Expires: 180;refresher=uac\nMin-SE: 180"), answered(3), stays(),
        good=("session-retry", "session-min-se"),
    ),
    _client(
        "k-422-same", "calls once more as if the 422 had not been", "offer-refused",
        calls(OFFER, OFFER), refused(422, 3), bad={"session-retry": ("FAIL", "Session-Expires 90")},
    ),
    _client(
        "k-422-gives-up", "does not call once more", "offer-refused",
        calls(OFFER), refused(422, 2), speaks_later(12.0), bad={"session-retry": ("WARN", "no call after 422")},
    ),
    _client(
        "k-stays", "keeps a call without a timer up", "peer-without-timer", calls(OFFER), answered(), stays(),
        good=("session-stays",),
    ),
    _client(
        "k-leaves", "ends a call without a timer after 62 s", "peer-without-timer",
        calls(OFFER), answered(), wait(VAIN_S), hangs_up(),
        bad={"session-stays": ("FAIL", "BYE after 6")},
    ),
)  # fmt: skip

CLIENTS = {client.name: client for client in (*CALLED, *CALLING)}
