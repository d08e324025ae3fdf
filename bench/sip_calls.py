"""2,000 calls with session timers at once, on one loop: memory of a call, CPU of a refresh, beside sippy's B2BUA.

    python -m bench sip_calls

SIPp calls, keeps every call up by re-INVITE, and hangs up.  Ours is the answering machine, one leg of a call.  Sippy's B2BUA
passes all of it on to a second SIPp, so a refresh there is answered on one leg and asked on another, and its CPU is halved for a
line; our SBC does the same, without media, as sippy.  Sippy knows no session timers, and says nothing to them: what it does is
the same INVITE transactions and dialogs.  A last run has the stub refresh by UPDATE, at half of 90 s, which sippy cannot.  A
server has one core, the SIPps the other.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.line import Line, at_most
from bench.process import cpu_s, free_port, keep_to, last_row, private_kb, started, wait_for_sip
from bench.two_sides import two_sides

CALLS = 2_000
RATE = 100
"Calls a second while they come up."
EVERY_S = 20
"A caller refreshes so often; earlier than half time, which it may."
TIMES = 3
SETTLE_S = 1.0
"After the last call came up."
INTERVAL_S = 90
START_S = 20.0
TARGET = 1.0
FORGIVEN = 0.02
"So many calls may fail at the peer without spoiling what its others cost."

PASSING = ("sippy", "ours as SBC")
"What has two legs for each call, and a second SIPp behind it."

_HEAD = """%(method)s sip:answer@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:caller@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:answer@[remote_ip]:[remote_port]>%(tag)s
Call-ID: [call_id]
CSeq: %(cseq)s %(method)s
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
Allow: INVITE, ACK, BYE, UPDATE
"""
_TIMER = "Supported: timer\nSession-Expires: %d;refresher=%s\n"
_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 6000 RTP/AVP 0
"""
_EMPTY = "Content-Length: 0\n\n"
_ANSWER = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]%(tag)s
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:answer@[local_ip]:[local_port]>
%(more)s"""


@dataclass(frozen=True, slots=True)
class Run:
    """What one server did."""

    memory_kb: float
    "Of a call."
    call_s: float
    "CPU of setting a call up."
    refresh_s: float
    "CPU of a refresh."
    failed: int


def run(calls: int = CALLS) -> list[Line]:
    """Return memory and CPU of ours, and the ratio to sippy's; what is not installed is left out."""
    if shutil.which("sipp") is None:
        return [Line("calls with session timers", None, "", "", True, "not measured: apt install sip-tester")]
    found: dict[str, Run] = {}
    kinds = ["ours", "ours as SBC", "ours with the record", "ours, refreshing"]
    if _sippy() is not None:
        kinds.insert(2, "sippy")
    for kind in kinds:
        found[kind] = _measure(kind, calls)
    lines: list[Line] = []
    for kind, one in found.items():
        legs = 2 if kind in PASSING else 1
        word = ", one leg of two" if legs > 1 else ""
        detail = f"{one.failed} of {calls} calls failed" if one.failed else ""
        is_met = one.failed <= (calls * FORGIVEN if kind == "sippy" else 0)
        lines.append(Line(f"{kind}{word}: memory of a call", one.memory_kb / legs, "kB", "", is_met, detail))
        lines.append(Line(f"{kind}{word}: CPU of 1,000 calls set up", one.call_s * 1_000 / legs, "s", "", True))
        lines.append(Line(f"{kind}{word}: CPU of 1,000 refreshes", one.refresh_s * 1_000 / legs, "s", "", True))
    if "sippy" not in found:
        lines.append(Line("a refresh: CPU, to sippy", None, "", "", True, "not measured: .venv/bin/pip install sippy==2.5.0"))
        return lines
    ours, between, peer = found["ours"], found["ours as SBC"], found["sippy"]
    lines.append(at_most("set-up of one leg: CPU, to sippy", 2 * ours.call_s / peer.call_s, "x", TARGET))
    lines.append(at_most("refresh of one leg: CPU, to sippy", 2 * ours.refresh_s / peer.refresh_s, "x", TARGET))
    lines.append(at_most("set-up of both legs as SBC: CPU, to sippy", between.call_s / peer.call_s, "x", TARGET))
    lines.append(at_most("refresh of both legs as SBC: CPU, to sippy", between.refresh_s / peer.refresh_s, "x", TARGET))
    lines.append(Line("both legs as SBC: memory, to sippy", between.memory_kb / peer.memory_kb, "x", "", True))
    lines.append(Line("one leg: memory, to sippy", 2 * ours.memory_kb / peer.memory_kb, "x", "", True))
    return lines


