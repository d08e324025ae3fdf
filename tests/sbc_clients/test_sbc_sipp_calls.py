"""SIPp on all sides of the SBC: calls that are held, refreshed, transferred, redirected and cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

import pytest
from sbc_clients_bench import Bench
from sipp_parts import (
    HELD,
    answers_all_the_same,
    asks,
    calls,
    cancels,
    hears,
    invites,
    is_called_and_says,
    is_refused,
    learns_refer,
    rings_until_cancelled,
    second,
)
from sipp_play import HOSTS, of, play, plays
from sipp_script import Part, called

pytestmark = pytest.mark.needs("sipp")


def test_a_call_is_held_resumed_and_ended(tmp_path: Path) -> None:
    hold, resume = asks("INVITE", has_body=True, direction=HELD), asks("INVITE", has_body=True)
    held = hears("INVITE", ("body", HELD), has_body=True, direction="a=recvonly")
    plays(
        tmp_path,
        {
            "a": of(calls(), hold, resume, asks("BYE")),
            "b": of(called(""), held, hears("INVITE", has_body=True), hears("BYE")),
        },
    )


def test_the_callee_may_hold_too(tmp_path: Path) -> None:
    held = hears("INVITE", ("body", HELD), has_body=True, direction="a=recvonly")
    plays(
        tmp_path,
        {"a": of(calls(), held, hears("BYE")), "b": of(called(""), asks("INVITE", has_body=True, direction=HELD), asks("BYE"))},
    )


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_a_refresh_of_the_caller_reaches_the_callee(method: str, tmp_path: Path) -> None:
    """Mode 0 on both legs: the timer is that of the two ends."""
    timer, has_body = ("Supported: timer", "Session-Expires: 90;refresher=uac"), method == "INVITE"
    refreshes = (asks(method, *timer, has_body=has_body) for _ in range(2))
    heard = (hears(method, ("Session-Expires", "90"), has_body=has_body) for _ in range(2))
    plays(
        tmp_path,
        {
            "a": of(calls(*timer), *refreshes, asks("BYE")),
            "b": of(called("Session-Expires: 90;refresher=uac\nRequire: timer"), *heard, hears("BYE")),
        },
    )


def test_a_blind_transfer_is_passed_on_and_carried_out_by_the_phone(tmp_path: Path) -> None:
    """SBCReferBehavior 0: b gets the REFER, calls c, and tells a how it went."""
    told = ("Event: refer", "Subscription-State: terminated;reason=noresource")
    plays(
        tmp_path,
        {
            "a": of(calls(), asks("REFER", "Refer-To: <sip:300@10.9.9.9>", status=202), hears("NOTIFY"), asks("BYE")),
            "b": of(
                called(""),
                learns_refer(),
                second(calls(uri="[$refer]")),
                asks("NOTIFY", *told),
                hears("BYE"),
                second(asks("BYE")),
            ),
            "c": of(called(""), hears("BYE")),
        },
    )


@pytest.mark.parametrize("replaces", [False, True], ids=["blind", "attended"])
def test_a_transfer_is_carried_out_by_the_sbc(replaces: bool, tmp_path: Path) -> None:
    """SBCReferBehavior 3: b and c are tied together, and b only gets a re-INVITE, as c takes one coder alone."""
    other = "?Replaces=two///[call_id]%3Bto-tag%3D[$there]%3Bfrom-tag%3D[pid]d[call_number]" if replaces else ""
    refer = asks("REFER", f"Refer-To: <sip:300@10.9.9.9{other}>", status=202)
    progress = (hears("NOTIFY", ("body", f"SIP/2.0 {status}")) for status in (100, 180, 200))
    consultation = with_tag(second(calls(uri="sip:300@[remote_ip]:[remote_port]"))) if replaces else ()
    both_end = (hears("BYE"), second(asks("BYE")) if replaces else ())  # its own would pass that of b
    bench = plays(
        tmp_path,
        {
            "a": of(calls(), consultation, refer, *progress, *both_end),
            "b": of(called(""), hears("INVITE", ("body", "RTP/AVP 8"), has_body=True), asks("BYE")),
            "c": of((part.replace("RTP/AVP 0 8", "RTP/AVP 8") for part in called("")), hears("BYE")),
        },
        {"SBCReferBehavior": 3, "EnableSBCMediaSync": 1},
        calls_of_c=2 if replaces else 1,
    )
    *earlier, last = bench.sent("INVITE", HOSTS["c"])
    if replaces:
        assert last.replaces is not None and last.replaces.call_id == earlier[0].call_id, "as c knows the call with a"


def with_tag(parts: Iterable[Part]) -> Iterable[Part]:
    """Learn the tag of the other side too."""
    for part in parts:
        learn = '<ereg regexp="tag=([^;&gt; ]+)" search_in="hdr" header="To:" assign_to="whole,there"/>\n    </action>'
        yield part.replace("</action>", learn) if 'assign_to="peer2"' in part else part


@pytest.mark.parametrize("behavior", [0, 2], ids=["by the caller", "by the SBC"])
def test_a_redirection_is_followed(behavior: int, tmp_path: Path) -> None:
    """SBC3xxBehavior 0: the caller gets the 302; 2: the SBC calls c itself."""
    follows = calls() if behavior else of(invites(), is_refused(302))
    scripts = {
        "a": of(follows, asks("BYE") if behavior else ()),
        "b": of(is_called_and_says("302 Moved Temporarily", "Contact: <sip:300@10.9.9.9>")),
    }
    if behavior:
        scripts["c"] = of(called(""), hears("BYE"))
    bench = plays(tmp_path, scripts, {"SBC3xxBehavior": behavior})
    assert len(bench.sent("INVITE", HOSTS["c"])) == (1 if behavior else 0), "who is not in the play may be asked unheard"


def test_a_call_is_cancelled(tmp_path: Path) -> None:
    plays(tmp_path, {"a": of(invites(), cancels()), "b": of(rings_until_cancelled())})


def test_a_callee_that_answers_a_call_that_is_cancelled_is_hung_up_on(tmp_path: Path) -> None:
    """CANCEL and 200 pass each other: b answers although it heard of the CANCEL, and gets ACK and BYE."""
    plays(tmp_path, {"a": of(invites(), cancels()), "b": of(answers_all_the_same())})


def test_session_timers_of_the_sbc_run_in_real_time(tmp_path: Path) -> None:
    """Mode 3 towards b, which agrees to 10 s: it is refreshed by either method, or ends the call by its silence."""

    async def run() -> None:
        own = {"SBCSessionExpiresMode": 3}

        def folder(name: str) -> Path:
            (tmp_path / name).mkdir()
            return tmp_path / name

        def refreshed(method: str, profile: dict[str, int]) -> Coroutine[Any, Any, Bench]:
            heard = hears(method, ("Session-Expires", "refresher=uac"), has_body=method == "INVITE")
            callee = of(called("Session-Expires: 10;refresher=uac\nRequire: timer"), heard, asks("BYE"))
            return play(folder(method), {"a": of(calls(), hears("BYE")), "b": callee}, {}, {"b": own | profile})

        lazy = of(called("Session-Expires: 10;refresher=uas\nRequire: timer"), hears("BYE"))
        await asyncio.gather(
            play(folder("expires"), {"a": of(calls(), hears("BYE")), "b": lazy}, {}, {"b": own}),
            refreshed("UPDATE", {"SBCRemoteUpdateSupport": 3}),
            refreshed("INVITE", {"SBCRemoteUpdateSupport": 0}),
        )

    asyncio.run(run())
