"""One linphone of the inventory, our server, and the real program; then the recording held against the delivered file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from runtime_folder import Folder, Running, until

from provisioner.catalogue import load_catalogue
from provisioner.expectations.build import Delivered, build_expectations, read_cfg_files, subject_of
from provisioner.expectations.observables import load_observables
from sipstub.trace.recording_json import parse_recording
from sipstub.verify.expectation import Expectations
from sipstub.verify.finding import Finding
from sipstub.verify.run import verify

MAC = "f0e1d2c3b4a5"
FILE = f"{MAC}.xml"
ROOT = Path(__file__).parents[2]
PASSWORD = "s3cret<&>\"'x"
"Every character that XML minds."
PATIENCE_S = 60.0

PHONE = """\
name = "desk"
mac = "f0:e1:d2:c3:b4:a5"
model = "linphone"

[settings]
{settings}

[[line]]
extension = "100"
display_name = "Tom & <Ann>"
password_file = "secrets/desk"
server = "@stub"
transport = "{transport}"
expires = {expires}
{more}
"""


class Lab:
    """A fleet of one linphone, a server over it, and the program."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = Folder(root)
        self.record = root / "record.json"
        self.server: Running | None = None
        self.phone: subprocess.Popen[bytes] | None = None
        self.commands: list[subprocess.Popen[str]] = []

    def wants(self, transport: str = "udp", expires: int = 600, more: str = "", **settings: str) -> None:
        """Write the phone's file in devices/."""
        # Without IPv6 the name of this machine means 127.0.0.1, where the server listens.
        lines = [f'"{name.replace("__", ".")}" = "{value}"' for name, value in {"sip__use_ipv6": "0", **settings}.items()]
        self.folder.write("secrets/desk", PASSWORD + "\n")
        text = PHONE.format(transport=transport, expires=expires, more=more, settings="\n".join(lines))
        self.folder.write("phones/desk.toml", text)

    def serve(self, host: str = "127.0.0.1") -> Running:
        """Start the server; `host` is what phones are told."""
        options = ("--sip", "127.0.0.1:0", "--sips", "127.0.0.1:0", "--advertise", host, "--record", str(self.record))
        self.server = Running(self.folder, *options)
        return self.server

    @property
    def authority(self) -> Path:
        """The certificate that the registrar's own is signed with."""
        return self.folder.state / "certificates" / "ca.pem"

    def start_phone(self, *, home: str = "home", file: str = FILE) -> None:
        """Start linphone with nothing but the address of its file."""
        assert self.server is not None
        folder = self.root / home
        for part in (".local/share/linphone", ".config/linphone"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        own = self.own_file(home)
        if not own.exists():
            own.write_text(f"[misc]\nconfig-uri={self.server.url()}/{file}\n".replace("//" + file, "/" + file), "utf-8")
        self.phone = subprocess.Popen(
            ["linphone-daemon", "--config", str(own), "--log", str(folder / "log")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
        )

    def own_file(self, home: str = "home") -> Path:
        """Return the file that linphone keeps for itself."""
        return self.root / home / "rc"

    def stop_phone(self) -> None:
        """Let it unregister and end."""
        if self.phone is not None and self.phone.poll() is None:
            try:
                self.phone.communicate(b"quit\n", PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.phone.kill()
                self.phone.wait(PATIENCE_S)
        self.phone = None

    def command(self, *words: str) -> subprocess.Popen[str]:
        """Start a command of ours over this fleet."""
        folders = {"--devices": self.folder.devices, "--templates": self.folder.templates, "--state": self.folder.state}
        command = [sys.executable, "-m", "provisioner", *words, *(str(part) for pair in folders.items() for part in pair)]
        self.commands.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return self.commands[-1]

    def events(self, protocol: str) -> list[dict[str, Any]]:
        """Return what the server wrote down, oldest first."""
        command = [sys.executable, "-m", "provisioner", "events", "--state", str(self.folder.state), "--json"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        return [row for row in json.loads(done.stdout) if row["protocol"] == protocol]

    def await_event(self, protocol: str, outcome: str) -> dict[str, Any]:
        """Return the first event with that outcome."""
        row: dict[str, Any] = until(
            lambda: next((row for row in self.events(protocol) if row["outcome"] == outcome), None), PATIENCE_S
        )
        return row

    def registrations(self) -> int:
        """Return how often it registered, as far as the server wrote it down."""
        return sum(row["outcome"] == "created" for row in self.events("sip"))

    def provision(self) -> dict[str, Any]:
        """Start the phone, let it register and go; return the event of its registration."""
        self.start_phone()
        created = self.await_event("sip", "created")
        self.stop_phone()
        return created

    def delivered(self) -> bytes:
        """Return the phone's file over HTTP, as it got it."""
        assert self.server is not None
        url = f"{self.server.url().rstrip('/')}/{FILE}"
        return subprocess.run(["curl", "-fsS", url], capture_output=True, check=True, timeout=30).stdout

    def status(self, name: str) -> int:
        """Return the status that a request for `name` gets."""
        assert self.server is not None
        url = f"{self.server.url().rstrip('/')}/{name}"
        command = ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", url]
        return int(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)

    def await_file(self, text: bytes) -> None:
        """Wait until the phone's file holds `text`."""
        until(lambda: text in self.delivered(), PATIENCE_S)

    def await_expiry(self, seconds: str) -> None:
        """Wait for a registration that was granted so long."""
        wanted = f" for {seconds} s"
        until(lambda: [row for row in self.events("sip") if row["outcome"] == "created" and wanted in row["fact"]], PATIENCE_S)

    def judge(self, body: bytes) -> tuple[Expectations, dict[str, Finding]]:
        """End the server; return what `body` says, and the findings of its recording by rule."""
        assert self.server is not None and self.server.stop() == 0
        catalogue = load_catalogue(ROOT / "templates")
        subject = subject_of("desk", MAC, catalogue.find_model("linphone"), addresses=("127.0.0.1",))
        assignments = read_cfg_files([Delivered(FILE, body)])
        expected = build_expectations(assignments, load_observables(ROOT / "templates"), subject, catalogue)
        messages = parse_recording(self.record.read_bytes()).messages
        report = verify([expected], messages, now=time.time()).report
        return expected, {finding.rule: finding for phone in report.phones for finding in phone.findings}

    def close(self) -> None:
        """End whatever still runs."""
        self.stop_phone()
        for command in self.commands:
            if command.poll() is None:
                command.kill()
            command.communicate(timeout=PATIENCE_S)
        if self.server is not None:
            self.server.kill()
