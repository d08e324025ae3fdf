"""What travels in TFTP datagrams: requests read with tolerance, answers written as bytes.

Limits: a request is at most MAX_REQUEST_BYTES long (RFC 2347 says 512; some clients send more) and holds at most MAX_OPTIONS
options.  tftpy's own request classes raise on anything outside ASCII and on an odd number of strings, and know option names in
one letter case only; the classes here take their place behind the same interface (`PacketFactory.parse(buffer)` returns a packet
with `filename`, `mode` and `options`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from tftpy.TftpPacketFactory import TftpPacketFactory
from tftpy.TftpPacketTypes import TftpPacketRRQ, TftpPacketWRQ
from tftpy.TftpShared import TftpException

MAX_REQUEST_BYTES = 2048
MAX_OPTIONS = 16
MAX_ERROR_TEXT = 80

OP_RRQ = 1
OP_WRQ = 2
OP_DATA = 3
OP_ACK = 4
OP_ERROR = 5
OP_OACK = 6

HEADER = struct.Struct("!HH")
"Opcode and block number, or opcode and error code."


class MalformedRequest(TftpException):  # type: ignore[misc]  # tftpy carries no types
    """The datagram cannot be read as a request (RFC 1350 section 5).  Answered with error 4, never fatal."""


class _TolerantRequest:
    """Reads what both request packets hold.  Mixed in before tftpy's class, whose attributes it fills."""

    opcode: int
    buffer: bytes
    filename: str
    mode: str
    options: dict[str, str]

    def __init__(self) -> None:  # tftpy's writes three lines to its log for each packet
        self.buffer, self.filename, self.mode = b"", "", ""
        self._options: dict[str, str] = {}

    def decode(self) -> _TolerantRequest:
        """Return self with the file name, the mode in lower case and the options as sent; MalformedRequest if there is no mode.

        Bytes outside UTF-8 are written as `\\xNN`, so that a name can be shown and stored.  Whatever follows the last whole pair
        of strings is dropped: a bad option is the option's fault, not the request's (RFC 2347).
        """
        strings = self.buffer[2:].split(b"\0", 2 + 2 * MAX_OPTIONS)
        if len(strings) < 3:  # each string ends in a NUL, so two strings leave three parts
            raise MalformedRequest("the file name or the mode has no end")
        strings.pop()
        texts = [text.decode("utf-8", "backslashreplace") for text in strings]
        self.filename, self.mode = texts[0], texts[1].lower()
        options: dict[str, str] = {}
        if len(texts) > 3:
            for name, value in zip(texts[2::2], texts[3::2], strict=False):
                options.setdefault(name, value)
        self._options = options  # what tftpy's property `options` gives
        return self


class ReadRequest(_TolerantRequest, TftpPacketRRQ):  # type: ignore[misc]
    """A phone wants a file."""

    opcode = OP_RRQ


class WriteRequest(_TolerantRequest, TftpPacketWRQ):  # type: ignore[misc]
    """Somebody wants to leave a file here; read only to be refused and written down."""

    opcode = OP_WRQ


class PacketFactory(TftpPacketFactory):  # type: ignore[misc]
    """tftpy's factory, with request packets that survive any bytes."""

    def __init__(self) -> None:
        super().__init__()
        base: dict[int, Any] = vars(self)["classes"]
        self.classes = {**base, OP_RRQ: ReadRequest, OP_WRQ: WriteRequest}

    def parse_request(self, buffer: bytes) -> ReadRequest | WriteRequest:
        """Return the request in the datagram, else MalformedRequest."""
        kind = self.classes.get(int.from_bytes(buffer[:2], "big")) if len(buffer) > 2 else None
        if kind is not ReadRequest and kind is not WriteRequest:
            raise MalformedRequest("not a request")
        packet = kind()
        packet.buffer = buffer
        packet.decode()
        return packet


def is_request(datagram: bytes) -> bool:
    """Return whether the opcode is that of a read or a write request; all else on the listening port is noise."""
    return len(datagram) > 2 and datagram[0] == 0 and datagram[1] in (OP_RRQ, OP_WRQ)


def error_packet(code: int, text: str) -> bytes:
    """Return an ERROR datagram (RFC 1350 section 5, figure 5-4)."""
    return HEADER.pack(OP_ERROR, code) + text.encode("ascii", "replace") + b"\0"


def oack_packet(options: Iterable[tuple[str, str]]) -> bytes:
    """Return an OACK datagram with exactly the options that were accepted (RFC 2347)."""
    pairs = (name.encode("ascii") + b"\0" + value.encode("ascii") + b"\0" for name, value in options)
    return OP_OACK.to_bytes(2, "big") + b"".join(pairs)


def error_text(datagram: bytes) -> str:
    """Return a line for the journal out of an ERROR datagram of at least 4 bytes: `error 3: disk full`; printable, and short."""
    code = int.from_bytes(datagram[2:4], "big")
    text = datagram[4 : 4 + MAX_ERROR_TEXT].split(b"\0", 1)[0].decode("ascii", "replace")
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f"error {code}: {shown}" if shown else f"error {code}"


FILE_NOT_FOUND = error_packet(1, "File not found")
WRITE_REFUSED = error_packet(2, "Access violation")
ILLEGAL_OPERATION = error_packet(4, "Illegal TFTP operation")
UNKNOWN_TRANSFER = error_packet(5, "Unknown transfer ID")
SERVER_FAILED = error_packet(0, "Server error")
