"""`provisioner templates`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleet_here import edit, place_of, provisioner

pytestmark = pytest.mark.usefixtures("example")

MY = "templates/yealink/custom/my.cfg"
TEXT = """{% extends "v80/model/t46g.cfg" %}
{% block extra %}
phone_setting.backlight_time = 60
{% endblock %}
"""


@pytest.fixture
def my(example: Path) -> Path:
    path = example / MY
    path.parent.mkdir(exist_ok=True)
    path.write_text(TEXT)
    return path


def test_list_tells_kind_parent_and_reach(my: Path) -> None:
    rows = {row["name"]: row for row in provisioner("templates", "list", "--json").json}
    assert rows["custom/my.cfg"] == {
        "name": "custom/my.cfg", "kind": "custom", "extends": "v80/model/t46g.cfg", "includes": [], "phones": 0, "named_by": [],
    }  # fmt: skip
    assert (rows["v80/base.cfg"]["kind"], rows["v80/base.cfg"]["phones"]) == ("base", 12)
    assert (rows["v80/block/nat.cfg"]["kind"], rows["v80/model/t42g.cfg"]["phones"]) == ("block", 1)


def test_show_prints_the_template_and_what_it_stands_on(my: Path) -> None:
    heads = [line for line in provisioner("templates", "show", "my").lines if line.startswith("{# ==>")]
    assert [head.split()[2] for head in heads] == [MY, "templates/yealink/v80/model/t46g.cfg", "templates/yealink/v80/base.cfg"]
    everything = provisioner("templates", "show", "my", "--all", "--json").json
    assert "templates/yealink/v80/block/nat.cfg" in [part["file"] for part in everything]


def test_check_shows_what_a_template_that_nothing_names_would_do(my: Path) -> None:
    ran = provisioner("templates", "check", "my")
    assert ran.code == 0
    assert "would change on T46G (reception-2):" in ran.out
    assert any(line.split() == ["+", "phone_setting.backlight_time", "60"] for line in ran.lines)
    report = provisioner("templates", "check", "my", "--json").json[0]
    assert (report["phones"], report["trials"][0]["sample"]) == (0, False)


def test_a_sample_phone_stands_in_for_a_model_that_the_fleet_has_none_of(my: Path) -> None:
    my.write_text(TEXT.replace("t46g", "t27g"))
    report = provisioner("templates", "check", "my", "--json").json[0]
    assert [(trial["model"], trial["sample"], trial["good"]) for trial in report["trials"]] == [("T27G", True, True)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("features.action.x = 1", "unknown-parameter"),
        ("{% if %}", "template-syntax"),
        ("lang.gui = {{ phone.langauge }}", "template-unknown-name"),
        ('{% include "v80/block/natt.cfg" %}', "no-template"),
        ("just text", "not-an-assignment"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(my: Path, line: str, code: str) -> None:
    my.write_text(TEXT.replace("phone_setting.backlight_time = 60", f"phone_setting.backlight_time = 60\n{line}"))
    ran = provisioner("templates", "check", "my")
    assert ran.code == 1
    assert any(text.startswith(f"{MY}:4") and text.endswith(code) for text in ran.lines), ran.out


def test_a_wrong_name_in_a_block_is_told_at_the_block_for_all_phones_that_use_it() -> None:
    block = "templates/yealink/v80/block/session_timer.cfg"
    edit(block, "session_timer.enable =", "session_timer.enabled =")
    ran = provisioner("templates", "check", "v80/block/session_timer")
    assert ran.code == 1
    assert any(line.startswith(place_of(block, "timer.enabled")) for line in ran.lines), ran.out
    assert provisioner("templates", "check", "nat").code == 0


def test_all_templates_of_the_program_are_good() -> None:
    ran = provisioner("templates", "check")
    assert (ran.code, ran.lines[-1].startswith("0 problems, 0 warnings in ")) == (0, True), ran.out


def test_uses_names_templates_groups_and_phones(my: Path) -> None:
    assert "nothing uses custom/my.cfg" in provisioner("templates", "uses", "my").out
    edit("devices/groups/reception.toml", 'site = "hq"', 'site = "hq"\ntemplate = "my"')
    rows = provisioner("templates", "uses", "my", "--json").json
    assert [(row["what"], row["name"]) for row in rows] == [
        ("group", "reception"),
        ("phone", "reception-1"),
        ("phone", "reception-2"),
    ]
    rows = provisioner("templates", "uses", "t46g", "--json").json
    assert ("template", "custom/my.cfg") in [(row["what"], row["name"]) for row in rows]
    assert len([row for row in provisioner("templates", "uses", "nat", "--json").json if row["what"] == "phone"]) == 12


def test_a_template_that_is_named_is_seen_by_check_and_plan(my: Path) -> None:
    edit("devices/groups/reception.toml", 'site = "hq"', 'site = "hq"\ntemplate = "my"')
    assert provisioner("check").code == 0
    assert "phone_setting.backlight_time = 60" in provisioner("render", "reception-2").out


def test_diff_compares_texts_or_what_a_phone_would_get(my: Path) -> None:
    ran = provisioner("templates", "diff", "t46g", "my", "--exit-code")
    assert ran.code == 3
    assert "+phone_setting.backlight_time = 60" in ran.lines
    changes = provisioner("templates", "diff", "t46g", "my", "--phone", "reception-2", "--json").json
    assert [(change["symbol"], change["parameter"], change["new"]) for change in changes] == [
        ("+", "phone_setting.backlight_time", "60")
    ]
    assert provisioner("templates", "diff", "my", "my").lines == ["no difference"]


def test_an_unknown_template_is_met_with_the_nearest_name(my: Path) -> None:
    ran = provisioner("templates", "show", "t46")
    assert (ran.code, "did you mean" in ran.err) == (1, True)


SOFT = """name = "soft"
mac = "00:15:65:00:77:01"
model = "Linphone"

