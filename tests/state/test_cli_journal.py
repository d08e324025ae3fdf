from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from state_builders import a_fleet, a_knock, a_mac, an_event

from provisioner.cli.events import command as events
from provisioner.cli.knocking import command as knocking
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.published import Publisher

WITH_BOTH = True
NOW = 1_790_000_000.0


@pytest.fixture
def state(folder: StateFolder, journal: Journal) -> str:
    with Publisher(folder) as publisher:
        publisher.publish(a_fleet(range(2)), now=1.0)
    nothing = {"kind": None, "file": None, "sha256": None, "status": 404}
    journal.record(an_event(at=NOW - 7200))
    journal.record(
        an_event(at=NOW - 100, mac=a_mac(1), phone="phone-1", outcome="wrong-model", fact="agent says T48G", **nothing)
    )
    journal.record(a_knock("805e0c112233", at=NOW - 50, name="/805e0c112233.cfg"))
    journal.record(a_knock("805e0c112233", at=NOW - 40, name="/\x1b[2J.cfg"))
    assert journal.flush()
    return str(folder.path)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def run(command: Any, *arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def rows(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(events, *arguments, "--json"))
    return found


def test_events_are_listed_oldest_first_with_iso_times_in_json(state: str) -> None:
    found = rows("--state", state)
    assert [row["outcome"] for row in found] == ["ok", "wrong-model", "unknown-mac", "unknown-mac"]
    assert found[0]["at"] == "2026-09-21T12:13:20.000Z"
    assert found[0]["sha256"] == "a" * 64


def test_events_are_filtered_by_reason_phone_and_time(state: str) -> None:
    assert [row["phone"] for row in rows("--state", state, "--reason", "wrong-model")] == ["phone-1"]
    assert [row["outcome"] for row in rows("--state", state, "--phone", "00:15:65:AA:BB:CC")] == ["ok"]
    assert [row["outcome"] for row in rows("--state", state, "--phone", "phone-1")] == ["wrong-model"]
    assert len(rows("--state", state, "--since", "1h")) == 3
    assert [row["mac"] for row in rows("--state", state, "--limit", "1")] == ["805e0c112233"]


def test_the_table_shows_local_time_and_no_control_character(state: str) -> None:
    text = run(events, "--state", state)
    assert "2026-09-21 12:13:20" in text
    assert "\x1b" not in text and "\\x1b[2J.cfg" in text


def test_csv_and_columns_work_as_for_every_list(state: str) -> None:
    found = list(csv.reader(io.StringIO(run(events, "--state", state, "--csv", "-o", "at,outcome"))))
    assert found[:2] == [["at", "outcome"], ["2026-09-21T12:13:20.000Z", "ok"]]


def test_an_unknown_phone_name_gets_the_nearest(state: str) -> None:
    result = CliRunner().invoke(events, ["--state", state, "--phone", "phnoe-1"])
    assert getattr(result.exception, "hint", "") == "did you mean 'phone-1'?"


@pytest.mark.parametrize("text", ["1", "h", "1y", "-1h", "1.5h", ""])
def test_a_wrong_duration_is_refused_with_the_right_forms(state: str, text: str) -> None:
    result = CliRunner().invoke(events, ["--state", state, "--since", text])
    assert result.exit_code == 2
    assert "write 90s, 15m, 1h, 2d or 1w" in result.output


def test_follow_prints_new_events_once_each_until_interrupted(
    state: str, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = iter([[an_event(at=NOW, name="/one.cfg")], [], [an_event(at=NOW, name="/two.cfg")]])

    def pause(_seconds: float) -> None:
        for event in next(turns, None) or _interrupt(turns):
            journal.record(event)
        assert journal.flush()

    def _interrupt(left: Any) -> list[Any]:
        if left.__length_hint__() == 0:
            raise KeyboardInterrupt
        return []

    monkeypatch.setattr(time, "sleep", pause)
    result = CliRunner().invoke(events, ["--state", state, "--follow", "--jsonl", "--limit", "1"])
    names = [json.loads(line)["name"] for line in result.output.splitlines() if line.startswith("{")]
    assert names == ["/\\x1b[2J.cfg", "/one.cfg", "/two.cfg"]


def test_follow_wants_a_form_without_an_end(state: str) -> None:
    assert CliRunner().invoke(events, ["--state", state, "--follow", "--csv"]).exit_code == 2


def test_knocking_lists_unknown_phones_with_the_next_step(state: str) -> None:
    (row,) = json.loads(run(knocking, "--state", state, "--json"))
    assert (row["mac"], row["count"], row["model"], row["last_at"]) == ("805e0c112233", 2, "T46G", "2026-09-21T14:12:40.000Z")
    assert "provisioner adopt 805e0c112233" in run(knocking, "--state", state)


def test_ignored_phones_are_shown_only_when_asked(state: str, database: Database) -> None:
    from provisioner.state.reading import Reading

    Reading(database).ignore("805e0c112233", "not ours", now=NOW)
    assert json.loads(run(knocking, "--state", state, "--json")) == []
    assert len(json.loads(run(knocking, "--state", state, "--json", "--ignored"))) == 1


def test_refused_lists_known_phones_with_reason_and_hint(state: str) -> None:
    (row,) = json.loads(run(knocking, "--state", state, "--refused", "--json"))
    assert (row["mac"], row["outcome"], row["fact"]) == (a_mac(1), "wrong-model", "agent says T48G")
    assert row["hint"].startswith("correct `model`")


def test_without_a_state_folder_both_say_where_they_looked(tmp_path: Path) -> None:
    for command in (events, knocking):
        result = CliRunner().invoke(command, ["--state", str(tmp_path / "none")])
        assert "there is no state folder" in str(result.exception)
