"""Runs verify jobs in the SIP process: claims them, records what their phones say, obeys who asked, ends in time.

The wire goes first: this only looks at the recorder a few times a second; packing and the database are a thread's work, and
judging is done by whoever asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.runtime.verify_part import Collecting, pack
from provisioner.runtime.verify_stimuli import Stimulating
from provisioner.state.database import plain_reason
from provisioner.state.job_table import Job, JobState, JobTable, Wish
from sipstub.stimulus.director import Director, StimulusProblem
from sipstub.trace.record import Recorder

KIND = "verify"
POLL_S = 0.5
"How often a waiting job is looked for."
TICK_S = 0.25
"How often a running job hands over what was recorded."
RENEW_S = 1.0
"How often the lease is renewed, and the asker's wish read, while nothing is recorded."
MAX_AT_ONCE = 4
"Jobs that run side by side; others wait."
MAX_S = 24 * 3600.0
"Longest job."


Door = tuple[str, str, int]
"Transport (udp, tcp, tls), address and port."


@dataclass(frozen=True, slots=True)
class Hands:
    """What jobs may do beside watching."""

    director: Director
    now: Callable[[], float]
    "The time that the core lives in."
    settle: Callable[[], None]
    "Sends what the core wants to send after it was made to act from outside."
    doors: tuple[Door, ...] = ()
    "Where everything that a phone says is heard."
    far: tuple[tuple[str, int], ...] = ()
    "Who is talked to on the far legs of an SBC that phones find at the doors."


class JobRunner:
    """Belongs to the loop of the SIP process."""

    def __init__(self, table: JobTable, recorder: Recorder, hands: Hands, now: Callable[[], float] = time.time) -> None:
        """`now` is the clock of the job table, which other processes read too."""
        self._table = table
        self._recorder = recorder
        self._hands = hands
        self._now = now
        self._owner = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._running: set[asyncio.Task[None]] = set()
        self._said = ""

    async def run(self) -> None:
        """Claim and run jobs until cancelled; a database that refuses is asked again."""
        try:
            while True:
                if len(self._running) < MAX_AT_ONCE and (job := await self._claim()) is not None:
                    task = asyncio.create_task(self._run(job))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                    continue
                await asyncio.sleep(POLL_S)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _claim(self) -> Job | None:
        try:
            return await asyncio.to_thread(self._table.claim, self._owner, now=self._now())
        except Exception as error:
            self._say(f"no jobs taken: {plain_reason(error)}")
            return None

    async def _run(self, job: Job) -> None:
        state, problem = JobState.LOST, "the server was stopped"
        stimulating: Stimulating | None = None
        try:
            if job.asked.get("boots") or job.asked.get("stimulates") or job.asked.get("sessions") is not None:
                stimulating = Stimulating(self._hands.director, job.asked, self._hands.now())
                self._hands.settle()
            state, problem = await self._record(job, stimulating, self._ask_to_fetch(job.asked.get("check_sync")))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            state, problem = JobState.FAILED, f"{type(error).__name__}: {error}"
            self._say(f"job {job.id}: {problem}")
        finally:
            if stimulating is not None:
                stimulating.stop(self._hands.now())
                self._hands.settle()
            # Without a thread: this also runs while the loop is being torn down.
            try:
                self._table.end(job.id, self._owner, state, now=self._now(), problem=problem)
            except Exception as error:
                self._say(f"job {job.id} could not be ended: {error}")  # its lease runs out

    def _ask_to_fetch(self, phones: Mapping[str, Sequence[str]] | None) -> dict[str, Any]:
        """Send check-sync to phones (MAC and user names) as far as they are registered here; return whom, for the asker."""
        if phones is None:
            return {}
        asked = []
        for mac, users in phones.items():
            director = self._hands.director
            with contextlib.suppress(StimulusProblem):  # it is in a call
                if director.check_sync_one([director.aor(user) for user in users], self._hands.now()):
                    asked.append(mac)
        self._hands.settle()
        return {"asked": asked}

    async def _record(self, job: Job, stimulating: Stimulating | None, told: Mapping[str, Any]) -> tuple[JobState, str]:
        asked = job.asked
        collecting = Collecting(
            self._recorder,
            asked.get("words", ()),
            asked.get("hosts", ()),
            takes_all=bool(asked.get("takes_all")),
            since=asked.get("since", job.asked_at),
            far=self._hands.far,
        )
        until = min(job.until, self._now() + MAX_S)
        part, renewed = 0, 0.0
        current: Job | None = job
        while True:
            is_last = self._now() >= until or (current is not None and current.wish is Wish.STOP)
            fresh = collecting.take()
            if fresh:
                part += 1
                body = await asyncio.to_thread(pack, fresh)
                await asyncio.to_thread(self._table.add_part, job.id, part, body, len(fresh))
            if fresh or is_last or self._now() - renewed >= RENEW_S:
                renewed = self._now()
                progress = _progress(collecting, stimulating) | dict(told) | {"doors": self._hands.doors, "far": self._hands.far}
                current = await asyncio.to_thread(self._table.renew, job.id, self._owner, progress, now=renewed)
                if current is None:
                    return JobState.LOST, "another process took it over"
                if current.wish is Wish.CANCEL:
                    return JobState.CANCELLED, ""
                if current.wanted_until < self._now():
                    return JobState.CANCELLED, "nobody waits for it any more"
                if is_last:
                    return JobState.DONE, ""
                if current.wish is Wish.STOP:
                    continue
                await self._look_for_fetches(stimulating)
            await asyncio.sleep(TICK_S)

    async def _look_for_fetches(self, stimulating: Stimulating | None) -> None:
        if stimulating is not None and not stimulating.is_done:
            times = await asyncio.to_thread(self._table.fetched_at, stimulating.macs)
            stimulating.fetched(times, self._hands.now())
            self._hands.settle()

    def _say(self, text: str) -> None:
        if text != self._said:  # a database that is away says the same thing all day
            self._said = text
            print(text, file=sys.stderr, flush=True)


def _progress(collecting: Collecting, stimulating: Stimulating | None) -> dict[str, Any]:
    found: dict[str, Any] = {"messages": collecting.count, "left_out": collecting.left_out}
    return found | (stimulating.progress() if stimulating is not None else {})
