"""Rules about single headers of a REGISTER."""

from __future__ import annotations

import re

from sipstub.sip.names import COMPACT
from sipstub.verify.case import RELIABLE, Case
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen, warned
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.verdict import Certainty, Verdict

EVERY_REQUEST_HAS = ("via", "from", "to", "call-id", "contact")
"Headers of a REGISTER that have a letter."


@rule("mac-header", row=26, source="guide; the header's name and form are recall", certainty=Certainty.STATED)
def mac_header(case: Case) -> Outcome:
    """REGISTER says the MAC in a header `MAC`; in no header where it is off."""
    mac = case.expectations.subject.mac.lower()
    found = case.present(case.bindings, lambda request: "mac" in request.values, "MAC header", where="REGISTER")
    if found.verdict is Verdict.FAIL and case.is_on and mac:
        other = next((request for request in case.bindings if any(_has(mac, text) for text in _texts(request))), None)
        if other is not None:
            return warned("the MAC stands in another header", other, expected="MAC header")
    if found.verdict is Verdict.PASS and case.is_on and mac:
        wrong = [request for request in case.bindings if not _has(mac, request.value("mac") or "")]
        if wrong:
            return failed(f"MAC: {wrong[-1].value('mac')}", wrong[-1], expected=f"MAC: {mac}")
    return found


def _texts(request: RequestFact) -> list[str]:
    return [text for key, values in request.values.items() if key != "user-agent" for text in values]


def _has(mac: str, text: str) -> bool:
    return mac in re.sub("[:.-]", "", text).lower()


@rule("line-header", row=27, source="guide", certainty=Certainty.STATED)
def line_header(case: Case) -> Outcome:
    """REGISTER says the line, counted from 0, in a header `Line`; in none where it is off."""
    found = case.present(case.bindings, lambda request: "line" in request.values, "Line header", where="REGISTER")
    account = case.expectation.account
    if found.verdict is not Verdict.PASS or not case.is_on or account is None:
        return found
    expected = f"Line: {account - 1}"
    wrong = [request for request in case.bindings if request.value("line") != str(account - 1)]
    if not wrong:
        return passed(expected, found.evidence, expected=expected)
    seen = wrong[-1].value("line")
    # The guide's text counts from 0, its printed sample from 1.
    return (warned if seen == str(account) else failed)(f"Line: {seen}", wrong[-1], expected=expected)


@rule("rport", row=50, source="RFC 3581 section 3; guide", certainty=Certainty.STATED)
def rport(case: Case) -> Outcome:
    """Via asks for the port; only where it is on.  RFC 3581 is about UDP."""
    requests = [request for request in case.account.requests if request.via is not None and request.hops == 1]
    is_stream = bool(requests) and all(request.peer.transport in RELIABLE for request in requests)
    if case.is_on and is_stream and not any(_asks(request) for request in requests):
        return skipped("RFC 3581 is about UDP")
    return case.present(requests, _asks, "rport", where="request")


def _asks(request: RequestFact) -> bool:
    return request.via is not None and request.via.wants_rport


@rule("compact-headers", row=53, source="RFC 3261 section 7.3.3", certainty=Certainty.INFERRED)
def compact_headers(case: Case) -> Outcome:
    """Headers that have a letter are written with it; none is where it is off."""
    expected = "letters" if case.is_on else "whole names"
    told = [(request, _letters(request)) for request in case.registers]
    if not told:
        return unseen("no REGISTER", expected=expected)
    request, (letters, names) = told[-1]
    if not letters or not names:
        seen = "letters" if letters else "whole names"
        return (passed if bool(letters) == case.is_on else failed)(seen, request, expected=expected)
    seen = f"letters for {', '.join(letters)}, but {', '.join(names)} in full"
    return (warned if case.is_on else failed)(seen, request, expected=expected)


def _letters(request: RequestFact) -> tuple[list[str], list[str]]:
    """Return which of the headers with a letter are written with it, and which are not."""
    written = [(name, COMPACT.get(name.lower(), name.lower())) for name in request.names]
    mine = [(name, key) for name, key in written if key in EVERY_REQUEST_HAS]
    short = [key for name, key in mine if len(name) == 1]
    return sorted(set(short)), sorted({key for name, key in mine if len(name) > 1})


@rule("proxy-require", row=82, source="RFC 3261 section 20.29; meaning from the name", certainty=Certainty.INFERRED)
def proxy_require(case: Case) -> Outcome:
    """Proxy-Require of a REGISTER has this text; there is none where it is blank."""
    wanted = case.value or "no Proxy-Require"
    return case.every(
        case.bindings,
        lambda request: ", ".join(request.values.get("proxy-require", ())) or "no Proxy-Require",
        wanted,
        what="REGISTER",
        expected=wanted,
    )
