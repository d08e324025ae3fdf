"""Answers to requests: the headers that a response copies (RFC 3261 section 8.2.6), and refusals made of errors."""

from __future__ import annotations

from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response


def answer(request: Request, status: int, reason: str | None = None, *, to_tag: str | None = None) -> Response:
    """Return a response to that request; `to_tag` is added to To unless it has one already.

    A 100 copies Timestamp, others Record-Route when a dialog could come of them.  What a broken request lacks is lacking here.
    """
    headers = request.headers
    response = Response(status, reason)
    made = response.headers
    for value in headers.lines("via"):
        made.add("Via", value)
    if 100 < status < 300:
        for value in headers.lines("record-route"):
            made.add("Record-Route", value)
    for value in headers.lines("from")[:1]:
        made.add("From", value)
    for value in headers.lines("to")[:1]:
        made.add("To", _tagged(request, value, to_tag))
    for name in ("Call-ID", "CSeq"):
        for value in headers.lines(name.lower())[:1]:
            made.add(name, value)
    if status == 100:
        for value in headers.lines("timestamp")[:1]:
            made.add("Timestamp", value)
    return response


def refuse(request: Request, error: SipError, *, to_tag: str | None = None) -> Response:
    """Return the response that an error asks for, with the headers that it wants on it."""
    response = answer(request, error.status, error.reason, to_tag=to_tag)
    for name, value in error.headers:
        response.headers.add(name, value)
    return response


def _tagged(request: Request, value: str, tag: str | None) -> str:
    if tag is None:
        return value
    try:
        to = request.to
    except SipError:
        return value
    return value if to.tag else f"{value};tag={tag}"
