"""A folder as people have one, its server, virtual phones, and the real `provisioner verify` beside them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from ports import HERE

ROOT = Path(__file__).parents[2]
PROVISIONER = [sys.executable, "-m", "provisioner"]
SIPSTUB = [sys.executable, "-c", "from sipstub.cli import main; main()"]
SETTINGS = """\
http = "127.0.0.1:0"
tftp = "127.0.0.1:0"
sip = "127.0.0.1:0"
people = "127.0.0.1:0"
allow = ["127.0.0.0/8"]
poll_seconds = 0.2
"""
EXAMPLE = "00:15:65:20:00:"
FLEET = f"00:15:65:{0x21 + HERE:02x}:00:"
"How MACs begin in the example fleet and here: virtual phones take their address on loopback from it, and others run beside us."


def mac_of(last: str) -> str:
    """Return the MAC of a phone here, as files are called, by the last octet that it has in the example fleet."""
    return FLEET.replace(":", "") + last


MACS = {
    "office-anna": (mac_of("03"), "T42G"),
    "director": (mac_of("06"), "T29G"),
    "assistant": (mac_of("07"), "T27P"),
    "floor-1": (mac_of("09"), "T21P E2"),
    "floor-2": (mac_of("0a"), "T19P E2"),
    "boardroom": (mac_of("0b"), "CP860"),
}


def until(condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """Return the first true answer of `condition`; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)
    return answer


class Verify:
    """A `provisioner verify` that runs."""

    def __init__(self, desk: Desk, args: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            [*PROVISIONER, "verify", *args], cwd=desk.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said: list[str] = []
        self.out = ""
        self._threads = [
            threading.Thread(target=self._read, args=(stream, is_out), daemon=True)
            for stream, is_out in ((self.process.stdout, True), (self.process.stderr, False))
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: IO[str], is_out: bool) -> None:
        for line in stream:
            if is_out:
                self.out += line
            else:
                self.said.append(line)

    @property
    def err(self) -> str:
        return "".join(self.said)

    def watches(self) -> Verify:
        """Return once the job was asked for."""
        until(lambda: "watching" in self.err or self.process.poll() is not None, 90)
        assert self.process.poll() is None, self.err
        return self

    def end(self) -> int:
        code = self.process.wait(120)
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


class Desk:
    """Everything that a test starts here ends with `close`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "devices", root / "devices")
        for file in (root / "devices" / "phones").glob("*.toml"):
            file.write_text(file.read_text("utf-8").replace(EXAMPLE, FLEET), "utf-8")
        (root / "provisioner.toml").write_text(SETTINGS)
        self.state = root / "state"
        self._started: list[subprocess.Popen[Any]] = []
        self._runs: list[Verify] = []
        self.facts: dict[str, Any] = {}
        self.server: subprocess.Popen[Any] | None = None

    def serve(self, *options: str) -> Desk:
        ready = self.root / "ready.json"
        with (self.root / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                [*PROVISIONER, "serve", "--quiet", "--ready-file", str(ready), *options], cwd=self.root, stdout=log, stderr=log
            )
        self._started.append(self.server)
        until(lambda: ready.is_file() or (self.server and self.server.poll() is not None), 90)
        assert self.server.poll() is None, (self.root / "server.log").read_text()
        self.facts = json.loads(ready.read_text())
        return self

    def url(self) -> str:
        """Return where phones fetch, from whichever server runs on the state folder."""
        ready = self.state / "ready.json"
        until(ready.is_file, 60)
        return str(json.loads(ready.read_text())["http"]["url"])

    def phone(self, name: str, *options: str) -> subprocess.Popen[Any]:
        mac, model = MACS[name]
        log = (self.root / f"{name}.log").open("ab")
        command = [*SIPSTUB, "phone", "--url", self.url(), "--mac", mac, "--model", model, "--register", "--for", "120"]
        models = ["--models", str(ROOT / "templates/yealink/models.toml")]
        with log:
            started = subprocess.Popen([*command, *models, *options], cwd=self.root, stdout=log, stderr=log)
        self._started.append(started)
        return started

    def verify(self, *args: str) -> Verify:
        self._runs.append(Verify(self, args))
        return self._runs[-1]

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*PROVISIONER, *args], cwd=self.root, capture_output=True, text=True, timeout=120, check=False)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.state / "observed.sqlite")) as connection:
            return connection.execute(query).fetchall()

    def children(self) -> list[int]:
        """Return the processes of the server, in the order in which they were started."""
        assert self.server is not None
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                if int(stat.rpartition(")")[2].split()[1]) == self.server.pid:
                    found.append(int(entry.name))
        return sorted(found)

    def close(self) -> None:
        for run in self._runs:
            if run.process.poll() is None:
                run.process.send_signal(signal.SIGINT)
                run.end()
        for process in reversed(self._started):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(40)
                except subprocess.TimeoutExpired:
                    os.kill(process.pid, signal.SIGKILL)
                    process.wait()
