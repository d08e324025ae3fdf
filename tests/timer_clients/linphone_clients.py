"""One server as users start it, and several linphones beside it, which know nothing but the addresses of their files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from runtime_folder import Folder, Running, until

MACS = "f0e1d2c3b4{:02x}"
PATIENCE_S = 60.0
LONGEST_S = 400.0
"For one verify: two calls of some 100 s, and what lies between them."

PHONE = """\
name = "{name}"
mac = "{mac}"
model = "linphone"

[settings]
"sip.use_ipv6" = "0"
"sip.session_expires_min_value" = "90"
"rtp.audio_rtp_port" = "-1"
"rtp.nortp_timeout" = "3600"

[[line]]
extension = "{name}"
password = "pass-{name}"
server = "@stub"
transport = "udp"
expires = 600
{timer}
"""
ON = "session_timer = true\nsession_expires = 90\nrefresher = "


@dataclass
class Judged:
    """What `provisioner verify` told of one phone."""

    code: int
    findings: list[dict[str, Any]]
    talk: str

    def said(self, rule: str) -> tuple[str, str]:
        """Return verdict and what was seen."""
        return next((one["verdict"], one["seen"]) for one in self.findings if one["rule"] == rule)

    @property
    def bad(self) -> dict[str, str]:
        """Verdict of every rule that is not content."""
        return {one["rule"]: one["verdict"] for one in self.findings if one["verdict"] in ("FAIL", "WARN")}


@dataclass
class Fleet:
    """Some linphones; `close` ends everything."""

    root: Path
    folder: Folder = field(init=False)
    server: Running | None = None
    phones: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    verifying: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = Folder(self.root)
        self._macs: dict[str, str] = {}

    def add(self, name: str, timer: str) -> None:
        """Put a linphone into the inventory."""
        mac = MACS.format(len(self._macs) + 1)
        self._macs[name] = mac
        self.folder.write(f"phones/{name}.toml", PHONE.format(name=name, mac=mac, timer=timer))

    def serve(self) -> None:
        self.server = Running(self.folder, "--sip", "127.0.0.1:0", "--advertise", "127.0.0.1")

    def start(self, name: str) -> None:
        """Start a linphone with nothing but the address of its file; it picks up by itself."""
        assert self.server is not None
        home = self.root / "homes" / name
        for part in (".local/share/linphone", ".config/linphone"):
            (home / part).mkdir(parents=True)
        (home / "rc").write_text(f"[misc]\nconfig-uri={self.server.url().rstrip('/')}/{self._macs[name]}.xml\n")
        with (home / "out").open("wb") as out:
            self.phones[name] = subprocess.Popen(
                ["linphone-daemon", "--config", str(home / "rc"), "--auto-answer"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env={**os.environ, "HOME": str(home)},
            )

    def registered(self) -> None:
        """Wait until every phone that was started is."""
        until(lambda: set(self.phones) <= {row["name"] for row in self.rows() if row["state"] == "current"}, PATIENCE_S)

    def rows(self) -> list[dict[str, Any]]:
        done = subprocess.run(self.command("phones", "--json"), capture_output=True, text=True, check=True, timeout=PATIENCE_S)
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def command(self, *words: str) -> list[str]:
        folders = {"--devices": self.folder.devices, "--templates": self.folder.templates, "--state": self.folder.state}
        return [sys.executable, "-m", "provisioner", *words, *(str(part) for pair in folders.items() for part in pair)]

    def dial(self, name: str) -> None:
        """Have a linphone call."""
        pipe = self.phones[name].stdin
        assert pipe is not None
        pipe.write(b"call sip:100@127.0.0.1\n")
        pipe.flush()

    def verify(self, name: str, scenarios: Sequence[str]) -> Judged:
        """Run the real command, dial whenever it asks for that, and return what it said."""
        words = [word for scenario in scenarios for word in ("--scenario", scenario)]
        command = self.command("verify", name, "--session-timers", "--dial", *words, "--json", "-")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.verifying.append(process)
        talk: list[str] = []

        def listen(stream: IO[str]) -> None:
            for line in stream:
                talk.append(line)
                if "dial 100 on account 1" in line:
                    self.dial(name)

        assert process.stdout is not None and process.stderr is not None
        listening = threading.Thread(target=listen, args=(process.stderr,))
        listening.start()
        with process.stdout, process.stderr:
            out = process.stdout.read()
            code = process.wait(LONGEST_S)
            listening.join()
        text = "".join(talk)
        assert out, text
        (phone,) = json.loads(out)["phones"]
        return Judged(code, phone["findings"], text)

    def close(self) -> None:
        """End whatever still runs."""
        for command in self.verifying:
            if command.poll() is None:
                command.kill()
                command.wait(PATIENCE_S)
        for phone in self.phones.values():
            assert phone.stdin is not None
            if phone.poll() is None:
                phone.stdin.write(b"quit\n")
                phone.stdin.flush()
        for phone in self.phones.values():
            try:
                phone.wait(10)
            except subprocess.TimeoutExpired:
                phone.kill()
                phone.wait(PATIENCE_S)
            assert phone.stdin is not None
            phone.stdin.close()
        if self.server is not None:
            self.server.kill()
