"""5,000 phones that register through the SBC, and refresh: failures, CPU of a registration, memory of a binding.

    python -m bench sbc_registrations

One registration is REGISTER, 401, REGISTER with digest, 200, driven by SIPp; the registrar behind is ours, once Kamailio.  Beside
it is Kamailio as a phone's outbound proxy with Path (RFC 3327), one UDP worker: a stateful proxy in C, the usual thing to stand
there.  It keeps no binding, hides no topology and limits no time, all of which an SBC is there for, so it sets no target, but
shows what registrations cost that are only passed on.  Sippy's B2BUA takes no REGISTER.  What is measured has one core; SIPp and
the registrar share the other.  The target is that none fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.line import Line
from bench.process import cpu_s, free_port, private_kb, register_all, started, wait_for_sip
from bench.sip_registrations import kamailio_settings, program

PHONES = 5_000
RATE = 250
"Registrations begun in a second: the registrar behind has to follow."
OUTSTANDING = 100
"At a time; a machine that is busy with something else takes longer, and loses nothing."
SETTLE_S = 33.0
"Until the transactions are forgotten (64 * T1), so that memory is that of bindings."
START_S = 20.0
RUN_S = 180
REALM, PASSWORD = "bench", "secret-of-the-bench"

_SITE = """
[[ProxySet]]
ProxyName = "registrar"
[[ProxyIp]]
ProxySetId = "registrar"
IpAddress = "127.0.0.1:%(registrar)s"
[[IPGroup]]
Name = "phones"
Type = "User"
[[IPGroup]]
Name = "registrar"
ProxySetName = "registrar"
[[Classification]]
SrcIPGroupName = "phones"
[[IP2IPRouting]]
SrcIPGroupName = "phones"
DestIPGroupName = "registrar"
"""
_PROXY = """
request_route {
  add_path();
  $du = "sip:127.0.0.1:%(registrar)s";
  if (!t_relay()) { sl_reply_error(); }
}
"""
_REGISTRAR = """
modparam("usrloc", "db_mode", 0)
modparam("auth", "qop", "auth")
request_route {
  if (!is_method("REGISTER")) { sl_send_reply("405", "Method Not Allowed"); exit; }
  if (!pv_auth_check("%(realm)s", "%(password)s", "0", "0")) { auth_challenge("%(realm)s", "1"); exit; }
  if (!save("location")) { sl_reply_error(); }
}
"""
_REGISTER = """
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
From: <sip:[field0]@[remote_ip]:[remote_port]>;tag=[call_number]
To: <sip:[field0]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: %s REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>
%sMax-Forwards: 70
Supported: path
Expires: 3600
Content-Length: 0

"""
_SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="registrations">
  <send retrans="500"><![CDATA[%s]]></send>
  <recv response="100" optional="true"/>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[%s]]></send>
  <recv response="100" optional="true"/>
  <recv response="200"/>
</scenario>
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What one server in the middle did."""

    first_s: float
    "CPU of a registration that was new."
    again_s: float
    "CPU of a refresh."
    memory_kb: float
    "Of a binding."
    failed: int
    repeated: int
    "Requests that SIPp had to send again."


def run(phones: int = PHONES) -> list[Line]:
    """Return failures, CPU and memory of ours, and CPU to Kamailio's; what is not installed is left out."""
    if program("sipp") is None:
        return [Line("registrations through the SBC", None, "", "", True, "not measured: apt install sip-tester")]
    kinds = {"ours": ("ours", "ours")}
    if program("kamailio") is not None:
        kinds["ours, kamailio behind"] = ("ours", "kamailio")
        kinds["kamailio as a proxy"] = ("kamailio", "ours")
    found = {kind: _measure(middle, behind, phones) for kind, (middle, behind) in kinds.items()}
    lines = []
    for kind, one in found.items():
        is_ours = kind.startswith("ours")
        detail = f"{one.repeated} requests sent again"
        is_met = not (is_ours and one.failed)
        lines.append(Line(f"{kind}: failures of {2 * phones}", one.failed, "", "<= 0" if is_ours else "", is_met, detail))
        lines.append(Line(f"{kind}: CPU of 1,000 registrations", one.first_s * 1_000, "s", "", True))
        lines.append(Line(f"{kind}: CPU of 1,000 refreshes", one.again_s * 1_000, "s", "", True))
        if is_ours:
            lines.append(Line(f"{kind}: memory of a binding", one.memory_kb, "kB", "", True))
    if len(found) == 1:
        lines.append(Line("a registration: CPU, to kamailio", None, "", "", True, "not measured: apt install kamailio"))
        return lines
    ours, peer = found["ours"], found["kamailio as a proxy"]
    lines.append(Line("a registration: CPU, to kamailio as a proxy", ours.first_s / peer.first_s, "x", "", True))
    lines.append(Line("a refresh: CPU, to kamailio as a proxy", ours.again_s / peer.again_s, "x", "", True))
    return lines


