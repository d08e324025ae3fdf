"""Media through `sipstub serve --sbc` with programs that we did not write: SIPp speaks A-law and echoes, tshark counts.

A call lasts two seconds of real time; all are placed side by side.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from ports import free_port
from sip_running import a_program

SPOKEN_S = 2
PER_S = 50
AT_LEAST = int(SPOKEN_S * PER_S * 0.7)
"Packets of such a call on a busy machine."
RANGE = (17_000, 17_999)
SITE = """
[settings]
{settings}

[[AudioCodersGroups]]
Name = "more"

[[AudioCoders]]
AudioCodersGroupId = "more"
Name = "PCMU"

[[IpProfile]]
ProfileName = "callee"
{profile}

[[CpMediaRealm]]
MediaRealmName = "all"
PortRangeStart = {low}
PortRangeEnd = {high}

[[ProxySet]]
ProxyName = "callee"

[[ProxyIp]]
ProxySetId = "callee"
IpAddress = "127.0.0.1:{port}"

[[IPGroup]]
Name = "callers"
MediaRealm = "all"

[[IPGroup]]
Name = "callee"
ProxySetName = "callee"
ProfileName = "callee"
MediaRealm = "all"
ClassifyByProxySet = 0

[[Classification]]
SrcIPGroupName = "callers"

[[IP2IPRouting]]
SrcIPGroupName = "callers"
DestIPGroupName = "callee"
"""
CALLER = """<?xml version="1.0"?><scenario name="speaks">
<send retrans="500"><![CDATA[
INVITE sip:200@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:200@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:100@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP {formats}
a=rtpmap:{payload} {name}/8000
]]></send>
<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@[local_ip]:[local_port]>;tag=[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<nop><action><exec rtp_stream="{file},-1,{payload},{name}/8000"/></action></nop>
<pause milliseconds="{spoken_ms}"/>
<nop><action><exec rtp_stream="pause"/></action></nop>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@[local_ip]:[local_port]>;tag=[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/></scenario>
"""


def sockets_of(pid: int) -> int:
    """Return how many sockets a process has open."""
    return sum(str(one.readlink()).startswith("socket:") for one in Path(f"/proc/{pid}/fd").iterdir())


async def spoken(folder: Path, low: int, settings: str, profile: str, name: str) -> list[tuple[str, str, str, int]]:
    """Call through the command, and return source, destination port, SSRC and count of each stream with its codec."""
    folder.mkdir()
    sip, callee, caller, echo, speaks = free_port(), free_port(), free_port(), free_port(), free_port()
    (folder / "sbc.toml").write_text(SITE.format(settings=settings, profile=profile, low=low, high=low + 99, port=callee))
    payload = {"PCMA": 8, "PCMU": 0}[name]
    (folder / "voice").write_bytes(bytes(range(160)) * PER_S)
    scenario = CALLER.format(formats=payload, payload=payload, name=name, file="voice", spoken_ms=1000 * SPOKEN_S)
    (folder / "caller.xml").write_text(scenario)
    options = ("-i", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "20", "-timeout_error")
    async with contextlib.AsyncExitStack() as running:
        run = running.enter_async_context
        watch = ("-i", "lo", "-U", "--immediate-mode", "-B", "8192", "-w", "call.pcap", "udp", "portrange", f"{low}-{low + 99}")
        tcpdump = await run(a_program("tcpdump", *watch, home=folder))
        serve = ("-c", "from sipstub.cli import main; main()", "serve", "--sbc", "sbc.toml", "--sip", f"127.0.0.1:{sip}")
        server = await run(a_program(sys.executable, *serve, home=folder))
        await server.says(b"listening on")
        await tcpdump.says(b"listening on lo")
        idle = sockets_of(server.process.pid)
        uas = ("sipp", "-sn", "uas", "-rtp_echo", "-p", str(callee), "-mp", str(echo), *options)
        answering = await run(a_program(*uas, home=folder))
        uac = ("sipp", "-sf", "caller.xml", "-p", str(caller), "-mp", str(speaks), *options, f"127.0.0.1:{sip}")
        calling = await run(a_program(*uac, home=folder))
        assert await calling.ends() == 0, calling.output
        assert await answering.ends() == 0, answering.output[-3000:]
        assert sockets_of(server.process.pid) == idle, "the call gave its ports back"
    command = ["tshark", "-r", str(folder / "call.pcap"), "-d", "udp.port==1-65535,rtp", "-Y", "rtp", "-T", "fields"]
    for field in ("udp.srcport", "udp.dstport", "rtp.ssrc", "rtp.p_type", "rtp.payload"):
        command += ["-e", field]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    rows = Counter(tuple(line.split("\t")[:4]) for line in said.splitlines())
    ours = {str(port) for port in (*range(speaks, speaks + 4), echo)}  # others may have calls of their own in that range
    return [(*key, count) for key, count in rows.items() if ours & {*key[:2]}]  # type: ignore[misc]


@pytest.mark.needs("sipp", "tcpdump", "tshark")
def test_sipp_speaks_through_the_sbc_and_hears_its_echo(tmp_path: Path) -> None:
    async def run() -> list[list[tuple[str, str, str, int]]]:
        return await asyncio.gather(
            spoken(tmp_path / "mediated", 17_000, "TranscodingMode = 0", "", "PCMU"),
            spoken(tmp_path / "forwarded", 17_200, "TranscodingMode = 2", "", "PCMU"),
            spoken(tmp_path / "transcoded", 17_400, "", 'SBCExtensionCodersGroupName = "more"', "PCMA"),
        )

    mediated, forwarded, transcoded = asyncio.run(run())
    for rows in (mediated, forwarded, transcoded):
        assert len(rows) == 4, rows
        counts = [row[4] for row in rows]
        assert min(counts) >= AT_LEAST and max(counts) - min(counts) <= max(counts) / 8, rows
    # what the caller says goes on to the callee, comes back, and goes back
    for rows, sources in ((mediated, 3), (forwarded, 1), (transcoded, 3)):
        assert len({row[2] for row in rows}) == sources, rows
    assert {row[3] for rows in (mediated, forwarded) for row in rows} == {"0"}
    assert sorted(row[3] for row in transcoded) == ["0", "0", "8", "8"]
    at_callee = {row[0] for row in transcoded if row[3] == "0"} & {row[1] for row in transcoded if row[3] == "0"}
    assert len(at_callee) == 2, "both ways between the SBC and the callee are mu-law"
