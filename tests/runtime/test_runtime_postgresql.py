"""`provisioner serve` with a PostgreSQL: told once, found by every command, and phones do not feel it when it is away."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from postgres_cluster import Cluster
from runtime_folder import Folder, Running, until

from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.reading import Reading

ANNA = "001565000001"
AGENT = "Yealink SIP-T46G 28.80.0.60 00:15:65:00:00:01"
Start = Callable[..., Running]


def get(url: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers={"User-Agent": AGENT})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def asked(folder: Folder, *arguments: str) -> Any:
    """What a command says that knows the state folder and nothing of a database."""
    command = [sys.executable, "-W", "error", "-m", "provisioner", *arguments, "--state", str(folder.state), "--json"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def outcomes(folder: Folder) -> list[str]:
    reading = Reading(Database.open(StateFolder.existing(folder.state)))
    return [event.values["outcome"] for event in reading.events()]


def register(server: Running, contact_port: int) -> str:
    target = f"sip:101@127.0.0.1:{server.facts['sip']['port']}"
    who = ["-u", "101", "-a", "pass-101", "-C", f"sip:101@127.0.0.1:{contact_port}"]
    command = ["sipsak", "-U", "-i", *who, "-s", target, "-x", "300", "-vvv"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout


@pytest.mark.needs("postgres", "sipsak")
def test_a_server_keeps_what_happened_in_postgresql_and_goes_on_while_that_is_away(serve: Start, folder: Folder) -> None:
    cluster = Cluster()
    try:
        server = serve("--sip", "127.0.0.1:0", "--database", cluster.new_database())
        assert not (folder.state / "observed.sqlite").exists()
        assert get(server.url() + ANNA + ".cfg")[0] == 200
        assert "SIP/2.0 200 OK" in register(server, 5071)
        until(lambda: {"ok", "created"} <= set(outcomes(folder)))
        whole = ["--devices", str(folder.devices), "--templates", str(folder.templates)]
        assert {row["name"]: row["state"] for row in asked(folder, "phones", *whole)}["anna"] == "current"
        assert {row["phone"] for row in asked(folder, "events")} == {"anna"}

        cluster.stop()
        assert get(server.url() + ANNA + ".cfg")[0] == 200
        assert get(server.url("people") + "readyz")[0] == 503
        assert "SIP/2.0 200 OK" in register(server, 5072)
        cluster.start()
        until(lambda: get(server.url("people") + "readyz")[0] == 200)
        until(lambda: outcomes(folder).count("ok") == 2)
        assert server.stop() == 0

        again = serve("--sip", "127.0.0.1:0")  # the folder names its database
        contacts = register(again, 5073).rpartition("SIP/2.0 200 OK")[2]
        assert ":5071" in contacts and ":5072" in contacts
        again.stop()
        assert not (folder.state / "observed.sqlite").exists()
    finally:
        cluster.remove()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://host/fleet", "neither sqlite nor the URL of a PostgreSQL"),
        ("postgresql://anna:swordfish@host/fleet", "holds a password"),
        ("postgresql://host/fleet?password=swordfish", "holds a password"),
        ("postgresql://host/fleet?sslpassword=swordfish", "holds a password"),
        ("postgresql://anna:sword/fish@host/fleet", "holds a password"),
        ("postgresql://anna:swordfish", "neither sqlite nor the URL of a PostgreSQL"),
        ("postgresql://[::1/fleet", "neither sqlite nor the URL of a PostgreSQL"),
    ],
)
def test_a_url_that_cannot_be_is_refused_before_anything_starts_and_a_password_is_not_repeated(url: str, said: str) -> None:
    command = [sys.executable, "-W", "error", "-m", "provisioner", "serve", "--database", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and said in done.stderr
    assert "fish" not in done.stderr
