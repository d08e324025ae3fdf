"""What two phones of plain sockets say to each other through an SBC and a Kamailio."""

from __future__ import annotations

from sip_client import Client

from sipstub.dialog.dialog import Dialog
from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response


async def say(phone: Client, dialog: Dialog, method: str) -> None:
    """Have a phone ask in a dialog."""
    made = dialog.request(method)
    made.headers.add_first("Via", f"SIP/2.0/UDP 127.0.0.1:{phone.local_port};branch=z9hG4bK{method}{made.cseq.number};rport")
    if method == "INVITE":
        made.headers.add("Contact", f"<sip:1003@127.0.0.1:{phone.local_port}>")
    await phone.send(made.to_bytes())


async def final(phone: Client) -> Response:
    """Return the next final answer."""
    while True:
        found = await phone.receive()
        if isinstance(found, Response) and found.status >= 200:
            return found


async def request_of(phone: Client) -> Request:
    """Return the next request, and whoever sees one sees no password in it."""
    while True:
        found = await phone.receive()
        if isinstance(found, Request):
            assert not found.authorization and not found.proxy_authorization
            return found


async def answer_next(phone: Client, method: str, user: str = "") -> Request:
    """Answer the next request, which has that method, and return it."""
    found = await request_of(phone)
    assert found.method == method
    made = answer(found, 200, to_tag="callee")
    if user:
        made.headers.add("Contact", f"<sip:{user}@127.0.0.1:{phone.local_port}>")
    await phone.send(made.to_bytes())
    return found
