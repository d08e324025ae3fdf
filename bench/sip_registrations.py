"""Digest registrations per CPU-second beside kamailio (usrloc in memory, one UDP worker), driven by one SIPp scenario.

    python -m bench sip_registrations

One registration is REGISTER, 401, REGISTER with digest, 200; each user registers again and again from one address, as phones
do, so that bindings are made once and refreshed after that.  Ours runs as served: `provisioner serve` with a fleet of 10,000
phones, recorder, journal and bindings in its database, limits and transactions on; kamailio keeps bindings in memory and no
journal.  A server has one core, SIPp the other.  CPU is that of the process that answers, threads and all, from the system; what
the other processes of `provisioner serve` use meanwhile (the loader looks at 20,000 files) has a line of its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.line import Line
from bench.process import cpu_s, free_port, keep_to, register_all, wait_for_sip
from bench.sip_fleet import PASSWORD, READY, REALM, USERS, names, serving, write_fleet

REGISTRATIONS = 20_000
OUTSTANDING = 100
RATE = 50_000
ROUNDS = 3
SETTLE_S = 1.5
"After a round: what waits to be written belongs to it."
TARGET = 4.0
WARM_UP = 10_000
"Each user once: bindings are refreshed from then on."
START_S = 240.0
"Ours renders 10,000 phones first."
READY_S = 0.2
"Between two looks whether it has."
RUN_S = 120
MODULES = ("sl", "tm", "pv", "textops", "usrloc", "registrar", "auth")
KAMAILIO_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu/kamailio/modules",
    "/usr/lib/aarch64-linux-gnu/kamailio/modules",
    "/usr/lib/kamailio/modules",
)

_ROUTE = """
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 7200)
modparam("auth", "nonce_expire", 300)
modparam("auth", "qop", "auth")
request_route {
  if (is_method("REGISTER")) {
    if (!pv_auth_check("%(realm)s", "%(password)s", "0", "0")) { auth_challenge("%(realm)s", "1"); exit; }
    if (!save("location")) { sl_reply_error(); }
    exit;
  }
  sl_send_reply("405", "Method Not Allowed");
}
"""

_SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="registrations">
  <send retrans="500"><![CDATA[%(first)s]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[%(second)s]]></send>
  <recv response="200"/>
</scenario>
"""

_REGISTER = """
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
From: "Phone [field0]" <sip:[field0]@[remote_ip]:[remote_port]>;tag=[call_number]
To: "Phone [field0]" <sip:[field0]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: %d REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>
%sAllow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE
Max-Forwards: 70
User-Agent: Yealink SIP-T46G 28.80.0.60
Expires: 3600
Content-Length: 0

"""


class Server:
    """A server in a session of its own, kept to the first core."""

    def __init__(self, command: list[str], folder: Path, port: int) -> None:
        self.port = port
        with (folder / f"{Path(command[0]).name}.out").open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        keep_to(self.process.pid, 0)

    def cpu_s(self) -> dict[int, float]:
        """Return the time of each process of the session."""
        found = {}
        for pid in self._pids():
            with contextlib.suppress(OSError):  # it has ended
                found[pid] = cpu_s(pid)
        return found

    def memory_kb(self, pid: int) -> int:
        """Return the resident memory of one of them."""
        text = Path(f"/proc/{pid}/status").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _pids(self) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if os.getsid(int(entry.name)) == self.process.pid:
                        found.append(int(entry.name))
        return found


