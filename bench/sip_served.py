"""`provisioner serve` with its registrar and a fleet, and what can be seen of its SIP process from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[1]
START_S = 90.0
END_S = 30.0
REALM = "bench"
MODELS = ("T46G", "T42G", "T23G", "T21P E2", "CP860")
_DEFAULTS = 'ntp_server = "127.0.0.1"\n\n[line]\nserver = "@stub"\ntransport = "{transport}"\n'
_PHONE = 'name = "{name}"\nmac = "{mac}"\nmodel = "{model}"\n\n[[line]]\nextension = "{name}"\npassword = "{password}"\n'
_TROUBLE = ("Traceback", "exception", "Exception", "ended (")


def user_of(number: int) -> str:
    """Return the extension of a phone."""
    return str(10_000 + number)


def password_of(number: int) -> str:
    """Return its password."""
    return f"bench-{number:05d}"


def mac_of(number: int) -> str:
    """Return its MAC."""
    return f"00156572{number:04x}"


class Served:
    """A server with so many phones of one line each; removed with all that it wrote."""

    def __init__(self, phones: int, *options: str, transport: str = "udp") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-sip-")
        self.folder = Path(self._folder.name)
        self._write_fleet(phones, transport)
        self.ready, self.log = self.folder / "ready.json", self.folder / "log"
        command = [
            sys.executable,
            "-m",
            "provisioner",
            "serve",
            "--state",
            str(self.folder / "state"),
            "--ready-file",
            str(self.ready),
        ]
        command += ["--devices", str(self.folder / "devices"), "--templates", str(ROOT / "templates"), "--allow", "127.0.0.0/8"]
        command += ["--http", "127.0.0.1:0", "--tftp", "127.0.0.1:0", "--people", "127.0.0.1:0", "--sip", "127.0.0.1:0"]
        command += ["--realm", REALM, "--quiet", *options]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT)
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        end = time.monotonic() + START_S
        while not self.ready.is_file():
            if self.process.poll() is not None or time.monotonic() > end:
                self.__exit__(None, None, None)
                raise RuntimeError(f"the server did not start: {self.log_text()[-2000:]}")
            time.sleep(0.05)
        self.facts = json.loads(self.ready.read_text())
        self.pid = self._sip_pid()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                for pid in self._children():
                    os.kill(pid, signal.SIGKILL)
                self.process.kill()
                self.process.wait()
        self._folder.cleanup()

    @property
    def port(self) -> int:
        """Return the port of UDP and TCP."""
        return int(self.facts["sip"]["port"])

    @property
    def is_alive(self) -> bool:
        """Return whether the SIP process is the one that was started."""
        return Path(f"/proc/{self.pid}").exists()

    def memory_kb(self) -> int:
        """Return the memory of the SIP process alone."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))

    def descriptors(self) -> int:
        """Return how many the SIP process has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def log_text(self) -> str:
        """Return what the server said."""
        return self.log.read_text("utf-8", "replace")

    def trouble(self) -> list[str]:
        """Return the lines of the log that no input may bring about."""
        return [line for line in self.log_text().splitlines() if any(word in line for word in _TROUBLE)]

    def journal(self, limit: int = 1_000_000) -> list[dict[str, Any]]:
        """Return the newest events, as far as they are of the registrar."""
        command = [sys.executable, "-m", "provisioner", "events", "--state", str(self.folder / "state"), "--json"]
        command += ["--limit", str(limit)]
        done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
        return [row for row in json.loads(done.stdout) if row["protocol"] == "sip"]

    def state_bytes(self) -> int:
        """Return how large the state folder is."""
        return sum(path.stat().st_size for path in (self.folder / "state").rglob("*") if path.is_file())

    def _children(self) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task")
        return sorted({int(word) for path in tasks.glob("*/children") for word in path.read_text().split()})

    def _sip_pid(self) -> int:
        """Return the child that takes datagrams: they are started as loader, http, tftp, sip, people."""
        return self._children()[3]

    def _write_fleet(self, phones: int, transport: str) -> None:
        folder = self.folder / "devices" / "phones"
        folder.mkdir(parents=True)
        (self.folder / "devices" / "defaults.toml").write_text(_DEFAULTS.format(transport=transport))
        for number in range(phones):
            text = _PHONE.format(
                name=user_of(number), mac=mac_of(number), model=MODELS[number % len(MODELS)], password=password_of(number)
            )
            (folder / f"{user_of(number)}.toml").write_text(text)
