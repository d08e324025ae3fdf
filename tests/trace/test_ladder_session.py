"""Session timers in a ladder: the terms that messages agree on, and their picture, drawn to scale."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from session_samples import PHONE, STUB, Call, kept_up

from sipstub.cli import cli
from sipstub.trace.ladder.flow import Flow, flow_of
from sipstub.trace.ladder.session import MAX_SESSIONS, MAX_TERMS, Session
from sipstub.trace.ladder.session_svg import BAR, MAX_ROWS, MAX_TICKS, sessions_svg, tick_s
from sipstub.trace.ladder.svg import LEFT, ROWS_OF_PAGE, flow_svg, flow_svgs
from sipstub.trace.recording import Recording
from sipstub.trace.recording_json import recording_as_json


def flow(call: Call) -> Flow:
    return flow_of(call.recording, names={PHONE.host: "lobby"})


def session(call: Call) -> Session:
    (found,) = flow(call).sessions
    return found


def party(call: Call, column: int) -> str:
    return flow(call).parties[column].name


def test_each_2xx_with_session_expires_begins_a_term_that_the_next_one_renews() -> None:
    found = session(kept_up(2))
    assert [(term.method, term.at, term.interval_s, term.until, term.is_renewed) for term in found.terms] == [
        ("INVITE", 1_000.0, 90, 1_045.0, True),
        ("UPDATE", 1_045.0, 90, 1_090.0, True),
        ("UPDATE", 1_090.0, 90, 1_100.0, False),
    ]
    assert found.bye is not None and found.bye.at == 1_100.0
    assert found.refreshes == 2


@pytest.mark.parametrize(("interval_s", "given_up_s"), [(90, 60), (96, 64), (1_800, 1_768), (99, 67)])
def test_half_time_giving_up_and_expiry_are_those_of_rfc_4028(interval_s: int, given_up_s: int) -> None:
    term = session(Call().ask(0, "INVITE", f"{interval_s};refresher=uac", tagged=False)).terms[0]
    assert (term.half_at, term.expires_at) == (1_000 + interval_s / 2, 1_000 + interval_s)
    assert term.given_up_at == pytest.approx(1_000 + given_up_s)


@pytest.mark.parametrize(
    ("expires", "by_phone", "who"),
    [("90;refresher=uac", True, "lobby"), ("90;refresher=uas", True, "stub"), ("90;refresher=uac", False, "stub"),
     ("90;refresher=uas", False, "lobby"), ("90", True, "lobby")],
)  # fmt: skip
def test_uac_is_who_sent_the_request_whoever_began_the_call(expires: str, by_phone: bool, who: str) -> None:
    call = Call().ask(0, "INVITE", "90;refresher=uac", tagged=False).ask(45, "UPDATE", expires, by_phone=by_phone)
    assert party(call, session(call).terms[1].refresher) == who


def test_a_refresh_that_is_refused_or_not_answered_renews_nothing_and_is_shown() -> None:
    call = Call().ask(0, "INVITE", "90;refresher=uac", tagged=False).ask(45, "UPDATE", "90", status=500)
    call.ask(50, "UPDATE", "90", status=None).ask(60, "BYE", by_phone=False)
    (term,) = session(call).terms
    assert [tried.at for tried in term.tries] == [1_045.0, 1_050.0]
    assert not term.is_renewed
    assert "stub BYE after 60.0 s; lobby refreshes" in sessions_svg(flow(call))


def test_a_2xx_without_session_expires_switches_the_timer_off() -> None:
    call = Call().ask(0, "INVITE", "90", tagged=False).ask(30, "INVITE", None)
    assert [term.interval_s for term in session(call).terms] == [90, None]
    assert "no session timer from here on" in sessions_svg(flow(call))


def test_repeated_requests_and_answers_are_one_term() -> None:
    call = Call().ask(0, "INVITE", "90", tagged=False, copies=3).ask(45, "UPDATE", "90", copies=3)
    assert len(session(call).terms) == 2
    assert len(session(call).terms[0].tries) == 1


def test_a_call_without_a_timer_has_no_axis_and_neither_has_a_refused_one() -> None:
    plain = Call().ask(0, "INVITE", None, tagged=False).ask(5, "BYE")
    refused = Call().ask(0, "INVITE", "60", status=422, answer=None, tagged=False)
    for call in (plain, refused):
        assert flow(call).sessions == ()
        assert sessions_svg(flow(call)) == ""


def test_a_header_that_cannot_be_read_costs_no_picture() -> None:
    call = Call().ask(0, "INVITE", "90;refresher=both", answer="90;refresher=uac", tagged=False)
    call.ask(10, "UPDATE", "x", answer="-1").ask(20, "UPDATE", "90")
    flow_svg(flow(call))
    sessions_svg(flow(call))


def test_two_calls_are_two_sessions_and_many_are_bounded() -> None:
    messages = []
    for at in range(MAX_SESSIONS + 5):
        messages += Call(f"c{at}", 1_000.0 + at).ask(0, "INVITE", "90", tagged=False).messages
    numbered = tuple(replace(message, number=at) for at, message in enumerate(messages, 1))
    found = flow_of(Recording(numbered, is_own=True)).sessions
    assert len(found) == MAX_SESSIONS
    assert [one.number for one in found[:2]] == [2, 4]


def test_a_call_that_never_ends_keeps_a_bounded_number_of_terms() -> None:
    found = session(kept_up(MAX_TERMS + 20, gap_s=1.0))
    assert (len(found.terms), found.left_out) == (MAX_TERMS, 21)
    picture = sessions_svg(flow(kept_up(MAX_TERMS + 20, gap_s=1.0)))
    assert picture.count("<rect") == MAX_ROWS
    assert f"{MAX_TERMS + 21 - MAX_ROWS} more terms not drawn" in picture


# -- the picture


def places(picture: str, kind: str) -> list[float]:
    """Return where marks of a kind stand, as shares of the scale."""
    found = re.findall(rf'<(?:path d="M([\d.]+)[^"]*"|circle cx="([\d.]+)")[^>]*class="{kind}"', picture)
    shift = 5 if kind == "bye" else 0
    return [round((float(one or two) + shift - LEFT) / BAR, 3) for one, two in found][1:]  # the first is the legend's


def test_marks_stand_at_their_time_on_the_scale() -> None:
    call = Call().ask(0, "INVITE", "90;refresher=uac", tagged=False).ask(60, "UPDATE", "90").ask(90, "BYE", by_phone=False)
    picture = sessions_svg(flow(call))
    assert places(picture, "half") == pytest.approx([45 / 150, 105 / 150], abs=0.001)
    assert places(picture, "given-up") == pytest.approx([60 / 150, 120 / 150], abs=0.001)
    assert places(picture, "expiry") == pytest.approx([90 / 150, 1.0], abs=0.001)
    assert places(picture, "refresh") == pytest.approx([60 / 150], abs=0.001)
    assert places(picture, "bye") == pytest.approx([90 / 150], abs=0.001)
    assert "lobby renewed after 60.0 s, 67 %" in picture
    assert "stub BYE after 30.0 s" in picture


def test_many_terms_are_drawn_each_from_its_own_beginning() -> None:
    picture = sessions_svg(flow(kept_up(12)))
    assert set(places(picture, "half")) == {0.5}
    assert set(places(picture, "refresh")) == {0.5}
    assert set(places(picture, "expiry")) == {1.0}
    assert "seconds after each 2xx" in picture


def test_a_session_that_nobody_ends_goes_on_beyond_its_expiry() -> None:
    call = Call().ask(0, "INVITE", "90;refresher=uas", tagged=False).ask(120, "OPTIONS")
    picture = sessions_svg(flow(call))
    assert places(picture, "expiry") == pytest.approx([0.75], abs=0.001)
    assert "expired, no BYE seen; stub refreshes" in picture


def test_the_picture_has_title_and_description_and_marks_that_differ_in_form() -> None:
    picture = sessions_svg(flow(kept_up(2)), prefix="p3")
    root = ET.fromstring(picture)
    assert root.get("aria-labelledby") == "p3-s1-title p3-s1-desc"
    assert (root.findtext("title") or "").startswith("Session of the call answered by #2: 90 s, renewed 2 times")
    assert "lobby renewed after 45.0 s, 50 %" in (root.findtext("desc") or "")
    for word in ("half time", "given up", "expiry", "refresh", "BYE"):
        assert f">{word}</text>" in picture
    assert "script" not in picture and "href" not in picture


@given(st.floats(0.001, 5e9))
def test_ticks_are_few_and_at_least_one_fits(span_s: float) -> None:
    step = tick_s(span_s)
    assert step > 0
    assert span_s / step <= MAX_TICKS + 1e-9
    assert span_s / step >= 1 or span_s < 60


@pytest.mark.parametrize(("span_s", "step_s"), [(90, 15), (180, 30), (1_800, 300), (6, 1), (86_400, 20_000)])
def test_ticks_stand_where_people_count(span_s: float, step_s: float) -> None:
    assert tick_s(span_s) == step_s


# -- long ladders in parts


def test_a_ladder_of_sixty_messages_is_drawn_in_parts_each_with_its_parties() -> None:
    found = flow(kept_up(28))
    assert len(found.rows) == 60
    text = flow_svgs(found, prefix="l0")
    parts = [ET.fromstring(part + "</svg>") for part in text.split("</svg>\n") if part]
    assert len(parts) == -(-60 // ROWS_OF_PAGE)
    assert len({part.get("viewBox", "").split()[2] for part in parts}) == 1
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert [name for name in ids if "-m" in name and name[4:].isdigit()] == [f"l0-m{number}" for number in range(1, 61)]
    for part in parts:
        shown = "".join(part.itertext())
        assert "lobby" in shown and STUB.address in shown
    assert text.count("60 messages in") >= 1 and text.count("goes on in the next part") == len(parts) - 1


def test_a_short_ladder_is_one_picture() -> None:
    found = flow(kept_up(2))
    assert flow_svgs(found, prefix="l0") == flow_svg(found, prefix="l0")


def test_the_page_of_sipstub_ladder_has_the_session_too(tmp_path: Path) -> None:
    recorded, page = tmp_path / "call.json", tmp_path / "call.html"
    recorded.write_text(json.dumps(recording_as_json(kept_up(2).recording)))
    assert CliRunner().invoke(cli, ["ladder", str(recorded), "--html", str(page)], standalone_mode=False).return_value == 0
    text = page.read_text()
    assert text.count('<svg class="session"') == 1
    places = re.findall(r'\bid="([^"]+)"', text)
    assert len(places) == len(set(places))
