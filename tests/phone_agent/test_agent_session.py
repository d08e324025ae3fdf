"""Session timers of the phone, as its file says: as caller and callee, refreshing and waiting.  RFC 4028."""

from __future__ import annotations

import re

import pytest
from phone_wire import OFFER, START, Registrar, Wire, a_phone, a_request

from sipstub.phone.agent.event import CallChanged, CallState
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.identity import PhoneModel
from sipstub.sip.answer import answer
from sipstub.sip.digest import challenge_for
from sipstub.sip.message import Request, Response
from sipstub.transaction.sending import Hop

QUIET = {"account.1.nat.udp_update_enable": "0"}
T23G = PhoneModel("T23G", "SIP-T23G", "y000000000044.cfg", "44.80.0.60", codec_slots=9)
UPDATE_OF_T23G = (
    # of a SIP-T23G with 44.80.0.60, from the guide of its firmware: names in order, and what stands in them
    ("Via", r"SIP/2\.0/UDP 127\.0\.0\.9:5060;branch=z9hG4bK\d+"),
    ("From", r'"10111" <sip:10111@127\.0\.0\.2:5060>;tag=\d+'),
    ("To", r"<sip:2002@127\.0\.0\.2:5060>;tag=far"),
    ("Call-ID", r"\S+@127\.0\.0\.9"),
    ("CSeq", r"2 UPDATE"),
    ("Contact", r"<sip:10111@127\.0\.0\.9:5060>"),
    ("Max-Forwards", r"70"),
    ("User-Agent", r"Yealink SIP-T23G 44\.80\.0\.60"),
    ("Session-Expires", r"90;refresher=uac"),
    ("Supported", r"timer"),
    ("Content-Length", r"0"),
)


def timer(refresher: str = "0", expires: str = "90", enable: str = "1") -> dict[str, str]:
    at = "account.1.session_timer."
    return {at + "enable": enable, at + "expires": expires, at + "refresher": refresher}


class Far:
    """The other side: answers by plan, a list of statuses and lines by method, and agrees to everything else."""

    def __init__(self, agrees: str = "", **plan: list[tuple[int, str]]) -> None:
        self.agrees = agrees
        "Session-Expires of each 2xx; empty for none."
        self.plan = plan
        self.is_gone = False
        self.registrar = Registrar(is_open=True)

    def __call__(self, request: Request, hop: Hop) -> list[Response]:
        if self.is_gone or request.method == "ACK":
            return []
        if request.method not in ("INVITE", "UPDATE"):
            return self.registrar(request, hop)
        planned = self.plan.get(request.method)
        status, line = planned.pop(0) if planned else (200, "")
        made = answer(request, status, to_tag="far")
        made.headers.add("Contact", "<sip:2002@127.0.0.2:5060>")
        if line:
            made.headers.add(*line.split(": ", 1))
        if status == 200 and self.agrees:
            made.headers.add("Session-Expires", self.agrees)
            made.headers.add("Require", "timer")
        return [made]


def calling(far: Far, *changes: dict[str, str]) -> Wire:
    wire = Wire(a_phone(QUIET, *changes), far).start()
    assert wire.phone.call(1, "2002", wire.now) is not None
    wire.carry()
    return wire


def called(far: Far, *changes: dict[str, str], body: bytes = OFFER, **headers: str) -> Wire:
    wire = Wire(a_phone(QUIET, *changes), far).start()
    wire.phone.answering = Answering.ANSWER
    wire.give(a_request("INVITE", wire, body=body, call_id="in", **headers))
    wire.give(in_call(wire, "ACK", "1"))
    return wire


def in_call(wire: Wire, method: str, cseq: str, body: bytes = b"", **headers: str) -> Request:
    tag = next(seen.message.to.tag for seen in wire.seen if seen.message is not None and seen.message.call_id == "in")
    return a_request(method, wire, body=body, to_tag=tag or "", call_id="in", cseq=cseq, **headers)


def times(wire: Wire, method: str) -> list[float]:
    return wire.times(method)


def is_up(wire: Wire) -> bool:
    return bool(wire.phone.lines[0].calls) and wire.phone.lines[0].calls[0].state is CallState.ANSWERED


# The sample


def test_t_41_t_45_the_update_of_a_t23g_is_header_for_header_the_one_of_the_guide() -> None:
    phone = {"account.1.user_name": "10111", "account.1.display_name": "10111", "account.1.nat.rport": "0"}
    wire = Wire(a_phone(QUIET, phone, timer(), model=T23G), Far("90;refresher=uac")).start()
    wire.phone.call(1, "2002", wire.now)
    wire.carry()
    wire.run(46)
    (update,) = wire.requests("UPDATE")
    assert update.uri_text == "sip:2002@127.0.0.2:5060" and update.body == b""
    assert [field.name for field in update.headers] == [name for name, _ in UPDATE_OF_T23G]
    for field, (name, pattern) in zip(update.headers, UPDATE_OF_T23G, strict=True):
        assert re.fullmatch(pattern, field.value), f"{name}: {field.value}"


