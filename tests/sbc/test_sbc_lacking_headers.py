"""A request without the header that its method is about gets from the SBC what `sipstub parse` says of it, and goes nowhere."""

from __future__ import annotations

import pytest
from sbc_world import Peer, hang_up, place, two_servers

from sipstub.sip.error import SipError
from sipstub.sip.examine import NEEDED, demand
from sipstub.sip.message import Request

ROWS = [(method, key, status) for method, needs in NEEDED.items() for key, status in needs.items()]
NAMES = {"event": ("Event", "presence"), "contact": ("Contact", "<sip:100@10.0.1.1>")}


def without(request: Request, key: str) -> Request:
    """Return it with all that its method needs but that one header."""
    for needed in NEEDED[request.method]:
        request.headers.remove(needed)
        if needed != key:
            request.headers.add(*NAMES[needed])
    return request


def refused(peer: Peer, request: Request) -> int:
    """Send it; return the status of its answer, which is what `sipstub parse` would say."""
    with pytest.raises(SipError) as verdict:
        demand(request)
    peer.say(request)
    return peer.response(verdict.value.status).status


@pytest.mark.parametrize(("method", "key", "status"), ROWS)
def test_in_a_call_it_is_refused_on_its_own_leg(method: str, key: str, status: int) -> None:
    world, a, b = two_servers()
    ours, _ = place(a, b)
    made = ours.request(method)
    made.headers.add_first("Via", a.via())
    assert refused(a, without(made, key)) == status
    assert b.inbox == []
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(("method", "key", "status"), [row for row in ROWS if row[0] != "PRACK"])
def test_outside_of_dialogs_it_is_refused_and_goes_no_further(method: str, key: str, status: int) -> None:
    world, a, b = two_servers()
    made = Request(method, "sip:200@corp.example")
    lines = {"From": "<sip:100@corp.example>;tag=x", "To": "<sip:200@corp.example>", "Call-ID": "x", "CSeq": f"1 {method}"}
    for name, value in {"Via": a.via(), "Max-Forwards": 70, **lines}.items():
        made.headers.add(name, value)
    assert refused(a, without(made, key)) == status
    assert b.inbox == []
    world.assert_both_legs_are_free()


def test_a_prack_without_its_call_is_481_whatever_it_lacks() -> None:
    _, a, _ = two_servers()
    a.ask("PRACK", "sip:200@corp.example")
    a.response(481)
