"""A small fleet in a folder of its own, and servers that tests start for real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from provisioner.rendering.context import Addresses
from provisioner.runtime.fleet import Fleet
from provisioner.runtime.loader import Loader
from provisioner.state.published import PublishedSource, Publisher, StateFolder

ROOT = Path(__file__).parents[2]

PHONE = """\
name = "{name}"
mac = "{mac}"
model = "{model}"
group = "{group}"

[[line]]
extension = "{extension}"
password = "pass-{extension}"
"""


def until(condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """Return the first true answer of `condition`; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)
    return answer


class Folder:
    """A fleet that a test edits."""

    def __init__(self, root: Path) -> None:
        self.devices = root / "devices"
        self.templates = root / "templates"
        self.state = root / "state"
        shutil.copytree(ROOT / "templates", self.templates)
        self.write("defaults.toml", 'ntp_server = "ntp.example"\n[line]\nserver = "sip.example"\n')
        self.write("groups/office.toml", 'time_zone = "+1"\n')
        self.write("groups/floor.toml", 'time_zone = "+2"\n')
        self.phone("anna", "001565000001", "T46G", "office", "101")
        self.phone("ben", "001565000002", "T42G", "office", "102")
        self.phone("chris", "001565000003", "T23G", "floor", "103")

    def write(self, name: str, text: str) -> Path:
        path = self.devices / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
        return path

    def phone(self, name: str, mac: str, model: str, group: str, extension: str, more: str = "") -> Path:
        text = PHONE.format(name=name, mac=mac, model=model, group=group, extension=extension)
        return self.write(f"phones/{name}.toml", text + more)


class Session:
    """A loader with its state folder, in this process."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.state = StateFolder.open(folder.state)
        self.publisher = Publisher(self.state)
        self.loader = Loader(Fleet(folder.templates, folder.devices, Addresses()), self.publisher, self.said.append, lambda: 1.0)
        self.source = PublishedSource(self.state)
        self.is_closed = False

    def load(self) -> Any:
        return self.loader.load()

    def body(self, name: str) -> str:
        snapshot = self.source.refresh()
        assert snapshot is not None
        return bytes(snapshot.files[name].body).decode()

    def names(self) -> set[str]:
        snapshot = self.source.refresh()
        return set() if snapshot is None else {name for name in snapshot.files if not name.startswith("y")}

    def has_problem(self, mac: str) -> bool:
        snapshot = self.source.refresh()
        assert snapshot is not None
        return snapshot.phones[mac].has_problem

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.publisher.close()


class Running:
    """A `provisioner serve` process."""

    def __init__(self, folder: Folder, *options: str) -> None:
        self.ready = folder.state.parent / "ready.json"
        self.log = folder.state.parent / "server.log"
        self._log = self.log.open("ab")
        command = [sys.executable, "-m", "provisioner", "serve"]
        command += ["--devices", str(folder.devices), "--templates", str(folder.templates), "--state", str(folder.state)]
        command += ["--http", "127.0.0.1:0", "--tftp", "127.0.0.1:0", "--people", "127.0.0.1:0", "--poll-seconds", "0.1"]
        command += ["--ready-file", str(self.ready), "--drain-seconds", "5", *options]
        self.process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        try:
            until(lambda: self.ready.is_file() or self.process.poll() is not None, 90)
            assert self.process.poll() is None, self.log.read_text()
        except BaseException:
            self.kill()
            raise
        self.facts: dict[str, Any] = json.loads(self.ready.read_text())

    def url(self, scheme: str = "http") -> str:
        return str(self.facts[scheme]["url"])

    def children(self) -> dict[int, str]:
        """Return the direct children by pid with the names of their own children's count, in order of start."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                if int(stat.rpartition(")")[2].split()[1]) == self.process.pid:
                    found[int(entry.name)] = stat
        return dict(sorted(found.items()))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        self._log.close()
        return code

    def kill(self) -> None:
        if self.process.poll() is None:
            for pid in self.children():
                os.kill(pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait(20)
        self._log.close()
