"""EnableMSRP: calls with a line of messages, and what becomes of the line on both legs."""

from __future__ import annotations

import pytest
from media_world import OURS, MediaWorld, Talk, a_media_world, line_of, rtp, sdp
from msrp_lab import A_PATH, B_PATH, ListLink, a_send, an_ok
from sbc_proof import named
from sbc_world import hang_up

from sipstub.dialog.dialog import Dialog, dialog_of_client
from sipstub.sip.sdp import Media, Sdp

SBC = "10.0.0.1"
ON = {"EnableMSRP": 1}
AT_A, AT_B, AT_C = ("10.0.1.1", 7001), ("10.0.2.1", 7002), ("10.0.3.1", 7003)


def messages(at: tuple[str, int], path: str, *lines: str, protocol: str = "TCP/MSRP") -> bytes:
    """Return a description of one line of messages."""
    return sdp(*at, "*", "accept-types:text/plain message/cpim", f"path:{path}", *lines, kind="message", protocol=protocol)


OFFER, ANSWER = messages(AT_A, A_PATH), messages(AT_B, B_PATH)
VOICE = sdp("10.0.1.1", 4000)


def message_in(body: bytes, place: int = 0) -> Media:
    """Return a line."""
    return Sdp.parse(body).media[place]


def path_in(body: bytes, place: int = 0) -> str:
    (path,) = message_in(body, place).attributes("path")
    return path


def with_line(body: bytes, other: bytes) -> bytes:
    """Return a description with the line of another one behind its own, at its own address."""
    return body + other[other.index(b"m=") :]


def up(world: MediaWorld, at_a: int, at_b: int) -> tuple[ListLink, ListLink]:
    """Have a connect, and the SBC to b; return both connections, with one message passed."""
    a, b = world.ledger.streams[at_a], world.ledger.streams[at_b]
    (address, to_b), *_ = world.ledger.opened(at_b)
    assert address == AT_B
    b.connected(to_b, 0.0)
    hello = to_b.take()
    assert f"To-Path: {B_PATH}\r\nFrom-Path: {b.uri}\r\n".encode() in hello
    b.received_from(to_b, an_ok(hello.split(b" ")[1].decode(), b.uri, B_PATH), 0.0)
    from_a = ListLink()
    a.accepted(from_a, 0.0)
    a.received_from(from_a, a_send("first", a.uri, A_PATH), 0.0)
    assert to_b.take() == a_send("first", B_PATH, b.uri)
    b.received_from(to_b, an_ok("first", b.uri, B_PATH), 0.0)
    assert from_a.take() == an_ok("first", A_PATH, a.uri)
    return from_a, to_b


@pytest.mark.parametrize("value", [named("EnableMSRP", 0), named("EnableMSRP", 1)])
def test_a_call_of_messages_alone_is_refused_or_passes_with_a_path_of_the_sbc(value: int) -> None:
    with a_media_world({"EnableMSRP": value}) as world:
        if value == 0:
            world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
            world.a.response(488)
            assert not world.b.inbox and not world.ledger.taken
            return
        talk = Talk(world, OFFER, ANSWER)
        for body, port in ((talk.arrived.body, talk.at_b), (talk.ok.body, talk.at_a)):
            assert path_in(body) == f"msrp://{SBC}:{port}/session{port};tcp"
            assert line_of(body)[:2] == (SBC, port)
            assert message_in(body).attributes("accept-types") == ["text/plain message/cpim"]
            assert b"session;tcp" not in body and b"10.0.1.1" not in body and b"10.0.2.1" not in body
        up(world, talk.at_a, talk.at_b)
        talk.end()


@pytest.mark.parametrize("value", [named("EnableMSRP", 0), named("EnableMSRP", 1)])
def test_beside_voice_the_line_is_refused_or_passes(value: int) -> None:
    with a_media_world({"EnableMSRP": value}) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=with_line(VOICE, OFFER))
        arrived = world.b.request("INVITE")
        assert [bool(line.port) for line in Sdp.parse(arrived.body).media] == [True, bool(value)]
        world.b.answer(arrived, 486)
        world.a.response(486)


@pytest.mark.parametrize("value", [named("EnableMSRP", 0), named("EnableMSRP", 1)])
def test_where_media_are_direct_the_line_is_refused_all_the_same_or_passes_as_it_is(value: int) -> None:
    with a_media_world({"EnableMSRP": value, "SBCDirectMedia": 1}) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
        if value == 0:
            world.a.response(488)
            return
        arrived = world.b.request("INVITE")
        assert path_in(arrived.body) == A_PATH and not world.ledger.taken
        world.b.answer(arrived, 200, body=ANSWER)
        world.run(60.0)


