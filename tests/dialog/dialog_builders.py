"""Messages for dialogs: an INVITE of a phone and of ours, and their answers, with the headers that dialogs are made of."""

from __future__ import annotations

from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.sip.reader import parse_message

Pairs = tuple[tuple[str, str], ...]


def a_phones(
    method: str = "INVITE",
    *,
    cseq: int = 1,
    to_tag: str | None = None,
    from_tag: str = "phone",
    contact: str | None = "<sip:100@10.1.1.1:5062>",
    headers: Pairs = (),
    body: bytes = b"",
) -> Request:
    """Return a request of the phone to us."""
    lines = [
        f"{method} sip:200@pbx.example.com SIP/2.0",
        "Via: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKa",
        f"From: <sip:100@pbx.example.com>;tag={from_tag}" if from_tag else "From: <sip:100@pbx.example.com>",
        f"To: <sip:200@pbx.example.com>;tag={to_tag}" if to_tag else "To: <sip:200@pbx.example.com>",
        "Call-ID: call-1",
        f"CSeq: {cseq} {method}",
        *([f"Contact: {contact}"] if contact else []),
        *(f"{name}: {value}" for name, value in headers),
        f"Content-Length: {len(body)}",
    ]
    found = parse_message("\r\n".join([*lines, "", ""]).encode() + body)
    assert isinstance(found, Request)
    return found


def our_invite(*, uri: str = "sip:100@10.1.1.1") -> Request:
    """Return an INVITE of ours."""
    headers = (
        ("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKo"),
        ("From", "<sip:stub@10.0.0.1>;tag=ours"),
        ("To", f"<{uri}>"),
        ("Call-ID", "ours@10.0.0.1"),
        ("CSeq", "7 INVITE"),
        ("Contact", "<sip:stub@10.0.0.1>"),
    )
    return Request("INVITE", uri, headers)


def an_answer(
    request: Request,
    status: int,
    tag: str | None = "them",
    *,
    contact: str | None = "<sip:100@10.1.1.1:5070>",
    headers: Pairs = (),
) -> Response:
    """Return an answer."""
    response = answer(request, status, to_tag=tag)
    if contact is not None:
        response.headers.add("Contact", contact)
    for name, value in headers:
        response.headers.add(name, value)
    return response


def as_server(*, is_accepted: bool = True, **how: object) -> Dialog:
    """Return the dialog of a phone that called us."""
    return dialog_of_server(a_phones(**how), "us", is_accepted=is_accepted)  # type: ignore[arg-type]


def as_client(status: int = 200, **how: object) -> Dialog:
    """Return the dialog of a phone that we called."""
    invite = our_invite()
    found = dialog_of_client(invite, an_answer(invite, status, **how))  # type: ignore[arg-type]
    assert found is not None
    return found
