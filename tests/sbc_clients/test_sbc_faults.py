"""What goes wrong around an SBC, in simulated time: legs that vanish, 422 without end, loops, floods; nothing of it stays."""

from __future__ import annotations

from collections import deque

import pytest
from sbc_world import (
    ANSWER,
    CHANGED,
    OFFER,
    SBC_HOST,
    Peer,
    World,
    a_site,
    hang_up,
    place,
    two_servers,
)

from sipstub.dialog.dialog import dialog_of_client
from sipstub.session_timer.timer import MAX_RAISES
from sipstub.sip.message import Request, Response
from sipstub.transaction.sending import Hop

URI = "sip:200@corp.example"
REACTION_S = 40.0
"After 64 times T1 and a bit nobody waits for an answer any more."


class Mirror(Peer):
    """What sends back to the SBC whatever the SBC sends to its own address, as the network does."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "mirror", Hop("UDP", SBC_HOST, 5060))
        self.returned = 0
        self._waiting: deque[Request | Response] = deque()
        self._is_busy = False
        world.peers[SBC_HOST, 5060] = self

    def take(self, message: Request | Response) -> None:
        self._waiting.append(message)
        if self._is_busy:
            return
        self._is_busy = True
        while self._waiting:
            self.returned += 1
            assert self.returned < 20_000, "a loop without end"
            self.world.put(self, self._waiting.popleft())
        self._is_busy = False


# Legs that vanish


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO"])
def test_a_leg_that_vanished_ends_the_call_when_it_is_asked_something(method: str) -> None:
    world, a, b = two_servers()
    ours, _ = place(a, b)
    a.send(ours, method, body=CHANGED if method != "INFO" else b"")
    world.run(REACTION_S)
    assert a.heard[-1] == "BYE", "no answer is the end of a call (RFC 3261 section 12.2.1.2)"
    assert ("408" in a.heard) is (method == "INVITE"), "said to an INVITE alone (RFC 4320)"
    assert set(b.heard) <= {method, "CANCEL", "BYE"}
    world.assert_both_legs_are_free()


def test_a_leg_that_vanished_does_not_keep_the_other_from_hanging_up() -> None:
    world, a, b = two_servers()
    ours, _ = place(a, b)
    a.send(ours, "BYE")
    assert a.response(200)
    world.assert_both_legs_are_free()
    assert b.heard == ["BYE"]


@pytest.mark.parametrize("side", ["a", "b"])
def test_the_session_timer_finds_a_leg_that_vanished(side: str) -> None:
    """Both legs have timers of the SBC; one end goes on answering, the other is gone."""
    own = {"SBCSessionExpiresMode": 3}
    world, a, b = two_servers({"SBCSessionExpires": 90}, own, own)
    place(a, b, URI, ("Supported", "timer"), answers=(("Supported", "timer"),))
    alive = b if side == "a" else a
    heard: list[str] = []
    for _ in range(400):
        world.run(1)
        while alive.inbox:
            found = alive.inbox.pop(0)
            if isinstance(found, Request):
                heard.append(found.method)
                if found.method != "ACK":
                    alive.answer(found, 200, body=ANSWER if found.method == "INVITE" else b"")
        if "BYE" in heard:
            break
    assert heard[-1] == "BYE", "the end that is still there is told"
    world.assert_both_legs_are_free()


def test_both_legs_may_vanish_at_once() -> None:
    own = {"SBCSessionExpiresMode": 3}
    world, a, b = two_servers({"SBCSessionExpires": 90}, own, own)
    place(a, b)
    world.run(400)
    world.assert_both_legs_are_free()


def test_a_caller_that_vanished_while_it_rang_is_given_up_without_an_ack() -> None:
    world, a, b = two_servers()
    a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 180)
    b.answer(arrived, 200, body=ANSWER)
    world.run(REACTION_S)
    assert "ACK" in b.heard and "BYE" in b.heard, "the callee is let go of"
    world.assert_both_legs_are_free()


def test_a_callee_gets_its_ack_where_that_of_the_caller_is_lost_before_it_hangs_up() -> None:
    world, a, b = two_servers()
    invite = a.ask("INVITE", URI, body=OFFER)
    accepted = b.answer(b.request("INVITE"), 200, body=ANSWER)
    ours = dialog_of_client(invite, a.response(200))
    assert ours is not None
    a.send(ours, "BYE")
    a.response(200)
    assert b.heard == ["ACK", "BYE"], "a callee without ACK repeats its 200 and may not hear a BYE"
    b.say(accepted)
    assert b.repeated, "the ACK again"
    b.request("ACK")
    b.answer(b.request("BYE"), 200)
    world.assert_both_legs_are_free()


# 422 without end


@pytest.mark.parametrize("mode", [0, 3])
def test_a_callee_that_raises_its_minimum_each_time_is_given_up(mode: int) -> None:
    world, a, b = two_servers({"SBCSessionExpires": 90}, {"SBCSessionExpiresMode": mode}, {"SBCSessionExpiresMode": mode})
    a.ask("INVITE", URI, ("Supported", "timer"), ("Session-Expires", "90"), body=OFFER)
    asked = 0
    while b.inbox and asked < 100:
        found = b.next()
        assert isinstance(found, Request)
        if found.method == "INVITE":
            asked += 1
            b.answer(found, 422, ("Min-SE", str(100 * (asked + 1))), tag=f"b{asked}")
    assert asked == (1 if mode == 0 else 1 + MAX_RAISES)
    assert a.response(422)
    world.assert_both_legs_are_free()


def test_422_to_each_refresh_leaves_no_loop() -> None:
    own = {"SBCSessionExpiresMode": 3}
    world, a, b = two_servers({"SBCSessionExpires": 90, "SBCMaxCallDuration": 30}, own, own)
    ours, _ = place(a, b, URI, ("Supported", "timer"), answers=(("Supported", "timer"),))
    assert ours
    asked = 0
    for _ in range(3600):
        world.run(1)
        for peer in (a, b):
            while peer.inbox:
                found = peer.inbox.pop(0)
                if not isinstance(found, Request) or found.method == "ACK":
                    continue
                if found.method in ("INVITE", "UPDATE"):
                    asked += 1
                    peer.answer(found, 422, ("Min-SE", str(100 * asked)))
                else:
                    peer.answer(found, 200)
        if not world.sbc.relays:
            break
    assert asked < 40
    world.assert_both_legs_are_free()


# Loops


def a_loop(limit: int, alternatives: int) -> tuple[World, Peer, Mirror]:
    """Return an SBC that routes to itself, by several rows one after the other."""
    groups: dict[str, dict[str, object]] = {"a": {"proxies": ["10.0.1.1:5060"]}, "b": {"proxies": [f"{SBC_HOST}:5060"]}}
    routes = [{"DestIPGroupName": "b", "AltRouteOptions": 0 if number == 0 else 1} for number in range(alternatives)]
    world = World(a_site({"SBCMaxForwardsLimit": limit}, groups, routes))
    return world, world.peer("a", "10.0.1.1"), Mirror(world)


@pytest.mark.parametrize("alternatives", [1, 3])
@pytest.mark.parametrize("limit", [10, 70])
def test_a_route_to_itself_is_found_out_at_once(limit: int, alternatives: int) -> None:
    world, a, mirror = a_loop(limit, alternatives)
    a.ask("INVITE", URI, body=OFFER)
    assert a.response(482).reason == "Loop Detected"
    assert mirror.returned <= 4, "INVITE, 482, ACK"
    a.ask("MESSAGE", URI)
    assert a.response(482)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("limit", [10, 70])
def test_a_loop_through_others_ends_by_max_forwards_and_does_not_branch(limit: int) -> None:
    """Two servers that send each call back; each failure would try the other one too: two to the power of the limit."""
    groups: dict[str, dict[str, object]] = {"a": {"proxies": ["10.0.1.1:5060"]}}
    for number in (2, 3):
        groups[f"s{number}"] = {"proxies": [f"10.0.{number}.1:5060"]}
    routes = ({"DestIPGroupName": "s2"}, {"DestIPGroupName": "s3", "AltRouteOptions": 1})
    world = World(a_site({"SBCMaxForwardsLimit": limit}, groups, routes))
    a = world.peer("a", "10.0.1.1")
    servers = [world.peer(f"s{number}", f"10.0.{number}.1") for number in (2, 3)]
    a.ask("INVITE", URI, body=OFFER)
    open_: list[tuple[Peer, Request, Request]] = []
    invites = 0
    for _ in range(5_000):
        server = next((one for one in servers if one.inbox), None)
        if server is None:
            break
        found = server.inbox.pop(0)
        if isinstance(found, Request) and found.method == "INVITE":
            invites += 1
            sent = server.ask("INVITE", URI, forwards=found.max_forwards or 0, body=OFFER)
            open_.append((server, found, sent))
        elif isinstance(found, Response) and found.status >= 200:
            for one in [each for each in open_ if each[2].call_id == found.call_id]:
                open_.remove(one)
                one[0].answer(one[1], found.status)
    assert a.response(483)
    assert invites <= limit + 1, "each hop once"
    world.assert_both_legs_are_free()


# Floods


def test_a_flood_of_strangers_leaves_nothing_behind_and_a_phone_is_served_through_it() -> None:
    world, a, b = two_servers()
    stranger = world.peer("stranger", "203.0.113.9")
    ours, _ = place(a, b)
    largest = 0
    for number in range(1_500):
        stranger.ask("INVITE" if number % 2 else "REGISTER", URI, body=OFFER if number % 2 else b"")
        stranger.inbox.clear()
        if number % 500 == 250:
            hang_up(a, b, ours)
            ours, _ = place(a, b)
        largest = max(largest, len(world.sbc.relays))
    assert largest == 1 and len(world.sbc.users) == 0, "only the call of the phone"
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()
    assert world.core.layer.held_bytes == 0


def test_a_flood_of_registers_without_a_password_leaves_no_user() -> None:
    """From an address that the rules let in; a phone that the registrar knows is served through it."""
    groups: dict[str, dict[str, object]] = {"phones": {"Type": "user"}, "pbx": {"proxies": ["10.0.2.1:5060"]}}
    routes = ({"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"},)
    world = World(a_site({}, groups, routes, ({"SrcIPGroupName": "phones"},)))
    phone, stranger, pbx = world.peer("a", "10.0.1.1"), world.peer("x", "203.0.113.9"), world.peer("b", "10.0.2.1")
    for number in range(1_000):
        to = f"<sip:{number}@corp.example>"
        stranger.ask("REGISTER", "sip:corp.example", from_=to, to=to, contact=f"<sip:{number}@203.0.113.9:5060>")
        pbx.answer(pbx.request("REGISTER"), 401)
        assert stranger.response(401)
    own = "<sip:a@corp.example>"
    phone.ask("REGISTER", "sip:corp.example", ("Expires", "600"), from_=own, to=own)
    asked = pbx.request("REGISTER")
    pbx.answer(asked, 200, ("Expires", "600"), contact=asked.headers.get("contact") or "")
    assert phone.response(200)
    world.run(100)
    assert [str(user.aor.uri) for user in world.sbc.users] == ["sip:a@corp.example"]
    world.run(1_000)
    assert not len(world.sbc.users)
    world.assert_both_legs_are_free()


def test_a_restarted_sbc_knows_no_call_of_before() -> None:
    """What phones see: 481 to whatever they ask in it, which ends it for them; their users have to register again."""
    _, a, b = two_servers()
    ours, theirs = place(a, b)
    again, a2, b2 = two_servers()
    for peer, dialog in ((a2, ours), (b2, theirs)):
        for method in ("INVITE", "UPDATE", "INFO", "REFER", "BYE"):
            asked = peer.send(dialog, method, *((("Refer-To", f"<{URI}>"),) if method == "REFER" else ()))
            assert peer.response(481).cseq == asked.cseq
    assert not a2.inbox and not b2.inbox
    ours, _ = place(a2, b2)
    hang_up(a2, b2, ours)
    again.assert_both_legs_are_free()


def test_the_200_of_a_call_from_before_a_restart_is_not_answered() -> None:
    old, a, b = two_servers()
    invite = a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    new, _, b2 = two_servers()
    ok = b2.answer(arrived, 200, body=ANSWER)
    assert not b2.inbox, "nobody asked this SBC's transaction; the callee gives up after 32 s"
    assert dialog_of_client(invite, ok) is not None and old.sbc.relays
    new.assert_both_legs_are_free()