@pytest.mark.parametrize("value", [named("EnableMSRP", 0), named("EnableMSRP", 1)])
def test_a_re_invite_adds_the_line_where_it_may_and_another_takes_it_away(value: int) -> None:
    with a_media_world({"EnableMSRP": value}) as world:
        talk = Talk(world, VOICE, sdp("10.0.2.1", 5000))
        ok, arrived = again(world, talk.ours, with_line(VOICE, OFFER), with_line(sdp("10.0.2.1", 5000), ANSWER))
        assert [bool(line.port) for line in Sdp.parse(arrived).media] == [True, bool(value)]
        if value:
            at_a, at_b = line_of(ok, 1)[1], line_of(arrived, 1)[1]
            from_a, to_b = up(world, at_a, at_b)
            assert talk.from_a(rtp()), "voice goes on"
            again(world, talk.ours, with_line(VOICE, OFFER), with_line(sdp("10.0.2.1", 5000), ANSWER))
            assert not from_a.is_gone and not to_b.is_gone, "the same again changes nothing"
            without = with_line(VOICE, OFFER).replace(b"m=message 7001", b"m=message 0")
            again(world, talk.ours, without, with_line(sdp("10.0.2.1", 5000), ANSWER).replace(b"message 7002", b"message 0"))
            assert from_a.is_closed and to_b.is_closed
            assert talk.from_a(rtp(8, 6))
        talk.end()


def again(world: MediaWorld, ours: Dialog, offer: bytes, answer: bytes) -> tuple[bytes, bytes]:
    """Have a re-INVITE of a pass; return the descriptions of its answer and of what b was asked."""
    world.a.send(ours, "INVITE", body=offer)
    asked = world.b.request("INVITE")
    world.b.answer(asked, 200, body=answer)
    ok = world.a.response(200)
    world.a.send(ours, "ACK")
    world.b.request("ACK")
    return ok.body, asked.body


@pytest.mark.parametrize(
    ("offered", "answered", "told", "connects_to_a", "connects_to_b"),
    [
        ("", "", None, False, True),
        ("active", "passive", "passive", False, True),
        ("passive", "active", "active", True, False),
        ("actpass", "active", "passive", False, False),
        ("passive", "passive", "active", True, True),
        ("holdconn", "holdconn", "holdconn", False, False),
        ("Active", "nonsense", "passive", False, True),
    ],
)
def test_who_connects_is_agreed_on_each_leg_alone(
    offered: str, answered: str, told: str | None, connects_to_a: bool, connects_to_b: bool
) -> None:
    with a_media_world(ON) as world:
        setups = [[f"setup:{word}"] if word else [] for word in (offered, answered)]
        talk = Talk(world, messages(AT_A, A_PATH, *setups[0]), messages(AT_B, B_PATH, *setups[1]))
        assert message_in(talk.arrived.body).attributes("setup") == ["actpass"]
        assert message_in(talk.ok.body).attributes("setup") == ([told] if told else [])
        for port, at, connects in ((talk.at_a, AT_A, connects_to_a), (talk.at_b, AT_B, connects_to_b)):
            assert [address for address, _ in world.ledger.opened(port)] == ([at] if connects else [])
        talk.end()


def test_who_connects_may_stand_before_all_lines() -> None:
    with a_media_world(ON) as world:
        offer, answer = (
            body.replace(b"t=0 0\r\n", b"t=0 0\r\na=setup:" + word + b"\r\n")
            for body, word in ((OFFER, b"passive"), (ANSWER, b"active"))
        )
        talk = Talk(world, offer, answer)
        assert message_in(talk.ok.body).attributes("setup") == ["active"]
        assert [address for address, _ in world.ledger.opened(talk.at_a)] == [AT_A] and not world.ledger.opened(talk.at_b)
        talk.end()


@pytest.mark.parametrize(
    ("path", "lines", "target"),
    [
        ("msrp://192.0.2.9:7777/b;tcp", (), ("192.0.2.9", 7777)),
        ("msrp://192.0.2.9:7777/b;tcp", ("msrp-cema",), AT_B),
        ("msrp://phone.example:7777/b;tcp", (), AT_B),
        ("msrp://192.0.2.8:2855/r;tcp msrp://192.0.2.9:7777/b;tcp", (), ("192.0.2.8", 2855)),
    ],
)
def test_the_address_is_that_of_the_path_or_of_the_line(path: str, lines: tuple[str, ...], target: tuple[str, int]) -> None:
    with a_media_world(ON) as world:
        talk = Talk(world, OFFER, messages(AT_B, path, *lines))
        assert [address for address, _ in world.ledger.opened(talk.at_b)] == [target]
        assert not message_in(talk.ok.body).attributes("msrp-cema")
        talk.end()


