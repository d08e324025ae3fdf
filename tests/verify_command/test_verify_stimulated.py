"""`verify --stimulate` for real and to its end: a call to the phone, refusals, silence, check-sync, and all of it judged.

Real time by nature: a call is held for 5 s, the pauses of a phone that gets no answer grow for 8 s.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import verify_desk
from verify_desk import MACS, ROOT, SIPSTUB, Desk, until

from provisioner.catalogue.load import load_catalogue
from provisioner.expectations.observables import load_observables
from provisioner.runtime import verify_capture, verify_stimuli
from sipstub.verify.expectation import Expectations, read_expectations

GRANT_S = 6
"What the phone is granted: it renews that after half of it, and the whole takes seconds instead of minutes."
QUICK = Path(__file__).parent / "quick_verify.py"
PHONE = """\
name = "{name}"
mac = "{mac}"
model = "{model}"

[[line]]
extension = "130"
password = "only-for-a-test"
server = "@stub"
transport = "udp"
expires = 600
codecs = ["PCMA", "PCMU"]

[settings]
"account.1.reg_fail_retry_interval" = 2
"account.1.advanced.timer_t2" = 2
"sip.notify_reboot_enable" = 0
"""
NAME = "floor-1"
MAC, MODEL = MACS[NAME]


@pytest.fixture
def desk_of_one(tmp_path: Path) -> Iterator[Desk]:
    """A server with one phone that has fetched its file and is not registered."""
    desk = Desk(tmp_path)
    shutil.rmtree(tmp_path / "devices")
    phones = tmp_path / "devices" / "phones"
    phones.mkdir(parents=True)
    (phones / "one.toml").write_text(PHONE.format(name=NAME, mac=MAC, model=MODEL))
    try:
        desk.serve()
        models = ["--models", str(ROOT / "templates/yealink/models.toml")]
        subprocess.run([*SIPSTUB, "phone", "--url", desk.url(), "--mac", MAC, "--model", MODEL, *models], check=True)
        until(lambda: json.loads(desk.run("phones", "--json").stdout)[0]["state"] == "current")
        yield desk
    finally:
        desk.close()


def test_all_stimuli_are_given_to_the_end_a_call_to_the_phone_among_them_and_every_setting_is_proved(
    desk_of_one: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as quick:
        quick.setattr(verify_desk, "PROVISIONER", [sys.executable, str(QUICK), str(GRANT_S)])
        verify = desk_of_one.verify(NAME, "--stimulate", "--wait", "20", "--json", "-")
    verify.watches()
    desk_of_one.phone(NAME, "--answer", "answer")
    assert verify.end() == 0, verify.out + verify.err
    done = ("OPTIONS: 200", "call to the phone", "503 to REGISTER", "423 to REGISTER", "no answer to", "NOTIFY check-sync: 200")
    assert [words for words in done if verify.err.count(words) != 1] == [], verify.err
    (phone,) = json.loads(verify.out)["phones"]
    assert (phone["counts"]["FAIL"], phone["counts"]["INCONCLUSIVE"]) == (0, 0), verify.out
    told = {one["rule"]: one["verdict"] for one in phone["findings"] if one["account"] in (None, 1)}
    proved = ("register-refresh", "codec-order", "retry-interval", "register-too-brief", "timer-t2", "check-sync")
    assert {rule: told[rule] for rule in proved} == dict.fromkeys(proved, "PASS")


@pytest.mark.parametrize("has_person", [False, True])
def test_what_the_sip_process_is_told_leads_it_to_the_plan_that_was_shown(tmp_path: Path, has_person: bool) -> None:
    codecs = "".join(
        f"account.1.codec.{number}.enable = {int(number == 2)}\naccount.1.codec.{number}.payload_type = {name}\n"
        for number, name in enumerate(("PCMU", "PCMA", "G722"), 1)
    )
    file = tmp_path / "001565aabbcc.cfg"
    file.write_text(f"#!version:1.0.0.1\naccount.1.enable = 1\naccount.1.user_name = 100\n{codecs}")
    templates = ROOT / "templates"
    (phone,) = verify_capture.tested_files([file], load_observables(templates), load_catalogue(templates), None)
    shown = phone.expectations
    assert shown is not None
    (told,) = read_expectations(json.dumps(verify_stimuli.to_ask([shown])))
    assert len(told.items) < len(shown.items)

    def plan(phone: Expectations) -> list[tuple[str, tuple[int, ...]]]:
        steps = verify_stimuli.steps_for(phone, boots=False, stimulates=True, has_person=has_person)
        return [(step.stimulus, step.accounts) for step in steps]

    assert plan(told) == plan(shown)
    assert ("call-out" if has_person else "call-in", (1,)) in plan(shown)
