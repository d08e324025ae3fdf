"""Fetches one file over HTTP, HTTPS or TFTP.  Sockets and the clock live here; the protocols are pure and elsewhere.

Never raises for what a server does: every end is a `Fetched`.  One connection per file, as the phones do it (inferred).
Towards a loopback server each phone sends from its own loopback address, so that the server sees many phones.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import secrets
import socket
import ssl
from dataclasses import dataclass

from sipstub.phone.http_message import ResponseReader, authorize, get_request
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.location import Location
from sipstub.phone.outcome import DEFAULT_LIMITS, Fetched, FetchLimits, Outcome
from sipstub.phone.tftp_transfer import Send, TftpTransfer

READ_BYTES = 64 * 1024
MAX_ADDRESSES = 4
"Of the addresses of a host name so many are tried."
MAX_WAITING_DATAGRAMS = 64
"More that come at once are dropped, as a full socket buffer would."
MAX_DETAIL_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """How a phone fetches, apart from what the URL says."""

    limits: FetchLimits = DEFAULT_LIMITS
    "How long and how much."

    own_address: bool = True
    "Towards an IPv4 loopback server: send from the phone's own address of 127.0.0.0/8."

    source: str | None = None
    "Send from this address, whatever the server's is."

    tls: ssl.SSLContext | None = None
    "For HTTPS; None means the certificate authorities of this machine, without checking the name, as V80 does by default."

    tftp_block_bytes: int | None = None
    "Ask for this blksize; None asks for no option."


async def timed_fetch(location: Location, name: str, identity: PhoneIdentity, options: FetchOptions) -> tuple[Fetched, float]:
    """Return what became of asking for `name`, and the seconds it took."""
    clock = asyncio.get_running_loop().time
    began = clock()
    fetched = await fetch(location, name, identity, options)
    return fetched, clock() - began


async def fetch(location: Location, name: str, identity: PhoneIdentity, options: FetchOptions) -> Fetched:
    """Return what became of asking for `name`."""
    try:
        async with asyncio.timeout(options.limits.total_s):
            addresses = await _resolve(location)
            if location.scheme == "tftp":
                return await _tftp(location, name, identity, options, addresses[0])
            return await _http(location, name, identity, options, addresses)
    except TimeoutError:
        return Fetched(Outcome.TIMED_OUT, detail=f"no answer within {options.limits.total_s:g} s")
    except ssl.SSLError as error:
        return Fetched(Outcome.UNREACHABLE, detail=f"TLS: {error.reason or error}"[:MAX_DETAIL_CHARACTERS])
    except ConnectionRefusedError:
        return Fetched(Outcome.UNREACHABLE, detail="connection refused")
    except OSError as error:
        return Fetched(Outcome.UNREACHABLE, detail=str(error.strerror or error)[:MAX_DETAIL_CHARACTERS])


async def _resolve(location: Location) -> list[tuple[str, int]]:
    kind = socket.SOCK_DGRAM if location.scheme == "tftp" else socket.SOCK_STREAM
    try:
        ipaddress.ip_address(location.host)
        return [(location.host, location.port)]
    except ValueError:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(location.host, location.port, type=kind)
        return [(str(address[4][0]), location.port) for address in found[:MAX_ADDRESSES]]


def _source(host: str, identity: PhoneIdentity, options: FetchOptions) -> str | None:
    if options.source is not None:
        return options.source
    address = ipaddress.ip_address(host.partition("%")[0])
    return identity.loopback if options.own_address and address.version == 4 and address.is_loopback else None


async def _http(
    location: Location, name: str, identity: PhoneIdentity, options: FetchOptions, addresses: list[tuple[str, int]]
) -> Fetched:
    fetched, challenges = await _get(location, name, identity, options, addresses, "")
    # The first request carries no credentials, even where the URL names them (inferred for V80).
    if fetched.status == 401 and location.user:
        answer = authorize(challenges, location, name, cnonce=secrets.token_hex(8))
        if answer:
            fetched, _ = await _get(location, name, identity, options, addresses, answer)
    return fetched


async def _get(
    location: Location,
    name: str,
    identity: PhoneIdentity,
    options: FetchOptions,
    addresses: list[tuple[str, int]],
    authorization: str,
) -> tuple[Fetched, list[str]]:
    """Return the end of one GET, and the challenges of the answer."""
    answer = ResponseReader(options.limits)
    idle_s = options.limits.idle_s
    try:
        async with asyncio.timeout(idle_s):
            stream, writer = await _connect(location, identity, options, addresses)
    except TimeoutError:
        return Fetched(Outcome.TIMED_OUT, detail=f"no connection within {idle_s:g} s"), []
    try:
        writer.write(get_request(location, name, identity.agent, authorization=authorization))
        while answer.result is None:
            async with asyncio.timeout(idle_s):
                answer.feed(await stream.read(READ_BYTES))
        return answer.result, answer.challenges()
    except TimeoutError:
        return Fetched(Outcome.TIMED_OUT, detail=f"{idle_s:g} s of silence", status=answer.status or None), []
    except (ConnectionError, ssl.SSLError) as error:
        return Fetched(Outcome.BROKEN, detail=f"the connection broke: {error}"[:MAX_DETAIL_CHARACTERS]), []
    finally:
        writer.transport.abort()


async def _connect(
    location: Location, identity: PhoneIdentity, options: FetchOptions, addresses: list[tuple[str, int]]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = (options.tls or _default_tls()) if location.scheme == "https" else None
    failure: OSError = OSError("the name has no address")
    for host, port in addresses:
        source = _source(host, identity, options)
        for local in (source, None) if source and options.source is None else (source,):
            try:
                return await asyncio.open_connection(
                    host,
                    port,
                    local_addr=(local, 0) if local else None,
                    ssl=context,
                    server_hostname="" if context else None,  # no SNI (recall for V80)
                    limit=READ_BYTES,
                )
            except TimeoutError:
                raise
            except OSError as error:
                failure = error
                if not _is_about_source(error):
                    break
    raise failure


def _is_about_source(error: OSError) -> bool:
    """Some systems have only 127.0.0.1 on their loopback interface; there all phones share it."""
    return error.errno == errno.EADDRNOTAVAIL


def _default_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False  # security.cn_validation is off unless a file turns it on
    return context


class _Datagrams(asyncio.DatagramProtocol):
    """Puts what comes in a bounded queue."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue(MAX_WAITING_DATAGRAMS)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.waiting.full():
            self.waiting.put_nowait((data, (addr[0], addr[1])))

    def error_received(self, exc: Exception) -> None:
        """ICMP errors are for nobody: the retransmissions decide."""


