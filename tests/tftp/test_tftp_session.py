"""RFC 1350, 1123, 2347, 2349 and 7440 on a Transfer in memory: no socket, no clock."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tftp_memory import T0, Receiver, numbers, play, transfer
from tftp_running import ack

from provisioner.services.tftp_content import netascii
from provisioner.services.tftp_options import Terms
from provisioner.services.tftp_session import DUPLICATE_WITHIN_S, REPEAT_AFTER_S, Outcome

BODY = random.Random(7).randbytes(3000)
WINDOW_4 = Terms(512, 4, None, (("windowsize", "4"),))


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1023, 1024, 5120])
@pytest.mark.parametrize("windowsize", [1, 2, 8])
def test_a_file_arrives_whole_and_ends_with_a_short_block_even_if_that_is_empty(size: int, windowsize: int) -> None:
    body, terms = BODY[:size] * (1 + size // 3000), Terms(512, windowsize, None, (("windowsize", str(windowsize)),))
    sender, phone = transfer(body, terms), Receiver(terms)
    assert play(sender, phone) == 0
    assert (bytes(phone.received), phone.got, sender.outcome) == (body, len(body) // 512 + 1, "ok")
    assert (sender.size_bytes, sender.resent) == (len(body), 0)


def test_block_numbers_go_on_at_0_after_65535() -> None:
    terms = Terms(8, 1, None, (("blksize", "8"),))
    body = random.Random(1).randbytes(8 * 65_536 * 2 + 24)
    sender, phone = transfer(body, terms), Receiver(terms)
    play(sender, phone)
    assert bytes(phone.received) == body and phone.got == 2 * 65_536 + 4


def test_a_window_that_spans_the_wrap_arrives_whole() -> None:
    terms = Terms(8, 7, None, (("windowsize", "7"),))
    body = random.Random(2).randbytes(8 * 65_600)
    sender, phone = transfer(body, terms), Receiver(terms)
    play(sender, phone, lose=lambda count: count % 5_000 == 0)
    assert bytes(phone.received) == body


def test_without_accepted_options_data_1_comes_at_once_and_with_them_an_oack() -> None:
    assert numbers(transfer(BODY).begin(T0)) == [1]
    sender = transfer(BODY, WINDOW_4)
    assert sender.begin(T0) == (b"\0\6windowsize\x004\0",)
    assert numbers(sender.receive(ack(0), T0)) == [1, 2, 3, 4]


def test_every_ack_doubled_does_not_double_the_data() -> None:
    sender = transfer(BODY)
    sent = numbers(sender.begin(T0))
    while sender.outcome is Outcome.RUNNING:
        last = sent[-1]
        sent += numbers(sender.receive(ack(last), T0)) + numbers(sender.receive(ack(last), T0))
    assert sent == [1, 2, 3, 4, 5, 6]


def test_the_ack_of_the_oack_doubled_does_not_double_the_first_window() -> None:
    sender = transfer(BODY, WINDOW_4)
    sender.begin(T0)
    assert numbers(sender.receive(ack(0), T0)) == [1, 2, 3, 4]
    assert numbers(sender.receive(ack(0), T0)) == []


@pytest.mark.parametrize("number", [0, 2, 3, 65_535, 30_000])
def test_an_ack_of_a_block_that_is_not_on_the_way_moves_nothing(number: int) -> None:
    sender = transfer(BODY)
    sender.begin(T0)
    assert numbers(sender.receive(ack(number), T0)) == []
    assert not sender.has_ack
    assert numbers(sender.receive(ack(1), T0)) == [2]


@pytest.mark.parametrize(
    "datagram", [b"", b"\0", b"\0\4", b"\0\4\0", b"\0\1a\0octet\0", b"\0\3\0\1x", b"\0\6", b"\xff" * 600, b"\0\5\0"]
)
def test_datagrams_that_make_no_sense_are_left_alone(datagram: bytes) -> None:
    sender = transfer(BODY)
    sender.begin(T0)
    assert sender.receive(datagram, T0) == ()
    assert numbers(sender.receive(ack(1), T0)) == [2]


def test_an_error_of_the_phone_ends_the_transfer_and_is_told() -> None:
    sender = transfer(BODY)
    sender.begin(T0)
    assert sender.receive(b"\0\5\0\3Disk\nfull\0", T0) == ()
    assert (sender.outcome, sender.fact) == ("aborted", "the phone sent error 3: Disk?full")


def test_packets_are_repeated_after_1_3_7_15_and_23_seconds_and_given_up_at_31() -> None:
    sender = transfer(BODY)
    sender.begin(T0)
    moments = []
    while sender.outcome is Outcome.RUNNING:
        now = sender.due_at
        assert sender.elapse(now - 0.001) == ()
        if sender.elapse(now):
            moments.append(now - T0)
    assert moments == [1, 3, 7, 15, 23]
    assert (now - T0, sender.outcome, sender.fact) == (31, "aborted", "no acknowledgement")


def test_the_interval_starts_anew_with_each_block() -> None:
    sender = transfer(BODY)
    sender.begin(T0)
    assert numbers(sender.elapse(T0 + 1)) == [1]
    assert numbers(sender.receive(ack(1), T0 + 2)) == [2]
    assert sender.due_at == T0 + 3
    assert numbers(sender.elapse(T0 + 3)) == [2]


@pytest.mark.parametrize(
    ("timeout_s", "moments"), [(1, [1, 3, 7, 15, 23]), (3, [3, 9, 17, 25, 33]), (255, [255, 510, 765, 1020, 1275])]
)
def test_the_timeout_that_the_phone_asked_for_is_the_first_interval(timeout_s: int, moments: list[float]) -> None:
    sender = transfer(BODY, Terms(512, 1, timeout_s, (("timeout", str(timeout_s)),)))
    oack = sender.begin(T0)
    found = []
    while sender.outcome is Outcome.RUNNING:
        now = sender.due_at
        packets = sender.elapse(now)
        if packets:
            assert packets == oack
            found.append(now - T0)
    assert found == moments


def test_after_a_gap_the_window_goes_on_after_the_last_block_that_arrived() -> None:
    sender = transfer(BODY, WINDOW_4)
    sender.begin(T0)
    assert numbers(sender.receive(ack(0), T0)) == [1, 2, 3, 4]
    assert numbers(sender.receive(ack(2), T0)) == [3, 4, 5, 6]
    assert numbers(sender.receive(ack(2), T0)) == []
    assert sender.receive(ack(6), T0) == ()
    assert sender.outcome == "ok"


def test_a_request_repeated_before_the_first_ack_belongs_to_the_same_transfer() -> None:
    sender = transfer(BODY)
    sender.begin(T0)
    assert sender.is_repeated_by_same_request(T0 + 5)
    assert sender.repeat(T0 + REPEAT_AFTER_S / 2) == ()  # the network's copy
    assert numbers(sender.repeat(T0 + REPEAT_AFTER_S)) == [1]  # the phone asks again
    assert sender.repeat(T0 + REPEAT_AFTER_S) == ()
    sender.receive(ack(1), T0 + 1)
    assert sender.repeat(T0 + 5) == ()


def test_the_same_request_later_is_a_late_copy_while_the_transfer_moves_and_a_new_wish_when_it_does_not() -> None:
    sender = transfer(BODY)
    sender.begin(T0)
    sender.receive(ack(1), T0 + 1)
    assert sender.is_repeated_by_same_request(T0 + 1.1)
    assert not sender.is_repeated_by_same_request(T0 + 1 + DUPLICATE_WITHIN_S)
    for number in range(2, 6):
        sender.receive(ack(number), T0 + 1)  # now the last block is out
    assert not sender.is_repeated_by_same_request(T0 + 1.1)


@given(st.integers(0, 3000), st.sampled_from([1, 2, 3, 8, 64]), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_a_file_arrives_whole_through_loss_and_copies_or_the_transfer_says_that_it_did_not(
    size: int, windowsize: int, dice: random.Random
) -> None:
    terms = Terms(64, windowsize, None, (("windowsize", str(windowsize)),))
    sender, phone = transfer(BODY[:size], terms), Receiver(terms)
    play(sender, phone, lose=lambda _: dice.random() < 0.1, copies=lambda _: 1 + (dice.random() < 0.1))
    if sender.outcome == "ok":
        assert bytes(phone.received) == BODY[:size]
    else:
        assert sender.fact == "no acknowledgement"


@pytest.mark.parametrize("position", range(1, 26))
def test_any_one_lost_packet_costs_one_interval_at_most(position: int) -> None:
    sender, phone = transfer(BODY, WINDOW_4), Receiver(WINDOW_4)
    assert play(sender, phone, lose=lambda count: count == position) <= 1.0
    assert bytes(phone.received) == BODY and sender.outcome == "ok"


@given(
    st.binary(max_size=4000) | st.text(alphabet="a\r\n", max_size=3000).map(str.encode),
    st.sampled_from([8, 9, 512]),
    st.sampled_from([1, 5]),
)
@settings(deadline=None)
def test_netascii_arrives_as_if_it_was_converted_in_one_piece(body: bytes, blksize: int, windowsize: int) -> None:
    terms = Terms(blksize, windowsize, None, (("blksize", str(blksize)),))
    sender, phone = transfer(body, terms, is_netascii=True), Receiver(terms)
    play(sender, phone, lose=lambda count: count % 17 == 0)
    assert bytes(phone.received) == netascii(body)


def test_netascii_ends_lines_with_cr_lf_and_marks_a_bare_cr() -> None:
    assert netascii(b"a\nb\rc\r\n") == b"a\r\nb\r\0c\r\0\r\n"
    big = b"line\n" * 10_000
    sender, phone = transfer(big, is_netascii=True), Receiver(Terms())
    play(sender, phone)
    assert bytes(phone.received) == big.replace(b"\n", b"\r\n")
