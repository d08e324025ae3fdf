"""How the UPDATE of a refresh looks, header for header, where a sample of the vendor is known.

The one sample is a refresh of a SIP-T23G 44.80.0.60 in the guide of V80.60.  That other models of that release write the same is
inferred, so what they do otherwise is information.
"""

from __future__ import annotations

import re

from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, noted, passed, unseen, warned
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.session_fact import sessions_of
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

SAMPLE = (
    "via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "user-agent", "session-expires", "supported",
)  # fmt: skip
"Names of the headers, in the order of the guide."
AS_WANTED = frozenset({"content-length", "content-type", "route", "min-se", "authorization", "proxy-authorization"})
"What stands in an UPDATE where the call wants it: no difference."
ELSEWHERE = frozenset({"session-expires", "supported"})
"That they are there is judged by rules of their own."
SHAPES = {
    name: re.compile(shape)
    for name, shape in (
        ("via", r"SIP/2\.0/(UDP|TCP|TLS) [^;]+:\d+;(rport;)?branch=z9hG4bK\d+"),
        ("from", r'("[^"]*" ?)?<sips?:[^@>;]+@[^@>;]+:\d+>;tag=[^;]+'),
        ("contact", r"<sips?:[^@>;]+@[^@>;]+:\d+(;transport=\w+)?>"),
        ("max-forwards", r"70"),
        ("session-expires", r"\d+(;refresher=ua[cs])?"),
        ("supported", r"timer"),
    )
}
"How the guide's sample writes values.  To and the Request-URI are the other side's, User-Agent has a rule of its own."
SAMPLED = "SIP-T23G"
RELEASE = re.compile(r"\d+\.80\.(\d+)\.(\d+)\Z")
MAX_AGENT = 120
_AGENT = re.compile(r"(\S+) (\d+\.\d+\.\d+\.\d+)\Z")
OF_GUIDE = (0, 60)
"The guide of V80 that speaks of UPDATE is that of this release; the one before has re-INVITE."


def release_of(case: Case) -> tuple[str, str]:
    """Return model, as in a User-Agent, and firmware; of a capture alone what the phone calls itself."""
    subject = case.expectations.subject
    said = _AGENT.search(case.facts.user_agent[:MAX_AGENT])
    model, firmware = (said[1], said[2]) if said is not None else ("", "")
    return subject.agent or model, subject.firmware or firmware


def is_of_guide(firmware: str) -> bool:
    """Return whether the guide of V80.60 is about this firmware."""
    found = RELEASE.match(firmware)
    return found is not None and (int(found[1]), int(found[2])) >= OF_GUIDE


@rule(
    "session-update-form",
    setting="session-timer",
    row=41,
    source="guide: UPDATE of a SIP-T23G 44.80.0.60",
    certainty=Certainty.INFERRED,
    stimulus=Stimulus.SESSION,
)
def session_update_form(case: Case) -> Outcome | None:
    """The UPDATE of a refresh has the headers of the guide's sample, in its order and written as there; asked of that release."""
    agent, firmware = release_of(case)
    if not case.is_on or not RELEASE.match(firmware):
        return None
    expected = "the headers of the guide's sample"
    judge = warned if agent == SAMPLED else noted
    good: Outcome | None = None
    for session in sessions_of(case.account, case.facts.until):
        for request in session.refreshes:
            if request.method != "UPDATE" or request.session_expires is None:
                continue
            odd = _difference(request)
            if odd:
                return judge(odd, request, expected=expected)
            good = passed("as in the sample", request, expected=expected)
    return good or unseen("no refresh by UPDATE", expected=expected)


def _difference(request: RequestFact) -> str:
    """Return what is not as in the sample; empty for nothing."""
    found = [name for name in request.values if name not in AS_WANTED]
    missing = [name for name in SAMPLE if name not in found and name not in ELSEWHERE]
    more = [name for name in found if name not in SAMPLE]
    if missing or more:
        parts = [f"no {', '.join(missing)}" if missing else "", f"also {', '.join(more)}" if more else ""]
        return "; ".join(part for part in parts if part)
    wrong = [name for name in found if len(request.values[name]) > 1]
    wrong += [name for name, shape in SHAPES.items() if name in found and not shape.fullmatch(request.values[name][0])]
    if wrong:
        return f"{wrong[0]}: {', '.join(request.values[wrong[0]])}"
    return "" if found == [name for name in SAMPLE if name in found] else f"in the order {', '.join(found)}"
