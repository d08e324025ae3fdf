"""`provisioner verify --lab`: a lab layer for as long as it takes, and the way back; the layer ends on any exit."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from provisioner.cli.lab import HOW_TO_FETCH, lay, make_plans, show_plans
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.runtime.lab_run import LabRun, LaidPhone

BACK_S = 60.0
"How long to wait for the phones to fetch their old files; they are not ended by it, only no longer waited for."

HURRY_S = 5.0
"The same after Ctrl-C: as long as it takes to publish the old files and to ask."

POLL_S = 0.25


lab_option = click.option(
    "--lab", "is_lab", is_flag=True, help="Send phones that register elsewhere here for as long as it takes."
)


@dataclass(frozen=True, slots=True)
class LabOptions:
    """What was asked of `--lab`."""

    seconds: float
    "How long the layers hold at most."

    yes: bool
    "Whether nobody is asked."

    back_s: float = BACK_S
    "How long to wait for the way back."

    def wait_s(self, ctx: click.Context, wait: float, watch: float) -> float:
        """Return how long to wait for the phones: as long as the layers hold, unless `--wait` was given."""
        if ctx.get_parameter_source("wait") is ParameterSource.DEFAULT:
            return max(0.0, self.seconds - watch)
        return wait


@contextlib.contextmanager
def in_lab(settings: Settings, macs: Sequence[str], options: LabOptions | None) -> Iterator[None]:
    """Plan, ask, lay the layers and say what is waited for; when the block ends, however it does, take them away again.

    Without options the block simply runs.
    """
    if options is None:
        yield
        return
    from provisioner.runtime.lab_run import LabRun
    from provisioner.state.folder import StateFolder

    plans = make_plans(settings, macs, options.seconds)
    with contextlib.redirect_stdout(sys.stderr):  # stdout is the report's
        show_plans(plans)
    run = LabRun(StateFolder.existing(settings.path("state")))
    with _ended_by_sigterm():
        laid: Sequence[LaidPhone] = lay(settings, plans, options.seconds, yes=options.yes)
        back_s = 0.0
        try:
            for each in laid:
                click.echo(f"{each.name}: waiting for it to fetch: {HOW_TO_FETCH}", err=True)
            yield
            back_s = options.back_s
        finally:
            run.stop([(each.mac, each.name) for each in laid])
            if laid:
                click.echo("lab layer taken away", err=True)
                _bring_back(settings, run, laid, back_s)


def _bring_back(settings: Settings, run: LabRun, laid: Sequence[LaidPhone], seconds: float) -> None:
    """Ask the phones to fetch their old files, and say who did within so many seconds."""
    from provisioner.runtime.lab_back import LabBack

    names = {each.mac: each.name for each in laid}
    back = LabBack(settings.path("state"), laid)
    waiting = set(back.have_it())
    for mac in sorted(set(names) - waiting):
        click.echo(f"{names[mac]}: never fetched the lab's file, so nothing has to be brought back", err=True)
    if not waiting:
        return
    if not run.replaced({mac: back.sha256(mac) for mac in waiting}, seconds if seconds else HURRY_S):
        click.echo("the server has not published the old files yet: see what it says", err=True)
    asked = back.ask(sorted(waiting), time.time())
    if asked:
        click.echo(f"asked by check-sync to fetch: {', '.join(names[mac] for mac in asked)}", err=True)
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while waiting and time.monotonic() < deadline:
        for mac, at in back.returned(sorted(waiting)).items():
            click.echo(f"{names[mac]}: fetched its old file at {time.strftime('%H:%M:%S', time.localtime(at))}", err=True)
            waiting.discard(mac)
        if waiting:
            pause.wait(POLL_S)
    for mac in sorted(waiting):
        click.echo(f"{names[mac]}: has not fetched its old file yet and still has that of the lab: {HOW_TO_FETCH}", err=True)


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does."""

    def on_term(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, on_term)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