# The phone calls


@pytest.mark.parametrize("expires", ["30", "90", "91", "1800", "7200"])
@pytest.mark.parametrize(("refresher", "word"), [("0", "uac"), ("1", "uas")])
def test_t_19_t_21_the_invite_asks_for_what_the_file_says(expires: str, refresher: str, word: str) -> None:
    (invite,) = calling(Far(), timer(refresher, expires)).requests("INVITE")
    assert invite.headers.get("Session-Expires") == f"{expires};refresher={word}" and "timer" in invite.supported


def test_a_phone_whose_timer_is_off_says_nothing_of_it_and_ignores_what_comes() -> None:
    wire = calling(Far("90;refresher=uac"), timer(enable="0")).run(1000)
    assert is_up(wire) and not wire.requests("UPDATE")
    assert all("Session-Expires" not in seen.request.headers for seen in wire.seen if seen.method)


@pytest.mark.parametrize("expires", [90, 300, 1800])
def test_t_29_t_30_the_phone_refreshes_by_update_at_half_time_for_ever(expires: int) -> None:
    wire = calling(Far(f"{expires};refresher=uac"), timer(expires=str(expires))).run(5 * expires)
    assert times(wire, "UPDATE") == [expires / 2 * number for number in range(1, 11)] and is_up(wire)
    numbers = [request.cseq.number for request in wire.requests("UPDATE")]
    assert numbers == list(range(2, 12))
    assert len({(request.call_id, request.from_.tag, request.to.tag) for request in wire.requests("UPDATE")}) == 1


def test_t_28_the_interval_that_was_agreed_counts_and_not_that_of_the_file() -> None:
    wire = calling(Far("120;refresher=uac"), timer(expires="1800")).run(130)
    assert times(wire, "UPDATE") == [60, 120]
    assert {request.headers.get("Session-Expires") for request in wire.requests("UPDATE")} == {"120;refresher=uac"}


def test_t_27_a_far_side_without_timers_is_not_refreshed() -> None:
    wire = calling(Far(), timer()).run(1000)
    assert is_up(wire) and not wire.requests("UPDATE")


def test_t_101_t_102_the_phone_hangs_up_when_the_other_side_does_not_refresh() -> None:
    wire = calling(Far("90;refresher=uas"), timer("1")).run(59.9)
    assert is_up(wire) and not wire.requests("UPDATE")
    wire.run(1)
    assert times(wire, "BYE") == [60] and not wire.phone.lines[0].calls
    assert wire.requests("BYE")[0].headers.get("Supported") == "timer"  # T-12


def test_t_32_t_33_t_36_a_422_is_met_by_the_larger_interval() -> None:
    wire = calling(Far("180;refresher=uac", INVITE=[(422, "Min-SE: 180")]), timer())
    first, second = wire.requests("INVITE")
    assert second.headers.get("Session-Expires") == "180;refresher=uac" and second.headers.get("Min-SE") == "180"
    assert (second.call_id, second.from_.tag, second.cseq.number) == (first.call_id, first.from_.tag, first.cseq.number + 1)
    assert is_up(wire) and second.body == first.body
    wire.run(100)
    assert wire.requests("UPDATE")[0].headers.get("Min-SE") == "180"


def test_a_422_for_ever_ends_the_call() -> None:
    wire = calling(Far(INVITE=[(422, f"Min-SE: {number}") for number in range(100, 150)]), timer())
    assert len(wire.requests("INVITE")) == 5 and not wire.phone.lines[0].calls
    changed = [event for event in wire.events if isinstance(event, CallChanged)]
    assert (changed[-1].state, changed[-1].status) == (CallState.ENDED, 422)


@pytest.mark.parametrize("status", [481, 404])
def test_t_98_a_far_side_that_knows_the_call_no_more_is_hung_up(status: int) -> None:
    wire = calling(Far("90;refresher=uac", UPDATE=[(status, "")]), timer()).run(50)
    assert times(wire, "BYE") == [45] and not wire.phone.lines[0].calls


def test_t_98_a_refresh_into_silence_ends_the_call() -> None:
    far = Far("90;refresher=uac")
    wire = calling(far, timer())
    far.is_gone = True
    wire.run(100)
    assert times(wire, "BYE")[0] == 77 and not wire.phone.lines[0].calls


