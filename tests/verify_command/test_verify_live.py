"""The live view: a line per phone that changes in place on a terminal, and a line per change where there is none."""

from __future__ import annotations

import pytest

from provisioner.cli.verify_live import BAR, LiveView, drawn, summary
from provisioner.runtime.verify_run import PhoneLine, Standing


def a_line(name: str = "anna", state: str = "registered udp", told: int = 10, failed: int = 0, doing: str = "") -> PhoneLine:
    return PhoneLine(name, state, told, 20, failed, 12, doing)


def test_a_line_tells_state_rules_failures_and_what_is_done_to_the_phone() -> None:
    assert summary(a_line(failed=1, doing="refuse 3 of 7")) == "registered udp   10 of 20 rules, 1 FAIL   refuse 3 of 7"
    assert summary(PhoneLine("ben", "never fetched", 0, 0, 0, 0)) == "never fetched"


def test_a_bar_fills_with_the_rules_that_have_a_verdict_and_too_many_phones_are_counted() -> None:
    lines = drawn([a_line(f"phone-{number}") for number in range(5)], 3)
    assert lines[0].startswith(f"phone-0  [{'#' * (BAR // 2)}{'.' * (BAR // 2)}]  ")
    assert len(lines) == 3 and lines[-1] == "and 3 more"


def test_off_a_terminal_a_phone_is_told_of_when_its_state_changes_and_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = LiveView(100.0, is_terminal=False)
    for state in ("silent", "silent", "heard", "heard", "registered udp"):
        view.show(Standing([a_line(state=state)]), 1.0)
    view.clear()
    said = capsys.readouterr().err
    assert [line.split("  ")[2] for line in said.splitlines()] == ["heard", "registered udp"]
    assert "\x1b" not in said


def test_on_a_terminal_the_lines_are_drawn_over_each_other_and_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    view = LiveView(61.0, is_terminal=True)
    view.show(Standing([a_line(), a_line("ben", "silent", 0)]), 1.0)
    first = capsys.readouterr().err
    assert "1 of 2 phones registered, up to 60 s more" in first and "\x1b[3A" not in first
    view.show(Standing([a_line(told=20), a_line("ben", "silent", 0)]), 2.0)
    assert capsys.readouterr().err.startswith("\x1b[3A")
    view.clear()
    assert capsys.readouterr().err.startswith("\x1b[3A")


def test_a_narrow_terminal_shows_what_is_expected_next_rather_than_a_bar() -> None:
    doing = "session 4 of 5, refreshes-as-callee: a refresh of the phone in about 45 s"
    line = PhoneLine("lab", "registered udp", 6, 54, 1, 20, doing)
    wide, middle, narrow = (drawn([line], 5, columns)[0] for columns in (160, 120, 90))
    assert "[##..." in wide and wide.endswith(doing)
    assert "[" not in middle and middle.startswith("lab  registered udp   6 of 54 rules, 1 FAIL") and middle.endswith(doing)
    assert narrow == f"lab  1 FAIL   {doing}"
