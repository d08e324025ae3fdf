"""Responses made in one go: what `sip.answer` makes header by header, for the one path that thousands of phones take at once.

Texts that stand in the request are known to hold no line end; what is added is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable

from sipstub.sip.error import SipError
from sipstub.sip.headers import Field, Headers
from sipstub.sip.message import Request, Response
from sipstub.sip.names import header_key
from sipstub.sip.scanner import refuse_injection

COPIED = (("via", "Via"), ("from", "From"), ("to", "To"), ("call-id", "Call-ID"), ("cseq", "CSeq"))
_field = tuple.__new__


def reply(request: Request, status: int, added: Iterable[tuple[str, str]], to_tag: str) -> Response:
    """Return a response of more than 100, with those headers behind the ones that are copied."""
    lines = request.headers.lines
    fields: list[Field] = []
    by_key: dict[str, list[str]] = {}
    for key, name in COPIED:
        values = lines(key)
        if key != "via":
            values = values[:1]
            if key == "to" and values and not _has_tag(request):
                values = [f"{values[0]};tag={to_tag}"]
        by_key[key] = list(values)
        for value in values:
            fields.append(_field(Field, (key, name, value, None)))
    for name, value in added:
        key = header_key(name)
        fields.append(_field(Field, (key, name, refuse_injection(value), None)))
        by_key.setdefault(key, []).append(value)
    return Response(status, None, Headers.read(fields, by_key))


def _has_tag(request: Request) -> bool:
    try:
        return request.to.tag is not None
    except SipError:  # what cannot be read goes back as it came
        return True
