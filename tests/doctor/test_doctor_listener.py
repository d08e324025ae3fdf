"""Each listener is free, or ours and asked for a file, or somebody else's; nothing is asked off this machine."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from doctor_subject import a_fleet, a_subject
from ports import free_port

from provisioner.runtime.doctor import listener, probe
from provisioner.runtime.doctor.finding import Finding, Level
from provisioner.runtime.doctor.probe import Who, ask_http, ask_tftp
from provisioner.services import listener as binding

CFG = b"#!version:1.0.0.1\n"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROBE_S", 0.2)
    monkeypatch.setattr(probe, "TFTP_LIMITS", probe.FetchLimits(size_bytes=9999, total_s=0.3, retransmit_s=0.1, sends=2))


@contextlib.contextmanager
def a_server(name: str, answers: dict[str, tuple[int, bytes]]) -> Iterator[int]:
    """Serve over HTTP under the given Server header; other paths get a 404."""

    class Handler(BaseHTTPRequestHandler):
        def version_string(self) -> str:
            return name

        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, b"Not Found\n"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextlib.contextmanager
def a_tftp_server(reply: bytes) -> Iterator[int]:
    """Answer one datagram with `reply`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)

        def answer() -> None:
            _, peer = sock.recvfrom(600)
            sock.sendto(reply, peer)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield int(sock.getsockname()[1])
        thread.join(5)


def look(folder: Path, name: str = "http", **flags: Any) -> Finding:
    (found,) = listener.look_at(name, a_subject(folder, **flags))
    return found


def test_a_listener_that_is_off_or_takes_a_free_port_is_fine(tmp_path: Path) -> None:
    assert look(tmp_path, http="off") == Finding(Level.OK, "off")
    assert "free port" in look(tmp_path, http=":0").fact


@pytest.mark.parametrize("name", ["http", "tftp", "people"])
def test_a_port_that_can_be_bound_is_free(tmp_path: Path, name: str) -> None:
    found = look(tmp_path, name, **{name: f"127.0.0.1:{free_port()}"})
    assert found.level is Level.OK and "is free; no server runs" in found.fact


def test_a_privileged_port_names_three_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(binding, "_bind_one", refuse)
    port = free_port()
    found = look(tmp_path, "tftp", tftp=f"127.0.0.1:{port}")
    assert found.level is Level.PROBLEM and "privileged" in found.fact
    assert "setcap" in found.hint and "AmbientCapabilities=CAP_NET_BIND_SERVICE" in found.hint and "--tftp :6969" in found.hint


def test_our_own_server_is_asked_for_a_common_file(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    with a_server("provisioner", {"/y000000000028.cfg": (200, CFG)}) as port:
        found = look(tmp_path, http=f"127.0.0.1:{port}")
    assert found == Finding(Level.OK, f"127.0.0.1:{port} answered by our own server: y000000000028.cfg, {len(CFG)} bytes")


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        ((404, b""), Level.WARNING, "status 404"),
        ((503, b""), Level.PROBLEM, "not ready"),
        ((200, b"<html>"), Level.WARNING, "status 200"),
    ],
)
def test_our_own_server_without_the_file_is_not_fine(tmp_path: Path, answer: tuple[int, bytes], level: Level, words: str) -> None:
    a_fleet(tmp_path)
    with a_server("provisioner", {"/y000000000028.cfg": answer}) as port:
        found = look(tmp_path, http=f"127.0.0.1:{port}")
    assert found.level is level and words in found.fact