def _measure(kind: str, calls: int) -> Run:
    is_ours_to_refresh = kind.endswith("refreshing")
    with tempfile.TemporaryDirectory(prefix="bench-calls-") as text, contextlib.ExitStack() as running:
        folder = Path(text)
        _write_scenarios(folder, is_ours_to_refresh=is_ours_to_refresh)
        port, caller, callee = free_port(), free_port(), free_port()
        if kind in PASSING:
            running.enter_context(_sipp(folder, ["-sf", "callee.xml", "-p", str(callee)]))
        if kind == "sippy":
            command = [_sippy() or "", "-f", "-l", "127.0.0.1", "-p", str(port), "-n", f"127.0.0.1:{callee}", "-L", os.devnull]
        elif kind in PASSING:
            (folder / "sbc.toml").write_text(two_sides(caller, callee, "SBCDirectMedia", 1))
            command = [sys.executable, "-m", "sipstub", "serve", "--sbc", "sbc.toml", "--sip", f"127.0.0.1:{port}"]
        else:
            command = [sys.executable, "-m", "bench.call_server", str(port), str(folder / "ready")]
            command += ["record"] if "record" in kind else []
        server = running.enter_context(_server(command, folder, port))
        before_kb, before_s = private_kb(server), cpu_s(server)
        begun, statistic = time.monotonic(), folder / "statistic.csv"
        options = ["-sf", "caller.xml", "-m", str(calls), "-l", str(calls), "-r", str(RATE), f"127.0.0.1:{port}"]
        options += ["-p", str(caller), "-trace_stat", "-stf", str(statistic), "-fd", "1"]
        driver = running.enter_context(_sipp(folder, options))
        up = begun + calls / RATE  # the first call is refreshed at that moment, or later
        _sleep_until(up)
        call_s = (cpu_s(server) - before_s) / calls
        _sleep_until(up + SETTLE_S)
        memory_kb, first_s = (private_kb(server) - before_kb) / calls, cpu_s(server)
        rounds, period = (1, INTERVAL_S / 2) if is_ours_to_refresh else (2, EVERY_S)
        _sleep_until(up + SETTLE_S + rounds * period)  # in each period every call is refreshed once
        refresh_s = (cpu_s(server) - first_s) / (calls * rounds)
        driver.wait(INTERVAL_S * 3)
        return Run(memory_kb, call_s, refresh_s, calls - int(last_row(statistic)["SuccessfulCall(C)"]))


def _write_scenarios(folder: Path, *, is_ours_to_refresh: bool) -> None:
    timer = _TIMER % (INTERVAL_S, "uas" if is_ours_to_refresh else "uac")
    tag = "[peer_tag_param]"
    first = _HEAD % {"method": "INVITE", "tag": "", "cseq": "1"}

    def asked(method: str, number: int, more: str) -> str:
        return _HEAD % {"method": method, "tag": tag, "cseq": str(number)} + more

    def send(text: str, *, again: bool = True) -> str:
        repeats = ' retrans="500"' if again else ""
        return f"<send{repeats}><![CDATA[\n{text}\n]]></send>\n"

    def accepted() -> str:
        provisional = '<recv response="100" optional="true"/>\n<recv response="180" optional="true"/>\n'
        return provisional + '<recv response="200"/>\n'

    steps = send(first + timer + _SDP) + accepted() + send(asked("ACK", 1, _EMPTY), again=False)
    if is_ours_to_refresh:
        answer = _ANSWER % {"tag": "", "more": f"Require: timer\nSession-Expires: {INTERVAL_S};refresher=uac\n{_EMPTY}"}
        steps += f'<recv request="UPDATE"/>\n{send(answer, again=False)}'
        steps += f'<pause milliseconds="{INTERVAL_S // 3 * 1_000}"/>\n'
    else:
        for number in range(2, TIMES + 2):
            steps += f'<pause milliseconds="{EVERY_S * 1_000}"/>\n'
            steps += send(asked("INVITE", number, timer + _SDP)) + accepted() + send(asked("ACK", number, _EMPTY), again=False)
        steps += f'<pause milliseconds="{EVERY_S // 2 * 1_000}"/>\n'
    steps += send(asked("BYE", TIMES + 2, _EMPTY)) + '<recv response="200"/>\n'
    (folder / "caller.xml").write_text(_scenario("caller", steps))
    answer = send(_ANSWER % {"tag": ";tag=[call_number]", "more": _SDP})
    again = send(_ANSWER % {"tag": "", "more": _SDP})
    steps = f'<recv request="INVITE"/>\n{answer}<recv request="ACK"/>\n'
    steps += f'<recv request="INVITE"/>\n{again}<recv request="ACK"/>\n' * TIMES
    steps += '<recv request="BYE"/>\n' + send(_ANSWER % {"tag": "", "more": _EMPTY}, again=False)
    (folder / "callee.xml").write_text(_scenario("callee", steps))


def _scenario(name: str, steps: str) -> str:
    head = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
    return f'{head}<scenario name="{name}">\n{steps}</scenario>\n'


@contextlib.contextmanager
def _sipp(folder: Path, options: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    command = ["sipp", "-t", "u1", "-i", "127.0.0.1", "-nostdin", "-timeout", "400", *options]
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    keep_to(process.pid, -1)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _server(command: list[str], folder: Path, port: int) -> Iterator[int]:
    with started(command, folder, SIPLOG_LVL="CRIT", SIPLOG_LOGFILE_FILE=os.devnull) as process:
        wait_for_sip(port, process, START_S)
        yield process.pid


def _sleep_until(when: float) -> None:
    time.sleep(max(0.0, when - time.monotonic()))


def _sippy() -> str | None:
    beside = Path(sys.executable).with_name("b2bua_simple")
    return str(beside) if beside.exists() else shutil.which("b2bua_simple")