def _measure(middle: str, behind: str, phones: int) -> Run:
    with tempfile.TemporaryDirectory(prefix="bench-registrations-") as text, contextlib.ExitStack() as running:
        folder = Path(text)
        _write_files(folder, phones)
        registrar, port, own = free_port(), free_port(), free_port()
        commands = {
            "ours": [sys.executable, "-m", "sipstub", "serve", "--users", "users.htdigest", "--realm", REALM],
            "kamailio": _kamailio(folder, "registrar", registrar, _REGISTRAR % {"realm": REALM, "password": PASSWORD}),
        }
        more = ["--sip", f"127.0.0.1:{registrar}"] if behind == "ours" else []
        running.enter_context(_server([*commands[behind], *more], folder, registrar, -1))
        if middle == "ours":
            (folder / "sbc.toml").write_text(_SITE % {"registrar": registrar})
            command = [sys.executable, "-m", "sipstub", "serve", "--sbc", "sbc.toml", "--sip", f"127.0.0.1:{port}"]
        else:
            command = _kamailio(folder, "proxy", port, _PROXY % {"registrar": registrar})
        server = running.enter_context(_server(command, folder, port, 0))
        before_kb = private_kb(server.process.pid)
        costs, failed, repeated, memory_kb = [], 0, 0, 0.0
        for turn in (1, 2):
            (folder / "scenario.xml").write_text(
                _SCENARIO % (_REGISTER % (2 * turn - 1, ""), _REGISTER % (2 * turn, "[field1]\n"))
            )
            before_s = server.cpu_s()
            lost, again = _drive(folder, port, own, phones)
            time.sleep(SETTLE_S)  # what waits to be forgotten belongs to it
            costs.append((server.cpu_s() - before_s) / phones)
            failed, repeated = failed + lost, repeated + again
            if turn == 1:
                memory_kb = (private_kb(server.process.pid) - before_kb) / phones
        return Run(costs[0], costs[1], memory_kb, failed, repeated)


@dataclass(frozen=True, slots=True)
class _Server:
    process: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """Return the time of the process and of the ones that it has begun."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return cpu_s(self.process.pid) + sum(cpu_s(int(child)) for child in children)


@contextlib.contextmanager
def _server(command: list[str], folder: Path, port: int, core: int) -> Iterator[_Server]:
    with started(command, folder, core) as process:
        wait_for_sip(port, process, START_S)
        yield _Server(process)


def _kamailio(folder: Path, name: str, port: int, route: str) -> list[str]:
    path = program("kamailio")
    if path is None:
        return []
    config = folder / f"{name}.cfg"
    modules = ("sl", "tm", "pv", "textops", "path") if name == "proxy" else ("sl", "pv", "textops", "usrloc", "registrar", "auth")
    config.write_text(kamailio_settings(port, modules) + route)
    runs = folder / name
    runs.mkdir()
    return [path, "-f", str(config), "-DD", "-E", "-m", "256", "-Y", str(runs)]


def _drive(folder: Path, port: int, own: int, phones: int) -> tuple[int, int]:
    return register_all(folder, port, own, phones, rate=RATE, outstanding=OUTSTANDING, limit_s=RUN_S)


def _write_files(folder: Path, phones: int) -> None:
    names = [f"{20_000 + number}" for number in range(phones)]
    lines = (f"{name};[authentication username={name} password={PASSWORD}]\n" for name in names)
    (folder / "users.csv").write_text("SEQUENTIAL\n" + "".join(lines))
    digests = (f"{name}:{REALM}:{hashlib.md5(f'{name}:{REALM}:{PASSWORD}'.encode()).hexdigest()}\n" for name in names)
    (folder / "users.htdigest").write_text("".join(digests))