@pytest.mark.parametrize(
    ("status", "line", "least", "most"), [(491, "", 2.1, 4.0), (500, "Retry-After: 5", 5, 5), (503, "", 15, 15)]
)
def test_t_99_t_100_a_refused_refresh_comes_again(status: int, line: str, least: float, most: float) -> None:
    wire = calling(Far("90;refresher=uac", UPDATE=[(status, line)]), timer()).run(89)
    first, second, *_ = times(wire, "UPDATE")
    assert first == 45 and least <= second - first <= most and is_up(wire)


def test_t_99_a_challenge_to_a_refresh_is_answered() -> None:
    wire = calling(Far("90;refresher=uac", UPDATE=[(401, f"WWW-Authenticate: {challenge_for('pbx', 'new')}")]), timer()).run(46)
    first, second = wire.requests("UPDATE")
    assert not first.authorization and second.authorization[0].nonce == "new" and second.cseq.number == first.cseq.number + 1
    assert is_up(wire.run(100))


def test_t_99_also_after_a_challenge_to_the_invite() -> None:
    first, second = (f"WWW-Authenticate: {challenge_for('pbx', nonce)}" for nonce in ("one", "two"))
    wire = calling(Far("90;refresher=uac", INVITE=[(401, first)], UPDATE=[(401, second)]), timer()).run(100)
    assert [request.authorization[0].nonce for request in wire.requests("UPDATE")] == ["one", "two", "two"] and is_up(wire)


def test_t_99_t_47_without_update_the_phone_refreshes_by_reinvite_and_changes_nothing() -> None:
    wire = calling(Far("90;refresher=uac", UPDATE=[(501, "")]), timer()).run(140)
    first, *others = wire.requests("INVITE")
    assert times(wire, "INVITE") == [0, 45, 90, 135] and len(wire.requests("UPDATE")) == 1
    assert {request.body for request in others} == {first.body} and is_up(wire)
    assert [request.cseq.number for request in wire.requests("ACK")] == [
        request.cseq.number for request in wire.requests("INVITE")
    ]


def test_a_reinvite_that_meets_one_of_the_phone_gets_491_also_when_an_older_200_comes_again() -> None:
    far = Far("60;refresher=uac", UPDATE=[(501, "")])
    wire = calling(far, timer())
    wire.run(31)
    older = wire.requests("INVITE")[-1]
    far.plan["INVITE"] = [(100, "")]
    wire.run(30)
    ours = wire.requests("INVITE")[-1]
    (ack,) = wire.give(far(older, Hop("UDP", "127.0.0.2", 5060))[0])
    assert (ack.method, ack.request.cseq.number) == ("ACK", older.cseq.number) and ours.cseq.number == older.cseq.number + 1
    theirs = a_request("INVITE", wire, body=OFFER, to_tag=ours.from_.tag or "", call_id=ours.call_id)
    assert [seen.message.status for seen in wire.give(theirs) if isinstance(seen.message, Response)] == [491]


# The phone is called


@pytest.mark.parametrize(
    ("setting", "offered", "said", "is_ours"),
    [
        ("0", "90;refresher=uac", "90;refresher=uac", False),
        ("1", "90;refresher=uas", "90;refresher=uas", True),
        ("0", "90", "90;refresher=uas", True),
        ("1", "90", "90;refresher=uac", False),
    ],
)
def test_t_82_t_90_t_92_the_callee_answers_and_does_its_part(setting: str, offered: str, said: str, is_ours: bool) -> None:
    wire = called(Far(said.replace("uas", "uac")), timer(setting), Supported="timer", Session_Expires=offered)
    (ok,) = (seen.message for seen in wire.seen if isinstance(seen.message, Response) and seen.message.status == 200)
    assert ok.headers.get("Session-Expires") == said and "timer" in ok.require
    wire.run(100)
    assert times(wire, "UPDATE") == ([45, 90] if is_ours else []) and is_up(wire) is is_ours
    assert times(wire, "BYE") == ([] if is_ours else [60])
    if is_ours:
        assert wire.requests("UPDATE")[0].headers.get("Session-Expires") == "90;refresher=uac"


def test_t_11_t_79_t_80_an_interval_under_90_is_refused_before_the_phone_rings() -> None:
    wire = called(Far(), timer(), Supported="timer", Session_Expires="60")
    found = [seen.message for seen in wire.seen if isinstance(seen.message, Response)]
    assert [(message.status, message.headers.get("Min-SE")) for message in found] == [(422, "90")]


