"""The TFTP reader against a server in memory: time by hand, lost packets from a list."""

from __future__ import annotations

import struct
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipstub.phone.outcome import FetchLimits, Outcome
from sipstub.phone.tftp_transfer import Send, TftpTransfer

SERVER = ("127.0.0.1", 69)
TID = ("127.0.0.1", 40001)
STRANGER = ("127.0.0.1", 40666)
LIMITS = FetchLimits(size_bytes=100_000, total_s=100.0, retransmit_s=1.0, sends=4)


class MemoryServer:
    """The sending side, lockstep; every packet it gets is answered, repetitions included."""

    def __init__(self, body: bytes, *, knows_options: bool = True) -> None:
        self.body = body
        self.knows_options = knows_options
        self.block = 512
        self.sent = 0

    def answer(self, packet: bytes) -> bytes | None:
        code = struct.unpack_from("!H", packet)[0]
        if code == 1:
            fields = packet[2:].split(b"\0")
            if self.knows_options and len(fields) > 3 and fields[2] == b"blksize":
                self.block = int(fields[3])
                return struct.pack("!H", 6) + b"BLKSIZE\0" + fields[3] + b"\0"
            return self.data(1)
        if code == 4:
            return self.data(struct.unpack_from("!H", packet, 2)[0] + 1)
        return None

    def data(self, number: int) -> bytes | None:
        number = self.sent + ((number - self.sent + 0x8000) & 0xFFFF) - 0x8000  # the numbers on the wire have 16 bits
        self.sent = max(self.sent, number)
        start = (number - 1) * self.block
        if start > len(self.body):
            return None
        return struct.pack("!HH", 3, number & 0xFFFF) + self.body[start : start + self.block]


def run(transfer: TftpTransfer, server: MemoryServer, lose: set[int] | None = None, double: set[int] | None = None) -> float:
    """Play both sides; packet numbers in `lose` vanish, those in `double` arrive twice.  Returns the time it took."""
    now, count = 0.0, 0
    flying: deque[tuple[str, bytes]] = deque(("there", send.data) for send in transfer.start(now=now))
    while transfer.result is None:
        if not flying:
            now = transfer.deadline
            flying.extend(("there", send.data) for send in transfer.poll(now=now))
            continue
        where, packet = flying.popleft()
        count += 1
        if count in (lose or ()):
            continue
        for _ in range(2 if count in (double or ()) else 1):
            if where == "there":
                answer = server.answer(packet)
                flying.extend([("back", answer)] if answer is not None else [])
            else:
                flying.extend(("there", send.data) for send in transfer.receive(packet, TID, now=now))
    return now


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1024, 4000])
@pytest.mark.parametrize("block_bytes", [None, 8, 1428])
def test_a_file_of_any_size_arrives_whole(size: int, block_bytes: int | None) -> None:
    body = bytes(range(256)) * 20
    transfer = TftpTransfer("a.cfg", SERVER, block_bytes=block_bytes, limits=LIMITS)
    assert run(transfer, MemoryServer(body[:size])) == 0.0
    assert transfer.result is not None
    assert (transfer.result.outcome, transfer.result.body) == (Outcome.RECEIVED, body[:size])
    assert not transfer.result.is_retransmitted


def test_no_option_is_asked_for_unless_told() -> None:
    assert TftpTransfer("folder/a.cfg", SERVER).start(now=0) == [Send(b"\0\1folder/a.cfg\0octet\0", SERVER)]


def test_a_server_without_options_sends_blocks_of_512() -> None:
    transfer = TftpTransfer("a", SERVER, block_bytes=1428, limits=LIMITS)
    run(transfer, MemoryServer(b"x" * 1500, knows_options=False))
    assert transfer.result is not None
    assert transfer.result.body == b"x" * 1500


@pytest.mark.parametrize("lost", range(1, 12))
def test_any_one_packet_may_be_lost(lost: int) -> None:
    transfer = TftpTransfer("a", SERVER, limits=LIMITS)
    took = run(transfer, MemoryServer(b"x" * 2000), lose={lost})
    assert transfer.result is not None
    assert transfer.result.body == b"x" * 2000
    assert took == (1.0 if lost <= 8 else 0.0)  # four blocks: eight packets matter, the last acknowledgement to nobody


@given(st.sets(st.integers(1, 40), max_size=3), st.sets(st.integers(1, 40), max_size=10), st.sampled_from([None, 64]))
def test_lost_and_doubled_packets_do_no_harm(lose: set[int], double: set[int], block_bytes: int | None) -> None:
    transfer = TftpTransfer("a", SERVER, block_bytes=block_bytes, limits=LIMITS)
    body = bytes(range(200)) * 6
    run(transfer, MemoryServer(body), lose=lose, double=double)
    assert transfer.result is not None
    assert transfer.result.body == body


