"""A blocking socket that sends good and bad SIP, and knows which of it has to be answered."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections import Counter
from types import TracebackType
from typing import Self

from sipstub.sip.error import SipError
from sipstub.sip.framing import Frame, StreamFramer
from sipstub.sip.message import Response
from sipstub.sip.reader import parse_message

PATIENCE_S = 10.0
"A server that does not answer for so long hangs."
REPEAT_S = 0.5
_numbers = itertools.count(1)


class Silent(Exception):
    """No answer to what has to be answered."""


class Peer:
    """Over UDP."""

    transport = "UDP"

    def __init__(self, host: str, server_port: int) -> None:
        self.host = host
        self._server = ("127.0.0.1", server_port)
        self.statuses: Counter[int] = Counter()
        self.repeated = 0
        "Requests that had to be sent again."
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    def _open(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((self.host, 0))
        self._socket.connect(self._server)
        self.port = int(self._socket.getsockname()[1])

    def send_spoilt(self, data: bytes) -> None:
        """Send what may or may not be answered."""
        with contextlib.suppress(OSError):  # an empty datagram, or one too large
            self._socket.send(data)

    def ask(self, request: bytes) -> Response:
        """Return the final answer to a good request, which is sent again until it comes; raises Silent."""
        branch = parse_message(request).via.branch
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            self._socket.send(request)
            again = time.monotonic() + REPEAT_S
            while (left := again - time.monotonic()) > 0:
                for response in self._receive(left):
                    if response.status >= 200 and response.via.branch == branch:
                        return response
            self.repeated += 1
        raise Silent(f"no answer within {PATIENCE_S:g} s to {request[:60]!r}")

    def barrier(self, mark: str) -> None:
        """Have a good OPTIONS answered, and with it everything before it."""
        number = f"{mark}b{next(_numbers)}"
        ask = f"OPTIONS sip:127.0.0.1:{self._server[1]} SIP/2.0\r\n"
        ask += f"Via: SIP/2.0/{self.transport} {self.host}:{self.port};branch=z9hG4bK{number};rport\r\nMax-Forwards: 70\r\n"
        ask += f"From: <sip:b@127.0.0.1>;tag=b\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\n"
        ask += "Content-Length: 0\r\n\r\n"
        self.ask(ask.encode())

    def _receive(self, seconds: float) -> list[Response]:
        self._socket.settimeout(max(0.001, seconds))
        try:
            data = self._socket.recv(65_535)
        except (TimeoutError, ConnectionRefusedError):
            return []
        return self._read(data)

    def _read(self, data: bytes) -> list[Response]:
        with contextlib.suppress(SipError):
            message = parse_message(data)
            if isinstance(message, Response):
                self.statuses[message.status] += 1
                _ = message.via.branch  # an answer to something spoilt may have none that can be read
                return [message]
        return []


class StreamPeer(Peer):
    """Over TCP; knows by our own framer when a server has to close, and when it waits for more."""

    transport = "TCP"

    def _open(self) -> None:
        self._framer = StreamFramer()
        self._socket = socket.socket()
        self._socket.bind((self.host, 0))
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(self._server)
        self.port = int(self._socket.getsockname()[1])

    def _again(self) -> None:
        self._socket.close()
        self._open()

    def send_spoilt(self, data: bytes) -> None:
        """Send; a stream that is dead by it has to be closed by the server, one that is left in the middle is cut by us."""
        framer = StreamFramer()
        framer.feed(data)
        is_dead, is_partial = framer.error is not None, framer.pending_bytes > 0
        with contextlib.suppress(ConnectionError):
            self._socket.settimeout(PATIENCE_S)
            self._socket.sendall(data)
        if is_dead:
            self._wait_for_end()
            self._again()
        elif is_partial:
            self._again()

    def _wait_for_end(self) -> None:
        end = time.monotonic() + PATIENCE_S
        try:
            while time.monotonic() < end:
                data = self._socket.recv(65_535)
                if not data:
                    return
                self._cut(data)
        except ConnectionError:
            return
        except TimeoutError:
            pass
        raise Silent("a stream that is dead was not closed")

    def _receive(self, seconds: float) -> list[Response]:
        self._socket.settimeout(max(0.001, seconds))
        try:
            data = self._socket.recv(65_535)
        except TimeoutError:
            return []
        if not data:
            raise Silent("the server closed a stream that was good")
        return self._cut(data)

    def _cut(self, data: bytes) -> list[Response]:
        return [one for found in self._framer.feed(data) if isinstance(found, Frame) for one in self._read(found.data)]
