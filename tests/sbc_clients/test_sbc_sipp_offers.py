"""What SIPp hears of the SBC before a call is up: answers that want PRACK, and an offer where the caller made none."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from ports import free_port
from sbc_clients_bench import Bench, a_sipp, all_end_well, an_sbc
from sbc_text import sbc_text
from sipp_parts import asks, hears, invites
from sipp_play import HOSTS, of, plays
from sipp_script import Part, answer, request

from sipstub.sip.message import Response

pytestmark = pytest.mark.needs("sipp")
RINGS = "183 Session Progress"
CODERS = """
[[AudioCodersGroups]]
Name = "mine"

[[AudioCoders]]
AudioCodersGroupId = "mine"
Name = "g711Alaw64k"

[[AudioCoders]]
AudioCodersGroupId = "mine"
Name = "g711Ulaw64k"
"""


def learns(**headers: str) -> str:
    """Return what takes note of these headers, by the names that scripts know them by."""
    return "".join(
        f'      <ereg regexp="{"sip:[^&gt;]*" if name == "target" else ".*"}" search_in="hdr" header="{header}:" '
        f'assign_to="{name}"/>\n'
        for name, header in headers.items()
    )


def rings_and_answers(*, body: str = "") -> Iterable[Part]:
    """Be called with this in the body, describe media in a 183 that wants no PRACK, and answer."""
    check = f'      <ereg regexp="{body}" search_in="body" check_it="true" assign_to="offer"/>\n' if body else ""
    known = learns(peer="From", via="Via", cseq="CSeq", target="Contact")
    yield f'  <recv request="INVITE">\n    <action>\n{known}{check}    </action>\n  </recv>\n'
    yield answer(RINGS, tag=True, has_body=True)
    yield answer("200 OK", tag=True, has_body=True, retrans=True)
    yield '  <recv request="ACK">\n    <action>\n' + learns(me="To") + "    </action>\n  </recv>\n"


def confirms(*, after_s: float) -> Iterable[Part]:
    """Hear a reliable 183, and confirm it after a while; then the call is up."""
    known = learns(me="From", peer="To", target="Contact", rseq="RSeq")
    yield f'  <recv response="183" rrs="true">\n    <action>\n{known}    </action>\n  </recv>\n'
    yield f'  <pause milliseconds="{round(after_s * 1000)}"/>\n'
    yield request("PRACK", "RAck:[$rseq] 1 INVITE")
    yield '  <recv response="200"/>\n  <recv response="200"/>\n'
    yield request("ACK").replace("CSEQ=", "1")


def seen(bench: Bench, status: int, host: str) -> list[Response]:
    """Return the answers of that status that the SBC sent there, repetitions too."""
    messages = (one.message for one in bench.recorder.messages() if not one.is_inbound and one.peer.host == host)
    return [one for one in messages if isinstance(one, Response) and one.status == status]


@pytest.mark.parametrize(("after_s", "times"), [(0.0, 1), (1.8, 3)])
def test_a_183_is_made_reliable_and_repeated_until_the_caller_has_confirmed_it(
    after_s: float, times: int, tmp_path: Path
) -> None:
    bench = plays(
        tmp_path,
        {
            "a": of(invites("sip:200@[remote_ip]:[remote_port]", "Require: 100rel"), confirms(after_s=after_s), asks("BYE")),
            "b": of(rings_and_answers(), hears("BYE")),
        },
        None,
        {name: {"SbcPrackMode": 1} for name in HOSTS},
    )
    rung = seen(bench, 183, HOSTS["a"])
    assert len(rung) >= times and {(one.rseq, one.require, bool(one.body)) for one in rung} == {(1, ("100rel",), True)}
    assert not bench.sent("PRACK", HOSTS["b"]), "the callee knows nothing of it"


def test_a_caller_without_an_offer_and_a_side_that_wants_one_talk(tmp_path: Path) -> None:
    asyncio.run(talk_without_an_offer(tmp_path))


async def talk_without_an_offer(folder: Path) -> None:
    ports = {name: free_port(HOSTS[name]) for name in "ab"}
    profiles = {"a": {}, "b": {"SBCRemoteDelayedOfferSupport": 0, "SBCExtensionCodersGroupName": "mine"}}
    groups = {name: {"proxies": [f"{HOSTS[name]}:{ports[name]}"], "profile": profiles[name]} for name in "ab"}
    text = sbc_text({}, groups, [{"SrcIPGroupName": "a", "DestIPGroupName": "b"}, {"DestIPGroupName": "a"}]) + CODERS
    scripts = {
        "b": of(rings_and_answers(body="m=audio [0-9]+ RTP/AVP 8 0"), hears("BYE")),
        "a": of((without_offer(part) for part in invites()), answers_in_its_ack(), asks("BYE")),
    }
    async with an_sbc(text, folder) as bench, contextlib.AsyncExitStack() as running:
        sipps = [
            await running.enter_async_context(a_sipp(folder, name, HOSTS[name], ports[name], bench.port(), *parts))
            for name, parts in scripts.items()
        ]
        await all_end_well(*sipps)
    (acknowledged,) = bench.sent("ACK", HOSTS["b"])
    assert acknowledged.body == b""


def without_offer(part: Part) -> Part:
    """Return a request without its description."""
    return re.sub(r"Content-Type: application/sdp.*?\n\n    ]]>", "Content-Length: 0\n\n    ]]>", part, flags=re.DOTALL)


def answers_in_its_ack() -> Iterable[Part]:
    """Hear of the call, which is described in the 200 alone, and describe this side in the ACK."""
    known = learns(me="From", peer="To", target="Contact")
    described = '      <ereg regexp="m=audio [0-9]+ RTP/AVP" search_in="body" check_it="true" assign_to="offer"/>\n'
    yield f'  <recv response="183"/>\n  <recv response="200">\n    <action>\n{known}{described}    </action>\n  </recv>\n'
    yield request("ACK", has_body=True).replace("CSEQ=", "1")
