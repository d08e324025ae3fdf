"""The server of the demo: this program in a process of its own, on loopback, free ports and a state folder that goes with it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from provisioner.errors import EnvironmentProblem
from provisioner.runtime.sip_sbc import SbcChoice

START_TIMEOUT_S = 60.0


class DemoServer:
    """A server in a process of its own, on loopback and free ports, with a state folder that goes with it."""

    def __init__(self, devices: Path, templates: Path, sbc: str = "") -> None:
        """Start it; `sbc` are settings of an SBC that phones find before the registrar, if any."""
        self._folder = Path(tempfile.mkdtemp(prefix="provisioner-demo-"))
        self.state = self._folder / "state"
        self.facts: dict[str, Any] = {}
        self._ready = self._folder / "ready.json"
        self.options = ["--devices", str(devices), "--templates", str(templates), "--state", str(self.state)]
        self._log = (self._folder / "server.log").open("wb")
        listen = ["--http", "127.0.0.1:0", "--tftp", "127.0.0.1:0", "--https", "off", "--people", "127.0.0.1:0"]
        listen += ["--sip", "127.0.0.1:0", "--sips", "127.0.0.1:0"]
        self.sbc: SbcChoice | None = None
        if sbc:
            self.sbc = SbcChoice(self._folder / "sbc.ini")
            self.sbc.file.write_text(sbc, "utf-8")
            listen += ["--sbc", str(self.sbc.file)]
        self._process = subprocess.Popen(  # noqa: S603 (our own program)
            [*program(), "serve", *self.options, *listen, "--allow", "127.0.0.0/8", "--ready-file", str(self._ready), "--quiet"],
            stdout=self._log,
            stderr=self._log,
        )

    def wait(self) -> None:
        """Return when the server is ready; EnvironmentProblem with its own words if it is not."""
        deadline = time.monotonic() + START_TIMEOUT_S
        pause = threading.Event()
        while not self._ready.is_file():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._log.flush()
                said = (self._folder / "server.log").read_text("utf-8", "replace").strip()
                raise EnvironmentProblem(f"the server did not start: {said or 'no reason given'}")
            pause.wait(0.05)
        import json

        self.facts = json.loads(self._ready.read_text("utf-8"))

    def end(self) -> None:
        """End the server; what it wrote is still there."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def remove(self) -> None:
        """End the server and remove what it left."""
        self.end()
        shutil.rmtree(self._folder, ignore_errors=True)


def program() -> list[str]:
    """Return the command that runs this program in another process."""
    return [sys.executable, "-m", "provisioner"]