[[line]]
extension = "177"
password = "only-a-test-177"
server = "sip.example.com"
"""


def test_templates_of_every_vendor_are_listed_shown_and_checked(example: Path) -> None:
    rows = {row["name"]: row for row in provisioner("templates", "list", "--json").json}
    assert (rows["linphone/base.cfg"]["kind"], rows["linphone/base.cfg"]["phones"]) == ("base", 0)
    report = provisioner("templates", "check", "linphone", "--json").json[0]
    assert [(trial["model"], trial["sample"], trial["good"]) for trial in report["trials"]] == [("Linphone", True, True)]
    (example / "devices/phones/soft.toml").write_text(SOFT)
    for name in ("linphone", "linphone/base", "templates/linphone/base.cfg"):
        ran = provisioner("templates", "show", name)
        assert ran.lines[0] == "{# ==> templates/linphone/base.cfg #}", ran.out
    rows = provisioner("templates", "uses", "linphone/base", "--json").json
    assert [(row["what"], row["name"]) for row in rows] == [("phone", "soft")]
    assert provisioner("templates", "check", "linphone").lines[0] == "linphone/base.cfg  1 phone  good"
    assert provisioner("templates", "uses", "v80/base", "--json").json[-1]["name"] != "soft"


def test_a_name_that_two_vendors_have_is_asked_back_with_both() -> None:
    ran = provisioner("templates", "show", "base")
    assert ran.code == 1 and '"base" may be v80/base.cfg or linphone/base.cfg' in ran.err


def test_a_mistake_in_the_template_of_another_vendor_is_told_before_a_phone_has_it(example: Path) -> None:
    custom = example / "templates/linphone/custom"
    custom.mkdir()
    (custom / "night.cfg").write_text("{% if %}")
    ran = provisioner("templates", "check", "night")
    assert ran.code == 1 and any(line.startswith("templates/linphone/custom/night.cfg:1") for line in ran.lines), ran.out
    assert provisioner("check").code == 1
