"""The registrar inside `provisioner serve`: phones of the fleet register, others do not, and a restart forgets nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from runtime_folder import Folder, Running, until

Start = Callable[..., Running]
SIP = ("--sip", "127.0.0.1:0")

pytestmark = pytest.mark.needs("sipsak")


def register(server: Running, user: str, password: str, contact_port: int, login: str | None = None) -> str:
    target = f"sip:{user}@127.0.0.1:{server.facts['sip']['port']}"
    who = ["-u", login or user, "-a", password, "-C", f"sip:{user}@127.0.0.1:{contact_port}"]
    command = ["sipsak", "-U", "-i", *who, "-s", target, "-x", "300", "-vvv"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout + done.stderr


def events(folder: Folder) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "provisioner", "events", "--state", str(folder.state), "--json"]
    found: list[dict[str, object]] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    return [row for row in found if row["protocol"] == "sip"]


def test_a_phone_registers_with_what_its_file_says_and_others_do_not(serve: Start, folder: Folder) -> None:
    server = serve(*SIP)
    assert "SIP/2.0 200 OK" in register(server, "101", "pass-101", 5071)
    wrong, unknown = register(server, "102", "pass-101", 5072), register(server, "999", "pass-101", 5073)
    assert "SIP/2.0 200 OK" not in wrong and "SIP/2.0 200 OK" not in unknown
    server.stop()
    assert f"  sip      {server.facts['sip']['url']}" in server.log.read_text().splitlines(), "where phones register is not said"
    found = [(row["name"], row["mac"], row["phone"], row["outcome"]) for row in events(folder)]
    assert ("sip:101", "001565000001", "anna", "created") in found
    assert ("sip:102", "001565000002", "ben", "wrong-credentials") in found
    assert any(name == "sip:999" and mac is phone is None for name, mac, phone, _ in found)
    assert "pass-10" not in json.dumps(events(folder)) and "pass-10" not in server.log.read_text()


def test_a_registration_outlives_a_restart_and_a_crash(serve: Start, folder: Folder) -> None:
    first = serve(*SIP)
    assert "SIP/2.0 200 OK" in register(first, "101", "pass-101", 5071)
    first.stop()
    second = serve(*SIP)
    assert ":5071" in register(second, "101", "pass-101", 5081).rpartition("SIP/2.0 200 OK")[2]


def test_an_edit_changes_who_may_register_without_a_restart(serve: Start, folder: Folder) -> None:
    server = serve(*SIP)
    assert "SIP/2.0 200 OK" not in register(server, "201", "pass-201", 5071)
    folder.phone("anna", "001565000001", "T46G", "office", "201")
    until(lambda: "SIP/2.0 200 OK" in register(server, "201", "pass-201", 5071))


def test_stub_as_a_server_is_the_registrar_s_own_port(serve: Start, folder: Folder) -> None:
    folder.write("defaults.toml", '[line]\nserver = "@stub"\n')
    server = serve(*SIP)
    rendered = subprocess.run(
        [sys.executable, "-m", "provisioner", "render", "anna", "--state", str(folder.state), "--devices", str(folder.devices),
         "--templates", str(folder.templates)], capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    assert f"account.1.sip_server.1.port = {server.facts['sip']['port']}\n" in rendered
    assert "account.1.sip_server.1.address = 127.0.0.1\n" in rendered
