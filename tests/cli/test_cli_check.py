"""`provisioner check`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleet_here import edit, place_of, provisioner, publish

pytestmark = pytest.mark.usefixtures("example")

ANNA = "devices/phones/office-anna.toml"


def break_anna() -> str:
    edit(ANNA, 'extension = "110"\n', 'extension = "110"\ntransprot = "tls"\n')
    return place_of(ANNA, "transprot") + ":1"


def test_the_example_fleet_has_no_problem() -> None:
    ran = provisioner("check")
    assert (ran.code, ran.lines[-1]) == (0, "0 problems in 12 phones, 12 models. Nothing was changed.")


def test_a_problem_is_one_line_with_place_message_hint_and_code() -> None:
    place = break_anna()
    ran = provisioner("check")
    assert ran.code == 1
    assert ran.lines[0] == f'{place}  unknown setting "transprot", did you mean "transport"?  unknown-setting'
    assert ran.lines[-1] == "1 problem in 12 phones, 12 models. Nothing was changed."


def test_all_problems_are_told_at_once_in_order_of_their_places() -> None:
    break_anna()
    edit("devices/phones/office-ben.toml", 'model = "T41P"', 'model = "T41Q"')
    edit("devices/phones/director.toml", 'model = "T29G"', "model = ")
    ran = provisioner("check")
    assert [line.split()[-1] for line in ran.lines[:-1]] == ["broken-toml", "unknown-setting", "unknown-model"]


def test_warnings_stand_apart_and_do_not_fail() -> None:
    edit("devices/phones/lab.toml", "session_expires = 90", "session_expires = 60")
    ran = provisioner("check")
    assert ran.code == 0
    assert ran.lines[0].startswith("warnings")
    assert ran.lines[-1].startswith("0 problems, 1 warning in 12 phones")


def test_one_phone_is_checked_with_what_it_shares() -> None:
    break_anna()
    edit("devices/groups/office.toml", 'site = "hq"', 'site = "hq"\nlabel = 1')
    alone = provisioner("check", "reception-1")
    assert alone.code == 0, alone.out
    both = provisioner("check", "00:15:65:20:00:03")
    assert [line.split()[-1] for line in both.lines[:-1]] == ["unknown-setting", "unknown-setting"]
    assert both.lines[-1].startswith("2 problems in 1 phone, 1 model.")


def test_a_phone_whose_model_is_not_understood_can_be_named() -> None:
    edit("devices/phones/office-ben.toml", 'model = "T41P"', 'model = "T41Q"')
    assert provisioner("check", "office-ben").lines[0].endswith("unknown-model")


def test_json_has_problems_and_counts() -> None:
    place = break_anna()
    ran = provisioner("check", "--json")
    assert set(ran.json) == {"problems", "phones", "models", "errors", "warnings"}
    assert (ran.code, ran.json["errors"], ran.json["phones"]) == (1, 1, 12)
    problem = ran.json["problems"][0]
    assert f"{problem['file']}:{problem['line']}:{problem['column']}" == place
    assert problem["phone"] == "001565200003"


def test_github_gets_annotations() -> None:
    break_anna()
    edit("devices/phones/lab.toml", "session_expires = 90", "session_expires = 60")
    ran = provisioner("check", "--github")
    line = place_of(ANNA, "transprot").partition(":")[2]
    expected = f"::error file={ANNA},line={line},col=1,title=unknown-setting::"
    expected += 'unknown setting "transprot", did you mean "transport"?'
    assert ran.lines[0] == expected
    assert ran.lines[1].startswith("::warning file=devices/phones/lab.toml,line=")
    assert len(ran.lines) == 2


def test_the_generation_that_is_served_is_named() -> None:
    publish()
    break_anna()
    assert "the last server served generation 1 of" in provisioner("check").lines[-1]


def test_a_mistake_in_a_template_is_one_line_however_many_phones_it_stops() -> None:
    edit("templates/yealink/v80/block/session_timer.cfg", "session_timer.enable =", "session_timer.enabled =")
    ran = provisioner("check")
    assert ran.code == 1
    assert len(ran.lines) < 6, ran.out
    assert {line.split()[-1] for line in ran.lines[:-1]} == {"unknown-parameter"}


def test_facts_that_contradict_each_other_are_a_problem_too() -> None:
    Path("templates/yealink/vocabulary.toml").write_text("[phone.x]\n")
    ran = provisioner("check", "--json")
    assert (ran.code, ran.json["errors"]) == (1, 1)
    assert "vocabulary" in ran.json["problems"][0]["message"]


def test_folders_elsewhere_are_shown_as_typed(example: Path) -> None:
    break_anna()
    Path("devices").rename("fleet")
    ran = provisioner("check", "--devices", "fleet")
    assert ran.lines[0].startswith("fleet/phones/office-anna.toml:")
    ran = provisioner("check", "--devices", str(example / "fleet"))
    assert ran.lines[0].startswith("fleet/phones/office-anna.toml:")
