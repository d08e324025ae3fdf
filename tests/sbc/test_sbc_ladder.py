"""A call through the SBC in the ladder: phone, SBC and far end side by side, both legs joined though their Call-IDs differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sbc_world import OFFER, Peer, World, a_site, hang_up, place, two_servers
from test_sbc_register import ROUTES, RULES, register

from sipstub.cli import cli
from sipstub.dialog.dialog import Dialog
from sipstub.trace.ladder.flow import Arrow, Flow, both_legs, flow_of
from sipstub.trace.ladder.svg import flow_svg
from sipstub.trace.ladder.table import flow_page
from sipstub.trace.ladder.text import flow_text
from sipstub.trace.opening import open_recording
from sipstub.trace.pcapng_writer import write_pcapng
from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.trace.recording import Recording

SBC = Endpoint("udp", "10.0.0.1", 5060)


def recorded(world: World, *, is_own: bool = True) -> Recording:
    """Return what went to and from the SBC as it would have recorded it."""
    by_name = {peer.name: Endpoint("udp", peer.hop.host, peer.hop.port) for peer in world.peers.values()}
    messages = []
    for number, (at, source, target, message) in enumerate(world.log, 1):
        is_inbound = target == "sbc"
        peer = by_name[source if is_inbound else target]
        messages.append(RecordedMessage(number, at, is_inbound, SBC, peer, message.to_bytes()))
    return Recording(tuple(messages), is_own=is_own)


def arrows(flow: Flow) -> list[Arrow]:
    return [row for row in flow.rows if isinstance(row, Arrow)]


def a_call(world: World, caller: Peer, callee: Peer) -> Dialog:
    ours, _ = place(caller, callee)
    world.run(10)
    hang_up(caller, callee, ours)
    return ours


@pytest.fixture
def world() -> World:
    world, caller, callee = two_servers()
    a_call(world, caller, callee)
    return world


def test_three_columns_with_the_sbc_in_the_middle_and_a_name_for_each_leg(world: World) -> None:
    flow = flow_of(recorded(world), names={"10.0.1.1": "phone", "10.0.2.1": "pbx"})
    assert [party.name for party in flow.parties] == ["phone", "stub", "pbx"]
    legs = {(arrow.leg, frozenset((arrow.source, arrow.target))) for arrow in arrows(flow)}
    assert legs == {("1a", frozenset((0, 1))), ("1b", frozenset((1, 2)))}
    text = flow_text(flow, width=160)
    assert "leg 1a" in text and "leg 1b" in text
    invites = [line for line in text.splitlines() if "INVITE" in line and "> " in line]
    assert len(invites) == 2 and invites[0].index("INVITE") < invites[1].index("INVITE")
    assert "leg 1b" in flow_page(flow, flow_svg(flow, title="x"), title="x") and "INVITE" in flow_svg(flow, title="x")


def test_the_sbc_is_in_the_middle_also_where_it_speaks_first(world: World) -> None:
    """A capture of a real SBC: nothing says which end is ours, and the far end was heard before the phone."""
    far = Endpoint("udp", "10.0.2.1", 5060)
    options = b"OPTIONS sip:10.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKo\r\nFrom: <sip:x@y>;tag=1\r\n"
    options += b"To: <sip:10.0.2.1>\r\nCall-ID: alive\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    messages = recorded(world).messages
    first = RecordedMessage(0, messages[0].at - 1, False, SBC, far, options)
    flow = flow_of(Recording((first, *messages)))
    assert [party.endpoints[0].host for party in flow.parties] == ["10.0.1.1", "10.0.0.1", "10.0.2.1"]
    assert arrows(flow)[0].leg == ""


def test_two_calls_at_once_between_the_same_users_are_told_apart_by_their_media() -> None:
    world, caller, callee = two_servers()
    offers = [OFFER, OFFER.replace(b"o=- 1 1", b"o=- 7 1")]
    calls = [caller.ask("INVITE", "sip:200@corp.example", body=offer) for offer in offers]
    arrived = [callee.request("INVITE") for _ in calls]
    for request in reversed(arrived):
        callee.answer(request, 486)
    recording = recorded(world)
    for number, call in enumerate(calls):
        assert call.call_id is not None
        found = {message.call_id for message in both_legs(recording, call.call_id).messages}
        assert found == {call.call_id, arrived[number].call_id}
    assert {arrow.leg for arrow in arrows(flow_of(recording))} == {"1a", "1b", "2a", "2b"}


def test_a_registration_has_two_legs_too_and_puts_the_phone_left_of_who_calls_it() -> None:
    groups: dict[str, dict[str, object]] = {"phones": {"Type": "user"}, "pbx": {"proxies": ["10.0.2.1:5060"]}}
    world = World(a_site({}, groups, ROUTES, RULES))
    pbx, phone = world.peer("pbx", "10.0.2.1"), world.peer("100", "10.0.1.1")
    got, _ = register(phone, pbx)
    for _ in range(3):
        pbx.ask("INVITE", str(got.contacts.addresses[0].uri), body=OFFER)
        arrived = phone.request("INVITE")
        phone.answer(arrived, 486)
        phone.request("ACK")
        pbx.response(486)
    flow = flow_of(recorded(world))
    assert [party.endpoints[0].host for party in flow.parties] == ["10.0.1.1", "10.0.0.1", "10.0.2.1"]
    assert {arrow.leg for arrow in arrows(flow)} == {f"{number}{letter}" for number in range(1, 5) for letter in "ab"}


def test_calls_that_are_over_are_not_joined_with_the_next() -> None:
    world, caller, callee = two_servers()
    caller.ask("INVITE", "sip:200@corp.example", body=OFFER)
    callee.answer(callee.request("INVITE"), 486)
    caller.response(486)
    recording = recorded(world)
    last = recording.messages[-1]
    invite = next(message for message in recording.messages if not message.is_inbound and message.data.startswith(b"INVITE"))
    call_id = (invite.call_id or "").encode()
    late = RecordedMessage(last.number + 1, last.at + 1, False, SBC, invite.peer, invite.data.replace(call_id, b"another"))
    flow = flow_of(Recording((*recording.messages, late), is_own=True))
    assert arrows(flow)[-1].leg == ""


def test_the_command_shows_both_legs_of_a_call_or_one_and_a_pcapng_has_both(world: World, tmp_path: Path) -> None:
    recording = recorded(world)
    call_id = recording.messages[0].call_id
    capture, both, one = tmp_path / "all.pcapng", tmp_path / "both.pcapng", tmp_path / "one.pcapng"
    with capture.open("wb") as stream:
        write_pcapng(stream, recording.messages, is_own=True)
    for path, more in ((both, []), (one, ["--one-leg"])):
        result = CliRunner().invoke(
            cli, ["ladder", str(capture), "--call-id", str(call_id), "--pcap", str(path), "--json", *more]
        )
        assert result.exception is None, result.output
        assert len(json.loads(result.output)["parties"]) == (3 if path == both else 2)
    call_ids = [{message.call_id for message in open_recording(path).messages} for path in (both, one)]
    assert [len(found) for found in call_ids] == [2, 1] and call_id in call_ids[1]
    assert len(open_recording(both).messages) == len(recording.messages)
