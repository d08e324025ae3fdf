"""Answers to requests: the headers that a response copies (RFC 3261 section 8.2.6), and refusals made of errors."""

from __future__ import annotations

from sipstub.sip.error import SipError
from sipstub.sip.headers import Field, Headers
from sipstub.sip.message import Request, Response

_COPIED_ONCE = (("from", "From"), ("to", "To"), ("call-id", "Call-ID"), ("cseq", "CSeq"))


def answer(request: Request, status: int, reason: str | None = None, *, to_tag: str | None = None) -> Response:
    """Return a response to that request; `to_tag` is added to To unless it has one already.

    A 100 copies Timestamp, others Record-Route when a dialog could come of them.  What a broken request lacks is lacking here.
    """
    lines = request.headers.lines
    made = [Field("via", "Via", value, None) for value in lines("via")]
    if 100 < status < 300:
        made += [Field("record-route", "Record-Route", value, None) for value in lines("record-route")]
    for key, name in _COPIED_ONCE:
        for value in lines(key)[:1]:
            made.append(Field(key, name, value if to_tag is None or key != "to" else _tagged(request, value, to_tag), None))
    if status == 100:
        made += [Field("timestamp", "Timestamp", value, None) for value in lines("timestamp")[:1]]
    return Response(status, reason, Headers.of(made))


def refuse(request: Request, error: SipError, *, to_tag: str | None = None) -> Response:
    """Return the response that an error asks for, with the headers that it wants on it."""
    response = answer(request, error.status, error.reason, to_tag=to_tag)
    for name, value in error.headers:
        response.headers.add(name, value)
    return response


def _tagged(request: Request, value: str, tag: str) -> str:
    try:
        to = request.to
    except SipError:
        return value
    return value if to.tag else f"{value};tag={tag}"
