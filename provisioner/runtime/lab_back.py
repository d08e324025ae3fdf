"""The way back from the lab: phones that registered here are asked by check-sync to fetch, and watched until they did."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from provisioner.runtime.lab_run import LaidPhone
from provisioner.runtime.verify_jobs import KIND
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.job_table import JobTable, Wish
from provisioner.state.reading import Reading

ASK_S = 8.0
"How long the SIP process may take to send them."

POLL_S = 0.1


class LabBack:
    """Phones whose layer has ended, in the state folder of their server."""

    def __init__(self, state: Path, laid: Sequence[LaidPhone]) -> None:
        database = Database.open(StateFolder.existing(state))
        self._table = JobTable(database)
        self._reading = Reading(database)
        self._laid = {each.mac: each for each in laid}

    def sha256(self, mac: str) -> str:
        """Return the hash of a phone's file under its layer."""
        return self._laid[mac].sha256

    def have_it(self) -> list[str]:
        """Return the phones that last received the layer's file."""
        fetches = self._reading.last_fetches(list(self._laid))
        return [mac for mac, kinds in fetches.items() if "mac" in kinds and kinds["mac"].delivered_sha256 == self.sha256(mac)]

    def ask(self, macs: Sequence[str], now: float) -> list[str]:
        """Ask phones to fetch, as far as they are registered here; return those that were asked."""
        users = {mac: list(self._laid[mac].users) for mac in macs}
        job_id = self._table.ask(KIND, {"macs": list(macs), "check_sync": users}, until=now + ASK_S, now=now)
        deadline, pause = time.monotonic() + ASK_S, threading.Event()
        while time.monotonic() < deadline:
            job = self._table.look(job_id, now=time.time(), is_asker=True)
            if job is None:
                return []
            if job.is_over or "asked" in job.progress:
                self._table.wish(job_id, Wish.STOP, now=time.time())
                return [mac for mac in macs if mac in job.progress.get("asked", ())]
            pause.wait(POLL_S)
        self._table.wish(job_id, Wish.CANCEL, now=time.time())
        return []

    def returned(self, macs: Collection[str]) -> dict[str, float]:
        """Return the phones that have another file than the layer's now, with the time at which they got it."""
        found = {}
        for mac, kinds in self._reading.last_fetches(macs).items():
            fetch = kinds.get("mac")
            if fetch is not None and fetch.delivered_sha256 != self.sha256(mac) and fetch.delivered_at is not None:
                found[mac] = fetch.delivered_at
        return found
