"""Session timers of a linphone are given in the words of every vendor, and read back from its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from runtime_folder import Folder

from provisioner.catalogue import load_catalogue
from provisioner.expectations.build import Delivered, build_expectations, read_cfg_files, subject_of
from provisioner.expectations.observables import load_observables
from provisioner.rendering.context import Addresses
from provisioner.runtime.fleet import Build, Fleet
from sipstub.phone.format.reading import read_file
from sipstub.stimulus.session_plan import session_plan

MAC = "f0e1d2c3b4a5"
TEMPLATES = Path(__file__).parents[2] / "templates"
PHONE = 'name = "desk"\nmac = "f0:e1:d2:c3:b4:a5"\nmodel = "linphone"\n'
LINE = '[[line]]\nextension = "10{}"\npassword = "pass-10{}"\nserver = "sip.example"\n{}\n'


def built(root: Path, *lines: str) -> Build:
    folder = Folder(root)
    text = PHONE + "".join(LINE.format(at, at, more) for at, more in enumerate(lines))
    folder.write("phones/desk.toml", text)
    return Fleet(folder.templates, folder.devices, Addresses("192.0.2.1", 5070, 5071)).build()


@pytest.mark.parametrize(("word", "number"), [("uac", "2"), ("uas", "1")])
def test_the_words_of_a_line_become_settings_of_the_phone_and_come_back_as_expectations(
    word: str, number: str, tmp_path: Path
) -> None:
    more = f'session_timer = true\nsession_expires = 90\nrefresher = "{word}"'
    body = built(tmp_path, more).phones[MAC].mac.body
    values = read_file(body).values()
    assert [values[f"sip.session_expires_{name}"] for name in ("enabled", "value", "refresher_value")] == ["1", "90", number]
    catalogue = load_catalogue(TEMPLATES)
    subject = subject_of("desk", MAC, catalogue.find_model("linphone"))
    given = read_cfg_files([Delivered(f"{MAC}.xml", body)])
    phone = build_expectations(given, load_observables(TEMPLATES), subject, catalogue)
    said = [phone.text(setting, 1) for setting in ("session-timer", "session-expires", "session-refresher")]
    assert said == ["on", "90", word]
    names = {step.scenario.name for step in session_plan(phone, has_person=True).steps if step.scenario is not None}
    assert {"silent-as-callee", "offer-refused"} <= names
    assert ("refreshes-as-caller" in names, "silent-as-caller" in names) == (word == "uac", word == "uas")


def test_without_a_word_the_file_says_nothing_of_timers(tmp_path: Path) -> None:
    values = read_file(built(tmp_path, "").phones[MAC].mac.body).values()
    assert not [name for name in values if "session_expires" in name]


def test_lines_that_want_different_timers_stop_the_file_for_the_phone_has_only_one(tmp_path: Path) -> None:
    build = built(tmp_path, "session_timer = true", "session_timer = false")
    assert "written-twice" in {problem.code for problem in build.problems} and build.phones[MAC].is_blocked


def test_an_interval_that_strict_peers_refuse_is_warned_of(tmp_path: Path) -> None:
    build = built(tmp_path, "session_timer = true\nsession_expires = 60")
    assert [problem.key for problem in build.problems if "422" in problem.message] == ["sip.session_expires_value"]
