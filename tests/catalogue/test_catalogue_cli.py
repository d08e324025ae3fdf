"""What `provisioner models` and `provisioner parameters` print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from provisioner.catalogue import Catalogue
from provisioner.cli import models, parameters
from provisioner.cli.folders import vendor_folder
from provisioner.errors import EnvironmentProblem
from provisioner.settings import load_settings

TEMPLATE = """{% for line in lines %}
{% set a = "account." ~ line.number %}
# account.X.label = in a comment
{{ a }}.label = {{ line.label }}
{% if line.sip_trust %}account.{{ line.number }}.sip_trust_ctrl = 1{% endif %}
sip.listen_port = {{ port }}
linekey.{{ key.number }}.value = a = b
{% endfor %}
"""

DEVICE = """
mac = "00:15:65:aa:bb:cc"
# settings."sip.listen_port" = "1"
settings."account.2.label" = "sesame"
reset = ["sip.listen_port"]
"""


@pytest.fixture
def folders(copy: Path) -> list[str]:
    (copy / "v80").mkdir()
    (copy / "v80" / "base.cfg.j2").write_text(TEMPLATE)
    templates = copy.parent / "templates"
    templates.mkdir()
    copy.rename(templates / "yealink")
    devices = templates.parent / "devices" / "phones"
    devices.mkdir(parents=True)
    (devices / "lobby.toml").write_text(DEVICE)
    return ["--templates", str(templates), "--devices", str(devices.parent)]


def run_models(*args: str) -> Result:
    return CliRunner().invoke(models.command, args, catch_exceptions=False)


def run_parameters(*args: str) -> Result:
    return CliRunner().invoke(parameters.command, args, catch_exceptions=False)


def test_models_lists_those_that_get_files(folders: list[str]) -> None:
    lines = run_models(*folders).output.splitlines()
    assert len(lines) == 1 + 14
    assert "T46G     T4      28      y000000000028.cfg  16        27         1-10,12-14         6 x EXP40  rendered" in lines


def test_models_all_says_why_a_model_gets_no_file(folders: list[str]) -> None:
    output = run_models("--all", *folders).output
    assert len(output.splitlines()) == 1 + 25
    assert "a DECT base, not a desk phone" in output


def test_models_as_json_have_every_fact(folders: list[str]) -> None:
    rows = json.loads(run_models("--json", *folders).output)
    row = next(row for row in rows if row["model"] == "T48G")
    assert row["common_file"] == "y000000000035.cfg"
    assert row["expansion"] == {"module": "EXP40", "modules": 6, "keys": 40}
    assert row["source"] == ["WAZO hist c7fbe056/8100ddbf", "WAZO plugin-info", "G80e t29g p.200", "G81 p.617", "XMLOBJ p.65"]
    assert row["recall"] == ["screen"]
    assert {"accounts", "line_keys", "http_agent", "sip_agent", "scope", "scope_reason", "confidence"} <= row.keys()


def test_models_can_be_filtered_and_cut_to_columns(folders: list[str]) -> None:
    result = run_models("--csv", "-o", "model,accounts", "--where", "prefix=44", *folders)
    assert result.output == "model,accounts\nT23P,3\nT23G,3\n"


def test_parameters_without_a_word_lists_all(folders: list[str]) -> None:
    assert len(run_parameters(*folders).output.splitlines()) == 1 + 785


@pytest.mark.parametrize("word", ["session timer", "SESSION TIMER", "session_timer"])
def test_a_word_is_searched_in_name_summary_and_area(folders: list[str], word: str) -> None:
    lines = run_parameters(word, *folders).output.splitlines()
    assert any(line.startswith("account.X.session_timer.expires") and "30..7200 s" in line for line in lines)
    assert len(lines) >= 4


def test_a_word_of_a_summary_is_found(folders: list[str]) -> None:
    assert "account.X.session_timer.enable" in run_parameters("rfc 4028", *folders).output


@pytest.mark.parametrize("name", ["account.X.session_timer.expires", "account.1.session_timer.expires"])
def test_an_exact_name_shows_all_that_is_known(folders: list[str], name: str) -> None:
    output = run_parameters(name, *folders).output
    for text in (
        "meaning     proposed Session-Expires (s)",
        "type        int",
        "values      30..7200 s; in V70 1..9999 s; from V81 90..7200 s",
        "caution     30..89: RFC 4028 peers",
        "default     1800",
        "scope       account (X: account)",
        "models      all in scope",
        "file        the MAC file",
        "restarts    no",
        "confidence  medium, checked by hand",
        "source      AP80-T23 p.275: V80 auto-provisioning guide, SIP-T23 edition",
        "set by      no template and no device",
    ):
        assert text in output
    assert ("asked as    account.1." in output) == ("1" in name)


def test_who_sets_a_parameter_is_shown_with_file_and_line(folders: list[str]) -> None:
    output = run_parameters("account.X.label", *folders).output
    assert "base.cfg.j2:4  {{ a }}.label" in output
    assert "base.cfg.j2:3" not in output
    assert "lobby.toml:4  account.2.label" in output
    assert "sesame" not in output


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("sip.listen_port", ["base.cfg.j2:6", "lobby.toml:5"]),
        ("account.X.sip_trust_ctrl", ["base.cfg.j2:5"]),
        ("linekey.Z.value", ["base.cfg.j2:7"]),
        ("account.X.password", []),
    ],
)
def test_set_by_as_json(folders: list[str], name: str, places: list[str]) -> None:
    detail = json.loads(run_parameters(name, "--json", *folders).output)
    assert [f"{Path(use['file']).name}:{use['line']}" for use in detail["set_by"]] == places


def test_a_parameter_as_json_has_a_stable_shape(folders: list[str]) -> None:
    detail = json.loads(run_parameters("account.1.session_timer.expires", "--json", *folders).output)
    assert detail["name"] == "account.X.session_timer.expires"
    assert detail["permitted"] == "30..7200 s"
    assert detail["permitted_data"]["ranges"] == [
        {"since": "v70", "low": 1, "high": 9999, "up_to_accounts": False},
        {"since": "v80", "low": 30, "high": 7200, "up_to_accounts": False},
        {"since": "v81", "low": 90, "high": 7200, "up_to_accounts": False},
    ]
    assert detail["sources"][0] == {"key": "AP80-T23", "where": "p.275", "what": "V80 auto-provisioning guide, SIP-T23 edition"}
    assert " ".join(sorted(detail)) == (
        "area cautions checkable confidence default default_note file indexes legacy may_repeat models models_exact models_note "
        "name note origin permitted permitted_data presets reboot reboot_note recall scope secret set_by since since_note source "
        "sources summary type until words"
    )


def test_rows_as_json_are_a_list_without_cuts(folders: list[str]) -> None:
    rows = json.loads(run_parameters("linekey.", "--json", *folders).output)
    assert all("…" not in row["values"] for row in rows)
    assert {row["name"] for row in rows} >= {"linekey.Z.type", "linekey.Z.value"}


def test_a_slip_names_what_may_be_meant_and_fails(folders: list[str]) -> None:
    result = run_parameters("account.1.sesion_timer.expires", *folders)
    assert result.exit_code == 1
    assert "did you mean account.1.session_timer.expires" in result.output


def test_junk_fails_without_a_suggestion(folders: list[str]) -> None:
    result = run_parameters("qqqqqqqqqq", *folders)
    assert result.exit_code == 1
    assert "did you mean" not in result.output


def test_stats_print_the_number_without_a_checkable_range(folders: list[str]) -> None:
    rows = {row["what"]: row["count"] for row in json.loads(run_parameters("--stats", "--json", *folders).output)}
    assert rows["parameters"] == 785
    assert rows["no checkable range"] == 206
    assert rows["origin curated"] == 266


def test_every_detail_page_can_be_printed(catalogue: Catalogue) -> None:
    for parameter in catalogue.parameters.values():
        lines = parameters.page(parameter, catalogue, [])
        assert lines[0] == parameter.name
        assert any(line.startswith("  confidence  ") for line in lines)


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="there is no folder"):
        vendor_folder(load_settings(None, {"templates": str(tmp_path / "nowhere")}))


def test_the_folder_here_comes_before_the_one_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert vendor_folder(load_settings(None, {})).is_absolute()
    (tmp_path / "templates" / "yealink").mkdir(parents=True)
    assert vendor_folder(load_settings(None, {})) == Path("templates/yealink")
