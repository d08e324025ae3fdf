"""Malformed timer headers, each row of the reference: given to the engine, the stub and a phone, refused where it counts.

docs/reference/session-timer-rules.md has the rows.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scenario_lab import Bench, timer
from test_stimulus_hostile import Far, an_answer

from sipstub.scenario.conduct import Conduct
from sipstub.session_timer.offer import Offer
from sipstub.session_timer.reply import TimerRefusal
from sipstub.session_timer.setting import UAC, TimerSettings
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.message import Request, Response
from sipstub.sip.reader import parse_message
from sipstub.stimulus.call import CallState
from sipstub.stimulus.placed_call import Ringing
from sipstub.transaction.sending import Hop

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "session-timer-rules.md"
_ROW = re.compile(r"^\| `(?P<line>[^`]+)`(?: and `(?P<other>[^`]+)`)? \| (?P<request>400|200|422) \| (?P<success>[^|]+) \| .+\|$")
ROWS = [found for line in PAGE.read_text("utf-8").splitlines() if (found := _ROW.match(line))]
IDS = [row["line"][:40] for row in ROWS]
KEPT = Ringing(conduct=Conduct(TimerSettings(expires_s=90, refresher=UAC), turns=(), lasts_s=600.0))
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 0 8 18\r\n"
FAR = ("Contact", "<sip:100@127.0.0.9:5060>")


def lines_of(row: re.Match[str]) -> list[str]:
    """Return the header lines of a row; what they lack of an offer stands before them."""
    found = [text.replace("\\r\\n", "\r\n").replace("\\t", "\t") for text in (row["line"], row["other"]) if text]
    said = {line.partition(":")[0].strip().lower() for line in found}
    usual = {"x": "Session-Expires: 300", "k": "Supported: timer"}
    left = [line for key, line in usual.items() if not said & {key, line.partition(":")[0].lower()}]
    return [*left, *found]


def a_request(method: str, lines: list[str], *, to_tag: str = "", cseq: int = 1, call_id: str = "far-1") -> bytes:
    has_body = method == "INVITE"
    head = [
        f"{method} sip:test@127.0.0.1:5060 SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bKfar{call_id}{cseq}{method}",
        "From: <sip:100@stub>;tag=far",
        "To: <sip:test@127.0.0.1>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        "Contact: <sip:100@127.0.0.9:5060>",
        *lines,
        *(["Content-Type: application/sdp"] if has_body else []),
        f"Content-Length: {len(SDP) if has_body else 0}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + (SDP if has_body else b"")


def answers(far: Far, data: bytes) -> list[int]:
    """Give a request to the stub; return the final statuses that went out."""
    far.stub.core.receive(data, Hop("UDP", "127.0.0.9", 5060, 1), far.now)
    found = [parse_message(sending.data) for sending in far.stub.core.to_send()]
    return [one.status for one in found if isinstance(one, Response) and one.status >= 200]


def test_the_reference_has_every_kind() -> None:
    assert len(ROWS) >= 40
    assert {row["line"].partition(":")[0].strip() for row in ROWS} >= {"Session-Expires", "Min-SE", "x", "Supported", "Require"}


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_engine_refuses_a_request_as_the_reference_says(row: re.Match[str], method: str) -> None:
    engine = SessionTimer(TimerSettings())
    request = parse_message(a_request(method, lines_of(row), to_tag="us"))
    assert isinstance(request, Request)
    found = engine.receive(request)
    assert (found.status if isinstance(found, TimerRefusal) else 200) == int(row["request"])
    if isinstance(found, TimerRefusal):
        assert found.fact and not engine.is_running


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_2xx_or_422_is_read_as_the_reference_says(row: re.Match[str]) -> None:
    offer = Offer(TimerSettings(expires_s=1800, refresher=UAC))
    text = a_request("INVITE", [], to_tag="").decode()
    invite = parse_message(text.encode())
    assert isinstance(invite, Request)
    offer.asked(invite)
    engine = offer.timer(0.0)
    lines = "\r\n".join(lines_of(row))
    head = "\r\n".join(text.split("\r\n")[1:6])
    success = parse_message(f"SIP/2.0 200 OK\r\n{head}\r\n{lines}\r\nContent-Length: 0\r\n\r\n".encode())
    assert isinstance(success, Response)
    engine.answered(success, 0.0)
    assert engine.is_running == (row["success"].strip() != "no timer")
    if "min-se" in row["line"].lower() and row["request"] == "400":
        refused = parse_message(f"SIP/2.0 422 X\r\n{head}\r\n{lines}\r\nContent-Length: 0\r\n\r\n".encode())
        assert isinstance(refused, Response)
        assert Offer(TimerSettings()).refused(refused) is None


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_stub_refuses_a_call_as_the_reference_says(row: re.Match[str]) -> None:
    far = Far()
    far.director.expect_call(far.director.aor("100"), far.now, 60.0)
    far.director.calls.ring_s = 0.0
    found = answers(far, a_request("INVITE", lines_of(row)).replace(b"@stub", b"@registrar.invalid"))
    far.wait(0.5)
    taken = [call.status for call in far.director.calls.open]
    assert (found or taken) == [int(row["request"])]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_stub_lives_with_any_2xx_and_refuses_in_the_call_what_it_would_refuse_before(row: re.Match[str]) -> None:
    far = Far()
    placed, invite = far.call(KEPT)
    made = an_answer(invite, 200, FAR, body=SDP).to_bytes()
    lines = "\r\n".join(lines_of(row)).encode()
    assert [one.method for one in far.give(made.replace(b"Call-ID", lines + b"\r\nCall-ID", 1))] == ["ACK"]
    assert placed.state is CallState.ANSWERED and placed.keeper is not None
    running = placed.keeper.timer.is_running
    assert running == (row["success"].strip() != "no timer")
    assert placed.dialog is not None
    tags = {"to_tag": placed.dialog.id.local_tag, "call_id": placed.call_id}

    def of(method: str, cseq: int) -> bytes:
        return a_request(method, lines_of(row), cseq=cseq, **tags).replace(b";tag=far", b";tag=far", 1)

    assert answers(far, of("UPDATE", 2)) == [int(row["request"])]
    assert placed.keeper.timer.is_running == (running if row["request"] != "200" else True)
    timer_lines = "require" not in row["line"].lower() and "supported" not in row["line"].lower()
    if timer_lines:  # they mean nothing in a BYE
        assert answers(far, of("BYE", 3)) == [200] and placed.is_ended


class Called:
    """A virtual phone that picks up, and somebody who asks it things."""

    def __init__(self) -> None:
        self.desk = Bench(timer(expires=90)).desk
        self.uri = self.desk.lab.stub.registrar.bindings(self.desk.aor(), self.desk.now)[0].uri
        self.calls = 0

    def ask(self, method: str, lines: list[str], cseq: int, to_tag: str = "") -> Response:
        """Return the final answer to a request in the call of now; a first INVITE begins another one."""
        agent = self.desk.lab.agent
        assert agent is not None
        self.calls += method == "INVITE" and not to_tag
        data = a_request(method, lines, cseq=cseq, to_tag=to_tag, call_id=f"asked-{self.calls}")
        data = data.replace(b"sip:test@127.0.0.1:5060 ", f"{self.uri} ".encode(), 1)
        agent.receive(data, Hop("UDP", "127.0.0.2", 5060, 5060), self.desk.now)
        agent.on_timer(self.desk.now)
        found = [parse_message(sending.data) for sending in agent.to_send()]
        return next(one for one in found if isinstance(one, Response) and one.status >= 200 and one.cseq.method == method)


@pytest.fixture(scope="module")
def called() -> Called:
    return Called()


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_phone_refuses_and_hears_the_same(row: re.Match[str], called: Called) -> None:
    first = called.ask("INVITE", lines_of(row), 1)
    assert first.status == int(row["request"])
    if first.status != 200:
        first = called.ask("INVITE", ["Session-Expires: 300", "Supported: timer"], 1)
    tag = first.to.tag or ""
    assert called.ask("UPDATE", lines_of(row), 2, tag).status == int(row["request"])
    if "require" not in row["line"].lower() and "supported" not in row["line"].lower():
        assert called.ask("INFO", lines_of(row), 3, tag).status == 200
        assert called.ask("BYE", lines_of(row), 4, tag).status == 200
    else:
        called.ask("BYE", [], 4, tag)
