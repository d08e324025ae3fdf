"""Messages through `sipstub serve --sbc`: frames as RFC 4975 prints them, Kamailio as a relay, tshark to read along.

Nothing that speaks MSRP as an end can be had as a package, so the ends are sockets and texts; what passes between is read by two
programs that others wrote.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import resource
import subprocess
from pathlib import Path

import pytest
from msrp_clients import (
    PATIENCE_S,
    MsrpSide,
    SipCall,
    SipSide,
    a_certificate,
    an_msrp_relay,
    anybody,
    attribute,
    description,
    hears,
    transaction,
)
from msrp_lab import a_send, an_ok
from sip_running import a_program
from test_sbc_media_heard import serving
from test_sbc_media_wire import sockets_of

from sipstub.media.msrp_end import MAX_WAITING

LOW = 17_600
ENDLESS = 16 * 1024 * 1024
STRANGERS = 200
VOICE = "m=audio 9 RTP/AVP 8\n"


def messages(path: str, *lines: str) -> str:
    more = "".join(f"a={line}\n" for line in lines)
    return f"m=message 2855 TCP/MSRP *\na=accept-types:text/plain\na=path:{path}\n{more}"


async def said(stack: contextlib.AsyncExitStack, folder: Path, settings: str, low: int) -> tuple[SipCall, int]:
    """Start the command, and return a call that can be made through it, and the process."""
    callee, caller = SipSide("callee"), SipSide("caller")
    for side in (callee, caller):
        stack.callback(side.close)
    server, sip = await stack.enter_async_context(serving(folder, low, callee.port, settings))
    return SipCall(caller, callee, sip), server.process.pid


async def sides(stack: contextlib.AsyncExitStack) -> tuple[MsrpSide, MsrpSide]:
    found = MsrpSide("asession"), MsrpSide("bsession")
    for side in found:
        await side.start()
        stack.push_async_callback(side.close)
    return found


@pytest.mark.needs("kamailio", "tcpdump", "tshark")
def test_messages_pass_both_ways_with_a_relay_of_another_maker_before_the_caller(tmp_path: Path) -> None:
    async def run() -> tuple[str, str, str, str]:
        async with contextlib.AsyncExitStack() as stack:
            call, pid = await said(stack, tmp_path, "EnableMSRP = 1", LOW)
            relay = await stack.enter_async_context(an_msrp_relay(tmp_path / "relay"))
            a, b = await sides(stack)
            b_port = b.path.split(":")[2].partition("/")[0]
            watch = f"tcp portrange {LOW}-{LOW + 99} or tcp port {b_port}"
            options = ("-i", "lo", "-U", "--immediate-mode", "-B", "8192", "-w", "call.pcap", watch)
            tcpdump = await stack.enter_async_context(a_program("tcpdump", *options, home=tmp_path))
            await tcpdump.says(b"listening on lo")
            idle = sockets_of(pid)
            asked, told = await call.invite(
                description(messages(f"{relay} {a.path}", "setup:active")), description(messages(b.path, "setup:passive"))
            )
            near, far = attribute(told, "path"), attribute(asked, "path")
            assert attribute(told, "setup") == "passive" and attribute(asked, "setup") == "actpass"
            # the SBC comes to b, and says whose the connection is
            from_sbc, to_sbc = await b.came()
            first = await hears(from_sbc)
            assert f"To-Path: {b.path}\r\nFrom-Path: {far}\r\n".encode() in first
            to_sbc.write(an_ok(transaction(first), far, b.path))
            # a speaks to its relay, and the relay to the SBC
            from_relay, to_relay = await a.connect(relay)
            to_relay.write(a_send("hello1", f"{relay} {near}", a.path, "hello through three"))
            assert b" 200 " in await hears(from_relay)
            assert await hears(from_sbc) == a_send("hello1", b.path, far, "hello through three")
            to_sbc.write(an_ok("hello1", far, b.path))
            to_sbc.write(a_send("answer1", far, b.path, "and back " * 1000))
            from_relay, to_relay = await a.came()
            back = await hears(from_relay)
            assert f"To-Path: {a.path}\r\nFrom-Path: {relay} {near}\r\n".encode() in back
            assert back.count(b"and back ") == 1000
            assert b" 200 OK\r\n" in await hears(from_sbc), "of the relay, as of who answers each step by itself"
            await call.end()
            assert await from_sbc.read() == b"", "the connection ends with the call"
            assert sockets_of(pid) == idle
            async with asyncio.timeout(PATIENCE_S):
                while (tmp_path / "call.pcap").read_bytes().count(b"MSRP answer1 200") < 2:  # tcpdump may be behind
                    await asyncio.sleep(0.02)
            return near, far, relay, b.path

    near, far, relay, b_path = asyncio.run(run())
    command = [
        "tshark",
        "-r",
        str(tmp_path / "call.pcap"),
        "-Y",
        "msrp",
        "-T",
        "fields",
        "-E",
        "separator=|",
        "-E",
        "occurrence=f",
    ]
    for uri in (near, far, b_path):
        command += ["-d", f"tcp.port=={uri.split(':')[2].partition('/')[0]},msrp"]
    for field in ("msrp.transaction.id", "msrp.method", "msrp.status.code", "msrp.to.path", "msrp.from.path"):
        command += ["-e", field]
    rows = [line.split("|") for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()]
    assert any(row[:4] == ["hello1", "SEND", "", near] and row[4].startswith(relay) for row in rows), "\n".join(map(str, rows))
    assert ["hello1", "SEND", "", b_path, far] in rows, rows
    assert any(row[0] == "hello1" and row[2] == "200" and row[3] == relay and row[4] == near for row in rows), rows


def test_a_re_invite_adds_messages_and_another_takes_them_away_and_strangers_hear_481(tmp_path: Path) -> None:
    async def run() -> None:
        async with contextlib.AsyncExitStack() as stack:
            call, pid = await said(stack, tmp_path, "EnableMSRP = 1", LOW + 100)
            idle = sockets_of(pid)
            a, b = await sides(stack)
            await call.invite(description(VOICE), description(VOICE))
            lines = [VOICE + messages(a.path, "setup:passive"), VOICE + messages(b.path, "setup:active")]
            asked, told = await call.invite(description(lines[0]), description(lines[1]))
            near, far = attribute(told, "path"), attribute(asked, "path")
            assert attribute(told, "setup") == "active"
            from_near, to_near = await a.came()
            to_near.write(an_ok(transaction(await hears(from_near)), near, a.path))
            stranger = MsrpSide("stranger")
            await stranger.start()
            stack.push_async_callback(stranger.close)
            from_far, to_far = await stranger.connect(far)
            to_far.write(a_send("guess", far.replace("/", "/x").replace("/x/x", "//"), stranger.path))
            assert b" 481 " in await hears(from_far)
            from_far, to_far = await b.connect(far)
            to_far.write(a_send("first", far, b.path))
            assert await hears(from_near) == a_send("first", a.path, near)
            to_near.write(an_ok("first", near, a.path))
            assert await hears(from_far) == an_ok("first", b.path, far)
            held = [text + "a=sendonly\n" if at == 0 else text + "a=recvonly\n" for at, text in enumerate(lines)]
            await call.invite(description(held[0]), description(held[1]))
            to_far.write(a_send("held1", far, b.path))
            assert await hears(from_near) == a_send("held1", a.path, near)
            gone = [text.replace("m=message 2855", "m=message 0") for text in lines]
            asked, _ = await call.invite(description(gone[0]), description(gone[1]))
            assert "m=message 0 TCP/MSRP" in asked
            assert await from_near.read() == await from_far.read() == b""
            await call.end()
            assert sockets_of(pid) == idle

    asyncio.run(run())


@pytest.mark.needs("openssl")
def test_messages_pass_over_tls_by_the_fingerprints_of_their_descriptions(tmp_path: Path) -> None:
    async def run() -> None:
        async with contextlib.AsyncExitStack() as stack:
            call, pid = await said(stack, tmp_path, "EnableMSRP = 1", LOW + 250)
            idle = sockets_of(pid)
            context, shown = a_certificate(tmp_path)
            a, b = MsrpSide("asession", context), MsrpSide("bsession", context)
            for side in (a, b):
                await side.start()
                stack.push_async_callback(side.close)
            lines = [
                messages(side.path, f"setup:{setup}", f"fingerprint:{shown}").replace("TCP/MSRP", "TCP/TLS/MSRP")
                for side, setup in ((a, "active"), (b, "passive"))
            ]
            asked, told = await call.invite(description(lines[0]), description(lines[1]))
            near, far = attribute(told, "path"), attribute(asked, "path")
            assert near.startswith("msrps://") and far.startswith("msrps://") and shown not in asked + told
            from_far, to_far = await b.came()
            to_far.write(an_ok(transaction(await hears(from_far)), far, b.path))
            from_near, to_near = await a.connect(near, anybody())
            certificate = to_near.get_extra_info("ssl_object").getpeercert(binary_form=True)
            ours = hashlib.sha256(certificate).digest().hex(":").upper()
            assert attribute(told, "fingerprint") == attribute(asked, "fingerprint") == f"SHA-256 {ours}"
            to_near.write(a_send("first", near, a.path, "x" * 50_000))
            assert await hears(from_far) == a_send("first", b.path, far, "x" * 50_000)
            to_far.write(an_ok("first", far, b.path))
            assert await hears(from_near) == an_ok("first", a.path, near)
            await call.end()
            assert sockets_of(pid) == idle

    asyncio.run(run())


def test_without_the_setting_the_line_is_refused_and_no_port_is_taken(tmp_path: Path) -> None:
    async def run() -> None:
        async with contextlib.AsyncExitStack() as stack:
            call, pid = await said(stack, tmp_path, "EnableMSRP = 0", LOW + 200)
            a, b = await sides(stack)
            idle = sockets_of(pid)
            refused = messages(b.path).replace("m=message 2855", "m=message 0")
            asked, told = await call.invite(description(VOICE + messages(a.path)), description(VOICE + refused))
            for text in (asked, told):
                assert "m=message 0 TCP/MSRP" in text
            assert sockets_of(pid) == idle + 4, "voice alone has ports"
            await call.end()
            assert sockets_of(pid) == idle

    asyncio.run(run())


def resident_kib(pid: int) -> int:
    """Return how much memory a process has in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def test_a_frame_without_end_to_who_reads_nothing_and_hundreds_of_strangers_cost_no_memory_and_hold_up_no_call(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with contextlib.AsyncExitStack() as stack:
            call, pid = await said(stack, tmp_path, "EnableMSRP = 1", LOW + 300)
            idle = sockets_of(pid)
            a, b = await sides(stack)
            asked, told = await call.invite(
                description(messages(a.path, "setup:active")), description(messages(b.path, "setup:passive"))
            )
            near, far = attribute(told, "path"), attribute(asked, "path")
            from_sbc, to_sbc = await b.came()
            to_sbc.write(an_ok(transaction(await hears(from_sbc)), far, b.path))
            from_sbc._transport.pause_reading()  # type: ignore[attr-defined]
            before = resident_kib(pid)
            _, to_near = await a.connect(near)
            to_near.write(a_send("endless", near, a.path, "x").partition(b"\r\nx\r\n")[0] + b"\r\n" + bytes(ENDLESS))
            strangers = [(await a.connect(near))[1] for _ in range(STRANGERS)]
            for number, writer in enumerate(strangers):
                writer.write(b"MSRP half SEND\r\nTo-Path: " + b"x" * (number * 10))
            other = SipCall(SipSide("second"), call.callee, call.sbc)
            stack.callback(other.caller.close)
            await other.invite(description(VOICE), description(VOICE))
            await other.end()
            assert to_near.transport.get_write_buffer_size() > ENDLESS // 2, "who writes waits for who reads"
            assert resident_kib(pid) - before < 8 * 1024
            assert sockets_of(pid) <= idle + 2 + 2 + MAX_WAITING
            await call.end()
            assert sockets_of(pid) == idle
            to_near.transport.abort()

    asyncio.run(run())
