"""What two phones of plain sockets say to each other through an SBC and a Kamailio."""

from __future__ import annotations

from sip_client import Client

from sipstub.dialog.dialog import Dialog, dialog_of_client
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


async def calls(one: Client, two: Client) -> tuple[Dialog, Request, Response]:
    """Register 1003 and 1004, and have one call the other; return its dialog, the INVITE that came and the 200."""
    for user, phone in (("1003", one), ("1004", two)):
        contact = ("Contact", f"<sip:{user}@127.0.0.1:{phone.local_port}>")
        register = phone.a_request(user=user, headers=(contact, ("Expires", 60)))
        assert (await phone.ask(register.to_bytes())).status == 200
    invite = one.a_request("INVITE", user="1004", headers=(("Contact", f"<sip:1003@127.0.0.1:{one.local_port}>"),))
    invite.headers.set("From", "<sip:1003@127.0.0.1>;tag=caller")
    await one.send(invite.to_bytes())
    arrived = await answer_next(two, "INVITE", "1004")
    ok = await final(one)
    ours = dialog_of_client(invite, ok)
    assert ok.status == 200 and ours is not None
    await say(one, ours, "ACK")
    assert (await request_of(two)).method == "ACK"
    return ours, arrived, ok


async def answer_next(phone: Client, method: str, user: str = "") -> Request:
    """Answer the next request, which has that method, and return it."""
    found = await request_of(phone)
    assert found.method == method
    made = answer(found, 200, to_tag="callee")
    if user:
        made.headers.add("Contact", f"<sip:{user}@127.0.0.1:{phone.local_port}>")
    await phone.send(made.to_bytes())
    return found
