"""A whole stub without sockets, at which spoilt messages are thrown, and what has to hold of its answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.sip_draft import Sender
from sipstub.core.compose import Stub, compose
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.error import SipError
from sipstub.sip.framing import StreamFramer
from sipstub.sip.message import Request, Response
from sipstub.sip.reader import parse_message
from sipstub.transaction.sending import Hop

START = 1_700_000_000.0
REALM, USER, PASSWORD = "sipstub", "100", "correct-horse"
SERVER = "127.0.0.1:5060"
AOR = "sip:100@registrar.invalid"
MESSAGES_PER_HOST = 25
"Then it comes from another address: who guesses wrong too often is not listened to, and then nothing deep is reached."
MAX_ANSWER_BYTES = 40_000
LONGEST_S = 700.0
"After it no transaction lives, an INVITE that nobody answers included."


@dataclass
class Fuzzed:
    """A stub, the phone that asks, and what came of it."""

    stub: Stub = field(default_factory=lambda: compose(Registrar(_users(), Policy(REALM), b"k" * 32)))
    now: float = START
    transport: str = "UDP"
    statuses: dict[int, int] = field(default_factory=dict)
    count: int = 0
    host: str = ""
    sender: Sender | None = None

    def next_sender(self) -> Sender:
        """Return who sends the next message: another host now and then."""
        if self.sender is None or self.count % MESSAGES_PER_HOST == 0:
            number = self.count // MESSAGES_PER_HOST
            self.host = f"127.9.{number >> 8 & 255}.{number & 255}"
            self.sender = Sender(USER, PASSWORD, REALM, self.host, 5062, SERVER, self.transport, mark=f"n{number}-")
            self.register(self.sender, expires=0, contact="*")
        self.count += 1
        return self.sender

    def register(self, sender: Sender, expires: int = 120, contact: str | None = None) -> Response:
        """Return the answer to a REGISTER that is good."""
        sender.challenge = None
        first = self.one(bytes(sender.draft(expires=expires, contact=contact)))
        assert first.status == 401, bytes(first)
        sender.take(first.www_authenticate[0])
        return self.one(bytes(sender.draft(expires=expires, contact=contact)))

    def one(self, data: bytes) -> Response:
        """Return the only answer to a message."""
        answers = self.throw(data)
        assert len(answers) == 1, (data, answers)
        return answers[0]

    def throw(self, data: bytes) -> list[Response]:
        """Have the stub receive bytes, and return what it says; every answer must be a sound one."""
        self.now += 0.001
        self.receive(data)
        answers: list[Response] = []
        for sending in self.stub.core.to_send():
            message = parse_message(sending.data)
            if isinstance(message, Request):
                continue  # a NOTIFY
            assert 100 <= message.status <= 699, sending.data
            assert len(sending.data) < MAX_ANSWER_BYTES
            self.statuses[message.status] = self.statuses.get(message.status, 0) + 1
            answers.append(message)
        return answers

    def receive(self, data: bytes) -> None:
        """Hand the bytes over as the transport would."""
        core = self.stub.core
        hop = Hop(self.transport, self.host, 5062, 1)
        if self.transport == "UDP":
            core.receive(data, hop, self.now)
            return
        framer = StreamFramer()
        for found in framer.feed(data):
            if hasattr(found, "data"):
                core.receive(found.data, hop, self.now)
        if framer.error is not None:
            core.receive_broken(framer.error, hop, self.now)

    def settle(self) -> None:
        """Let so much time pass that everything is over that can be over."""
        end = self.now + LONGEST_S
        core = self.stub.core
        while (due := core.next_timer) is not None and due <= end:
            self.now = max(self.now, due)
            core.on_timer(self.now)
            core.to_send()
        self.now = end

    def sizes(self) -> dict[str, int]:
        """Return how much is kept."""
        core, registrar = self.stub.core, self.stub.registrar
        registrar.take_changes(), registrar.take_events()
        return {
            "transactions": len(core.layer),
            "held bytes": core.layer.held_bytes,
            "addresses": registrar.location.aors,
            "subscriptions": len(self.stub.others.notifier),
        }


def must_be_answered(data: bytes) -> bool:
    """Return whether a datagram is a request that can be read, so that silence is wrong."""
    try:
        message = parse_message(data)
        return isinstance(message, Request) and message.method != "ACK" and message.via is not None
    except SipError:
        return False


def _users() -> Users:
    return Users([RegistrarUser.of(USER, PASSWORD, REALM)])
