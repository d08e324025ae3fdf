"""A capture made elsewhere as a recording: every SIP message in it, of UDP, TCP and exported PDUs, on any port.

SIP is known by its first line.  Between two ends that speak SIP also keep-alives and what cannot be read are kept; STUN is not.
Encrypted TLS is noted, not read.  At most MAX_MESSAGES and MAX_TOTAL_BYTES of messages; a datagram that the capture saw twice
counts once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from sipstub.trace.capture import link_layer
from sipstub.trace.capture.ip_layer import Datagram, IpLayer
from sipstub.trace.capture.packet_file import Packet, PacketFile
from sipstub.trace.capture.sides import Said, Sides
from sipstub.trace.capture.sip_stream import START, SipStream
from sipstub.trace.capture.tcp_stream import Chunk, TcpStreams, Way
from sipstub.trace.exported_pdu import LINK_TYPE as EXPORTED_PDU
from sipstub.trace.exported_pdu import ExportedPdu
from sipstub.trace.packet import TCP, UDP
from sipstub.trace.record import Endpoint, RecordedMessage, Transport
from sipstub.trace.recording import Notes, Recording

MAX_MESSAGES = 200_000
MAX_TOTAL_BYTES = 256 * 2**20
MAX_OTHER_PAYLOADS = 100_000
"Datagrams that are no SIP, remembered until it is known which ends speak SIP."
MAX_STREAMS = 20_000
TWICE_S = 0.002
"Equal datagrams within this time are one that was captured twice, as on several interfaces; no SIP timer is so short."
MAX_RECENT = 1_024

_VIA_TLS = re.compile(rb"\n(?:via|v)[ \t]*+:[ \t]*+SIP[ \t]*+/[ \t]*+2\.0[ \t]*+/[ \t]*+TLS[ \t]", re.IGNORECASE)
_STUN_COOKIE = b"\x21\x12\xa4\x42"


class _Reader:
    def __init__(self, stream: BinaryIO) -> None:
        self.notes = Notes()
        self.file = PacketFile(stream, self.notes)
        self.said: list[Said] = []
        self.others: list[Said] = []
        self._size_bytes = 0
        self._ip = IpLayer(self.notes)
        self._tcp = TcpStreams()
        self._streams: dict[Way, SipStream] = {}
        self._recent: dict[tuple[Endpoint, Endpoint, bytes], float] = {}

    def run(self) -> None:
        for packet in self.file:
            if packet.link_type == EXPORTED_PDU:
                self._take_pdu(packet)
                continue
            inside = link_layer.ip_packet(packet.link_type, packet.data)
            if inside is None:
                if packet.link_type not in link_layer.KNOWN:
                    self.notes.add(f"packets of link type {packet.link_type} cannot be read")
                continue
            datagram = self._ip.feed(inside, packet.at)
            if datagram is None:
                continue
            if datagram.protocol == UDP:
                self._take_udp(packet, datagram)
            elif datagram.protocol == TCP:
                for chunk in self._tcp.feed(datagram.source, datagram.target, datagram.payload, packet.at):
                    self._take_chunk(chunk)
        for chunk in self._tcp.finish():
            self._take_chunk(chunk)
        for stream in self._streams.values():
            stream.finish()
        self._ip.finish()

    def _take_pdu(self, packet: Packet) -> None:
        pdu = ExportedPdu.parse(packet.data)
        if pdu is None or pdu.protocol.split(".")[0] not in ("sip", "sips"):
            return
        transport: Transport = "udp" if pdu.carrier == "udp" else "tls" if _VIA_TLS.search(pdu.payload) else "tcp"
        source, target = Endpoint(transport, pdu.source, pdu.source_port), Endpoint(transport, pdu.target, pdu.target_port)
        self._say(Said(packet.at, source, target, pdu.payload, packet.is_inbound, packet.packet_id))

    def _take_udp(self, packet: Packet, datagram: Datagram) -> None:
        if len(datagram.payload) < 8:
            return
        ports, size = datagram.payload[:4], int.from_bytes(datagram.payload[4:6], "big")
        data = datagram.payload[8 : size or None]
        source = Endpoint("udp", datagram.source, int.from_bytes(ports[:2], "big"))
        target = Endpoint("udp", datagram.target, int.from_bytes(ports[2:], "big"))
        said = Said(packet.at, source, target, data, packet.is_inbound, packet.packet_id)
        if not self.file.is_ours and self._was_seen(said):
            self.notes.add("a datagram was captured twice")
            return
        if START.match(data.lstrip(b"\r\n")):
            if datagram.is_cut or len(data) < size - 8:
                self.notes.add("the end of a datagram is missing: the capture kept only so many bytes of each packet")
            self._say(said)
        elif data and data[4:8] != _STUN_COOKIE and len(self.others) < MAX_OTHER_PAYLOADS:
            self.others.append(said)

    def _was_seen(self, said: Said) -> bool:
        key = (said.source, said.target, said.data)
        last = self._recent.pop(key, None)
        self._recent[key] = said.at
        if len(self._recent) > MAX_RECENT:
            del self._recent[next(iter(self._recent))]
        return last is not None and abs(said.at - last) <= TWICE_S

    def _take_chunk(self, chunk: Chunk) -> None:
        way = chunk.way
        stream = self._streams.get(way)
        if stream is None or chunk.begins:
            if stream is not None:
                stream.finish()
            if len(self._streams) >= MAX_STREAMS and way not in self._streams:
                self.notes.add(f"more than {MAX_STREAMS} TCP streams: the oldest are no longer followed")
                del self._streams[next(iter(self._streams))]
            stream = self._streams[way] = SipStream(chunk, self.notes)
        source, target = Endpoint("tcp", way.source, way.source_port), Endpoint("tcp", way.target, way.target_port)
        for data in stream.feed(chunk):
            self._say(Said(chunk.at, source, target, data))

    def _say(self, said: Said) -> None:
        self._size_bytes += len(said.data)
        if len(self.said) < MAX_MESSAGES and self._size_bytes <= MAX_TOTAL_BYTES:
            self.said.append(said)
        else:
            self.notes.add(f"only the first {len(self.said)} messages were taken")

    def all_said(self) -> Iterator[Said]:
        """Yield the messages, and what else the same ends said."""
        yield from self.said
        pairs = {(said.source, said.target) for said in self.said}
        pairs |= {(target, source) for source, target in pairs}
        yield from (other for other in self.others if (other.source, other.target) in pairs)


def read_capture(stream: BinaryIO, *, phone: str | None = None) -> Recording:
    """Return the SIP messages of a pcap or pcapng file; raises CaptureProblem for a file that is neither.

    `phone` is a host that is known to be the phone, where the capture alone would leave room for doubt.
    """
    reader = _Reader(stream)
    reader.run()
    said = sorted(reader.all_said(), key=lambda one: one.at)
    sides = Sides(said, phone=phone)
    numbers = [one.number for one in said]
    keeps_numbers = reader.file.is_ours and None not in numbers and len(set(numbers)) == len(numbers)
    messages = []
    for position, one in enumerate(said, 1):
        is_inbound = one.is_inbound if one.is_inbound is not None else sides.is_inbound(one.source, one.target)
        local, peer = (one.target, one.source) if is_inbound else (one.source, one.target)
        number = one.number if keeps_numbers and one.number is not None else position
        messages.append(RecordedMessage(number, one.at, is_inbound, local, peer, one.data))
    return Recording(tuple(messages), reader.notes.texts(), reader.file.is_own, reader.file.packets)