@pytest.mark.parametrize(
    "offer",
    [
        sdp(*AT_A, "*", kind="message", protocol="TCP/MSRP"),
        messages(AT_A, "msrp://nobody"),
        messages(AT_A, A_PATH, f"path:{A_PATH}"),
        messages(AT_A, " ".join([A_PATH] * 9)),
        messages(AT_A, A_PATH.replace("msrp:", "msrps:")),
        messages(AT_A, A_PATH, protocol="UDP/MSRP"),
    ],
)
def test_a_line_that_no_connection_could_be_made_of_is_refused(offer: bytes) -> None:
    with a_media_world(ON) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=offer)
        world.a.response(488)
        assert not world.b.inbox


def test_what_came_of_it_is_told_when_the_call_ends() -> None:
    with a_media_world(ON) as world:
        said: list[str] = []
        world.media.tell = lambda text, now: said.append(text)
        talk = Talk(world, OFFER, ANSWER)
        up(world, talk.at_a, talk.at_b)
        octets = world.ledger.streams[talk.at_a].octets, world.ledger.streams[talk.at_b].octets
        talk.end()
        assert sorted(said) == sorted(
            f"messages at port {port}: connections 1, frames in 1, frames out 1, bytes in {count}"
            for port, count in zip((talk.at_a, talk.at_b), octets, strict=True)
        )


THEIRS = "fingerprint:sha-256 " + ":".join(["0b"] * 32)
TLS = "TCP/TLS/MSRP"


def secured(at: tuple[str, int], path: str, *lines: str) -> bytes:
    return messages(at, path.replace("msrp:", "msrps:"), *lines, protocol=TLS)


def test_over_tls_each_side_gets_the_fingerprint_of_the_sbc_and_ours_is_held_against_theirs() -> None:
    with a_media_world(ON) as world:
        talk = Talk(world, secured(AT_A, A_PATH, THEIRS, "setup:active"), secured(AT_B, B_PATH, THEIRS, "setup:passive"))
        for body, port in ((talk.arrived.body, talk.at_b), (talk.ok.body, talk.at_a)):
            assert message_in(body).attributes("fingerprint") == [OURS]
            assert path_in(body) == f"msrps://{SBC}:{port}/session{port};tcp" and message_in(body).protocol == TLS
        assert [address for address, _ in world.ledger.opened(talk.at_b)] == [AT_B]
        assert world.ledger.streams[talk.at_b].fingerprints == (("sha-256", b"\x0b" * 32),)
        talk.end()


def test_a_fingerprint_may_stand_before_all_lines() -> None:
    with a_media_world(ON) as world:
        answer = secured(AT_B, B_PATH, "setup:passive").replace(b"t=0 0\r\n", f"t=0 0\r\na={THEIRS}\r\n".encode())
        talk = Talk(world, secured(AT_A, A_PATH, "setup:active"), answer)
        assert world.ledger.streams[talk.at_b].fingerprints == (("sha-256", b"\x0b" * 32),)
        talk.end()


@pytest.mark.parametrize(
    "line", ["fingerprint:md5 " + ":".join(["0b"] * 16), "fingerprint:sha-256 0b", "fingerprint:sha-256 x", "y"]
)
def test_who_is_to_be_connected_to_over_tls_and_names_no_fingerprint_that_counts_is_refused(line: str) -> None:
    with a_media_world(ON) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=secured(AT_A, A_PATH, line, "setup:passive"))
        world.a.response(488)
        assert not world.ledger.taken


def test_messages_do_not_become_secure_in_the_middle_of_a_call() -> None:
    with a_media_world(ON) as world:
        talk = Talk(world, OFFER, ANSWER)
        up(world, talk.at_a, talk.at_b)
        world.a.send(talk.ours, "INVITE", body=secured(AT_A, A_PATH, THEIRS))
        world.a.response(488)
        assert world.ledger.streams[talk.at_a].links == 1
        talk.end()


def test_a_call_without_a_free_port_for_messages_is_refused_and_holds_nothing() -> None:
    with a_media_world(ON, limit=3) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=with_line(VOICE, OFFER))
        world.a.response(503)
        assert not world.b.inbox


