"""A phone that we did not write registers with the account of a rendered file, and is judged by that file."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path

import pytest
from verify_desk import Desk, mac_of

from sipstub.phone.format.cfg import parse_cfg

MODULES = "/usr/lib/baresip/modules"

pytestmark = pytest.mark.needs("baresip")


def fetch(desk: Desk, name: str) -> bytes:
    with urllib.request.urlopen(desk.url() + name, timeout=20) as answer:
        body: bytes = answer.read()
    return body


def judged(desk: Desk, home: Path, mac: str, common: str, name: str, *, factor: int) -> tuple[int, dict[str, dict[str, str]]]:
    """Return exit code and findings by rule of baresip with the account in a phone's own file."""
    values = parse_cfg(fetch(desk, common)).values() | parse_cfg(fetch(desk, f"{mac}.cfg")).values()
    account = {key.removeprefix("account.1."): value for key, value in values.items() if key.startswith("account.1.")}
    transport = {"0": "udp", "1": "tcp"}[account["sip_server.1.transport_type"]]
    where = f"{account['sip_server.1.address']}:{account['sip_server.1.port']}"
    expires = int(account["sip_server.1.expires"]) * factor
    (home / "config").write_text(
        f"sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\nmodule_path {MODULES}\nmodule_app account.so\nmodule g711.so\n"
    )
    (home / "accounts").write_text(
        f'"{account["display_name"]}" <sip:{account["user_name"]}@{where};transport={transport}>;'
        f"auth_user={account['auth_name']};auth_pass={account['password']};regint={expires};mwi=no\n"
    )
    verify = desk.verify(name, "--wait", "40", "--json", "-").watches()
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(["baresip", "-f", str(home)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            code = verify.end()
        finally:
            process.terminate()
            process.wait(30)
    (phone,) = json.loads(verify.out)["phones"]
    assert phone["state"] == f"registered {transport}", (home / "log").read_text() + verify.err
    return code, {finding["rule"]: finding for finding in phone["findings"] if finding["account"] in (None, 1)}


def test_baresip_with_the_account_of_a_file_is_told_what_it_does_and_what_it_does_not(served: Desk, tmp_path: Path) -> None:
    _, found = judged(served, tmp_path, mac_of("05"), "y000000000054.cfg", "office-chris", factor=1)
    good = ("auth-name", "password", "display-name", "register-expiry", "transport", "server-address", "server-port")
    assert {rule: found[rule]["verdict"] for rule in good} == dict.fromkeys(good, "PASS")
    assert found["user-name"]["verdict"] != "FAIL"  # its Contact has a user of its own making, which is odd but allowed
    assert found["user-agent"]["verdict"] != "PASS" and "baresip" in found["user-agent"]["seen"]


def test_baresip_with_another_period_than_the_file_s_fails_on_that_rule(served: Desk, tmp_path: Path) -> None:
    code, found = judged(served, tmp_path, mac_of("0c"), "y000000000044.cfg", "workshop", factor=2)
    assert code == 1
    assert (found["register-expiry"]["verdict"], found["register-expiry"]["seen"]) == ("FAIL", "1200")
    assert found["password"]["verdict"] == "PASS"
