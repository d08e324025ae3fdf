"""Recorded messages as a pcapng file that Wireshark and tshark open, with findings as packet comments.

Two interfaces: UDP as raw IP packets, TCP and decrypted TLS as exported PDUs with their true addresses and ports.  The number of
a message is its packet's id.  Nothing is masked here: whoever gives the file away masks the messages first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import BinaryIO

from sipstub.trace import exported_pdu
from sipstub.trace.exported_pdu import ExportedPdu
from sipstub.trace.packet import MAX_UDP_PAYLOAD, address_pair, udp_packet
from sipstub.trace.record import RecordedMessage

APPLICATION, COPY = "sipstub", "sipstub copy"
"Stand in the section header, so that our reader knows its own files: recorded by a stub, or taken over from elsewhere."
MAX_COMMENT_BYTES = 4_096
MAX_COMMENTS = 32
"Of one packet."

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
BYTE_ORDER = 0x1A2B3C4D
RAW_IP = 101
OPTION_COMMENT, OPTION_NAME, OPTION_DESCRIPTION, OPTION_APPLICATION, OPTION_RESOLUTION = 1, 2, 3, 4, 9
OPTION_FLAGS, OPTION_PACKET_ID = 2, 5
INBOUND, OUTBOUND = 1, 2
"Direction in the flags of a packet, as the stub sees it."

_UDP_INTERFACE, _STREAM_INTERFACE = 0, 1
_MICROSECONDS = 6
_NO_COMMENTS: Mapping[int, Sequence[str]] = {}


def write_pcapng(
    stream: BinaryIO,
    messages: Iterable[RecordedMessage],
    comments: Mapping[int, Sequence[str]] = _NO_COMMENTS,
    *,
    is_own: bool = True,
) -> int:
    """Write a whole file and return the number of packets; `comments` go by message number.

    `is_own` says whether a stub of ours recorded the messages, rather than a capture made elsewhere.
    """
    stream.write(
        _block(
            SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1) + _options((OPTION_APPLICATION, APPLICATION if is_own else COPY))
        )
    )
    stream.write(_interface(RAW_IP, "udp", "SIP over UDP, as raw IP"))
    stream.write(_interface(exported_pdu.LINK_TYPE, "tcp+tls", "SIP over TCP and decrypted TLS, as exported PDUs"))
    count = 0
    for message in messages:
        stream.write(_packet(message, comments.get(message.number, ())))
        count += 1
    return count


def _interface(link_type: int, name: str, description: str) -> bytes:
    options = _options((OPTION_NAME, name), (OPTION_DESCRIPTION, description), (OPTION_RESOLUTION, bytes((_MICROSECONDS,))))
    return _block(INTERFACE, struct.pack("<HHI", link_type, 0, 0) + options)


def _packet(message: RecordedMessage, comments: Sequence[str]) -> bytes:
    source, target = message.source, message.target
    version = 6 if len(address_pair(source.host, target.host)[0]) == 16 else 4
    is_udp = source.transport == "udp"
    if is_udp and len(message.data) <= MAX_UDP_PAYLOAD[version]:
        interface = _UDP_INTERFACE
        data = udp_packet(source.host, source.port, target.host, target.port, message.data, number=message.number)
    else:
        interface = _STREAM_INTERFACE
        carrier: exported_pdu.Carrier = "udp" if is_udp else "tcp"
        data = bytes(ExportedPdu("sip", source.host, source.port, target.host, target.port, carrier, message.data))
    microseconds = max(0, round(message.at * 1_000_000)) & 0xFFFF_FFFF_FFFF_FFFF
    head = struct.pack("<IIIII", interface, microseconds >> 32, microseconds & 0xFFFF_FFFF, len(data), len(data))
    options = _options(
        *((OPTION_COMMENT, _cut(comment)) for comment in comments[:MAX_COMMENTS]),
        (OPTION_FLAGS, struct.pack("<I", INBOUND if message.is_inbound else OUTBOUND)),
        (OPTION_PACKET_ID, struct.pack("<Q", message.number & 0xFFFF_FFFF_FFFF_FFFF)),
    )
    return _block(PACKET, head + _padded(data) + options)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def _options(*pairs: tuple[int, str | bytes]) -> bytes:
    found = b""
    for code, value in pairs:
        data = value.encode("utf-8", "replace") if isinstance(value, str) else value
        found += struct.pack("<HH", code, len(data)) + _padded(data)
    return found + bytes(4)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _cut(text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if len(data) <= MAX_COMMENT_BYTES:
        return data
    return data[: MAX_COMMENT_BYTES - 3].decode("utf-8", "ignore").encode() + b"..."
