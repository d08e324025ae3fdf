"""`provisioner why` and `provisioner phones`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fleet_here import deliver, edit, provisioner, publish

pytestmark = pytest.mark.usefixtures("example")

ANNA = "Yealink SIP-T42G 29.80.0.60 00:15:65:20:00:03"
HERE = ("--from", "10.1.2.3", "--allow", "10.1.0.0/16")


def test_the_trail_of_a_phone_that_is_served() -> None:
    ran = provisioner("why", "/001565200003.cfg", *HERE, "--agent", ANNA)
    assert ran.code == 0
    trail = {line.split()[0]: line for line in ran.lines}
    assert "mac from path 001565200003 = mac from agent" in trail["identify"]
    assert trail["identify"].endswith("-> office-anna (devices/phones/office-anna.toml:1)")
    assert trail["policy"].endswith("10.1.2.3 is in 10.1.0.0/16 (--allow)")
    assert "today's text in devices" in trail["from"]
    assert "200 ok   mac file 001565200003.cfg" in trail["answer"]


def test_no_server_and_no_state_folder_are_needed() -> None:
    assert provisioner("why", "001565200003.cfg", *HERE, "--protocol", "tftp").code == 0
    assert not Path("state").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("/001565200003.cfg", "--from", "10.9.0.4", "--allow", "10.1.0.0/16"), "outside-network"),
        (("/001565999999.cfg", *HERE), "unknown-mac"),
        (("/001565200004.cfg", *HERE, "--agent", ANNA), "agent-disagrees"),
        (("/y000000000028.cfg", *HERE, "--agent", ANNA), "wrong-common"),
        (("/001565200003.boot", *HERE), "boot-file"),
        (("/../etc/passwd", *HERE), "bad-name"),
        (("001565200003.cfg", *HERE, "--protocol", "tftp", "--tftp", "off"), "transport-off"),
    ],
)
def test_a_refusal_has_its_reason_its_hint_and_exit_code_1(arguments: tuple[str, ...], reason: str) -> None:
    ran = provisioner("why", *arguments, "--json")
    assert (ran.code, ran.json["outcome"]) == (1, reason)
    assert ran.json["hint"]
    assert reason in provisioner("why", *arguments).lines[-1]


def test_the_setting_that_allows_is_named_with_its_line() -> None:
    Path("provisioner.toml").write_text('advertise = "10.1.0.5"\nallow = ["10.1.0.0/16"]\n')
    ran = provisioner("why", "/001565200003.cfg", "--from", "10.9.0.4")
    assert '10.9.0.4 is not in allow = ["10.1.0.0/16"] (provisioner.toml:2)' in ran.out


def test_the_answer_is_the_published_one_while_newer_text_waits() -> None:
    publish()
    before = provisioner("why", "/001565200003.cfg", *HERE, "--json").json["sha256"]
    edit("devices/phones/office-anna.toml", 'label = "Ben"', 'label = "Bene"')
    assert provisioner("why", "/001565200003.cfg", *HERE, "--json").json["sha256"] == before
    assert "generation 1 of" in provisioner("why", "/001565200003.cfg", *HERE).out


def test_a_row_of_the_journal_is_explained() -> None:
    publish()
    deliver("office-anna")
    number = provisioner("events", "--json").json[-1]["id"]
    ran = provisioner("why", "--event", str(number))
    assert ran.code == 0
    assert ran.lines[0].split()[:2] == ["asked", "2025-06-15"]
    assert "office-anna" in ran.out
    missing = provisioner("why", "--event", "4711")
    assert (missing.code, "no event 4711" in missing.err) == (1, True)


def test_a_call_without_an_address_is_a_wrong_call() -> None:
    assert provisioner("why", "/001565200003.cfg").code == 2
    assert provisioner("why", "/001565200003.cfg", "--from", "nowhere").code == 2
    assert provisioner("why", "/001565200003.cfg", "--from", "10.1.2.3", "--event", "1").code == 2


def test_phones_without_a_server_are_all_never_seen() -> None:
    rows = provisioner("phones", "--json").json
    assert len(rows) == 12
    assert {row["state"] for row in rows} == {"never-seen"}
    assert not Path("state").exists()


def test_phones_tell_fetch_firmware_and_whether_a_newer_file_waits() -> None:
    publish()
    at = time.time()
    deliver("office-anna", "office-ben", at=at)
    edit("devices/phones/office-anna.toml", 'label = "Ben"', 'label = "Bene"')
    publish()
    row = provisioner("phones", "office-anna", "--json").json[0]
    assert (row["state"], row["firmware"], row["transport"], row["result"]) == ("behind", "29.80.0.60", "http", "ok")
    assert row["last_fetch"] == datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert row["delivered"] != row["current"]
    names = [row["name"] for row in provisioner("phones", "--where", "state=behind", "--json").json]
    assert names == ["office-anna"]
    assert provisioner("phones", "--group", "reception", "--csv", "-o", "name").lines == ["name", "reception-1", "reception-2"]


def test_a_table_has_relative_times_and_short_hashes_and_whole_macs() -> None:
    publish()
    deliver("office-anna", at=time.time() - 185)
    line = next(line for line in provisioner("phones", "110").lines if line.startswith("office-anna"))
    assert "3 min ago" in line
    assert "001565200003" in line


@pytest.mark.parametrize("word", ["ANNA", "110", "00:15:65:20:00:03", "200003"])
def test_phones_are_found_by_name_extension_and_mac(word: str) -> None:
    assert "office-anna" in [row["name"] for row in provisioner("phones", word, "--json").json]


def test_a_phone_with_a_problem_is_marked_also_when_its_file_cannot_be_read() -> None:
    publish()
    edit("devices/phones/office-anna.toml", 'extension = "110"', 'extension = "110"\ntransprot = "tls"')
    Path("devices/phones/director.toml").write_text("name = =")
    rows = provisioner("phones", "--where", "problem=true", "--json").json
    assert [row["name"] for row in rows] == ["director", "office-anna"]
