"""`provisioner verify --from`: captures that we did not write, for phones of the fleet and for cfg files that are named."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from verify_desk import MACS, ROOT, Desk, until

from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.models import load_models

OWN_FILE = f"{MACS['office-anna'][0]}.cfg"


class Captured:
    """What dumpcap wrote of one honest and one disobedient phone, and the files that they fetched."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.file = desk.root / "elsewhere.pcap"
        port = desk.facts["sip"]["port"]
        with (desk.root / "tool.log").open("wb") as log:
            command = ["dumpcap", "-q", "-P", "-i", "lo", "-f", f"port {port}", "-w", str(self.file)]
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                until(lambda: self.file.exists() and self.file.stat().st_size >= 24)
                verify = desk.verify("office-anna", "director", "--wait", "40").watches()
                desk.phone("office-anna")
                desk.phone("director", "--disobey", "wrong-expires")
                verify.end()
                self.size = until(self._settled)
            finally:
                process.terminate()
                process.wait(30)
        for name in ("office-anna", "director"):
            for kind, path in (("mac", f"{MACS[name][0]}.cfg"), ("common", f"common-{name}")):
                body = desk.run("render", name, "--file", kind, "--reveal").stdout
                (desk.root / path).write_text(body)
        (desk.root / "common-office-anna").rename(desk.root / "y000000000029.cfg")

    def _settled(self) -> int:
        size = self.file.stat().st_size
        threading.Event().wait(0.5)  # a capture tool says nowhere that it wrote what it saw
        return size if size > 24 and size == self.file.stat().st_size else 0


@pytest.fixture(scope="module")
def captured(served: Desk) -> Captured:
    return Captured(served)


pytestmark = pytest.mark.needs("dumpcap")


def test_a_capture_of_others_is_judged_by_the_last_files_of_the_phones(captured: Captured) -> None:
    found = captured.desk.run("verify", "office-anna", "director", "--from", str(captured.file), "--json", "-")
    assert found.returncode == 1, found.stdout + found.stderr
    anna, director = json.loads(found.stdout)["phones"]
    assert anna["verdict"] == "PASS" and anna["counts"]["PASS"] >= 15
    failed = [finding for finding in director["findings"] if finding["verdict"] == "FAIL"]
    assert [(finding["rule"], finding["seen"]) for finding in failed] == [("register-expiry", "1200")]
    assert failed[0]["place"].startswith("devices/")


def test_expectations_can_be_taken_elsewhere_and_hold_no_password(captured: Captured, tmp_path: Path) -> None:
    wanted = tmp_path / "both.json"
    desk = captured.desk
    assert desk.run("verify", "office-anna", "director", "--expectations", str(wanted)).returncode == 0
    passwords = [
        item["value"]
        for phone in json.loads(wanted.read_text())
        for item in phone["expectations"]
        if item["setting"] == "password"
    ]
    assert passwords and set(passwords) == {None}
    command = [sys.executable, "-c", "import sys; from sipstub.cli import main; sys.exit(main())"]
    command += ["verify", "--expectations", str(wanted), "--from", str(captured.file), "--json", "-"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.returncode == 1, found.stderr
    failed = {phone["name"]: phone["counts"]["FAIL"] for phone in json.loads(found.stdout)["phones"]}
    assert failed == {"office-anna": 0, "director": 1}


def test_cfg_files_can_be_judged_without_a_state_folder(captured: Captured, tmp_path: Path) -> None:
    root = captured.desk.root
    command = ["verify", OWN_FILE, "y000000000029.cfg", "--from", str(captured.file), "--state", str(tmp_path / "none")]
    found = captured.desk.run(*command, "--json", "-")
    assert found.returncode == 0, found.stdout + found.stderr
    (phone,) = json.loads(found.stdout)["phones"]
    assert (phone["name"], phone["model"], phone["verdict"]) == (*MACS["office-anna"], "PASS")
    places = {finding["rule"]: finding["place"] for finding in phone["findings"]}
    name, _, line = places["user-name"].partition(":")
    assert (root / name).read_text().splitlines()[int(line) - 1] == "account.1.user_name = 110"
    assert not (tmp_path / "none").exists()


def test_the_address_of_the_phone_leaves_all_others_out(captured: Captured) -> None:
    models = load_models(ROOT / "templates/yealink/models.toml")
    own, other = (PhoneIdentity.of(MACS[name][0], models[MACS[name][1]]).loopback for name in ("office-anna", "director"))
    command = ["verify", "office-anna", "--from", str(captured.file), "--json", "-", "--phone-host"]
    right = captured.desk.run(*command, own)
    assert (right.returncode, json.loads(right.stdout)["phones"][0]["state"]) == (0, "registered udp")
    wrong = captured.desk.run(*command, other)
    (phone,) = json.loads(wrong.stdout)["phones"]
    assert wrong.returncode == 1
    assert {finding["seen"] for finding in phone["findings"] if finding["rule"] == "user-name"} == {"120"}


def test_a_capture_of_our_own_has_no_digest_to_check_and_accuses_nobody(captured: Captured) -> None:
    desk = captured.desk
    own = desk.root / "own.pcapng"
    assert desk.run("verify", "office-anna", "--from", str(captured.file), "--pcap", str(own)).returncode == 0
    found = desk.run("verify", "office-anna", "--from", str(own), "--json", "-")
    assert found.returncode == 0, found.stdout
    (phone,) = json.loads(found.stdout)["phones"]
    (password,) = [finding for finding in phone["findings"] if finding["rule"] == "password"]
    assert password["verdict"] == "INCONCLUSIVE"


def test_what_is_no_capture_or_contradicts_itself_is_said_in_one_line(captured: Captured) -> None:
    desk = captured.desk
    wrong = desk.run("verify", "office-anna", "--from", "provisioner.toml")
    assert wrong.returncode == 1 and "neither pcap nor pcapng" in wrong.stderr
    assert desk.run("verify", "office-anna", "--from", str(captured.file), "--boot").returncode == 2
    assert desk.run("verify", "office-anna", OWN_FILE, "--from", str(captured.file)).returncode == 2
    assert desk.run("verify", "y000000000029.cfg", "--from", str(captured.file)).returncode == 1
    for host, said in (("banana", "'banana' is no address"), ("192.0.2.77", "nobody at 192.0.2.77 speaks in")):
        found = desk.run("verify", "office-anna", "--from", str(captured.file), "--phone-host", host)
        assert found.returncode == 1 and said in found.stderr and found.stdout == ""
    never = desk.run("verify", "floor-1", "--from", str(captured.file))
    assert never.returncode == 4 and "never fetched" in never.stderr
