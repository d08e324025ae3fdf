"""Calls through a relay, set up and left alone: over SIP through our SBC, over the ng protocol (bencode on UDP) of rtpengine."""

from __future__ import annotations

import re
import socket

from bench.media_stream import Ends, Phones

ANSWER_S = 5.0
"For each message that is waited for."
_SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
_REQUEST = (
    "{method} sip:answer@127.0.0.1:{server} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{method}{number}\r\n"
    "From: <sip:caller@127.0.0.1:{own}>;tag={number}\r\nTo: <sip:answer@127.0.0.1:{server}>{tag}\r\n"
    "Call-ID: media-{number}\r\nCSeq: 1 {method}\r\nContact: <sip:caller@127.0.0.1:{own}>\r\nMax-Forwards: 70\r\n"
)
_COPIED = re.compile(rb"(?im)^(?:via|from|call-id|cseq):.*\r\n")
_TO = re.compile(rb"(?im)^to:.*(?=\r\n)")
_TAG = re.compile(rb"(?i);tag=[^;\s]+")
_PORT = re.compile(rb"m=audio ([0-9]+) ")


class SipCalls:
    """A caller and a callee on either side of an SBC."""

    def __init__(self, server: int, phones: Phones) -> None:
        self._server = server
        self._phones = phones
        self.caller, self.callee = _socket(), _socket()

    def call(self, number: int) -> Ends:
        """Return the ports of a new call; raises OSError or RuntimeError where it does not come up."""
        values = {"server": self._server, "own": self.caller.getsockname()[1], "number": number}
        invite = _REQUEST.format(method="INVITE", tag="", **values).encode() + _body(self._phones.of(number)[0])
        self.caller.sendto(invite, ("127.0.0.1", self._server))
        offer = _until(self.callee, b"INVITE ")
        to = _TO.search(offer)
        if to is None:
            raise RuntimeError("an INVITE without To")
        answer = b"SIP/2.0 200 OK\r\n" + b"".join(_COPIED.findall(offer)) + to[0] + b";tag=%d\r\n" % number
        answer += b"Contact: <sip:answer@127.0.0.1:%d>\r\n" % self.callee.getsockname()[1]
        self.callee.sendto(answer + _body(self._phones.of(number)[1]), ("127.0.0.1", self._server))
        accepted = _until(self.caller, b"SIP/2.0 200 ")
        tag = _TAG.search(_TO.findall(accepted)[0])
        ack = _REQUEST.format(method="ACK", tag=tag[0].decode() if tag else "", **values)
        self.caller.sendto(ack.encode() + b"Content-Length: 0\r\n\r\n", ("127.0.0.1", self._server))
        _until(self.callee, b"ACK ")
        return Ends(caller=_port(accepted), callee=_port(offer))

    def close(self) -> None:
        """Leave the calls alone; the server is ended anyhow."""
        self.caller.close()
        self.callee.close()


class NgCalls:
    """Calls of rtpengine, as a proxy would ask for them."""

    def __init__(self, server: int, phones: Phones) -> None:
        self._phones = phones
        self._socket = _socket()
        self._socket.connect(("127.0.0.1", server))
        self._number = 0

    def call(self, number: int) -> Ends:
        """Return the ports of a new call."""
        common = {"call-id": f"media-{number}", "from-tag": "caller", "ICE": "remove"}
        offer = self._ask({**common, "command": "offer", "sdp": _SDP.format(port=_own(self._phones.of(number)[0]))})
        answer = self._ask(
            {**common, "command": "answer", "to-tag": "callee", "sdp": _SDP.format(port=_own(self._phones.of(number)[1]))}
        )
        return Ends(caller=_port(answer), callee=_port(offer))

    def is_up(self) -> bool:
        """Return whether it answers."""
        self._socket.settimeout(0.2)
        try:
            return b"pong" in self._ask({"command": "ping"})
        except OSError:
            return False
        finally:
            self._socket.settimeout(ANSWER_S)

    def close(self) -> None:
        """Leave the calls alone."""
        self._socket.close()

    def _ask(self, command: dict[str, str]) -> bytes:
        self._number += 1
        texts = (part for pair in sorted(command.items()) for part in pair)
        self._socket.send(b"%d d%se" % (self._number, b"".join(b"%d:%s" % (len(text), text.encode()) for text in texts)))
        return self._socket.recv(65_535)


def _own(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def _body(media: socket.socket) -> bytes:
    text = _SDP.format(port=_own(media)).encode()
    return b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


def _until(sock: socket.socket, start: bytes) -> bytes:
    """Return the next message that begins so; provisional answers are passed over, other final ones are an error."""
    while True:
        data = sock.recv(65_535)
        if data.startswith(start):
            return data
        if not data.startswith(b"SIP/2.0 1"):
            raise RuntimeError(f"instead of {start.decode()}: {data.partition(bytes([13]))[0].decode()}")


def _port(message: bytes) -> int:
    found = _PORT.search(message)
    if found is None:
        raise RuntimeError("no port for audio")
    return int(found[1])


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(ANSWER_S)
    return sock
