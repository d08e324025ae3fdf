"""What passes each other on the wire, with SIPp on both sides: re-INVITEs and UPDATEs, CANCEL and 200, 422 without end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from sbc_clients_bench import Bench
from sipp_parts import asks, calls, hears, invites, is_refused
from sipp_play import HOSTS, of, play, plays
from sipp_script import Part, answer, answered, called, refuses_call, request, send

from sipstub.sip.message import Response

pytestmark = pytest.mark.needs("sipp")


def asks_in_vain(method: str) -> Iterable[Part]:
    """Offer something in the call, and be told 491."""
    yield request(method, has_body=True)
    yield '  <recv response="100" optional="true"/>\n  <recv response="491"/>\n'
    if method == "INVITE":
        yield request("ACK").replace("[branch]", "[branch-3]")


def asks_before_it_answers(method: str) -> Iterable[Part]:
    """Be offered something, offer something else before that is answered, and say 491 then."""
    learns = "".join(
        f'      <ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="their{header}"/>\n' for header in ("Via", "CSeq")
    )
    yield f'  <recv request="{method}">\n    <action>\n{learns}    </action>\n  </recv>\n'
    yield from asks_in_vain(method)
    refusal = answer("491 Request Pending", retrans=method == "INVITE")
    for last, known in (("Via", "theirVia"), ("CSeq", "theirCSeq"), ("From", "peer"), ("To", "me")):
        refusal = refusal.replace(f"[last_{last}:]", f"{last}:[${known}]")
    yield refusal
    if method == "INVITE":
        yield '  <recv request="ACK"/>\n'


def refusals(bench: Bench, status: int) -> Counter[str]:
    """Return how often the SBC said so to whom, repetitions left out."""
    found = {one.data: one for one in bench.recorder.messages() if not one.is_inbound}
    said = [one for one in found.values() if isinstance(one.message, Response) and one.message.status == status]
    return Counter(one.peer.host for one in said)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_two_offers_that_meet_in_the_sbc_are_refused_on_both_legs_and_one_comes_again(method: str, tmp_path: Path) -> None:
    """RFC 3261 section 14: b's is out when a's arrives, on both sides of the leg; afterwards a's is taken."""
    again = asks(method, has_body=True)
    heard = hears(method, has_body=True)
    bench = plays(
        tmp_path,
        {
            "a": of(calls(), asks_in_vain(method), again, asks("BYE")),
            "b": of(called(""), asks_before_it_answers(method), heard, hears("BYE")),
        },
    )
    assert refusals(bench, 491) == {HOSTS["a"]: 1, HOSTS["b"]: 1}


def test_a_cancel_that_comes_after_the_200_changes_nothing(tmp_path: Path) -> None:
    """The caller took back a call that was answered already: it is up, and hung up in due form."""
    rung, acknowledged = answered(1)
    cancel = (
        "CANCEL sip:200@[remote_ip]:[remote_port] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch-4];rport\n"
        "Max-Forwards: 70\nFrom: <sip:[service]@[local_ip]>;tag=[pid]c[call_number]\nTo: <sip:200@[remote_ip]>\n"
        "Call-ID: [call_id]\nCSeq: 1 CANCEL\nContent-Length: 0"
    )
    bench = plays(
        tmp_path,
        {
            "a": of(invites(), [rung, send(cancel), '  <recv response="200"/>\n', acknowledged], asks("BYE")),
            "b": of(called(""), hears("BYE")),
        },
    )
    assert not bench.sent("CANCEL", HOSTS["b"])


def test_a_far_side_that_finds_each_interval_too_small_is_given_up(tmp_path: Path) -> None:
    """Session Expires Mode 3 towards b: each 422 names more, and the fifth is the caller's answer."""
    least = (100, 200, 300, 400, 500)
    refused = (refuses_call("422 Session Interval Too Small", f"Min-SE: {seconds}") for seconds in least)
    bench = plays(
        tmp_path,
        {"a": of(invites(), is_refused(422)), "b": of(*refused)},
        {"SBCSessionExpires": 90},
        {"b": {"SBCSessionExpiresMode": 3}},
    )
    asked = [one.session_expires.seconds for one in bench.sent("INVITE", HOSTS["b"]) if one.session_expires is not None]
    assert asked == [90, *least[:-1]], "raised four times"


def refuses(status: str, *headers: str) -> list[Part]:
    """Be refreshed, and refuse that."""
    return ['  <recv request="UPDATE"/>\n', answer(status, *headers)]


def test_a_refresh_that_meets_491_comes_again_and_one_that_meets_422_without_end_ends_the_call(tmp_path: Path) -> None:
    """The callee agreed to 10 s and is refreshed after five; real time by nature, side by side."""
    agreed = list(called("Session-Expires: 10;refresher=uac\nRequire: timer"))
    heard = hears("UPDATE", ("Session-Expires", "refresher=uac"))
    small = [part for least in (100, 200, 300, 400, 500, 500, 500) for part in refuses("422 Too Small", f"Min-SE: {least}")]
    callees = {
        "glare": of(agreed, refuses("491 Request Pending"), heard, asks("BYE")),
        "too-small": of(agreed, small, hears("BYE")),
    }

    async def run() -> list[Bench]:
        made = []
        for name, callee in callees.items():
            (tmp_path / name).mkdir()
            own = {"SBCSessionExpiresMode": 3, "SBCRemoteUpdateSupport": 3}
            made.append(play(tmp_path / name, {"a": of(calls(), hears("BYE")), "b": callee}, {}, {"b": own}, lasts_s=30))
        return await asyncio.gather(*made)

    _, refused = asyncio.run(run())
    asked = [one.session_expires.seconds for one in refused.sent("UPDATE", HOSTS["b"]) if one.session_expires is not None]
    assert asked[:5] == [90, 100, 200, 300, 400], "raised four times, and then asked again now and then until the time is over"
    assert not refused.sent("UPDATE", HOSTS["a"]), "the other leg is not bothered"
