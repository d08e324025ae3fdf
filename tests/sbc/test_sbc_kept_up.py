"""Calls between ends that keep to RFC 4028 stay up, whatever the modes of both legs, and hear nothing that the RFC forbids."""

from __future__ import annotations

import itertools

import pytest
from sbc_refreshing import call, ends, let_talk
from sbc_world import two_servers

PAIRS = list(itertools.product(range(4), repeat=2))
NAMES = ((False, None), (True, None), (True, "uac"), (True, "uas"))
"Whether the caller has timers, and whom it names."


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_call_stays_up_that_both_ends_refresh_as_they_should(pair: tuple[int, int], method: str) -> None:
    wrong: list[str] = []
    for policy, (has_timer, names), knows, answers in itertools.product((0, 1), NAMES, (False, True), ("uas", "uac")):
        world, a, b = two_servers(
            {"SBCSessionRefreshingPolicy": policy}, {"SBCSessionExpiresMode": pair[0]}, {"SBCSessionExpiresMode": pair[1]}
        )
        caller, callee = ends(a, b, has_timer=has_timer, names=names, expires_s=240, method=method)
        callee.has_timer, callee.answers, callee.method = knows, answers, method
        call(world, caller, callee)
        let_talk(world, caller, callee, 400)
        case = f"policy={policy} caller={has_timer}/{names} callee={knows}/{answers}"
        if (said := caller.wrong + callee.wrong) or caller.has_left or callee.has_left:
            wrong.append(f"{case}: {said}, left {caller.has_left} {callee.has_left}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize(("names", "want"), [(None, "240;refresher=uac"), ("uac", "240;refresher=uac"), ("uas", None)])
def test_a_caller_that_is_carried_is_not_told_more_than_it_asked_for_when_the_callee_wants_more(
    mode: int, names: str | None, want: str | None
) -> None:
    _, a, b = two_servers({"SBCSessionExpires": 1800}, {"SBCSessionExpiresMode": mode}, {"SBCSessionExpiresMode": 3})
    caller, _ = ends(a, b, names=names, expires_s=240)
    a.ask("INVITE", "sip:200@corp.example", *caller.wants, body=caller.description)
    b.answer(b.request("INVITE"), 422, ("Min-SE", "900"))
    b.request("ACK")
    again = b.request("INVITE")
    assert again.session_expires is not None
    b.answer(again, 200, ("Session-Expires", "900;refresher=uas"), ("Require", "timer"), body=caller.description)
    ok = a.response(200)
    assert ok.headers.get("session-expires") == want, "refreshes of the callee come every 450 s"
    assert ("timer" in ok.require) is (want is not None)
