"""`provisioner explain` and `provisioner show`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleet_here import NOW, deliver, edit, place_of, provisioner, publish

from provisioner.settings import load_settings
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.verdict_table import VerdictRow, VerdictTable

pytestmark = pytest.mark.usefixtures("example")

TRANSPORT = "account.1.sip_server.1.transport_type"


def explain(phone: str, key: str) -> dict[str, object]:
    pages = provisioner("explain", phone, key, "--json").json
    assert len(pages) == 1
    page: dict[str, object] = pages[0]
    return page


def test_a_value_is_told_with_its_origin_and_what_it_overrides() -> None:
    page = explain("reception-1", "line.1.transport")
    assert (page["parameter"], page["value"], page["written_as"], page["file"]) == (TRANSPORT, "1", "tcp", "mac")
    assert page["origin"] == {"layer": 'group "reception"', "place": place_of("devices/groups/reception.toml", "transport =")}
    assert page["overrides"] == [
        {"value": "udp (0)", "layer": "defaults", "place": place_of("devices/defaults.toml", "transport =")}
    ]
    assert page["template"] == place_of("templates/yealink/v80/block/account.cfg", "sip_server.1.transport_type")


@pytest.mark.parametrize("key", ["line.1.transport", TRANSPORT])
def test_a_word_and_its_parameter_are_explained_alike(key: str) -> None:
    assert explain("office-anna", key) == explain("office-anna", "transport")


def test_every_layer_that_is_overridden_is_named_from_strong_to_weak() -> None:
    edit("devices/phones/workshop.toml", 'extension = "132"', 'extension = "132"\ncodecs = ["PCMU"]\nsession_expires = 300')
    page = explain("workshop", "session_expires")
    assert [claim["value"] for claim in page["overrides"]] == ["600", "1800"]  # type: ignore[attr-defined]
    assert explain("workshop", "codecs")["value"] == "PCMU"


def test_a_setting_by_parameter_name_and_a_typed_word_are_both_seen() -> None:
    edit("devices/phones/office-anna.toml", 'group = "office"', f'group = "office"\nsettings."{TRANSPORT}" = 2')
    page = explain("office-anna", "transport")
    assert (page["value"], page["overrides"][0]["value"]) == ("2", "udp (0)")  # type: ignore[index]
    assert "office-anna.toml" in str(page["origin"])


def test_the_settings_of_a_key_can_be_named() -> None:
    page = explain("office-anna", "key.2.value")
    assert (page["parameter"], page["value"]) == ("linekey.2.value", "111")
    page = explain("assistant", "key.programmable.1.type")
    assert page["parameter"] == "programablekey.1.type"


def test_a_word_without_a_number_means_each_line_that_the_phone_has() -> None:
    pages = provisioner("explain", "reception-1", "display_name", "--json").json
    assert [page["value"] for page in pages] == ["Reception", "Main number"]


def test_a_parameter_that_nothing_sets_is_said_to_be_unset_with_its_default() -> None:
    ran = provisioner("explain", "office-anna", "account.1.auto_answer")
    assert ran.code == 0
    assert "not set: neither of the phone's files names it" in ran.out
    assert any(line.split() == ["default", "0"] for line in ran.lines)


def test_a_common_value_is_told_to_stand_in_the_common_file() -> None:
    page = explain("office-anna", "language")
    assert (page["parameter"], page["file"]) == ("lang.gui", "common")


def test_whether_the_phone_has_it_is_told() -> None:
    publish()
    assert explain("office-anna", "transport")["received"] == {"state": "never-fetched", "at": None, "value": None}
    deliver("office-anna")
    received = explain("office-anna", "transport")["received"]
    assert received == {"state": "yes", "at": "2025-06-15T15:06:40.000Z", "value": "0"}
    edit("devices/defaults.toml", 'transport = "udp"', 'transport = "tls"')
    assert explain("office-anna", "transport")["received"] == {**received, "state": "no"}


def test_a_key_that_does_not_exist_is_met_with_a_suggestion() -> None:
    ran = provisioner("explain", "office-anna", "account.1.sesion_timer.expires")
    assert (ran.code, "did you mean account.1.session_timer.expires?" in ran.err) == (1, True)
    assert "line.9" in provisioner("explain", "office-anna", "line.9.transport").err


def test_a_secret_is_masked_and_its_place_is_not() -> None:
    page = explain("office-anna", "password")
    assert page["value"] == "********"
    assert page["origin"] == {
        "layer": 'phone "office-anna"',
        "place": place_of("devices/phones/office-anna.toml", "password_file"),
    }


def test_show_is_one_page_that_answers_in_its_second_line() -> None:
    publish()
    deliver("office-anna")
    ran = provisioner("show", "office-anna")
    assert ran.code == 0
    assert ran.lines[0].startswith(
        "office-anna   T42G 29.80.0.60   00:15:65:20:00:03   office   hq   devices/phones/office-anna.toml:"
    )
    assert "it has what today's text says" in ran.lines[1]
    assert {"settings", "files", "last requests"} <= set(ran.lines)
    edit("devices/phones/office-anna.toml", 'label = "Ben"', 'label = "Bene"')
    assert "1 parameter differs: provisioner diff office-anna" in provisioner("show", "office-anna").lines[1]


def test_show_tells_what_verification_said_last_newest_first() -> None:
    publish()
    deliver("office-anna")
    assert "last verdicts" not in provisioner("show", "office-anna").lines
    mac = "001565200003"
    table = VerdictTable(Database.open(StateFolder.existing(Path("state"))))
    table.add(
        [VerdictRow(mac, NOW + at, "FAIL" if at == 6 else "PASS", "registered udp", 30, int(at == 6), at) for at in range(7)]
    )
    lines = provisioner("show", "office-anna").lines
    told = lines[lines.index("last verdicts") + 1 :]
    assert [line.rsplit("  ", 1)[1] for line in told] == ["job 6", "job 5", "job 4", "job 3", "job 2"]
    assert told[0].split()[2:] == ["FAIL", "30", "PASS", "1", "FAIL", "registered", "udp", "job", "6"]
    page = provisioner("show", "office-anna", "--json").json
    assert page["verdicts"][0]["verdict"] == "FAIL" and len(page["verdicts"]) == 5


def test_show_names_the_problem_that_holds_a_phone() -> None:
    publish()
    edit("devices/phones/office-anna.toml", 'extension = "110"', 'extension = "110"\ntransprot = "tls"')
    ran = provisioner("show", "office-anna", "--json")
    assert ran.code == 1
    assert [problem["code"] for problem in ran.json["problems"]] == ["unknown-setting"]
    assert [file["last_good"] for file in ran.json["files"]] == [False, True]
    Path("devices/phones/office-anna.toml").write_text("name = =")
    ran = provisioner("show", "office-anna")
    assert (ran.code, "devices/phones/office-anna.toml" in ran.err) == (1, True)


def test_the_settings_of_the_test_folder_are_those_meant() -> None:
    assert load_settings(None, {})["advertise"] == "10.1.0.5"
