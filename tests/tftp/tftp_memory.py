"""Two peers in memory: a Transfer and a receiving phone, with lost packets from a list and time by hand."""

from __future__ import annotations

from collections.abc import Callable

from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.services.tftp_content import OpenFiles, open_source
from provisioner.services.tftp_options import PLAIN_TERMS, Terms
from provisioner.services.tftp_session import Outcome, Transfer

T0 = 1_000.0


def transfer(body: bytes, terms: Terms = PLAIN_TERMS, *, is_netascii: bool = False, now: float = T0) -> Transfer:
    file = PublishedFile("a.cfg", FileKind.MAC, "", len(body), body=body)
    return Transfer(open_source(file, terms, is_netascii=is_netascii, files=OpenFiles()), terms, now=now)


def numbers(packets: object) -> list[int]:
    """The block numbers of DATA packets, as on the wire."""
    found = []
    for packet in packets:  # type: ignore[attr-defined]
        assert packet[:2] == b"\0\3"
        found.append(int.from_bytes(packet[2:4], "big"))
    return found


class Receiver:
    """A phone that keeps to RFC 1350 and RFC 7440: takes blocks in order, acknowledges windows, repeats its ACK on a timeout."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.received = bytearray()
        self.got = 0
        self.is_done = False
        self.has_options = not terms.accepted
        self._gap_told = -1

    def take(self, packet: bytes) -> list[bytes]:
        if packet[:2] == b"\0\6":
            self.has_options = True
            return [self.last_ack()]
        number = int.from_bytes(packet[2:4], "big")
        if number == (self.got + 1) & 0xFFFF and not self.is_done:
            self.got += 1
            self.received += packet[4:]
            self.is_done = len(packet) - 4 < self.terms.blksize
            if self.is_done or self.got % self.terms.windowsize == 0:
                return [self.last_ack()]
            return []
        if self._gap_told != self.got or self.terms.windowsize == 1:
            self._gap_told = self.got
            return [self.last_ack()]
        return []

    def last_ack(self) -> bytes:
        return b"\0\4" + (self.got & 0xFFFF).to_bytes(2, "big")


def play(
    sender: Transfer,
    receiver: Receiver,
    *,
    lose: Callable[[int], bool] = lambda _: False,
    copies: Callable[[int], int] = lambda _: 1,
    rounds: int = 200_000,
) -> float:
    """Let the two talk until the sender ends; `lose` and `copies` get the count of packets so far.  Return the time it took."""
    now, count = T0, 0
    down = list(sender.begin(now))
    for _ in range(rounds):
        up: list[bytes] = []
        for packet in down:
            count += 1
            for _ in range(0 if lose(count) else copies(count)):
                up += receiver.take(packet)
        down = []
        for packet in up:
            count += 1
            for _ in range(0 if lose(count) else copies(count)):
                down += sender.receive(packet, now)
        if sender.outcome is not Outcome.RUNNING:
            return now - T0
        if not down:  # silence: the clock moves to the next timer; the phone repeats its ACK too
            now = sender.due_at
            down = list(sender.elapse(now))
    raise AssertionError("the transfer never ended")