def test_nobody_is_connected_to_before_the_call_is_up_and_nothing_stays_of_one_that_fails() -> None:
    with a_media_world(ON) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=messages(AT_A, A_PATH, "setup:passive"))
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 183, body=ANSWER)
        early = world.a.response(183)
        for body in (arrived.body, early.body):
            assert not world.ledger.opened(line_of(body)[1], 1.0)
        world.b.answer(arrived, 486)
        world.a.response(486)


def test_of_two_forks_that_describe_themselves_the_one_that_answers_is_connected_to() -> None:
    with a_media_world(ON) as world:
        invite = world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 183, tag="one", body=messages(AT_C, "msrp://10.0.3.1:7003/csession;tcp"))
        world.a.response(183)
        world.b.answer(arrived, 200, tag="two", body=ANSWER)
        ok = world.a.response(200)
        ours = dialog_of_client(invite, ok)
        assert ours is not None
        world.a.send(ours, "ACK")
        world.b.request("ACK")
        assert [address for address, _ in world.ledger.opened(line_of(arrived.body)[1])] == [AT_B]
        world.a.send(ours, "BYE")
        world.a.response(200)
        world.b.answer(world.b.request("BYE"), 200)


def test_a_re_invite_that_is_refused_leaves_messages_where_they_went() -> None:
    with a_media_world(ON) as world:
        talk = Talk(world, OFFER, ANSWER)
        from_a, to_b = up(world, talk.at_a, talk.at_b)
        world.a.send(talk.ours, "INVITE", body=messages(AT_A, A_PATH.replace("asession", "other")))
        world.b.answer(world.b.request("INVITE"), 488)
        world.a.response(488)
        world.b.request("ACK")
        end = world.ledger.streams[talk.at_a]
        end.received_from(from_a, a_send("still", end.uri, A_PATH), 1.0)
        assert b"\r\n\r\nhello\r\n" in to_b.take()
        talk.end()


def test_a_side_that_names_another_path_is_connected_to_anew() -> None:
    with a_media_world(ON) as world:
        talk = Talk(world, OFFER, ANSWER)
        from_a, to_b = up(world, talk.at_a, talk.at_b)
        moved = B_PATH.replace("10.0.2.1:7002", "10.0.2.1:7999").replace("bsession", "moved")
        again(world, talk.ours, OFFER, messages(AT_B, moved))
        assert from_a.is_closed and to_b.is_closed
        assert world.ledger.opened(talk.at_b, 5.0)[-1][0] == ("10.0.2.1", 7999)
        talk.end()


@pytest.mark.parametrize("how", ["sendonly", "inactive"])
def test_a_hold_keeps_the_connection(how: str) -> None:
    with a_media_world(ON) as world:
        offer, answer = with_line(VOICE, OFFER), with_line(sdp("10.0.2.1", 5000), ANSWER)
        talk = Talk(world, offer, answer)
        at_a, at_b = line_of(talk.ok.body, 1)[1], line_of(talk.arrived.body, 1)[1]
        from_a, to_b = up(world, at_a, at_b)
        held, asked = again(world, talk.ours, offer + f"a={how}\r\n".encode(), answer + b"a=inactive\r\n")
        assert message_in(asked, 1).own_direction == how and path_in(asked, 1) == path_in(talk.arrived.body, 1)
        assert path_in(held, 1) == path_in(talk.ok.body, 1)
        again(world, talk.ours, offer, answer)
        assert not from_a.is_gone and not to_b.is_gone and len(world.ledger.opened(at_b, 9.0)) == 1
        talk.end()


@pytest.mark.parametrize("moves", [False, True])
def test_a_refresh_of_the_sbc_keeps_the_connection_unless_its_answer_names_another_path(moves: bool) -> None:
    values = {**ON, "SBCSessionExpires": 120, "SBCSessionRefreshingPolicy": 1}
    with a_media_world(values, None, {"SBCSessionExpiresMode": 3, "SBCRemoteUpdateSupport": 0}) as world:
        talk = Talk(world, OFFER, ANSWER)
        from_a, to_b = up(world, talk.at_a, talk.at_b)
        world.run(61.0)
        refresh = world.b.request("INVITE")
        assert path_in(refresh.body) == path_in(talk.arrived.body)
        moved = B_PATH.replace("bsession", "moved")
        timer = (("Session-Expires", "120;refresher=uac"), ("Require", "timer"))
        world.b.answer(refresh, 200, *timer, body=messages(AT_B, moved if moves else B_PATH))
        world.b.request("ACK")
        assert (from_a.is_gone, to_b.is_gone) == (moves, moves)
        assert len(world.ledger.opened(talk.at_b, 99.0)) == 1 + moves
        talk.end()


