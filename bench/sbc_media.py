"""RTP of 200 calls through the SBC beside rtpengine: packets relayed per CPU-second, and how many are lost.

    python -m bench sbc_media

Each call is G.711 in packets of 20 ms both ways, 20,000 packets a second in all.  Ours is the whole SBC in one process, its calls
set up over SIP: once as it is set by default (every packet gets a header of ours), once with TranscodingMode 2, which passes
packets as they came, as rtpengine does.  Rtpengine runs without its kernel module, with one thread for packets.  A relay has one
core, the phones the other.

Both spend most of a packet in the system, which reads and sends each by itself.  Ours is Python besides, so the target is twice
the CPU of rtpengine, and to lose next to nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.line import Line, at_most
from bench.media_calls import NgCalls, SipCalls
from bench.media_stream import Phones, stream
from bench.process import CORES, cpu_s, free_port, keep_to, started, wait_for_sip
from bench.two_sides import two_sides

CALLS = 200
SECONDS = 5.0
ROUNDS = 3
WARM_S = 0.5
START_S = 20.0
TARGET = 2.0
MAX_LOST = 0.001
NAME = "packets relayed per CPU-second"

Start = Callable[[Path, Phones], contextlib.AbstractContextManager[tuple[int, SipCalls | NgCalls]]]
"Starts a relay; gives its process, and who sets calls up in it."


@dataclass(frozen=True, slots=True)
class Run:
    """What one relay did."""

    per_cpu_s: float
    sent: int
    lost: float
    "Share of what was sent that had not come out when the round was over."


def run(calls: int = CALLS, seconds: float = SECONDS, rounds: int = ROUNDS) -> list[Line]:
    """Return packets per CPU-second of ours and the ratio to rtpengine's; what is not installed is left out."""
    kinds: dict[str, Start] = {
        "ours": lambda folder, phones: _sbc(folder, phones, 0),
        "ours, passing on": lambda folder, phones: _sbc(folder, phones, 2),
    }
    program = shutil.which("rtpengine", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is not None:
        kinds["rtpengine"] = lambda folder, phones: _rtpengine(folder, phones, program)
    found = {kind: _measure(start, calls, seconds, rounds) for kind, start in kinds.items()}
    lines = []
    for kind, runs in found.items():
        rate, lost = statistics.median(one.per_cpu_s for one in runs), max(one.lost for one in runs)
        detail = f"{sum(one.sent for one in runs)} sent, at most {lost:.2%} of a round lost or late"
        if kind == "rtpengine":
            lines.append(Line(f"{NAME}, {kind}", rate, "", "", True, detail))
        else:
            lines.append(Line(f"{NAME}, {kind}", rate, "", "", lost <= MAX_LOST, detail))
    if "rtpengine" not in found:
        lines.append(Line("CPU of a packet, to rtpengine", None, "", "", True, "not measured: apt install rtpengine-daemon"))
        return lines
    peer = statistics.median(one.per_cpu_s for one in found["rtpengine"])
    for kind in kinds:
        if kind != "rtpengine":
            ours = statistics.median(one.per_cpu_s for one in found[kind])
            lines.append(at_most(f"{kind}: CPU of a packet, to rtpengine", peer / ours, "x", TARGET))
    return lines


def _measure(start: Start, calls: int, seconds: float, rounds: int) -> list[Run]:
    found = []
    keep_to(os.getpid(), -1)  # the phones are here
    with tempfile.TemporaryDirectory(prefix="bench-media-") as text, contextlib.closing(Phones(calls)) as phones:
        try:
            with start(Path(text), phones) as (pid, signalling), contextlib.closing(signalling):
                ends = [signalling.call(number) for number in range(calls)]
                stream(phones, ends, WARM_S)
                for _ in range(rounds):
                    before = cpu_s(pid)
                    sent, came = stream(phones, ends, seconds)
                    found.append(Run(came / max(cpu_s(pid) - before, 1e-9), sent, 1 - came / sent))
        finally:
            os.sched_setaffinity(0, CORES)
    return found


@contextlib.contextmanager
def _sbc(folder: Path, phones: Phones, mode: int) -> Iterator[tuple[int, SipCalls]]:
    port = free_port()
    signalling = SipCalls(port, phones)
    caller, callee = (end.getsockname()[1] for end in (signalling.caller, signalling.callee))
    (folder / "sbc.toml").write_text(two_sides(caller, callee, "TranscodingMode", mode))
    command = [sys.executable, "-m", "sipstub", "serve", "--sbc", "sbc.toml", "--sip", f"127.0.0.1:{port}"]
    with started(command, folder) as process:
        wait_for_sip(port, process, START_S)
        yield process.pid, signalling


@contextlib.contextmanager
def _rtpengine(folder: Path, phones: Phones, program: str) -> Iterator[tuple[int, NgCalls]]:
    port = free_port()
    command = [program, "--table=-1", "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{port}", "--foreground", "--log-stderr"]
    command += ["--log-level=3", "--num-threads=1", f"--pidfile={folder / 'pid'}", "--port-min=24000", "--port-max=27999"]
    signalling = NgCalls(port, phones)
    with started(command, folder) as process:
        end = time.monotonic() + START_S
        while not signalling.is_up():
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError("rtpengine does not answer")
        yield process.pid, signalling
