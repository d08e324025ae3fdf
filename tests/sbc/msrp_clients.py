"""Two ends of a call with messages, written out as RFC 3261 and RFC 4975 print them, and Kamailio as the MSRP relay of one."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from ports import free_port
from sip_running import a_program

PATIENCE_S = 20
RELAY = """#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
tcp_accept_no_cl=yes
mpath="{modules}/"
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "xlog.so"
loadmodule "kex.so"
loadmodule "msrp.so"
request_route {{ sl_send_reply("404", "Not here"); }}
event_route[msrp:frame-in] {{
    msrp_reply_flags("1");
    xlog("L_ERR", "relay saw $msrp(method) of $msrp(transid)\\n");
    if (msrp_is_reply()) {{ exit; }}
    if ($msrp(method) != "REPORT") {{ msrp_reply("200", "OK"); }}
    msrp_relay();
}}
"""


class SipSide:
    """One end's signalling over UDP."""

    def __init__(self, name: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.name, self.port = name, self.socket.getsockname()[1]

    def say(self, text: str, port: int) -> None:
        self.socket.sendto(text.replace("\n", "\r\n").encode(), ("127.0.0.1", port))

    async def hears(self, start: str) -> str:
        """Return the next message that begins like that; others are passed over."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                text = (await asyncio.get_running_loop().sock_recv(self.socket, 65_536)).decode()
                if text.startswith(start):
                    return text

    def close(self) -> None:
        self.socket.close()


def header(message: str, name: str) -> str:
    """Return all lines of a header."""
    return "\n".join(
        line for line in message.partition("\r\n\r\n")[0].split("\r\n") if line.lower().startswith(name.lower() + ":")
    )


def attribute(message: str, name: str) -> str:
    """Return the value of an attribute."""
    match = re.search(rf"^a={name}:(.*?)\r?$", message, re.MULTILINE)
    assert match is not None, message
    return match[1]


def description(lines: str) -> str:
    """Return a description on loopback with these lines."""
    return f"v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n{lines}"


def body(text: str) -> str:
    return f"Content-Type: application/sdp\nContent-Length: {len(text.replace(chr(10), chr(13) + chr(10)))}\n\n{text}"


class SipCall:
    """A call from one side through the SBC to the other."""

    def __init__(self, caller: SipSide, callee: SipSide, sbc: int) -> None:
        self.caller, self.callee, self.sbc = caller, callee, sbc
        self.to = f"<sip:200@127.0.0.1:{sbc}>"
        self._target = f"sip:200@127.0.0.1:{sbc}"
        self._number = 0

    def _head(self, method: str, number: int) -> str:
        return (
            f"{method} {self._target} SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:{self.caller.port};branch=z9hG4bK{method}{number}\n"
            f"From: <sip:100@127.0.0.1:{self.caller.port}>;tag=ours\nTo: {self.to}\nCall-ID: msrp{self.caller.port}\n"
            f"CSeq: {number} {method}\nContact: <sip:100@127.0.0.1:{self.caller.port}>\nMax-Forwards: 70\n"
        )

    async def invite(self, offer: str, answer: str, status: str = "200 OK") -> tuple[str, str]:
        """Offer, have it answered; return what the callee was asked and what the caller was told."""
        self._number += 1
        self.caller.say(self._head("INVITE", self._number) + body(offer), self.sbc)
        asked = await self.callee.hears("INVITE ")
        kept = "\n".join(header(asked, name) for name in ("Via", "From", "Call-ID", "CSeq"))
        to = header(asked, "To") + ("" if ";tag=" in header(asked, "To") else ";tag=theirs")
        self.callee.say(
            f"SIP/2.0 {status}\n{kept}\n{to}\nContact: <sip:200@127.0.0.1:{self.callee.port}>\n{body(answer)}", self.sbc
        )
        told = await self.caller.hears(f"SIP/2.0 {status[:3]}")
        self.to = header(told, "To").partition(": ")[2]
        contact = re.search(r"<(sip:[^>]*)>", header(told, "Contact"))
        assert contact is not None
        self._target = contact[1]
        self.caller.say(self._head("ACK", self._number) + "Content-Length: 0\n\n", self.sbc)
        await self.callee.hears("ACK ")
        return asked, told

    async def end(self) -> None:
        """Hang up."""
        self._number += 1
        self.caller.say(self._head("BYE", self._number) + "Content-Length: 0\n\n", self.sbc)
        asked = await self.callee.hears("BYE ")
        kept = "\n".join(header(asked, name) for name in ("Via", "From", "To", "Call-ID", "CSeq"))
        self.callee.say(f"SIP/2.0 200 OK\n{kept}\nContent-Length: 0\n\n", self.sbc)
        await self.caller.hears("SIP/2.0 200")


class MsrpSide:
    """One end's connections: it listens at its path, and may connect."""

    def __init__(self, session: str, tls: ssl.SSLContext | None = None) -> None:
        """With `tls` it listens for nothing else."""
        self.session, self._tls = session, tls
        self.arrivals: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.writers.append(writer)
            self.arrivals.put_nowait((reader, writer))

        self._server = await asyncio.start_server(arrived, "127.0.0.1", 0, limit=2**24, ssl=self._tls)

    @property
    def path(self) -> str:
        assert self._server is not None
        scheme = "msrp" if self._tls is None else "msrps"
        return f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/{self.session};tcp"

    async def connect(self, uri: str, tls: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        match = re.match(r"msrps?://([0-9.]+):([0-9]+)/", uri)
        assert match is not None, uri
        reader, writer = await asyncio.open_connection(match[1], int(match[2]), limit=2**24, ssl=tls)
        self.writers.append(writer)
        return reader, writer

    async def came(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(PATIENCE_S):
            return await self.arrivals.get()

    async def close(self) -> None:
        for writer in self.writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        assert self._server is not None
        self._server.close()


def a_certificate(folder: Path) -> tuple[ssl.SSLContext, str]:
    """Return what a side listens with, and its fingerprint, both as openssl made them."""
    made = "req -x509 -newkey rsa:2048 -nodes -subj /CN=b -days 2 -keyout key.pem -out crt.pem".split()
    subprocess.run(["openssl", *made], cwd=folder, check=True, capture_output=True)
    asks = ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", "crt.pem"]
    shown = subprocess.run(asks, cwd=folder, check=True, capture_output=True).stdout.decode()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt.pem", folder / "key.pem")
    return context, f"SHA-256 {shown.strip().partition('=')[2]}"


def anybody() -> ssl.SSLContext:
    """Return what a side connects with that looks at the certificate itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def hears(reader: asyncio.StreamReader) -> bytes:
    """Return the next frame."""
    async with asyncio.timeout(PATIENCE_S):
        first = await reader.readuntil(b"\r\n")
        return first + await reader.readuntil(f"-------{first.split(b' ')[1].decode()}$\r\n".encode())


def transaction(frame: bytes) -> str:
    return frame.split(b" ")[1].decode()


@contextlib.asynccontextmanager
async def an_msrp_relay(folder: Path) -> AsyncIterator[str]:
    """Yield the URI of a Kamailio that relays MSRP."""
    folder.mkdir()
    port = free_port()
    program = shutil.which("kamailio") or "/usr/sbin/kamailio"
    modules = next(str(path.parent) for path in Path("/usr/lib").glob("**/kamailio/modules/msrp.so"))
    (folder / "kamailio.cfg").write_text(RELAY.format(modules=modules, port=port))
    options = ("-f", "kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(folder), "-w", str(folder))
    async with a_program(program, *options, home=folder) as kamailio:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                assert kamailio.process.returncode is None, kamailio.output
                await asyncio.sleep(0.02)
        try:
            yield f"msrp://127.0.0.1:{port}/relay;tcp"
        finally:
            print(kamailio.output.decode(errors="replace")[-4000:])  # shown where a test fails