def test_a_line_that_a_side_leaves_out_of_its_next_offer_ends_where_the_order_is_kept() -> None:
    with a_media_world({**ON, "SBCEnforceMediaOrder": 1}) as world:
        offer, answer = with_line(VOICE, OFFER), with_line(sdp("10.0.2.1", 5000), ANSWER)
        talk = Talk(world, offer, answer)
        from_a, to_b = up(world, line_of(talk.ok.body, 1)[1], line_of(talk.arrived.body, 1)[1])
        left = answer.replace(b"m=message 7002", b"m=message 0")
        ok, asked = again(world, talk.ours, VOICE, left)
        assert [line.port for line in Sdp.parse(asked).media] == [talk.at_b, 0] and len(Sdp.parse(ok).media) == 1
        assert from_a.is_closed and to_b.is_closed
        talk.end()


def test_the_offer_may_come_with_the_answer_to_an_invite_without_one() -> None:
    with a_media_world(ON) as world:
        invite = world.a.ask("INVITE", "sip:200@corp.example")
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 200, body=messages(AT_B, B_PATH, "setup:actpass"))
        ok = world.a.response(200)
        ours = dialog_of_client(invite, ok)
        assert ours is not None and path_in(ok.body).startswith(f"msrp://{SBC}:")
        world.a.send(ours, "ACK", body=messages(AT_A, A_PATH, "setup:passive"))
        ack = world.b.request("ACK")
        assert message_in(ack.body).attributes("setup") == ["passive"]
        assert [address for address, _ in world.ledger.opened(line_of(ok.body)[1])] == [AT_A]
        world.a.send(ours, "BYE")
        world.b.answer(world.b.request("BYE"), 200)


def test_voice_and_messages_change_places_and_back() -> None:
    with a_media_world(ON) as world:
        talk = Talk(world, VOICE, sdp("10.0.2.1", 5000))
        ok, arrived = again(world, talk.ours, OFFER, ANSWER)
        from_a, to_b = up(world, line_of(ok)[1], line_of(arrived)[1])
        assert not talk.from_a(rtp())
        ok, arrived = again(world, talk.ours, VOICE, sdp("10.0.2.1", 5000))
        assert (line_of(ok)[1], line_of(arrived)[1]) == (talk.at_a, talk.at_b), "the ports of voice were kept"
        assert from_a.is_closed and to_b.is_closed and talk.from_a(rtp(8, 7))
        talk.end()


def test_the_target_of_a_transfer_gets_the_messages_of_who_stays() -> None:
    with a_media_world(ON, None, {"SBCRemoteReferBehavior": 3}) as world:
        talk = Talk(world, OFFER, ANSWER)
        from_a, to_b = up(world, talk.at_a, talk.at_b)
        world.a.send(talk.ours, "REFER", ("Refer-To", "<sip:300@corp.example>"))
        world.a.response(202)
        world.a.answer(world.a.request("NOTIFY"), 200)
        arrived = world.c.request("INVITE")
        path = "msrp://10.0.3.1:7003/csession;tcp"
        world.c.answer(arrived, 200, body=messages(AT_C, path))
        world.c.request("ACK")
        world.a.answer(world.a.request("NOTIFY"), 200)
        if world.b.heard == ["INVITE"]:
            asked = world.b.request("INVITE")
            assert path_in(asked.body) == path_in(talk.arrived.body)
            world.b.answer(asked, 200, body=ANSWER)
            world.b.request("ACK")
        at_c = line_of(arrived.body)[1]
        ((address, to_c),) = world.ledger.opened(at_c, 5.0)
        assert address == AT_C and from_a.is_gone and not to_b.is_gone
        c, b = world.ledger.streams[at_c], world.ledger.streams[talk.at_b]
        c.connected(to_c, 5.0)
        c.received_from(to_c, an_ok(to_c.take().split(b" ")[1].decode(), c.uri, path), 5.0)
        b.received_from(to_b, a_send("tothe", b.uri, B_PATH), 5.0)
        assert to_c.take() == a_send("tothe", path, c.uri)
        world.a.send(talk.ours, "BYE")
        world.a.response(200)
        hang_up(world.b, world.c, talk.theirs)
