"""SBCRTCPMode over real sockets, through `sipstub serve --sbc`: whose reports reach the other side.  Ten seconds of real time: a
report is due after two and a half, the next one five later.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from pathlib import Path

from msrp_clients import SipCall, SipSide, description
from test_sbc_media_heard import a_packet, hears_packet, port_in, serving

LOW = 19_600
PATIENCE_S = 20
SSRC = 0xABCDEF
SENDER, SOURCE = 200, 202
NAME = b"a@phone"


def a_pair() -> tuple[socket.socket, socket.socket]:
    """Return sockets of RTP and RTCP at neighbouring ports."""
    while True:
        found = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        found[0].bind(("127.0.0.1", 0))
        with contextlib.suppress(OSError):
            if found[0].getsockname()[1] % 2 == 0:
                found[1].bind(("127.0.0.1", found[0].getsockname()[1] + 1))
                for sock in found:
                    sock.setblocking(False)
                return found[0], found[1]
        for sock in found:
            sock.close()


def a_report() -> bytes:
    """Return a sender's report of one packet, with a name (RFC 3550 sections 6.4.1 and 6.5)."""
    report = struct.pack("!BBHIIIIII", 0x80, SENDER, 6, SSRC, 1, 0, 160, 1, 160)
    name = struct.pack("!BB", 1, len(NAME)) + NAME
    name += bytes(4 - len(name) % 4)
    return report + struct.pack("!BBHI", 0x81, SOURCE, 1 + len(name) // 4, SSRC) + name


def kinds(data: bytes) -> list[tuple[int, int]]:
    """Return type and SSRC of each packet in a compound one."""
    found = []
    while data:
        _, kind, words, ssrc = struct.unpack_from("!BBHI", data)
        found.append((kind, ssrc))
        data = data[4 * (words + 1) :]
    return found


class Told:
    """One call in which a speaks once and reports once, and the RTCP that b gets."""

    def __init__(self) -> None:
        self.reports: list[bytes] = []
        self.more = asyncio.Event()

    def hears(self, sock: socket.socket) -> None:
        self.reports.append(sock.recv(2048))
        self.more.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.reports) < count:
                self.more.clear()
                await self.more.wait()


async def spoken(stack: contextlib.AsyncExitStack, folder: Path, mode: int) -> Told:
    """Begin a call with that mode, which ends when the stack does."""
    caller, callee = SipSide("caller"), SipSide("callee")
    pairs = a_pair(), a_pair()
    for one in (caller, callee, *pairs[0], *pairs[1]):
        stack.callback(one.close)
    serve = serving(folder / str(mode), LOW + 100 * mode, callee.port, f"SBCRTCPMode = {mode}")
    _, sip = await stack.enter_async_context(serve)
    call = SipCall(caller, callee, sip)
    (a, a_control), (b, b_control) = pairs
    lines = [f"m=audio {sock.getsockname()[1]} RTP/AVP 8\n" for sock in (a, b)]
    _, told = await call.invite(description(lines[0]), description(lines[1]))
    stack.push_async_callback(call.end)
    loop, found = asyncio.get_running_loop(), Told()
    loop.add_reader(b_control, found.hears, b_control)
    stack.callback(loop.remove_reader, b_control)
    a.sendto(a_packet(1), ("127.0.0.1", port_in(told)))
    await hears_packet(b)
    a_control.sendto(a_report(), ("127.0.0.1", port_in(told) + 1))
    return found


def test_reports_are_those_of_the_other_side_or_of_the_sbc_and_in_mode_2_they_end_with_the_voice(tmp_path: Path) -> None:
    async def run() -> None:
        async with contextlib.AsyncExitStack() as stack:
            transparent = await spoken(stack, tmp_path, 0)
            active = await spoken(stack, tmp_path, 2)
            always = await spoken(stack, tmp_path, 1)
            await always.until(2)  # it began last: what the others had to say by then they have said
            (theirs,) = transparent.reports
            assert NAME in theirs and SSRC not in dict(kinds(theirs)).values(), "as it was made, in the SBC's name"
            for data in (*active.reports, *always.reports):
                assert NAME not in data and b"sbc@127.0.0.1" in data
                assert [kind for kind, _ in kinds(data)] == [SENDER, SOURCE] and SSRC not in dict(kinds(data)).values()
            assert (len(active.reports), len(always.reports)) == (1, 2)

    asyncio.run(run())
