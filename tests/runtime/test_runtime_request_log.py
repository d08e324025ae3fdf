from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from provisioner.delivery.event import DeliveryEvent
from provisioner.runtime.request_log import MAX_LINES, RequestLog
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.reading import Reading
from provisioner.state.tail import JournalTail

MAC = "001565aabbcc"


def an_event(name: str, outcome: str = "ok") -> DeliveryEvent:
    return DeliveryEvent(
        1_790_000_000.25, "http", "GET", name, "10.1.2.3", None, MAC, None, "T46G", "28.80.0.60", outcome, 200, size_bytes=9100
    )


class Running:
    """A journal, and the log beside it."""

    def __init__(self, path: Path, *, is_plain: bool) -> None:
        self.database = Database.open(StateFolder.open(path / "state"))
        self.journal = Journal(self.database, has_thread=False)
        self.lines: list[str] = []
        self.log = RequestLog(self.database, self.lines.append, is_plain=is_plain)

    def came(self, *events: DeliveryEvent) -> list[str]:
        """Return the lines for what came."""
        for event in events:
            self.journal.record(event)
        assert self.journal.flush()
        self.lines.clear()
        self.log.show_new()
        return list(self.lines)


def test_each_decision_is_one_line_once(tmp_path: Path) -> None:
    running = Running(tmp_path, is_plain=True)
    (line,) = running.came(an_event(f"/{MAC}.cfg"))
    assert line.endswith(f"  {MAC}  GET {MAC}.cfg  200  9.1 kB  ok")
    assert running.came() == []


def test_an_unknown_phone_comes_with_the_command_that_adopts_it(tmp_path: Path) -> None:
    (line,) = Running(tmp_path, is_plain=True).came(an_event(f"/{MAC}.cfg", "unknown-mac"))
    assert line.endswith(f"T46G 28.80.0.60   adopt: provisioner adopt {MAC}")


def test_nothing_is_unpacked_for_the_log_and_nothing_missed_when_somebody_else_unpacks(tmp_path: Path) -> None:
    running = Running(tmp_path, is_plain=False)
    running.journal.record(an_event("/early.cfg"))
    assert running.journal.flush()
    Reading(running.database).events()
    names = [json.loads(line)["name"] for line in running.came(an_event("/late.cfg"))]
    assert names == ["/early.cfg", "/late.cfg"]


@pytest.mark.parametrize("is_plain", [True, False])
def test_a_storm_is_cut_and_the_rest_counted_in_both_forms(tmp_path: Path, is_plain: bool) -> None:
    lines = Running(tmp_path, is_plain=is_plain).came(*(an_event(f"/{number}.cfg") for number in range(3000)))
    assert len(lines) == MAX_LINES + 1
    last = lines[-1]
    if is_plain:
        assert last.strip() == "... and 2960 more: provisioner events --limit 2960"
    else:
        assert json.loads(last) == {"more": 2960, "see": "provisioner events --limit 2960"}


def test_what_a_peer_sent_controls_no_terminal(tmp_path: Path) -> None:
    (plain,) = Running(tmp_path / "a", is_plain=True).came(an_event("/\x1b[2J\udcff.cfg"))
    assert "\x1b" not in plain and plain.encode()
    (line,) = Running(tmp_path / "b", is_plain=False).came(an_event("/\x1b[2J\udcff.cfg"))
    assert "\x1b" not in line and line.encode()


def test_a_database_that_is_away_is_said_once_and_what_waited_is_shown_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running(tmp_path, is_plain=False)

    def refuse(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("it is\n\taway"))

    with monkeypatch.context() as patch:
        patch.setattr(running.database.engine, "connect", refuse)
        for _ in range(3):
            running.log.show_new()
    assert running.lines == ["decisions are not shown while the database is away: it is away"]
    assert len(running.came(an_event("/late.cfg"))) == 1


def test_a_decision_of_the_moment_in_which_the_log_begins_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Running(tmp_path, is_plain=True)

    class Overtaken(JournalTail):
        def __init__(self, database: Database) -> None:
            super().__init__(database)
            running.journal.record(an_event("/at-once.cfg"))
            assert running.journal.flush()

    monkeypatch.setattr("provisioner.runtime.request_log.JournalTail", Overtaken)
    RequestLog(running.database, running.lines.append, is_plain=True)
    (line,) = running.lines
    assert "at-once.cfg" in line
