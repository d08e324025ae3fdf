"""A copy of the example fleet in the current folder, a server's past made in memory, and the command line run on both."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.cli import cli
from provisioner.cli.outcome import run
from provisioner.delivery.event import DeliveryEvent
from provisioner.rendering.context import Addresses
from provisioner.runtime.addresses import write_addresses
from provisioner.runtime.fleet import Fleet
from provisioner.runtime.loader import Loader, LoadReport
from provisioner.state.database import Database
from provisioner.state.journal import Journal
from provisioner.state.published import PublishedSource, Publisher, StateFolder

ROOT = Path(__file__).parent.parent.parent
ADDRESSES = Addresses("10.1.0.5", 5060, 5061)
NOW = 1_750_000_000.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What one call of the command line left behind."""

    code: int
    data: bytes
    err: str

    @property
    def out(self) -> str:
        return self.data.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def provisioner(*args: str) -> Ran:
    """Run `provisioner ARGS` in this process, as `main` does."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    code: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run(cli, list(args))
        except SystemExit as left:
            code = left.code
    out.flush()
    err.flush()
    return Ran(int(code), out.buffer.getvalue(), err.buffer.getvalue().decode())


def copy_example(folder: Path) -> None:
    """Put the example fleet, the templates and a provisioner.toml into `folder`."""
    shutil.copytree(ROOT / "devices", folder / "devices")
    shutil.copytree(ROOT / "templates", folder / "templates")
    (folder / "provisioner.toml").write_text('advertise = "10.1.0.5"\n')


def publish() -> LoadReport:
    """Publish what the folders here say now, as the server's loader does."""
    folder = StateFolder.open("state")
    write_addresses(folder.path, ADDRESSES)
    fleet = Fleet(Path("templates"), Path("devices"), ADDRESSES)
    with Publisher(folder) as publisher:
        report = Loader(fleet, publisher, lambda _text: None, lambda: NOW).load(force=True)
    assert report is not None
    return report


def deliver(*phones: str, kinds: tuple[str, ...] = ("common", "mac"), at: float = NOW, outcome: str = "ok") -> None:
    """Let phones, by name, fetch their published files."""
    folder = StateFolder.open("state")
    snapshot = PublishedSource(folder).current()
    assert snapshot is not None
    journal = Journal(Database.open(folder), has_thread=False)
    for entry in snapshot.phones.values():
        if entry.name not in phones:
            continue
        for kind in kinds:
            file = snapshot.files[entry.common_name if kind == "common" else entry.mac + ".cfg"]
            who = (entry.mac, entry.name, entry.model, "29.80.0.60")
            what = (str(kind), file.name, file.sha256, file.size_bytes)
            event = DeliveryEvent(at, "http", "GET", "/" + file.name, "10.1.0.77", "Yealink", *who, outcome, 200, *what)
            journal.record(event)
    journal.close()


def edit(file: str, old: str, new: str) -> None:
    """Replace `old`, which must be there once, in a file below the current folder."""
    text = Path(file).read_text("utf-8")
    assert text.count(old) == 1, (file, old, text.count(old))
    Path(file).write_text(text.replace(old, new), "utf-8")


def place_of(file: str, text: str) -> str:
    """Return `file:line` of the one line that has `text`."""
    found = [at for at, line in enumerate(Path(file).read_text("utf-8").splitlines(), 1) if text in line]
    assert len(found) == 1, (file, text, found)
    return f"{file}:{found[0]}"
