"""`verify --session-timers` for real: the plan, one call that is kept up, and what is refused."""

from __future__ import annotations

import json
import re

import pytest
from verify_desk import Desk, until

from provisioner.runtime.session_calls import SessionCalls, plans_as_json, printed, spoken, wall_clock_s
from sipstub.stimulus.session_plan import SessionPlan
from sipstub.stimulus.step import Step
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.tolerance import TOLERANCE

FILE = """\
#!version:1.0.0.1
account.1.enable = 1
account.1.user_name = 1001
account.1.session_timer.enable = 1
account.1.session_timer.expires = 60
"""


def a_plan(seconds: float) -> SessionPlan:
    return SessionPlan((Step(Stimulus.SESSION, (1,), seconds, seconds, ()),))


def test_a_call_is_kept_up_and_judged(served: Desk) -> None:
    served.phone("director", "--answer", "answer")
    until(
        lambda: {row["name"]: row for row in json.loads(served.run("phones", "--json").stdout)}["director"]["state"] == "current"
    )
    verify = served.verify("director", "--session-timers", "--quick", "12", "--wait", "60", "--json", "-")
    assert verify.end() == 0, verify.out + verify.err
    (phone,) = json.loads(verify.out)["phones"]
    told = {one["rule"]: one["verdict"] for one in phone["findings"] if one["account"] == 1 and one["stimulus"] == "session"}
    assert told["session-answer"] == told["session-answer-refresher"] == told["session-stays"] == "PASS"
    assert told["session-expiry"] == "INCONCLUSIVE", "it was asked for, and there was no time"
    assert "session 1 of 1, open: " in verify.err, "the live view says what is expected next"
    media = re.search(r"RTP: (\d+) sent \(PCM[UA]\), (\d+) received \(PCM[UA], 0 lost", verify.err)
    assert media is not None and min(map(int, media.groups())) > 100, verify.err


def test_a_plan_says_what_takes_how_long_and_does_nothing(desk: Desk) -> None:
    (desk.root / "001565aabbcc.cfg").write_text(FILE)
    found = desk.run("verify", "001565aabbcc.cfg", "--session-timers", "--plan")
    assert found.returncode == 0, found.stderr
    assert ". silent-as-callee " in found.stdout and "say --dial" in found.stdout
    assert "warning: account 1 offers 60 s" in found.stdout and "nothing was done" in found.stdout
    quick = desk.run("verify", "001565aabbcc.cfg", "--session-timers", "--plan", "--quick", "30").stdout
    assert "does not fit the time limit" in quick and "silent-as-callee   " not in quick
    written = desk.root / "plan.json"
    both = desk.run("verify", "001565aabbcc.cfg", "--session-timers", "--plan", "--json", str(written))
    told = desk.run("verify", "001565aabbcc.cfg", "--session-timers", "--plan", "--json", "-").stdout
    assert both.stdout == found.stdout and written.read_text() == told
    plan = json.loads(told)
    (phone,) = plan["phones"]
    silent = next(call for call in phone["calls"] if call["scenario"] == "silent-as-callee")
    assert (silent["account"], silent["wants_person"]) == (1, False) and silent["seconds"] <= silent["at_most_seconds"]
    assert plan["seconds"] == phone["seconds"] == sum(call["seconds"] for call in phone["calls"])
    assert "offer" in {one["scenario"] for one in phone["left_out"]} and "offers 60 s" in phone["warnings"][0]
    assert plan["not_planned"] == [] and plans_as_json({}, {"director": "never fetched"})["not_planned"][0]["phone"] == "director"
    nowhere = desk.run("verify", "001565aabbcc.cfg", "--session-timers", "--plan", "--json", "no/such/folder.json")
    assert nowhere.returncode != 0 and "no/such/folder.json" in nowhere.stderr and "bug" not in nowhere.stderr
    assert not desk.state.exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--plan",), "--plan, --quick and --scenario go with --session-timers"),
        (("--quick", "60"), "--plan, --quick and --scenario go with --session-timers"),
        (("--scenario", "offer"), "--plan, --quick and --scenario go with --session-timers"),
        (("--session-timers", "--scenario", "ofer"), "no scenario is called 'ofer': offer, "),
        (("--dial",), "--dial goes with"),
        (("--tolerance", "nothing=1"), "there is no window"),
        (("--session-timers", "--plan", "--html", "out.html"), "--plan judges nothing"),
        (("--tolerance", "refresh_late"), "say NAME=NUMBER"),
        (("--tolerance", "refresh_late=soon"), "'soon' is no number"),
        (("--tolerance", "refresh_late=-1"), "from 0 up"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(desk: Desk, args: tuple[str, ...], words: str) -> None:
    found = desk.run("verify", "director", *args)
    assert found.returncode == 2 and words in found.stderr


def test_phones_with_the_same_calls_share_one_plan() -> None:
    text = printed({"anna": a_plan(60), "ben": a_plan(60), "chris": SessionPlan(())})
    assert text.startswith("anna, ben: each 1 call, about 1 min 0 s\n")
    assert text.count("  1. ") == 1 and "\nchris: no calls\n" in text


def test_phones_side_by_side_take_as_long_as_the_longest_and_eight_at_a_time() -> None:
    assert wall_clock_s([]) == 0
    assert wall_clock_s([a_plan(60), a_plan(90)]) == 90
    assert wall_clock_s([a_plan(60)] * 9) == 120
    assert spoken(59.6) == "1 min 0 s" and spoken(12) == "12 s"


def test_what_is_asked_of_the_sip_process_comes_back_as_it_was() -> None:
    for calls in (SessionCalls(), SessionCalls(90.0), SessionCalls(names=("offer", "open"))):
        assert SessionCalls.read(calls.as_json()) == calls
    assert SessionCalls.read(None) is None


def test_a_window_of_one_run_is_changed_by_its_name() -> None:
    assert TOLERANCE.changed("refresh_late", 0.5).refresh(46.5, 90) is not TOLERANCE.refresh(46.5, 90)
    assert TOLERANCE.changed("sent_often", 2.0).sent_often == 2
