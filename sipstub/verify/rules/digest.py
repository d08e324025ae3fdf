"""Rules about how a phone proves who it is: that it answers challenges, and in the right words.  RFC 3261 22, RFC 7616."""

from __future__ import annotations

from sipstub.sip.error import SipError
from sipstub.sip.uri import SipUri, parse_uri
from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, passed, unseen
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.verdict import Certainty

BORROWED = ("ACK", "CANCEL")
"Carry the credentials of their INVITE (RFC 3261 section 22.1)."
CREDENTIALS = "request with credentials"


def _proved(case: Case) -> list[RequestFact]:
    """Return the requests with credentials of their own, as they left the phone."""
    return [
        request
        for request in case.account.requests
        if request.credentials is not None and request.method not in BORROWED and request.hops < 2
    ]


@rule("answers-challenge", setting="password", row=4, source="RFC 3261 section 22.2", certainty=Certainty.STATED)
def answers_challenge(case: Case) -> Outcome:
    """A challenged request comes again with credentials."""
    expected = "the request again, with credentials"
    good: Outcome | None = None
    waits = "no challenge"
    for at, request in enumerate(case.account.requests):
        final = request.final
        if final is None or not final.challenges or request.credentials is not None or request.method == "ACK":
            continue
        later = [other for other in case.account.requests[at + 1 :] if _is_again(other, request, final.at)]
        answered = next((other for other in later if other.credentials is not None), None)
        if answered is not None:
            good = passed("credentials", answered, expected=expected)
        elif later:
            likely = "the phone has no password"
            return failed(f"asked again without after {final.status}", later[-1], expected=expected, likely=likely)
        elif case.heard_after(final.at + case.tolerance.absence):
            return failed(f"nothing after {final.status}", request, expected=expected)
        else:
            waits = f"{final.status}, and nothing of the phone after it"
    return good or unseen(waits, expected=expected)


def _is_again(other: RequestFact, request: RequestFact, answered_at: float) -> bool:
    """Return whether a later request is that one again; one for another key, or sent before the answer came, is not."""
    if other.method != request.method or other.at <= answered_at:
        return False
    is_same = (other.uri, other.event) == (request.uri, request.event)
    return other.call_id == request.call_id or is_same or request.method == "REGISTER"


@rule("digest-realm", setting="user-name", row=3, source="RFC 7616 section 3.4", certainty=Certainty.STATED)
def digest_realm(case: Case) -> Outcome:
    """Realm and nonce of credentials are those of a challenge."""
    given: dict[str, str] = {}
    for request in case.facts.requests:
        for answer in request.answers:
            given |= {challenge.params.raw("nonce") or "": challenge.realm for challenge in answer.challenges}

    expected = "the realm of the challenge"

    def read(request: RequestFact) -> str | None:
        credentials = request.credentials
        realm = given.get(credentials.params.raw("nonce") or "") if credentials is not None else None
        if credentials is None or realm is None:
            return None  # it may know the nonce from before anybody watched
        return expected if credentials.realm == realm else f"realm {credentials.realm!r} where {realm!r} challenged"

    return case.every(_proved(case), read, expected, what=f"{CREDENTIALS} for a challenge that was seen", expected=expected)


@rule(
    "digest-uri", setting="user-name", row=3, source="RFC 3261 section 22.4, RFC 7616 section 3.4.6", certainty=Certainty.STATED
)
def digest_uri(case: Case) -> Outcome:
    """The URI in credentials is the Request-URI."""
    expected = "the Request-URI"

    def read(request: RequestFact) -> str | None:
        credentials = request.credentials
        if credentials is None or request.sip_uri is None:
            return None
        try:
            named = parse_uri(credentials.uri)
        except SipError:
            return f"uri {credentials.uri!r}"
        is_same = isinstance(named, SipUri) and named.matches(request.sip_uri)
        return expected if is_same else f"uri {credentials.uri}"

    return case.every(_proved(case), read, expected, what=CREDENTIALS, expected=expected)


@rule("nonce-count", setting="user-name", row=3, source="RFC 7616 section 3.4", certainty=Certainty.STATED)
def nonce_count(case: Case) -> Outcome:
    """Each use of a nonce has a count of its own, and they grow."""
    expected = "a count that grows with each use of a nonce"
    used: dict[str, list[RequestFact]] = {}
    for request in _proved(case):
        credentials = request.credentials
        if credentials is not None and credentials.qop:
            used.setdefault(credentials.nonce, []).append(request)
    if not used:
        return unseen(f"no {CREDENTIALS} and qop", expected=expected)
    for requests in used.values():
        counts = [request.credentials.nc for request in requests if request.credentials is not None]
        for at in range(1, len(counts)):
            if counts[at] in counts[:at]:
                return failed(f"nc {counts[at]} twice for one nonce", requests[at], expected=expected)
            is_overtaken = requests[at].at - requests[at - 1].at < case.tolerance.overtaking
            if counts[at] < counts[at - 1] and not is_overtaken:
                return failed(f"nc {counts[at]} after {counts[at - 1]}", requests[at], expected=expected)
    most = max(used.values(), key=len)
    last = most[-1].credentials
    return passed(f"up to nc {last.nc if last is not None else 0}", most[-1], expected=expected)
