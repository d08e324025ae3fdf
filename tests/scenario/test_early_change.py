"""What a phone changes before its call is answered, and a refresh by a stub that keeps the session as RFC 4028 has it."""

from __future__ import annotations

import pytest
from scenario_lab import timer
from stimulus_lab import Desk

from sipstub.sip.message import Request, Response
from sipstub.sip.sdp import Sdp
from sipstub.stimulus.call import CallState
from sipstub.transaction.machine import ServerTransaction

PLAIN = {"account.1.srtp_encryption": "0"}


def ringing(ring_s: float = 30.0) -> Desk:
    desk = Desk(PLAIN, timer(expires=90, refresher=1)).boot(30.0)
    desk.director.calls.ring_s = ring_s
    desk.director.calls.talk_s = 200.0
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    assert desk.lab.agent.call(1, "100", desk.now) is not None
    desk.lab.run(3.0)
    return desk


def asks(desk: Desk, method: str, body: bytes) -> Response:
    """Have the phone of a ringing call ask something in the dialog."""
    (call,) = desk.director.calls.open
    invite = call._request  # type: ignore[attr-defined]
    request = Request(method, invite.uri, [(one.name, one.value) for one in invite.headers if one.key != "content-length"])
    assert call.dialog is not None
    request.headers.set("CSeq", f"{(call.dialog.remote_cseq or 0) + 1} {method}")
    request.headers.set("To", call.dialog.local)
    request.set_body(body, "application/sdp")
    transaction: ServerTransaction = call.transaction  # type: ignore[attr-defined]
    found = call.receive(request, transaction, desk.now)
    assert found is not None
    return found


@pytest.mark.parametrize(("method", "status"), [("UPDATE", 500), ("INVITE", 500)])
def test_an_offer_while_the_first_is_not_answered_is_told_to_come_later(method: str, status: int) -> None:
    desk = ringing()
    (call,) = desk.director.calls.open
    found = asks(desk, method, call._request.body)  # type: ignore[attr-defined]
    assert found.status == status and found.retry_after is not None
    assert call.state is CallState.RINGING


def test_an_update_without_an_offer_is_answered_before_the_call_is() -> None:
    desk = ringing()
    found = asks(desk, "UPDATE", b"")
    assert found.status == 200 and not found.body and found.contacts.addresses


def test_without_a_scenario_the_stub_keeps_the_session_that_it_agreed_to_refresh() -> None:
    desk = ringing(1.0)
    (call,) = desk.director.calls.open
    desk.lab.run(150.0)
    updates = [one for one in desk.lab.facts().received if one.method == "UPDATE"]
    assert [one.status for one in updates] == [200, 200, 200] and call.state is CallState.ANSWERED
    assert call.keeper is not None and Sdp.parse(call.keeper.description).media
    desk.director.close(desk.now)
    desk.lab.run(40.0)
    assert desk.is_as_before
