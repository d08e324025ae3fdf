"""`provisioner lab`: a plan that writes nothing, a start that asks, a list, a stop, and what other commands then say."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

import pytest
from lab_fleet import ANNA, BEN, LabSession
from runtime_folder import Folder

from provisioner.cli import cli
from provisioner.cli.outcome import run
from provisioner.inventory.lab import read_lab
from provisioner.runtime.addresses import write_addresses

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lab(folder: Folder, session: LabSession, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the folder, in which a server has published and runs no more."""
    folder.write("defaults.toml", '[line]\nserver = "pbx.example"\nport = 5080\n')
    session.load()
    write_addresses(session.state.path, session.addresses)
    monkeypatch.chdir(folder.devices.parent)

    def call(*words: str, sip: str = ":5060") -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        settings = ["--state", str(folder.state)]
        if words[0] != "events":
            settings += ["--devices", str(folder.devices), "--templates", str(folder.templates)]
        if words[0] == "lab" and words[1] in ("plan", "start"):
            settings += ["--sip", sip]
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            run(cli, [*words, *settings])
        return int(ended.value.code or 0), out.getvalue(), err.getvalue()

    return call


def test_the_plan_names_every_key_and_writes_nothing(lab: Run, session: LabSession) -> None:
    code, out, _ = lab("lab", "plan", "anna")
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["anna", "~", "account.1.sip_server.1.address", "pbx.example", "→", "10.1.0.5"],
        ["~", "account.1.sip_server.1.port", "5080", "→", "5060"],
    ]
    assert session.notes() == []


def test_start_lays_the_layer_and_stop_takes_it_away(lab: Run, session: LabSession) -> None:
    old = session.body(ANNA)
    code, out, err = lab("lab", "start", "anna", "--for", "90s", "--yes")
    assert code == 0 and "pbx.example → 10.1.0.5" in out
    assert "undo: provisioner lab stop anna" in err and "it takes hold when the phone fetches" in err
    layer = read_lab(f"@lab/{ANNA}.toml", session.labs.file(ANNA).read_bytes())
    assert layer.until - layer.started == 90.0
    session.now = layer.started + 1
    session.load()
    assert "10.1.0.5" in session.body(ANNA)
    rows = json.loads(lab("lab", "list", "--json")[1])
    assert [(row["phone"], row["state"], row["lines"]) for row in rows] == [("anna", "on", [1])]
    assert rows[0]["file"] == f"state/lab/{ANNA}.toml"
    code, _, err = lab("lab", "stop", "anna")
    assert code == 0 and "anna: lab layer taken away" in err
    session.load()
    assert session.body(ANNA) == old
    events = json.loads(lab("events", "--json")[1])
    assert [(row["outcome"], row["mac"]) for row in events] == [("lab-started", ANNA), ("lab-ended", ANNA)]
    assert "uid" in events[0]["fact"]


def test_explain_show_plan_and_render_tell_of_the_layer(lab: Run, session: LabSession) -> None:
    lab("lab", "start", "anna", "--yes")
    place = f"state/lab/{ANNA}.toml:"
    explained = lab("explain", "anna", "line.1.server")[1]
    assert "10.1.0.5" in explained and f'lab layer of phone "anna" ({place}' in explained
    assert "overrides" in explained and "pbx.example" in explained and "defaults.toml:2" in explained
    assert place in lab("show", "anna")[1]
    assert "account.1.sip_server.1.address" in lab("plan", "anna", "--against", "published")[1]
    assert "account.1.sip_server.1.address = 10.1.0.5\n" in lab("render", "anna")[1]
    assert "pbx.example" in lab("render", "ben")[1]


def test_nobody_is_asked_where_nobody_can_answer(lab: Run, session: LabSession) -> None:
    code, _, err = lab("lab", "start", "anna")
    assert code == 1 and "--yes" in err and session.notes() == []


def test_one_phone_that_cannot_have_a_layer_stops_all(lab: Run, session: LabSession, folder: Folder) -> None:
    more = '\n[settings]\n"account.1.outbound_host" = "old.example"\n'
    folder.phone("ben", BEN, "T42G", "office", "102", more)
    code, out, err = lab("lab", "start", "anna", "ben", "--yes")
    assert code == 1 and "ben  no lab layer: account.1.outbound_host is set" in out and "nothing was changed" in err
    assert session.notes() == []
    assert lab("lab", "plan", "ben")[0] == 1


def test_a_dry_run_lays_nothing(lab: Run, session: LabSession) -> None:
    assert lab("lab", "start", "anna", "--dry-run")[0] == 0 and session.notes() == []


@pytest.mark.parametrize("span", ["", "5", "29s", "9h", "1d", "-5m", "1.5h", "0x10m"])
def test_a_time_that_no_layer_can_hold_is_refused(lab: Run, session: LabSession, span: str) -> None:
    code, _, err = lab("lab", "start", "anna", "--yes", "--for", span)
    assert code == 2 and "30m" in err and session.notes() == []


def test_stop_all_takes_broken_files_too_and_check_says_where_they_are(lab: Run, session: LabSession) -> None:
    lab("lab", "start", "anna", "ben", "--yes")
    session.labs.file(BEN).write_text("phone = 1\n")
    _, out, err = lab("lab", "list", "--json")
    assert {row["state"] for row in json.loads(out)} == {"on", "ignored"} and f"state/lab/{BEN}.toml:1" in err
    assert f"state/lab/{BEN}.toml:1" in lab("check")[1]
    assert lab("lab", "stop", "--all")[0] == 0
    assert session.notes() == []
    assert lab("lab", "stop")[0] == 2


def test_a_server_without_a_registrar_can_lay_none(lab: Run) -> None:
    code, out, _ = lab("lab", "plan", "anna", sip="off")
    assert code == 1 and "this server has no registrar" in out
