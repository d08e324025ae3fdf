"""Processes that belong together: started, watched, started again with growing pauses, and ended in order."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STABLE_S = 60.0
"After so long without a crash the next one counts as the first."

TICK_S = 0.5
_PR_SET_PDEATHSIG = 1
"From <linux/prctl.h>."
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}


@dataclass(slots=True)
class _Child:
    name: str
    run: Callable[[], None]
    pid: int = 0
    started_at: float = 0.0
    pause_s: float = 0.0
    due: float = 0.0
    forwards_hup: bool = False
    stops_last: bool = False


@dataclass(slots=True)
class Supervisor:
    """Forks children and keeps them running until SIGTERM or SIGINT."""

    say: Callable[[str], None]
    "Gets one line per event: a crash, a restart, an end."

    grace_s: float = 15.0
    "How long children may take to end."

    on_tick: Callable[[], None] = lambda: None
    "Called about twice a second in the supervisor."

    _children: list[_Child] = field(default_factory=list)

    def add(self, name: str, run: Callable[[], None], *, forwards_hup: bool = False, stops_last: bool = False) -> None:
        """Have `run` called in a process of its own.

        `forwards_hup` passes SIGHUP on to it.  It starts with SIGHUP blocked, so that one that comes before its handler is
        there waits instead of ending it: `run` unblocks it.
        """
        self._children.append(_Child(name, run, forwards_hup=forwards_hup, stops_last=stops_last))

    @property
    def pids(self) -> Mapping[str, int]:
        """Process ids by name; 0 for one that waits to be started again."""
        return {child.name: child.pid for child in self._children}

    def run(self) -> int:
        """Start all, and return when a signal has ended all: 0, or 130 after SIGINT."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            for child in self._children:
                self._start(child)
            return self._watch()
        finally:
            self._end()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _watch(self) -> int:
        while True:
            seen = signal.sigtimedwait(_SIGNALS, TICK_S)
            if seen is not None:
                number = seen.si_signo
                if number in (signal.SIGTERM, signal.SIGINT):
                    return 0 if number == signal.SIGTERM else 130
                if number == signal.SIGHUP:
                    for child in self._children:
                        if child.forwards_hup and child.pid:
                            _kill(child.pid, signal.SIGHUP)
            self._reap(restart=True)
            now = time.monotonic()
            for child in self._children:
                if not child.pid and now >= child.due:
                    self._start(child)
            self.on_tick()

    def _start(self, child: _Child) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        child.started_at = time.monotonic()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            child.pid = pid
            return
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            # Ctrl-C reaches the whole group; the supervisor alone decides the order of the end.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _end_with(parent)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS - ({signal.SIGHUP} if child.forwards_hup else set()))
            child.run()
            code = 0
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self, *, restart: bool) -> None:
        by_pid = {child.pid: child for child in self._children if child.pid}
        for pid, child in by_pid.items():
            try:
                done, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                done, status = pid, 0
            if not done:
                continue
            child.pid = 0
            if restart:
                now = time.monotonic()
                is_first = now - child.started_at > STABLE_S
                child.pause_s = FIRST_PAUSE_S if is_first or not child.pause_s else min(LONGEST_PAUSE_S, child.pause_s * 2)
                child.due = now + child.pause_s
                self.say(f"{child.name} ended ({_described(status)}); starts again in {child.pause_s:g} s")

    def _end(self) -> None:
        # The listeners end first; whoever serves them (the loader) after them.
        for last in (False, True):
            group = [child for child in self._children if child.stops_last is last]
            for child in group:
                if child.pid:
                    _kill(child.pid, signal.SIGTERM)
            deadline = time.monotonic() + self.grace_s
            while any(child.pid for child in group) and time.monotonic() < deadline:
                signal.sigtimedwait({signal.SIGCHLD}, 0.1)
                self._reap(restart=False)
            for child in group:
                if child.pid:
                    self.say(f"{child.name} did not end within {self.grace_s:g} s and was killed")
                    _kill(child.pid, signal.SIGKILL)
                    os.waitpid(child.pid, 0)
                    child.pid = 0


def _end_with(parent: int) -> None:
    """Have this process told to end when its parent is no more, however that ended.

    A supervisor that was killed (by `kill -9`, or for want of memory) would else leave processes behind that hold its ports and
    that nobody watches: no server could be started in its place.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:  # it ended before we could ask
        os.kill(os.getpid(), signal.SIGTERM)


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _described(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