def run(registrations: int = REGISTRATIONS, rounds: int = ROUNDS) -> list[Line]:
    """Return the CPU of ours per registration and its ratio to kamailio's; what is not installed is left out."""
    missing = [name for name in ("sipp", "kamailio") if program(name) is None]
    if "sipp" in missing:
        return [Line("digest registrations", None, "", "", True, "not measured: apt install sip-tester")]
    kinds = ["ours"] if missing else ["ours", "kamailio"]
    costs: dict[str, list[float]] = {kind: [] for kind in kinds}
    others: dict[str, list[float]] = {kind: [] for kind in kinds}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    again = dict.fromkeys(kinds, 0)
    with tempfile.TemporaryDirectory(prefix="bench-sip-") as text, contextlib.ExitStack() as running:
        folder = Path(text)
        _write_files(folder)
        servers = {kind: running.enter_context(_started(kind, folder)) for kind in kinds}
        port = free_port()
        answering: dict[str, int] = {}
        for kind, server in servers.items():
            before = server.cpu_s()
            _drive(server, folder, WARM_UP, port)
            used = {pid: cpu - before.get(pid, 0.0) for pid, cpu in server.cpu_s().items()}
            answering[kind] = max(used, key=lambda pid: used[pid])
        for _ in range(rounds):
            for kind, server in servers.items():
                before, begun = server.cpu_s(), time.monotonic()
                failed, repeated = _drive(server, folder, registrations, port)
                if failed:
                    return [Line(f"digest registrations, {kind}", None, "", "", False, f"{failed} failed")]
                rates[kind].append(registrations / (time.monotonic() - begun))
                time.sleep(SETTLE_S)
                used = {pid: cpu - before.get(pid, 0.0) for pid, cpu in server.cpu_s().items()}
                costs[kind].append(used.pop(answering[kind]) / registrations)
                others[kind].append(sum(used.values()) / registrations)
                again[kind] += repeated
        memory_mb = servers["ours"].memory_kb(answering["ours"]) / 1024
    lines = [_cost_line(kind, costs[kind], rates[kind], again[kind]) for kind in kinds]
    if "kamailio" in kinds:
        ratio = statistics.median(one / two for one, two in zip(costs["ours"], costs["kamailio"], strict=True))
        lines.append(Line("digest registrations: CPU, to kamailio", ratio, "x", f"<= {TARGET:g}", ratio <= TARGET))
    else:
        lines.append(Line("digest registrations: CPU, to kamailio", None, "", "", True, "not measured: apt install kamailio"))
    lines.append(Line("the other processes of ours meanwhile: CPU", statistics.median(others["ours"]) * 10_000, "s", "", True))
    detail = f"{USERS} users with their bindings, kept answers of the last 32 s, the record"
    lines.append(Line("memory of the process that answers", memory_mb, "MB", "", True, detail))
    return lines


def _cost_line(kind: str, costs: list[float], rates: list[float], repeated: int) -> Line:
    detail = f"{statistics.median(rates):.0f} a second, {repeated} requests sent again"
    return Line(f"digest registrations: CPU for 10,000, {kind}", statistics.median(costs) * 10_000, "s", "", True, detail)


@contextlib.contextmanager
def _started(kind: str, folder: Path) -> Iterator[Server]:
    port = free_port()
    if kind == "ours":
        write_fleet(folder / "devices")
        command = serving(folder, port)
    else:
        config = folder / "kamailio.cfg"
        config.write_text(kamailio_settings(port, MODULES) + _ROUTE % {"realm": REALM, "password": PASSWORD})
        command = [program("kamailio") or "kamailio", "-f", str(config), "-DD", "-E", "-m", "256", "-Y", str(folder)]
    server = Server(command, folder, port)
    try:
        _wait_until_it_answers(server, folder / READY if kind == "ours" else None)
        yield server
    finally:
        server.close()


def _drive(server: Server, folder: Path, registrations: int, port: int) -> tuple[int, int]:
    return register_all(folder, server.port, port, registrations, rate=RATE, outstanding=OUTSTANDING, limit_s=RUN_S)


def _write_files(folder: Path) -> None:
    lines = (f"{name};[authentication username={name} password={PASSWORD}]\n" for name in names())
    (folder / "users.csv").write_text("SEQUENTIAL\n" + "".join(lines))
    first, second = _REGISTER % (1, ""), _REGISTER % (2, "[field1]\n")
    (folder / "scenario.xml").write_text(_SCENARIO % {"first": first, "second": second})


def _wait_until_it_answers(server: Server, ready: Path | None) -> None:
    end = time.monotonic() + START_S
    while ready is not None and not ready.exists() and server.process.poll() is None and time.monotonic() < end:
        time.sleep(READY_S)
    wait_for_sip(server.port, server.process, end - time.monotonic())


def kamailio_settings(port: int, modules: Iterable[str]) -> str:
    """Return the head of a configuration: one UDP worker at a port, these modules."""
    head = f"debug=0\nlog_stderror=yes\nfork=yes\nchildren=1\ndisable_tcp=yes\nauto_aliases=no\nlisten=udp:127.0.0.1:{port}\n"
    folder = next(path for path in KAMAILIO_FOLDERS if Path(path).is_dir())
    return f'#!KAMAILIO\n{head}mpath="{folder}/"\n' + "".join(f'loadmodule "{name}.so"\n' for name in modules)


def program(name: str) -> str | None:
    """Return where a program is, or None."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