def test_requests_that_insist_on_timers_are_taken_or_refused_as_the_file_says() -> None:
    for enable, status in (("1", 200), ("0", 420)):
        wire = called(Far(), timer(enable=enable), Supported="timer", Require="timer", Session_Expires="90;refresher=uac")
        found = [seen.message.status for seen in wire.seen if isinstance(seen.message, Response)]
        assert found[-1] == status


def test_t_94_t_48_refreshes_of_the_caller_keep_the_call_and_change_nothing() -> None:
    offered = {"Supported": "timer", "Session_Expires": "90;refresher=uac"}
    wire = called(Far(), timer(), **offered)
    first = next(seen.message for seen in wire.seen if isinstance(seen.message, Response) and seen.message.body)
    for cseq, method in ((2, "UPDATE"), (3, "INVITE"), (4, "UPDATE"), (5, "INVITE")):
        wire.run(50)
        (seen,) = wire.give(in_call(wire, method, str(cseq), OFFER if method == "INVITE" else b"", **offered))
        assert isinstance(seen.message, Response) and seen.message.status == 200
        assert seen.message.headers.get("Session-Expires") == "90;refresher=uac" and "timer" in seen.message.require
        assert seen.message.body == (first.body if method == "INVITE" else b"")
        if method == "INVITE":
            wire.give(in_call(wire, "ACK", str(cseq)))
    assert is_up(wire)
    wire.run(61)
    assert times(wire, "BYE") == [260]


def test_a_refresh_that_moves_the_caller_moves_what_the_phone_sends() -> None:
    wire = called(Far("90;refresher=uac"), timer(), Supported="timer", Session_Expires="90;refresher=uas")
    moved = in_call(wire, "UPDATE", "2", Supported="timer", Session_Expires="90;refresher=uas")
    moved.headers.set("Contact", "<sip:2002@127.0.0.3:5070>")
    wire.give(moved)
    wire.run(50)
    (refresh,) = [seen for seen in wire.seen if seen.method == "UPDATE"]
    assert refresh.request.uri_text == "sip:2002@127.0.0.3:5070" and (refresh.hop.host, refresh.hop.port) == ("127.0.0.3", 5070)


def test_a_refresh_without_an_interval_switches_the_timer_off() -> None:
    wire = called(Far(), timer(), Supported="timer", Session_Expires="90;refresher=uac")
    wire.give(in_call(wire, "UPDATE", "2", Supported="timer"))
    assert is_up(wire.run(1000))


def test_the_200_to_a_reinvite_is_repeated_until_its_ack_and_then_the_call_ends() -> None:
    wire = called(Far(), timer(), Supported="timer", Session_Expires="1800;refresher=uac")
    before = len(wire.seen)
    wire.give(in_call(wire, "INVITE", "2", OFFER, Supported="timer", Session_Expires="1800;refresher=uac"))
    wire.run(40)
    sent = [seen for seen in wire.seen[before:] if isinstance(seen.message, Response)]
    assert [round(seen.at - START, 1) for seen in sent] == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert times(wire, "BYE") == [32] and not wire.phone.lines[0].calls


def test_a_malformed_interval_in_the_call_is_refused_and_the_call_goes_on() -> None:
    wire = called(Far(), timer(), Supported="timer", Session_Expires="90;refresher=uac")
    (seen,) = wire.give(in_call(wire, "UPDATE", "2", Session_Expires="90", x="1800"))
    assert isinstance(seen.message, Response) and seen.message.status == 400 and is_up(wire)
    assert seen.message.reason == "Malformed Session-Expires header field"


def test_nothing_is_due_when_a_call_has_ended() -> None:
    wire = calling(Far("90;refresher=uac"), timer())
    wire.phone.lines[0].calls[0].hang_up(wire.now)
    wire.carry()
    wire.run(300)
    assert not wire.requests("UPDATE") and len(wire.requests("BYE")) == 1


def test_an_ended_call_leaves_no_alarm_behind() -> None:
    wire = calling(Far("90;refresher=uac"), timer())
    wire.phone.lines[0].calls[0].hang_up(wire.now)
    wire.carry()
    wire.run(40)
    assert wire.phone.next_timer is not None and wire.phone.next_timer > wire.now + 50  # the registration, and nothing sooner


def test_a_200_is_not_repeated_once_the_phone_hung_up() -> None:
    wire = Wire(a_phone(QUIET, timer()), Far()).start()
    wire.phone.answering = Answering.ANSWER
    wire.give(a_request("INVITE", wire, body=OFFER, call_id="in"))
    wire.phone.lines[0].calls[0].hang_up(wire.now)
    wire.carry()
    before = len(wire.seen)
    wire.run(40)
    assert len(wire.seen) == before
