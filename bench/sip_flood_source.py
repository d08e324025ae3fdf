"""The flood: so many invented users from many sockets at once; each waits for its answer, and some guess a password."""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.error import SipError
from sipstub.sip.framing import Frame, StreamFramer
from sipstub.sip.message import Response
from sipstub.sip.reader import parse_message

SOCKETS = 64
STREAMS = 16
GUESS_EVERY = 4
RENEW_EVERY = 50
"Users of one socket; then it takes another port, as strangers do."
GIVE_UP_S = 2.0


@dataclass
class Slot:
    """One socket and the stranger on it."""

    number: int
    is_stream: bool
    server: tuple[str, int]
    users: int = 0
    user: str = ""
    sent_at: float = 0.0
    has_guessed: bool = False
    framer: StreamFramer = field(default_factory=StreamFramer)
    socket: socket.socket = field(default_factory=socket.socket)

    def open(self) -> None:
        """Take a new port."""
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.is_stream else socket.SOCK_DGRAM)
        self.socket.bind((f"127.78.{self.number >> 6}.{1 + (self.number & 63)}", 0))
        self.socket.connect(self.server)
        self.socket.setblocking(False)
        self.framer = StreamFramer()

    def ask(self, user: str, challenge: Response | None = None) -> None:
        """Send a REGISTER, with a guess if there is a challenge."""
        self.user, self.has_guessed, self.sent_at = user, challenge is not None, time.monotonic()
        host, port = self.socket.getsockname()
        uri = f"sip:127.0.0.1:{self.server[1]}"
        kind = "TCP" if self.is_stream else "UDP"
        lines = [
            f"REGISTER {uri} SIP/2.0",
            f"Via: SIP/2.0/{kind} {host}:{port};branch=z9hG4bK{user}{'g' * self.has_guessed};rport",
            "Max-Forwards: 70",
            f"From: <sip:{user}@127.0.0.1>;tag={user}",
            f"To: <sip:{user}@127.0.0.1>",
            f"Call-ID: {user}@{host}",
            f"CSeq: {1 + self.has_guessed} REGISTER",
            f"Contact: <sip:{user}@{host}:{port}>",
            "Expires: 3600",
        ]
        if challenge is not None:
            wanted = challenge.www_authenticate[0]
            ha1 = make_ha1(user, wanted.realm, "guess")
            lines.append(f"Authorization: {respond(wanted, method='REGISTER', uri=uri, username=user, ha1=ha1, cnonce='c')}")
        self.socket.send(("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode())

    def read(self) -> list[Response]:
        """Return the answers that came."""
        data = self.socket.recv(65_535)
        if not self.is_stream:
            return _responses([data])
        if not data:
            raise ConnectionResetError
        return _responses([one.data for one in self.framer.feed(data) if isinstance(one, Frame)])


def _responses(messages: list[bytes]) -> list[Response]:
    found = []
    for data in messages:
        try:
            message = parse_message(data)
        except SipError:
            continue
        if isinstance(message, Response):
            found.append(message)
    return found


def flood(port: int, first: int, count: int) -> dict[str, object]:
    """Send them all, and return what was said."""
    slots = [Slot(number, number < STREAMS, ("127.0.0.1", port)) for number in range(SOCKETS)]
    statuses: Counter[int] = Counter()
    waiting = selectors.DefaultSelector()
    state = {"next": first, "answered": 0, "lost": 0, "idle": 0}
    end, began = first + count, time.monotonic()

    def go_on(slot: Slot) -> None:
        if state["next"] >= end:
            state["idle"] += 1
            slot.sent_at = float("inf")
            return
        if slot.users % RENEW_EVERY == 0:
            if slot.users:
                waiting.unregister(slot.socket)
            slot.open()
            waiting.register(slot.socket, selectors.EVENT_READ, slot)
        slot.users += 1
        user, state["next"] = f"u{state['next']}", state["next"] + 1
        slot.ask(user)

    for slot in slots:
        go_on(slot)
    while state["idle"] < len(slots):
        for key, _ in waiting.select(0.2):
            slot = key.data
            try:
                answers = slot.read()
            except (BlockingIOError, ConnectionError):
                continue  # given up below
            for response in answers:
                if response.cseq.number != 1 + slot.has_guessed or response.call_id.partition("@")[0] != slot.user:
                    continue
                statuses[response.status] += 1
                if response.status == 401 and not slot.has_guessed and int(slot.user[1:]) % GUESS_EVERY == 0:
                    slot.ask(slot.user, response)
                    continue
                state["answered"] += 1
                go_on(slot)
        for slot in slots:
            if time.monotonic() - slot.sent_at > GIVE_UP_S:
                state["lost"] += 1
                slot.users = slot.users // RENEW_EVERY * RENEW_EVERY + RENEW_EVERY  # a new port
                go_on(slot)
    took = time.monotonic() - began
    waiting.close()
    for slot in slots:
        slot.socket.close()
    return {"answered": state["answered"], "lost": state["lost"], "statuses": statuses, "took_s": took}


if __name__ == "__main__":
    print(json.dumps(flood(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
