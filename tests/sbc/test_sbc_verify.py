"""`provisioner verify --from CAPTURE --through-sbc FILE`: a virtual phone that was recorded behind the SBC, by its own file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from test_sbc_ladder import recorded
from test_sbc_predict_phone import Lab, a_file, the_settings

from provisioner.cli import cli
from sipstub.sbc.settings.toml_writer import write_toml
from sipstub.trace.pcapng_writer import write_pcapng

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    settings = the_settings(3, 0)
    file = a_file("100", "phone")
    lab = Lab(settings, file, a_file("200", "phone"))
    assert lab.phone.agent.call(1, "200", lab.world.now) is not None
    lab.run(1300)
    (folder / "001565aabbcc.cfg").write_bytes(file)
    (folder / "sbc.toml").write_text(write_toml(settings).text, "utf-8")
    recording = recorded(lab.world)
    with (folder / "lab.pcapng").open("wb") as stream:
        write_pcapng(stream, recording.messages, is_own=True)
    return folder


def verify(folder: Path, *more: str, sbc: str = "sbc.toml") -> Result:
    given = [str(folder / "001565aabbcc.cfg"), "--model", "T46G", "--from", str(folder / "lab.pcapng")]
    places = ["--devices", str(ROOT / "devices"), "--templates", str(ROOT / "templates"), "--state", str(folder / "state")]
    return CliRunner().invoke(cli, ["verify", *given, "--through-sbc", str(folder / sbc), *places, *more])


def test_the_phone_is_judged_on_its_own_leg_and_its_call_is_as_predicted(folder: Path) -> None:
    result = verify(folder, "--json", "-")
    assert result.exit_code in (0, 4), result.output
    (phone,) = json.loads(result.stdout)["phones"]
    verdicts = {finding["rule"]: finding["verdict"] for finding in phone["findings"]}
    assert "FAIL" not in verdicts.values()
    assert {verdicts[name] for name in ("session-timer", "session-expires", "session-refresh-time", "user-agent")} == {"PASS"}
    lines = [line for line in result.stderr.splitlines() if "through the SBC" in line]
    assert len(lines) >= 6 and all("as predicted" in line for line in lines), lines


def test_a_call_that_differs_from_its_prediction_ends_it_with_1(folder: Path) -> None:
    text = (folder / "sbc.toml").read_text("utf-8")
    assert "SBCSessionExpires = 900" in text
    (folder / "other.toml").write_text(text.replace("SBCSessionExpires = 900", "SBCSessionExpires = 400"), "utf-8")
    result = verify(folder, sbc="other.toml")
    assert result.exit_code == 1 and "DIFFERS" in result.output and "predicted: Session-Expires: 400" in result.output
