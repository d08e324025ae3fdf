"""sipstub sbc: what it prints, how it ends, and what it never shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sipstub.cli import main
from sipstub.net.sbc_file import SbcFileProblem, read_sbc_file
from sipstub.sbc.settings.problem import Code
from sipstub.sbc.settings.reading import read_settings
from sipstub.sbc.settings.reference import reference_page
from sipstub.sbc_command import sbc_command
from sipstub.sbc_file import read_settings_file

ROOT = Path(__file__).parents[2]
GOOD = b"""SBCMinSE = 120
SBCReferBehavior = 3
[ IPGroup ]
FORMAT Index = Name, Type, Password;
IPGroup 0 = "users", 1, "tomato";
[ \\IPGroup ]
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "device.ini"
    file.write_bytes(GOOD)
    return file


def run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["sbc", *map(str, args)])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_check_ends_with_0_for_a_good_file_and_1_for_a_bad_one(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check", good) == (0, f"{good}: 2 settings, 1 rows: 0 errors, 0 warnings, 0 notes\n", "")
    bad = good.with_name("bad.ini")
    bad.write_bytes(b"SBCMinSE = many\nSBCMinSEE = 3\nThing = 1\n")
    code, out, _ = run(capsys, "check", good, bad)
    assert code == 1
    assert f'{bad}:1  error  SBCMinSE cannot be "many"; allowed: 0 to 1000000 s, 0 = no limit  bad-value' in out
    assert "did you mean SBCMinSE?" in out and "Thing" not in out and "1 note (--all prints it" not in out
    assert "Thing" in run(capsys, "check", bad, "--all")[1]


def test_check_counts_warnings_only_when_it_is_strict(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_bytes(b"SBCMinSEE = 3\n")
    assert run(capsys, "check", good)[0] == 0 and run(capsys, "check", good, "--strict")[0] == 1


def test_check_is_told_the_release(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "AllowUnclassifiedCalls is not set" in run(capsys, "check", good, "--release", "6.6")[1]
    assert "AllowUnclassifiedCalls" not in run(capsys, "check", good, "--release", "7.4")[1]
    assert run(capsys, "check", good, "--release", "new")[0] == 2


def test_check_as_json_has_every_problem(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_bytes(b"SBCMinSE = many\n")
    code, out, _ = run(capsys, "check", good, "--json")
    (found,) = json.loads(out)
    assert code == 1 and found["ok"] is False and found["problems"][0]["line"] == 1
    assert set(found["problems"][0]) == {"severity", "code", "file", "line", "message", "hint"}


def test_show_has_values_with_their_places_and_masks_passwords(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", good)
    assert code == 0 and len(re.findall(r"^\S", out.split("\n\n")[0], re.MULTILINE)) == 59
    assert re.search(rf"^SBCMinSE +120 s +{re.escape(str(good))}:1$", out, re.MULTILINE)
    assert re.search(r"^SBCSessionExpires +180 s +default$", out, re.MULTILINE)
    assert "tomato" not in out and "********" in out
    code, out, _ = run(capsys, "show", good, "--changed")
    assert "SBCMinSE" in out and "SBCSessionExpires " not in out and "tomato" not in out
    code, out, _ = run(capsys, "show", good, "--changed", "--json")
    found = json.loads(out)
    assert set(found["settings"]) == {"SBCMinSE", "SBCReferBehavior"} and "tomato" not in out
    assert found["tables"]["IPGroup"] == [{"index": 0, "Type": 1, "Name": "users", "Password": "********"}]


def test_show_of_a_bad_file_shows_the_rest_and_ends_with_1(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_bytes(b"SBCMinSE = many\nSBCAlertTimeout = 30\n")
    code, out, err = run(capsys, "show", good, "--changed")
    assert code == 1 and "SBCAlertTimeout" in out and "SBCMinSE cannot be" in err


@pytest.mark.parametrize("name", ["SBCMinSE", "sbcminse", "min-session-expires", "Minimum Session-Expires"])
def test_explain_takes_each_name_that_a_setting_has(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", name)
    assert code == 0 and out.startswith("SBCMinSE\n")
    for wanted in ("422", "0 to 1000000 s", "min-session-expires", "E-SBC user's manual, p.1378", "documented"):
        assert wanted in out


def test_explain_says_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert "values (unknown)" in run(capsys, "explain", "SipSessionExpiresObserverMode")[1]
    assert "values (inferred)" in run(capsys, "explain", "EnableMSRP")[1]
    assert "our choice" in run(capsys, "explain", "IPGroup.ProxySetName")[1]
    code, _, err = run(capsys, "explain", "SBCMinS")
    assert code == 1 and "did you mean SBCMinSE?" in err


def test_diff_compares_files_in_different_forms(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "convert", good, "--to", "cli")
    other = good.with_name("script.cli")
    other.write_text(text, "utf-8")
    code, out, _ = run(capsys, "diff", good, other, "--exit-code")
    assert code == 3 and out.splitlines()[-1] == "1 difference" and "Password" in out and "tomato" not in out
    assert run(capsys, "diff", good, good, "--exit-code") == (0, "no difference\n", "")
    other.write_text("configure voip\n sbc settings\n  num-of-subscribes 5\n", "utf-8")
    code, out, _ = run(capsys, "diff", good, other)
    assert code == 0 and re.search(r"^~ NumOfSubscribes .*restarts", out, re.MULTILINE)
    assert json.loads(run(capsys, "diff", good, other, "--json")[1])[0]["sign"] == "~"
    other.write_text("configure voip\n sbc settings\n  num-of-subscribes x\n", "utf-8")
    assert run(capsys, "diff", good, other)[0] == 1


@pytest.mark.parametrize("form", ["ini", "cli", "toml"])
def test_convert_leaves_passwords_out_and_says_so(form: str, good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "convert", good, "--to", form)
    assert code == 0 and "tomato" not in out + err and "IPGroup 0: Password" in err
    again = read_settings(out.encode(), f"x.{form}")
    assert not again.problems and again.settings.number("SBCMinSE") == 120


def test_convert_reveals_into_a_file_of_its_owner_only(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "convert", good, "--to", "toml", "--reveal")[0] == 2
    out = good.with_name("sbc.toml")
    out.write_text("old", "utf-8")
    code, printed, err = run(capsys, "convert", good, "--to", "toml", "--reveal", "-o", out)
    assert code == 0 and printed == "" and "tomato" not in err and "in the open" in err
    assert 'Password = "tomato"' in out.read_text("utf-8") and out.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in good.parent.iterdir()) == ["device.ini", "sbc.toml"]
    assert run(capsys, "diff", good, out)[1] == "no difference\n"


def test_a_password_may_stand_in_a_file_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sbc.toml"
    file.write_text('[[Account]]\nUsername = "100"\nPassword_file = "secrets/pbx"\n', "utf-8")
    code, out, _ = run(capsys, "check", file)
    assert code == 1 and f"{file}:3  error  Password_file: {tmp_path}/secrets/pbx cannot be read" in out
    (tmp_path / "secrets").mkdir()
    for data, wanted in ((b"", 1), (b"\xff\n", 1), (b"x" * 5000, 1), (b"tomato\r\nrest\n", 0)):
        (tmp_path / "secrets/pbx").write_bytes(data)
        assert run(capsys, "check", file)[0] == wanted
    assert read_settings_file(file).settings.accounts[0].secret("Password").reveal() == "tomato"
    assert "tomato" not in run(capsys, "show", file)[1]
    file.write_text('[[Account]]\nUsername_file = "secrets/pbx"\n', "utf-8")
    assert "unknown-name" in run(capsys, "check", file)[1]


def test_convert_refuses_a_file_with_errors_and_writes_nothing(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_bytes(b"SBCMinSE = many\n")
    out = good.with_name("sbc.toml")
    code, printed, err = run(capsys, "convert", good, "--to", "toml", "-o", out)
    assert code == 1 and printed == "" and "SBCMinSE" in err and not out.exists()


def test_a_folder_that_cannot_be_written_is_said(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "convert", good, "--to", "toml", "-o", good.parent / "nowhere" / "x.toml")
    assert code == 1 and "x.toml" in err and "Traceback" not in err


# Documentation


def test_the_reference_page_is_made_of_the_facts() -> None:
    page = (ROOT / "docs/reference/sbc-settings.md").read_text("utf-8")
    assert page == reference_page(), "sipstub sbc show --reference > docs/reference/sbc-settings.md"


def test_each_kind_of_problem_and_each_option_has_a_heading() -> None:
    page = (ROOT / "docs/reference/sbc-commands.md").read_text("utf-8")
    for code in Code:
        assert f"### `{code}`" in page
    for name, command in sbc_command.commands.items():
        assert f"\n## {name}\n" in page
        for parameter in command.params:
            option = max(parameter.opts, key=len)
            assert not option.startswith("--") or f"`{option}`" in page, option


def test_the_settings_of_the_documentation_can_be_read() -> None:
    page = (ROOT / "docs/reference/sbc-commands.md").read_text("utf-8")
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", page, re.MULTILINE)
    text = next(block for block in blocks if "[settings]" in block)
    reading = read_settings(re.sub(r"^    ", "", text, flags=re.MULTILINE).encode(), "page.toml")
    assert not reading.problems and reading.settings.ip_groups[0].text("ProfileName") == "phones"


# What `sipstub serve --sbc` reads


def test_a_server_reads_passwords_from_their_files_and_tells_errors_before_all_else(tmp_path: Path) -> None:
    file = tmp_path / "sbc.toml"
    (tmp_path / "pbx").write_text("tomato\n", "utf-8")
    file.write_text('[[Account]]\nPassword_file = "pbx"\n', "utf-8")
    told: list[str] = []
    assert read_sbc_file(file, told.append).accounts[0].secret("Password").reveal() == "tomato" and not told
    device = tmp_path / "device.ini"
    device.write_text("Thing = 1\n" * 100 + "SBCGruuMode = 2\nSBCMinSE = many\n", "utf-8")
    with pytest.raises(SbcFileProblem, match="1 errors"):
        read_sbc_file(device, told.append)
    assert [("SBCMinSE" in line, "SBCGruuMode" in line) for line in told] == [(True, False), (False, True)]