async def _tftp(
    location: Location, name: str, identity: PhoneIdentity, options: FetchOptions, server: tuple[str, int]
) -> Fetched:
    loop = asyncio.get_running_loop()
    transport, protocol = await _datagram_endpoint(server, identity, options)
    transfer = TftpTransfer(location.tftp_name(name), server, block_bytes=options.tftp_block_bytes, limits=options.limits)
    try:
        _send(transport, transfer.start(now=loop.time()))
        while transfer.result is None:
            try:
                async with asyncio.timeout_at(transfer.deadline):
                    data, peer = await protocol.waiting.get()
            except TimeoutError:
                _send(transport, transfer.poll(now=loop.time()))
            else:
                _send(transport, transfer.receive(data, peer, now=loop.time()))
        return transfer.result
    finally:
        transport.close()


async def _datagram_endpoint(
    server: tuple[str, int], identity: PhoneIdentity, options: FetchOptions
) -> tuple[asyncio.DatagramTransport, _Datagrams]:
    loop = asyncio.get_running_loop()
    anywhere = "::" if ":" in server[0] else "0.0.0.0"  # noqa: S104 (the sending side of one transfer)
    source = _source(server[0], identity, options)
    try:
        return await loop.create_datagram_endpoint(_Datagrams, local_addr=(source or anywhere, 0))
    except OSError as error:
        if options.source is not None or not _is_about_source(error):
            raise
        return await loop.create_datagram_endpoint(_Datagrams, local_addr=(anywhere, 0))


def _send(transport: asyncio.DatagramTransport, packets: list[Send]) -> None:
    for packet in packets:
        transport.sendto(packet.data, packet.peer)
