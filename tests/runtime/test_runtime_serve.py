"""The server as people start it: a real process, real sockets, real clients, and signals at bad moments."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from runtime_folder import Folder, Running, until

ANNA, BEN = "001565000001", "001565000002"
AGENT = "Yealink SIP-T46G 28.80.0.60 00:15:65:00:00:01"
Start = Callable[..., Running]


def get(url: str, agent: str = AGENT) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": agent})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def status(url: str) -> int:
    try:
        get(url, "curl/8")
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


def provisioner(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-W", "error", "-m", "provisioner", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def test_ready_means_that_every_listener_answers(serve: Start, folder: Folder, tmp_path: Path) -> None:
    server = serve()
    assert b"account.1.user_name = 101" in get(server.url() + ANNA + ".cfg")
    assert json.loads(get(server.url("people") + "readyz", "x"))["ok"]
    assert json.loads(get(server.url("people") + "healthz", "x"))["ok"]
    assert b"provisioner_devices{" in get(server.url("people") + "metrics", "x")
    assert server.stop() == 0
    assert not server.ready.exists() and not (folder.state / "ready.json").exists()


@pytest.mark.needs("tftp", "curl")
def test_foreign_clients_get_the_bytes_that_render_reveal_prints(serve: Start, folder: Folder, tmp_path: Path) -> None:
    server = serve()
    options = ["--devices", str(folder.devices), "--templates", str(folder.templates), "--state", str(folder.state)]
    for kind, name in (("mac", ANNA + ".cfg"), ("common", "y000000000028.cfg")):
        rendered = provisioner("render", "anna", "--file", kind, "--reveal", *options)
        assert rendered.returncode == 0, rendered.stderr
        curl = subprocess.run(["curl", "-sf", "-A", AGENT, server.url() + name], capture_output=True, check=True)
        target = tmp_path / name
        port = str(server.facts["tftp"]["port"])
        subprocess.run(
            ["tftp", "-m", "binary", "127.0.0.1", port, "-c", "get", name, str(target)], check=True, capture_output=True
        )
        assert curl.stdout == target.read_bytes() == rendered.stdout


def test_an_edit_arrives_without_a_restart_by_looking_and_by_sighup(serve: Start, folder: Folder) -> None:
    server = serve("--poll-seconds", "0.1")
    folder.phone("anna", ANNA, "T46G", "office", "201")
    until(lambda: b"user_name = 201" in get(server.url() + ANNA + ".cfg"))
    server.stop()
    slow = serve("--poll-seconds", "3600")
    folder.phone("anna", ANNA, "T46G", "office", "301")
    slow.process.send_signal(signal.SIGHUP)
    until(lambda: b"user_name = 301" in get(slow.url() + ANNA + ".cfg"))


def test_refusals_look_alike_and_say_nothing_on_the_wire(serve: Start, folder: Folder) -> None:
    folder.phone("dora", "001565000009", "T42G", "nowhere", "104")
    server = serve()
    names = ["0015650000ff.cfg", "001565000009.cfg", "y000000000099.cfg", "nothing", "..%2f..%2fetc%2fpasswd", ANNA + ".boot"]
    answers = set()
    for name in names:
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(server.url() + name, "curl/8")
        with refused.value as error:
            headers = sorted((key, value) for key, value in error.headers.items() if key != "Date")
            answers.add((error.code, error.read(), str(headers)))
    assert len(answers) == 1 and next(iter(answers))[0] == 404


@pytest.mark.parametrize("victim", [0, 1, 2, 3])
def test_a_killed_process_is_started_again_and_phones_go_on(serve: Start, folder: Folder, victim: int) -> None:
    server = serve()
    pids = list(server.children())
    assert len(pids) == 4  # loader, http, tftp, people: in the order of their start
    os.kill(pids[victim], signal.SIGKILL)
    until(lambda: len(server.children()) == 4 and pids[victim] not in server.children())
    until(lambda: b"user_name = 101" in get(server.url() + ANNA + ".cfg"))
    folder.phone("anna", ANNA, "T46G", "office", "777")
    until(lambda: b"user_name = 777" in get(server.url() + ANNA + ".cfg"))
    assert until(lambda: status(server.url("people") + "healthz") == 200)


def test_a_supervisor_that_is_killed_leaves_its_ports_to_the_next_one(serve: Start, folder: Folder) -> None:
    server = serve("--sip", "127.0.0.1:0")
    port = urllib.parse.urlsplit(server.url()).port
    pids = list(server.children())
    assert len(pids) == 5
    server.stop(signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    server.ready.unlink()
    again = serve("--http", f"127.0.0.1:{port}")
    assert b"user_name = 101" in get(again.url() + ANNA + ".cfg")


def test_kill_9_at_any_moment_of_a_reload_loses_nothing_good(serve: Start, folder: Folder) -> None:
    server = serve("--poll-seconds", "0.1")
    good = get(server.url() + BEN + ".cfg", "curl/8")
    others = set(list(server.children())[1:])
    chance = random.Random(7)
    for turn in range(5):
        (loader,) = until(lambda: set(server.children()) - others)
        folder.phone("anna", ANNA, "T46G", "office", f"{1000 + turn}")
        os.kill(loader, signal.SIGHUP)
        for _ in range(chance.randrange(3)):
            get(server.url() + BEN + ".cfg", "curl/8")  # a little time passes, each turn another
        os.kill(loader, signal.SIGKILL)
        assert get(server.url() + BEN + ".cfg", "curl/8") == good
        body = get(server.url() + ANNA + ".cfg")
        assert body.startswith(b"#!version:1.0.0.1\n") and body.endswith(b"\n") and b"account.16.enable = 0" in body
        until(lambda gone=loader: gone not in server.children())
    until(lambda: b"user_name = 1004" in get(server.url() + ANNA + ".cfg"), 60)


def test_what_was_fetched_is_in_the_journal_after_a_clean_stop(serve: Start, folder: Folder) -> None:
    server = serve()
    get(server.url() + ANNA + ".cfg")
    status(server.url() + "0015650000ff.cfg")
    assert server.stop() == 0
    found = provisioner("events", "--state", str(folder.state), "--json")
    assert found.returncode == 0, found.stderr
    outcomes = {(row["mac"], row["outcome"]) for row in json.loads(found.stdout)}
    assert outcomes == {(ANNA, "ok"), ("0015650000ff", "unknown-mac")}
    assert b"pass-101" not in found.stdout


def test_ctrl_c_ends_with_130(serve: Start) -> None:
    assert serve().stop(signal.SIGINT) == 130


def test_a_taken_port_is_one_line_with_the_way_out_and_exit_5(folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ["--devices", str(folder.devices), "--state", str(folder.state), "--tftp", "off"]
        done = provisioner("serve", *options, "--http", f"127.0.0.1:{port}")
    assert done.returncode == 5
    said = f"error: http 127.0.0.1:{port}: port {port} is taken by another process  [port-taken]"
    assert done.stderr.decode().splitlines()[0] == said
    assert not (folder.state / "ready.json").exists()


def test_a_second_server_on_one_state_folder_is_refused(serve: Start, folder: Folder) -> None:
    serve()
    options = ["--devices", str(folder.devices), "--state", str(folder.state), "--tftp", "off", "--people", "off"]
    done = provisioner("serve", *options, "--http", "127.0.0.1:0")
    assert done.returncode == 5 and b"another loader" in done.stderr


def open_to_others(folder: Path) -> list[Path]:
    found = []
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # the database's own files come and go
            if path.stat().st_mode & 0o077:
                found.append(path)
    return found


def test_the_state_folder_is_readable_by_its_owner_alone(serve: Start, folder: Folder) -> None:
    server = serve()
    get(server.url() + ANNA + ".cfg")
    assert open_to_others(folder.state) == []  # while it runs, and after
    server.stop()
    assert folder.state.stat().st_mode & 0o777 == 0o700
    assert open_to_others(folder.state) == []


def test_an_address_outside_the_allowed_networks_gets_a_404(serve: Start) -> None:
    server = serve("--allow", "10.99.0.0/16")
    assert status(server.url() + ANNA + ".cfg") == 404


def test_a_model_added_to_the_facts_is_recognised_without_a_restart(serve: Start, folder: Folder) -> None:
    server = serve()
    models = folder.templates / "yealink/models.toml"
    text = models.read_text()
    block = text[text.index("[T46G]") : text.index("[T42G]")]
    new = block.replace("[T46G]", "[T46X]").replace("SIP-T46G", "SIP-T46X").replace("0028.cfg", "0098.cfg")
    new = new.replace("prefix = 28", "prefix = 98").replace("28.80.0.60", "98.80.0.60")
    sets = folder.templates / "yealink/sets.toml"
    sets.write_text(sets.read_text().replace('"T46G", ', '"T46G", "T46X", '))
    models.write_text(text + "\n" + new)
    folder.phone("xenia", "001565000077", "T46X", "office", "177")
    agent = "Yealink SIP-T46X 98.80.0.60 00:15:65:00:00:77"

    def is_served() -> bool:
        try:
            return b"user_name = 177" in get(server.url() + "001565000077.cfg", agent)
        except urllib.error.HTTPError as error:
            error.close()
            return False

    until(is_served)
    with pytest.raises(urllib.error.HTTPError) as refused:  # the new model is really read from the agent, not just ignored
        get(server.url() + ANNA + ".cfg", "Yealink SIP-T46X 98.80.0.60 00:15:65:00:00:01")
    refused.value.close()


@pytest.mark.needs("curl")
def test_ipv6_serves_the_same_bytes_over_http_and_tftp(serve: Start) -> None:
    server = serve("--http", "[::1]:0", "--tftp", "[::1]:0")
    http = get(server.url() + ANNA + ".cfg")
    assert http == get(server.url().replace("localhost", "[::1]") + ANNA + ".cfg")
    tftp = subprocess.run(["curl", "-s", server.url("tftp") + ANNA + ".cfg"], capture_output=True, check=True, timeout=20)
    assert tftp.stdout == http


@pytest.mark.needs("openssl", "curl")
def test_https_serves_the_same_bytes_with_the_certificate_given(serve: Start, folder: Folder, tmp_path: Path) -> None:
    pem, key = tmp_path / "server.pem", tmp_path / "server.key"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        str(key),
        "-out",
        str(pem),
        *names,
    ]
    subprocess.run(make, check=True, capture_output=True)
    server = serve("--https", "127.0.0.1:0", "--certificate", str(pem), "--certificate-key", str(key))
    command = ["curl", "-sf", "--cacert", str(pem), "-A", AGENT, server.url("https") + ANNA + ".cfg"]
    secure = subprocess.run(command, capture_output=True, check=True, timeout=20)
    assert secure.stdout == get(server.url() + ANNA + ".cfg")


def test_https_without_a_certificate_is_refused_before_anything_starts(folder: Folder) -> None:
    done = provisioner("serve", "--https", "127.0.0.1:0", "--state", str(folder.state))
    assert done.returncode == 2 and b"no certificate" in done.stderr
    assert not folder.state.exists()


def test_a_hup_that_comes_before_its_handler_waits_for_it(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal, sys\n"
        "from provisioner.services.supervisor import Supervisor\n"
        "def child():\n"
        "    signal.raise_signal(signal.SIGHUP)\n"
        "    signal.signal(signal.SIGHUP, lambda *_: print('reloads', flush=True))\n"
        "    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})\n"
        "    os.kill(os.getppid(), signal.SIGTERM)\n"
        "    signal.pause()\n"
        "supervisor = Supervisor(say=lambda text: print(text, flush=True))\n"
        "supervisor.add('child', child, forwards_hup=True)\n"
        "sys.exit(supervisor.run())\n"
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "reloads\n", "")