def test_a_server_whose_policy_leaves_this_machine_out_is_a_warning_that_says_so(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    with a_server("provisioner", {}) as port:
        found = look(tmp_path, http=f"127.0.0.1:{port}", allow=("10.9.0.0/16",))
    assert found.level is Level.WARNING and "127.0.0.1 is not in `allow`" in found.fact


def test_with_no_phone_to_ask_for_any_answer_of_ours_is_fine(tmp_path: Path) -> None:
    with a_server("provisioner", {}) as port:
        assert look(tmp_path, http=f"127.0.0.1:{port}").level is Level.OK


def test_phones_without_a_common_file_and_phones_with_a_problem_accuse_no_server_of_ours(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    phones = tmp_path / "devices" / "phones"
    lobby = (phones / "lobby.toml").read_text("utf-8")
    (phones / "soft.toml").write_text(
        lobby.replace("t46g-lobby", "soft").replace("aa:bb:cc", "aa:bb:01").replace("T46G", "Linphone")
    )
    wrong = lobby.replace("t46g-lobby", "old").replace("aa:bb:cc", "aa:bb:02").replace("T46G", "CP860")
    (phones / "old.toml").write_text(wrong.replace("password_file", "pass_file"))
    with a_server("provisioner", {"/y000000000028.cfg": (200, CFG)}) as port:
        assert "y000000000028.cfg" in look(tmp_path, http=f"127.0.0.1:{port}").fact
        (phones / "lobby.toml").unlink()
        found = look(tmp_path, http=f"127.0.0.1:{port}")
    assert found.level is Level.OK and "no phone in devices/ with a common file" in found.fact


def test_another_web_server_on_the_port_is_a_problem_with_its_name(tmp_path: Path) -> None:
    with a_server("nginx", {"/": (200, CFG)}) as port:
        found = look(tmp_path, http=f"127.0.0.1:{port}")
    assert (
        found.level is Level.PROBLEM
        and "answered by something else (Server: 'nginx')" in found.fact
        and "--http :0" in found.hint
    )


def test_the_people_listener_is_known_by_its_health(tmp_path: Path) -> None:
    for status, level in ((200, Level.OK), (503, Level.PROBLEM)):
        with a_server("gunicorn", {"/healthz": (status, b"ok")}) as port:
            assert look(tmp_path, "people", people=f"127.0.0.1:{port}").level is level


def test_a_silent_holder_of_the_port_is_a_problem_and_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        assert look(tmp_path, http=f"127.0.0.1:{sock.getsockname()[1]}").level is Level.PROBLEM
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        found = look(tmp_path, "tftp", tftp=f"127.0.0.1:{sock.getsockname()[1]}", proc=Path("/proc"))
    assert found.level is Level.PROBLEM and f"pid {os.getpid()}" in found.fact


def test_an_address_that_is_not_this_machines_is_a_problem_and_is_never_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object, **__: object) -> probe.Answer:
        raise AssertionError("something was sent")

    monkeypatch.setattr(listener, "ask_http", explode)
    monkeypatch.setattr(listener, "ask_tftp", explode)
    for name in ("http", "tftp"):
        assert look(tmp_path, name, **{name: "203.0.113.9:40000"}).level is Level.PROBLEM


def test_a_server_that_says_it_listens_where_nobody_does_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    record = {"pid": os.getpid(), "advertise": "10.1.0.5", "http": {"listen": [f"127.0.0.1:{free_port()}"]}}
    (tmp_path / "state" / "ready.json").write_text(json.dumps(record), "utf-8")
    assert "restart the server" in look(tmp_path).hint


def test_ipv4_and_ipv6_of_one_listener_are_one_finding(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    port = free_port()
    record = {"pid": os.getpid(), "advertise": "10.1.0.5", "http": {"listen": [f"127.0.0.1:{port}", f"[::1]:{port}"]}}
    (tmp_path / "state" / "ready.json").write_text(json.dumps(record), "utf-8")
    assert look(tmp_path).level is Level.PROBLEM


def test_a_probe_tells_nobody_from_somebody() -> None:
    assert ask_http("127.0.0.1", free_port(), "/").who is Who.NOBODY
    assert ask_tftp("127.0.0.1", free_port(), "x").who is Who.NOBODY


@pytest.mark.parametrize(
    ("reply", "who", "status"),
    [
        (b"\0\3\0\1" + CFG, Who.OURS, 200),
        (b"\0\3\0\1hello", Who.OTHER, 200),
        (b"\0\5\0\1no\0", Who.OTHER, 404),
        (b"\0\5\0\2no\0", Who.OTHER, 500),
    ],
)
def test_who_answers_over_tftp_is_told_by_what_comes(reply: bytes, who: Who, status: int) -> None:
    with a_tftp_server(reply) as port:
        found = ask_tftp("127.0.0.1", port, "y000000000028.cfg")
    assert (found.who, found.status) == (who, status)


@pytest.mark.parametrize(("has_record", "level"), [(True, Level.WARNING), (False, Level.PROBLEM)])
def test_a_refusal_over_tftp_is_ours_only_if_a_server_of_ours_runs_there(tmp_path: Path, has_record: bool, level: Level) -> None:
    a_fleet(tmp_path)
    with a_tftp_server(b"\0\5\0\1no\0") as port:
        if has_record:
            (tmp_path / "state").mkdir()
            record = {"pid": os.getpid(), "advertise": "10.1.0.5", "tftp": {"listen": [f"127.0.0.1:{port}"]}}
            (tmp_path / "state" / "ready.json").write_text(json.dumps(record), "utf-8")
            assert look(tmp_path, "tftp").level is level
        else:
            assert look(tmp_path, "tftp", tftp=f"127.0.0.1:{port}").level is level
