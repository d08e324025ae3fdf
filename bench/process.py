"""The processes of a benchmark: which core each has, what CPU it used, and whether a server answers yet."""

from __future__ import annotations

import contextlib
import csv
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
PROBE_S = 0.3
"For one answer of a server that begins."
_PROBE = (
    "BYE sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{number};rport\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:127.0.0.1>;tag=2\r\nCall-ID: a\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)
"Of a call that nobody knows: every server refuses it, a B2BUA too, and keeps nothing of it."


def keep_to(pid: int, position: int) -> None:
    """Keep a process to one core by its position; nothing happens where there is only one."""
    if len(CORES) > 1:
        os.sched_setaffinity(pid, {CORES[position]})


@contextlib.contextmanager
def started(command: list[str], folder: Path, position: int = 0, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a folder, with all its threads on the core of a position; it is ended afterwards."""
    own = os.sched_getaffinity(0)
    keep_to(os.getpid(), position)  # for the process that begins now
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(os.environ, PYTHONPATH=str(ROOT), **environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    finally:
        os.sched_setaffinity(0, own)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def cpu_s(pid: int, *, has_children: bool = False) -> float:
    """Return user and system time of a process, of children too that it has waited for; OSError if there is none."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11 : 15 if has_children else 13]) / TICKS


def private_kb(pid: int) -> int:
    """Return the memory that a process has for itself."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def free_port() -> int:
    """Return a UDP port of loopback that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_sip(port: int, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Return once SIP over UDP is answered at a port; raises RuntimeError after so long, or when the process has ended."""
    end = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(PROBE_S)
        probe.connect(("127.0.0.1", port))
        own = probe.getsockname()[1]
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError):
                probe.send(_PROBE.format(port=own, number=time.monotonic_ns()).encode())
                if probe.recv(4096):
                    return
    raise RuntimeError("the server does not answer")


def last_row(statistic: Path) -> dict[str, str]:
    """Return what SIPp counted in all, from the file of its `-trace_stat`."""
    with statistic.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))[-1]


def register_all(
    folder: Path, target: int, own: int, count: int, *, rate: int, outstanding: int, limit_s: int
) -> tuple[int, int]:
    """Have SIPp register so often, by `scenario.xml` and `users.csv`; return how many failed, and how many were resent."""
    statistic = folder / "statistic.csv"
    statistic.unlink(missing_ok=True)
    command = ["sipp", "-sf", "scenario.xml", "-inf", "users.csv", "-t", "u1", "-i", "127.0.0.1", "-p", str(own)]
    command += ["-m", str(count), "-l", str(outstanding), "-r", str(rate), "-nostdin", "-timeout", str(limit_s)]
    command += ["-trace_stat", "-stf", str(statistic), f"127.0.0.1:{target}"]
    driver = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    keep_to(driver.pid, -1)
    driver.wait(limit_s + 20)
    last = last_row(statistic)
    return count - int(last["SuccessfulCall(C)"]), int(last["Retransmissions(C)"])
