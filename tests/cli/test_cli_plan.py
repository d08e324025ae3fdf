"""`provisioner plan` and `provisioner diff`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleet_here import deliver, edit, provisioner, publish

pytestmark = pytest.mark.usefixtures("example")

EVERYBODY = (
    "assistant boardroom director floor-1 floor-2 lab-t23g office-anna office-ben office-chris reception-1 reception-2 workshop"
).split()


def test_without_a_server_nobody_has_fetched_anything() -> None:
    ran = provisioner("plan", "--exit-code")
    assert ran.code == 0
    assert ran.lines[-1] == "Nothing differs from what they last received. 12 phones never fetched."


def test_after_an_edit_the_change_is_shown_once_for_all_phones_that_share_it() -> None:
    publish()
    deliver(*EVERYBODY)
    assert provisioner("plan", "--exit-code").code == 0
    edit("devices/groups/reception.toml", 'transport = "tcp"', 'transport = "tls"')
    edit("devices/phones/office-anna.toml", 'label = "Ben"', 'label = "Bene"')
    ran = provisioner("plan", "--exit-code")
    assert ran.code == 3
    assert provisioner("plan").code == 0
    assert ran.lines[0].split() == ["reception", "2", "phones", "~", "account.1.sip_server.1.port", "5060", "→", "5061"]
    assert ran.lines[1].split() == ["~", "account.1.sip_server.1.transport_type", "1", "→", "2"]
    assert any(line.split() == ["office-anna", "~", "linekey.2.label", "Ben", "→", "Bene"] for line in ran.lines)
    assert ran.lines[-1].startswith("3 phones differ from what they last received.")


def test_keys_that_make_a_phone_restart_are_marked() -> None:
    publish()
    deliver("office-anna")
    edit("devices/phones/office-anna.toml", 'group = "office"', 'group = "office"\nsip_port = 5070')
    line = provisioner("plan", "office-anna").lines[0]
    assert line.split() == ["office-anna", "+", "sip.listen_port", "5070", "restarts"]


def test_a_secret_shows_only_that_it_changed() -> None:
    publish()
    deliver("office-anna")
    Path("devices/secrets/110").write_text("an-entirely-new-password\n")
    ran = provisioner("plan", "office-anna")
    assert ran.lines[0].split() == ["office-anna", "~", "account.1.password", "changed"]
    assert "an-entirely-new" not in ran.out + provisioner("plan", "--json").out + provisioner("diff", "office-anna", "--json").out


def test_what_is_taken_away_goes_back_to_the_factory_value() -> None:
    publish()
    deliver("office-anna")
    edit("devices/phones/office-anna.toml", 'label = "Ben"\n', "")
    assert provisioner("plan", "office-anna").lines[0].split() == "office-anna - linekey.2.label Ben → factory value".split()
    publish()
    deliver("office-anna")
    assert provisioner("plan", "--exit-code").code == 0


def test_a_phone_with_a_problem_is_listed_as_kept() -> None:
    publish()
    deliver(*EVERYBODY)
    edit("devices/phones/office-anna.toml", 'extension = "110"', 'extension = "110"\ntransprot = "tls"')
    Path("devices/phones/director.toml").write_text("name = =")
    ran = provisioner("plan", "--exit-code")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.lines if "keeps its last good file" in line] == ["office-anna", "director"]
    assert "2 phones kept: provisioner check" in ran.lines[-1]


def test_a_phone_that_left_the_inventory_is_said_to_get_nothing() -> None:
    publish()
    Path("devices/phones/workshop.toml").unlink()
    ran = provisioner("plan", "--exit-code")
    assert ran.code == 3
    assert any(line.startswith("workshop") and "will get nothing" in line for line in ran.lines)


def test_against_published_needs_no_phone_to_have_fetched() -> None:
    publish()
    assert provisioner("plan", "--against", "published", "--exit-code").code == 0
    edit("devices/phones/office-anna.toml", 'label = "Ben"', 'label = "Bene"')
    row = next(row for row in provisioner("plan", "--against", "published", "--json").json if row["state"] != "same")
    assert row["phone"] == "office-anna"
    assert row["changes"] == [
        {"symbol": "~", "parameter": "linekey.2.label", "old": "Ben", "new": "Bene", "secret": False, "restarts": False}
    ]


def test_a_phone_that_is_behind_is_compared_with_what_it_has_and_not_with_the_generation_between() -> None:
    publish()
    deliver("office-anna")
    edit("devices/phones/office-anna.toml", 'label = "Ben"', 'label = "Bene"')
    publish()
    edit("devices/phones/office-anna.toml", 'label = "Bene"', 'label = "Benedikt"')
    assert provisioner("plan", "office-anna").lines[0].split()[-3:] == ["Ben", "→", "Benedikt"]


def test_a_common_file_that_nobody_can_attribute_is_not_held_against_a_phone() -> None:
    publish()
    deliver("office-anna", kinds=("mac",))
    edit("devices/defaults.toml", 'language = "English"', 'language = "German"')
    assert provisioner("plan", "office-anna", "--exit-code").code == 0
    edit("devices/phones/office-anna.toml", 'label = "Ben"', 'label = "Bene"')
    changes = provisioner("plan", "office-anna", "--json").json[0]["changes"]
    assert [change["parameter"] for change in changes] == ["linekey.2.label"]


def test_a_group_can_be_planned_alone_and_a_wrong_name_is_met_with_the_nearest() -> None:
    publish()
    rows = provisioner("plan", "--group", "reception", "--json").json
    assert [row["phone"] for row in rows] == ["reception-1", "reception-2"]
    ran = provisioner("plan", "--group", "recepton")
    assert (ran.code, 'did you mean "reception"?' in ran.err) == (1, True)


def test_diff_names_the_place_of_each_new_value() -> None:
    publish()
    deliver("office-anna")
    edit("devices/phones/office-anna.toml", 'label = "Ben"', 'label = "Bene"')
    ran = provisioner("diff", "office-anna", "--exit-code")
    assert ran.code == 3
    assert ran.lines[0] == "office-anna, received → would get: 1 parameter differs"
    assert ran.lines[1].startswith("~  linekey.2.label  Ben → Bene  devices/phones/office-anna.toml:")


def test_diff_of_two_phones_shows_values_and_hides_passwords() -> None:
    rows = {row["parameter"]: row for row in provisioner("diff", "office-anna", "office-ben", "--json").json}
    assert (rows["account.1.user_name"]["old"], rows["account.1.user_name"]["new"]) == ("110", "111")
    assert rows["account.1.password"]["new"] == "********"
    assert provisioner("diff", "office-anna", "office-anna").lines == ["office-anna → office-anna: 0 parameters differ"]


def test_diff_of_a_phone_that_never_fetched_says_what_to_compare_with() -> None:
    ran = provisioner("diff", "office-anna")
    assert (ran.code, "--against published" in ran.err) == (1, True)
