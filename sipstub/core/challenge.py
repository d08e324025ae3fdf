"""A REGISTER without credentials, answered without a transaction: the first half of every registration, and all of a flood.

RFC 3261 section 8.2.7 allows it: nothing changes, and a repetition gets the same kind of answer.  Headers that nobody looks at on
this way are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable

from sipstub.sip.error import SipError
from sipstub.sip.examine import MANDATORY
from sipstub.sip.message import Request, Response
from sipstub.sip.names import spelling
from sipstub.sip.uri import SipUri
from sipstub.sip.via import COOKIE
from sipstub.transaction.sending import Hop, answer_hops

Challenge = Callable[[Request, Hop, float], Response]
"Gives the answer to a REGISTER without credentials: a challenge, or what else is wrong with it."


def examine_register(request: Request) -> None:
    """Raise SipError unless a REGISTER can be answered and told from others; the registrar reads the rest itself."""
    lines = request.headers.lines
    try:
        for key in MANDATORY:
            if not lines(key):
                raise SipError(f"no {spelling(key)}")
        if request.cseq.method != "REGISTER":
            raise SipError(f"CSeq is of {request.cseq.method}, the request is REGISTER")
        if (request.via.branch or "").lower() == COOKIE.lower():
            raise SipError("the branch is the cookie with nothing behind it")
        _ = request.call_id
        for name, address in (("To", request.to), ("From", request.from_)):
            if not isinstance(address.uri, SipUri):
                raise SipError(f"{name} of a REGISTER is {address.uri.scheme}:, no address of record")
    except SipError as error:
        error.partial = request
        raise


def answered(request: Request, source: Hop, challenge: Challenge, now: float) -> tuple[bytes, Hop]:
    """Return the answer to a REGISTER without credentials, and where it goes; what is wrong with it is in the answer."""
    via = request.via
    hop = answer_hops(via, source)[0]
    seen = via.seen_from(source.host, source.port)
    if seen is not via and seen != via:
        request.headers.replace_first("Via", seen)
    return bytes(challenge(request, source, now)), hop
