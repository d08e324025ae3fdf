"""Captures made by hand: files, frames, IP packets and TCP segments, as others write them."""

from __future__ import annotations

import io
import ipaddress
import struct

from sipstub.trace.capture.reading import read_capture
from sipstub.trace.packet import udp_packet
from sipstub.trace.recording import Recording

FIN, SYN, RST, ACK = 1, 2, 4, 16


def a_pcap(packets: list[tuple[float, bytes]], *, link_type: int = 101, end: str = "<", nanoseconds: bool = False) -> bytes:
    units = 1_000_000_000 if nanoseconds else 1_000_000
    found = struct.pack(end + "IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 262_144, link_type)
    for at, data in packets:
        whole = round(at * units)
        found += struct.pack(end + "IIII", whole // units, whole % units, len(data), len(data)) + data
    return found


def a_block(kind: int, body: bytes, end: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack(end + "II", kind, 12 + len(body)) + body + struct.pack(end + "I", 12 + len(body))


def a_pcapng(packets: list[tuple[float, bytes]], *, link_type: int = 101, end: str = "<", resolution: int | None = None) -> bytes:
    units = 1_000_000 if resolution is None else 2 ** (resolution & 127) if resolution & 128 else 10**resolution
    option = b"" if resolution is None else struct.pack(end + "HHB3xI", 9, 1, resolution, 0)
    found = a_block(0x0A0D0D0A, struct.pack(end + "IHHq", 0x1A2B3C4D, 1, 0, -1), end)
    found += a_block(1, struct.pack(end + "HHI", link_type, 0, 0) + option, end)
    for at, data in packets:
        whole = round(at * units)
        head = struct.pack(end + "IIIII", 0, whole >> 32, whole & 0xFFFFFFFF, len(data), len(data))
        found += a_block(6, head + data, end)
    return found


def a_datagram(
    data: bytes, *, source: str = "10.1.2.3", target: str = "10.1.0.5", ports: tuple[int, int] = (5060, 5060), number: int = 1
) -> bytes:
    return udp_packet(source, ports[0], target, ports[1], data, number=number)


def ip_fragments(packet: bytes, size: int, *, number: int = 7) -> list[bytes]:
    """Return an IPv4 packet in pieces of so many bytes (a multiple of 8)."""
    head, payload = packet[:20], packet[20:]
    found = []
    for offset in range(0, len(payload), size):
        piece = payload[offset : offset + size]
        flags = offset // 8 | (0x2000 if offset + size < len(payload) else 0)
        found.append(head[:2] + struct.pack("!HHH", 20 + len(piece), number, flags) + head[8:] + piece)
    return found


def ip6_fragments(packet: bytes, size: int) -> list[bytes]:
    head, payload = packet[:40], packet[40:]
    found = []
    for offset in range(0, len(payload), size):
        piece = payload[offset : offset + size]
        extension = struct.pack("!BBHI", head[6], 0, offset | (offset + size < len(payload)), 7)
        found.append(head[:4] + struct.pack("!HB", 8 + len(piece), 44) + head[7:] + extension + piece)
    return found


class TcpTalk:
    """A connection whose segments are written one by one."""

    def __init__(self, *, client: str = "10.1.2.3", server: str = "10.1.0.5", ports: tuple[int, int] = (40_000, 5060)) -> None:
        self.ends = [(ipaddress.ip_address(client).packed, ports[0]), (ipaddress.ip_address(server).packed, ports[1])]
        self.next = [0xFFFF_FFF0, 1_000]  # the client's numbers go round after a few bytes

    def segment(self, side: int, data: bytes = b"", *, flags: int = ACK, number: int | None = None) -> bytes:
        (source, source_port), (target, target_port) = self.ends[side], self.ends[1 - side]
        if number is None:
            number = self.next[side]
            self.next[side] = (number + len(data) + bool(flags & (SYN | FIN))) % 2**32
        head = struct.pack("!HHIIBBHHH", source_port, target_port, number, 0, 0x50, flags, 65_535, 0, 0)
        size = len(head) + len(data)
        if len(source) == 16:
            return struct.pack("!IHBB", 6 << 28, size, 6, 64) + source + target + head + data
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 1, 0, 64, 6, 0) + source + target + head + data

    def hello(self) -> list[bytes]:
        return [self.segment(0, flags=SYN), self.segment(1, flags=SYN | ACK), self.segment(0)]


def timed(packets: list[bytes], *, begin: float = 1_700_000_000.0, step: float = 0.01) -> list[tuple[float, bytes]]:
    return [(begin + step * number, packet) for number, packet in enumerate(packets)]


def read(data: bytes, phone: str | None = None) -> Recording:
    return read_capture(io.BytesIO(data), phone=phone)


def read_packets(packets: list[bytes]) -> Recording:
    return read(a_pcap(timed(packets)))
