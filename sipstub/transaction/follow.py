"""Requests that follow an INVITE on its own branch: the ACK to a refusal (RFC 3261 section 17.1.1.3) and CANCEL (9.1)."""

from __future__ import annotations

from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request, Response


def ack_for(invite: Request, response: Response) -> Request:
    """Return the ACK to a final answer other than 2xx: To of the answer, all else of the INVITE."""
    ack = _following(invite, "ACK")
    ack.headers.set("To", response.to)
    return ack


def cancel_for(invite: Request, *, reason: str | None = None) -> Request:
    """Return the CANCEL of an INVITE; `reason` is the value of a Reason header (RFC 3326)."""
    cancel = _following(invite, "CANCEL")
    if reason is not None:
        cancel.headers.add("Reason", reason)
    return cancel


def _following(invite: Request, method: str) -> Request:
    # no Require and no Proxy-Require: what they ask for was asked of the INVITE (9.1)
    headers = invite.headers
    made = Request(method, invite.uri)
    made.headers.add("Via", invite.via)
    for name in ("Route", "From", "To", "Call-ID"):
        for value in headers.lines(name.lower()):
            made.headers.add(name, value)
    made.headers.add("CSeq", CSeq(invite.cseq.number, method))
    for name in ("Max-Forwards", "User-Agent"):
        for value in headers.lines(name.lower())[:1]:
            made.headers.add(name, value)
    if not headers.lines("max-forwards"):
        made.headers.add("Max-Forwards", 70)
    return made