def test_the_waits_double_and_then_the_transfer_ends() -> None:
    transfer = TftpTransfer("a", SERVER, limits=LIMITS)
    sent_at = [0.0] if transfer.start(now=0.0) else []
    while transfer.result is None:
        now = transfer.deadline
        assert transfer.poll(now=now - 0.001) == []
        if transfer.poll(now=now):
            sent_at.append(now)
    assert sent_at == [0.0, 1.0, 3.0, 7.0]
    assert transfer.result.outcome is Outcome.TIMED_OUT
    assert transfer.poll(now=1000.0) == []


def test_a_server_that_sends_for_ever_and_slowly_is_cut_off() -> None:
    transfer = TftpTransfer("a", SERVER, limits=FetchLimits(total_s=5.0, retransmit_s=2.0))
    transfer.start(now=0.0)
    for number in range(1, 6):
        transfer.receive(struct.pack("!HH", 3, number) + b"x" * 512, TID, now=number - 0.5)
    assert transfer.deadline == 5.0
    assert transfer.poll(now=5.0) == []
    assert transfer.result is not None
    assert transfer.result.outcome is Outcome.TIMED_OUT


def test_a_stranger_gets_error_5_and_the_transfer_goes_on() -> None:
    transfer = TftpTransfer("a", SERVER, limits=LIMITS)
    transfer.start(now=0.0)
    transfer.receive(b"\0\3\0\1" + b"x" * 512, TID, now=0.0)
    for packet in (b"\0\3\0\2evil", b"\0\5\0\1evil\0"):
        (answer,) = transfer.receive(packet, STRANGER, now=0.0)
        assert answer.peer == STRANGER
        assert answer.data.startswith(b"\0\5\0\5")
    assert transfer.receive(b"\0\3\0\2evil", ("10.0.0.1", 40001), now=0.0) == []
    assert transfer.receive(b"\0\3\0\2good", TID, now=0.0) == [Send(b"\0\4\0\2", TID)]
    assert transfer.result is not None
    assert transfer.result.body == b"x" * 512 + b"good"


def test_a_repeated_block_is_acknowledged_again_and_an_older_one_is_not() -> None:
    transfer = TftpTransfer("a", SERVER, limits=LIMITS)
    transfer.start(now=0.0)
    blocks = [struct.pack("!HH", 3, number) + b"x" * 512 for number in (1, 2)]
    assert transfer.receive(blocks[0], TID, now=0.0) == [Send(b"\0\4\0\1", TID)]
    assert transfer.receive(blocks[0], TID, now=0.0) == [Send(b"\0\4\0\1", TID)]
    assert transfer.receive(blocks[1], TID, now=0.0) == [Send(b"\0\4\0\2", TID)]
    assert transfer.receive(blocks[0], TID, now=0.0) == []


def test_block_numbers_wrap_around() -> None:
    transfer = TftpTransfer("a", SERVER, block_bytes=8, limits=FetchLimits(size_bytes=1_000_000))
    run(transfer, MemoryServer(b"12345678" * 65_540))
    assert transfer.result is not None
    assert transfer.result.body == b"12345678" * 65_540


@pytest.mark.parametrize(
    ("packet", "outcome", "sent"),
    [
        (b"\0\5\0\1File not found\0", Outcome.NOT_FOUND, b""),
        (b"\0\5\0\2no\0", Outcome.REFUSED, b""),
        (b"\0\5\0\0bad\x1b[31m", Outcome.BROKEN, b""),
        (b"\0\6blksize\x00999\0", Outcome.BROKEN, b"\0\5\0\x08"),
        (b"\0\6blksize\x00abc\0", Outcome.BROKEN, b"\0\5\0\x08"),
        (b"\0\6blksize\x007\0", Outcome.BROKEN, b"\0\5\0\x08"),
        (b"\0\3\0\1" + b"x" * 600, Outcome.BROKEN, b"\0\5\0\4"),
    ],
)
def test_a_first_answer_that_ends_the_transfer(packet: bytes, outcome: Outcome, sent: bytes) -> None:
    transfer = TftpTransfer("a", SERVER, block_bytes=512, limits=LIMITS)
    transfer.start(now=0.0)
    answers = transfer.receive(packet, TID, now=0.0)
    assert transfer.result is not None
    assert transfer.result.outcome is outcome
    assert transfer.result.detail.isprintable()
    assert b"".join(answer.data[:4] for answer in answers) == sent


def test_a_file_beyond_the_bound_is_dropped() -> None:
    transfer = TftpTransfer("a", SERVER, limits=FetchLimits(size_bytes=1000))
    server = MemoryServer(b"x" * 1001)
    run(transfer, server)
    assert transfer.result is not None
    assert (transfer.result.outcome, transfer.result.body) == (Outcome.TOO_LARGE, b"")


@given(st.lists(st.tuples(st.one_of(st.binary(max_size=30), st.sampled_from([b"\0\3\0\1", b"\0\6blksize\0"])), st.booleans())))
def test_no_packet_makes_the_transfer_raise(packets: list[tuple[bytes, bool]]) -> None:
    transfer = TftpTransfer("a", SERVER, block_bytes=512, limits=LIMITS)
    transfer.start(now=0.0)
    for packet, is_stranger in packets:
        transfer.receive(packet, STRANGER if is_stranger else TID, now=0.0)
