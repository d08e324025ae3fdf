"""What the server does on the wire beyond one clean transfer: strangers, repetition, refusals, junk, floods, stopping."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import tftpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tftp_running import PATIENCE_S, Answers, Events, Running, ack, client, fetch, request, running

from provisioner.services.tftp_server import TftpServer
from provisioner.services.tftp_table import allow_descriptors

BODY = random.Random(5).randbytes(1_300)
FILES = {"a.cfg": BODY, "b.cfg": BODY[::-1], "one": b"x", "text": b"a\nb\rc"}


@pytest.fixture
def it() -> Iterator[Running]:
    with running(FILES) as found:
        yield found


def serves_the_next_phone(it: Running, patience_s: float = PATIENCE_S) -> bool:
    with client(timeout_s=patience_s) as phone:
        try:
            return fetch(phone, it.address, "a.cfg") == BODY
        except TimeoutError:
            return False


def test_the_server_is_a_tftpy_server(it: Running) -> None:
    assert isinstance(it.server, tftpy.TftpServer)
    assert it.server.listenport == it.port
    assert it.server.is_running.is_set()


def test_a_stranger_gets_error_5_and_the_transfer_goes_on(it: Running) -> None:
    with client() as phone, client() as stranger:
        phone.sendto(request("a.cfg"), it.address)
        data, session = phone.recvfrom(600)
        for packet in (ack(1), b"\0\3\0\1x", b"", b"\0", b"junk"):
            stranger.sendto(packet, session)
            answer, _ = stranger.recvfrom(600)
            assert answer == b"\0\5\0\5Unknown transfer ID\0"
        stranger.sendto(b"\0\5\0\0go away\0", session)  # an error is never answered, and does not end what it does not own
        received = data[4:]
        for number in (1, 2, 3):
            phone.sendto(ack(number), session)
            if number < 3:
                data, _ = phone.recvfrom(600)
                received += data[4:]
        assert received == BODY
        assert it.events.next().outcome == "ok"
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.recvfrom(600)


def test_answers_come_from_a_port_of_their_own(it: Running) -> None:
    with client() as phone:
        for name in ("a.cfg", "missing"):
            phone.sendto(request(name), it.address)
            _, sender = phone.recvfrom(600)
            assert sender[0] == "127.0.0.1" and sender[1] != it.port


def test_a_request_sent_twice_opens_one_session(it: Running) -> None:
    with client() as phone:
        phone.sendto(request("a.cfg"), it.address)
        phone.sendto(request("a.cfg"), it.address)
        _, session = phone.recvfrom(600)
        for number in (1, 2, 3):
            phone.sendto(ack(number), session)
            if number < 3:
                assert phone.recvfrom(600)[1] == session
        assert it.events.next().outcome == "ok"
        assert len(it.answers.asked) == 1
        assert it.events.empty()


def test_a_phone_with_one_port_gets_file_after_file_at_once(it: Running) -> None:
    begun = time.monotonic()
    with client() as phone:
        for _ in range(20):
            assert fetch(phone, it.address, "a.cfg") == BODY
            assert fetch(phone, it.address, "a.cfg") == BODY
            assert fetch(phone, it.address, "b.cfg") == BODY[::-1]
    assert time.monotonic() - begun < 10  # one dropped request would cost all of the phone's patience


def test_a_phone_whose_last_ack_was_lost_asks_anew_from_the_same_port(it: Running) -> None:
    with client() as phone:
        phone.sendto(request("a.cfg"), it.address)
        for number in (1, 2):
            _, session = phone.recvfrom(600)
            phone.sendto(ack(number), session)
        phone.recvfrom(600)  # the last block; its ACK is lost
        assert fetch(phone, it.address, "a.cfg") == BODY
        first, second = it.events.next(), it.events.next()
    assert (first.outcome, first.fact) == ("aborted", "the phone asked anew from the same port, newer-firmware")
    assert (second.outcome, second.size_bytes) == ("ok", len(BODY))


def test_a_phone_that_restarts_asks_for_another_file_from_the_same_port(it: Running) -> None:
    with client() as phone:
        phone.sendto(request("a.cfg"), it.address)
        phone.recvfrom(600)
        assert fetch(phone, it.address, "b.cfg") == BODY[::-1]


@pytest.mark.parametrize("name", ["a.cfg", "upload.cfg", "../../etc/passwd", ""])
def test_a_write_request_is_refused_with_error_2_and_written_down(it: Running, name: str) -> None:
    with client() as phone:
        phone.sendto(request(name, opcode=2), it.address)
        answer, _ = phone.recvfrom(600)
    assert answer == b"\0\5\0\2Access violation\0"
    event = it.events.next()
    assert (event.method, event.outcome, event.status, event.name) == ("WRQ", "write-refused", 2, name)
    assert it.answers.asked[0].is_write


def test_a_write_request_is_refused_even_if_the_content_function_fails_on_it(it: Running) -> None:
    with client() as phone:
        phone.sendto(request("explode", opcode=2), it.address)
        assert phone.recvfrom(600)[0][:4] == b"\0\5\0\2"
    assert it.events.next().outcome == "write-refused"


def test_any_exception_of_the_content_function_is_answered_with_error_0_and_survived(it: Running) -> None:
    with client() as phone, pytest.raises(OSError, match="Server error") as caught:
        fetch(phone, it.address, "explode")
    assert caught.value.errno == 0
    event = it.events.next()
    assert (event.outcome, event.fact) == ("aborted", "the answer failed: RuntimeError")
    assert serves_the_next_phone(it)


NAMES = [
    b"../../etc/passwd",
    b"/etc/passwd",
    b"%2e%2e%2fetc%2fpasswd",
    b"..\\..\\boot.ini",
    b"",
    b"a" * 1_900,
    b"\xff\xfe\x80.cfg",
    "größe.cfg".encode(),
    b"a\nb.cfg",
    b"%00",
    b"C:\\a.cfg",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:20]))
def test_a_hostile_file_name_gets_the_same_bare_error_1_as_any_other(it: Running, name: bytes) -> None:
    with client() as phone:
        phone.sendto(request(name), it.address)
        assert phone.recvfrom(600)[0] == b"\0\5\0\1File not found\0"
    event = it.events.next()
    assert event.outcome == "unknown-file"
    assert len(event.name) <= 200
    event.name.encode("utf-8")


def test_a_name_of_10_kb_is_refused_and_survived(it: Running) -> None:
    with client() as phone:
        phone.sendto(request(b"a" * 10_000), it.address)
        assert phone.recvfrom(600)[0][:4] == b"\0\5\0\4"
    event = it.events.next()
    assert (event.outcome, event.status) == ("bad-name", 4)
    assert serves_the_next_phone(it)


@pytest.mark.parametrize("mode", ["mail", "", "octets", "\u00f6ctet"])
def test_an_unknown_mode_is_an_illegal_operation(it: Running, mode: str) -> None:
    with client() as phone, pytest.raises(OSError, match="Illegal TFTP operation"):
        fetch(phone, it.address, "a.cfg", mode)
    assert it.events.next().fact == "the mode is neither octet nor netascii"


@pytest.mark.parametrize("mode", ["netascii", "NetASCII"])
def test_netascii_is_converted_and_its_size_is_that_of_the_wire(it: Running, mode: str) -> None:
    with client() as phone:
        phone.sendto(request("text", mode, tsize=0), it.address)
        assert phone.recvfrom(600)[0] == b"\0\6tsize\x007\0"
        assert fetch(phone, it.address, "text", mode) == b"a\r\nb\r\0c"


KILLERS = {
    "a block size that is no number": [request("a.cfg", blksize="abc")],
    "a name outside ASCII": [request(b"\xff\xe9.cfg")],
    "a mode outside ASCII": [request("a.cfg", "\u00f6")],
    "an option outside ASCII": [b"\0\1a.cfg\0octet\0\xff\xfe\0\xe9\0"],
    "a session that gets a 3-byte ACK": [request("a.cfg")],
    "datagrams of 0, 1, 2 and 3 bytes": [b"", b"\0", b"\0\1", b"\0\1a"],
    "opcodes that do not exist": [b"\0\0\0\0", b"\0\7\0\0", b"\xff\xff\xff\xff"],
    "answers sent as questions": [b"\0\3\0\1x", ack(1), b"\0\5\0\0\0", b"\0\6a\0b\0"],
    "block sizes out of range": [request("a.cfg", blksize=size) for size in (0, -1, 7, 65_465, 2**64)],
    "windows out of range": [request("a.cfg", windowsize=size) for size in (0, -1, 65_536, 10**30)],
}


@pytest.mark.parametrize("packets", KILLERS.values(), ids=KILLERS.keys())
def test_the_next_phone_is_served_after(it: Running, packets: list[bytes]) -> None:
    with client() as phone:
        for packet in packets:
            phone.sendto(packet, it.address)
        if packets[0] == request("a.cfg"):
            _, session = phone.recvfrom(600)
            for size in range(4):
                phone.sendto(ack(1)[:size], session)
        assert serves_the_next_phone(it)


def test_a_round_that_fails_does_not_end_the_server(it: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([RuntimeError("a bug of ours")] * 3)
    ring = it.server._ring

    def fail_three_times(now: float) -> None:
        for error in failures:
            raise error
        ring(now)

    monkeypatch.setattr(it.server, "_ring", fail_three_times)
    for _ in range(4):
        assert serves_the_next_phone(it)
    assert next(failures, None) is None


def test_a_window_leaves_in_one_go_and_waits_for_one_ack(it: Running) -> None:
    with client() as phone:
        phone.sendto(request("a.cfg", blksize=100, windowsize=8), it.address)
        oack, session = phone.recvfrom(600)
        assert oack == b"\0\6blksize\x00100\0windowsize\x008\0"
        received = b""
        for start, count in ((0, 8), (8, 6)):
            phone.sendto(ack(start), session)
            for number in range(start + 1, start + count + 1):
                data, _ = phone.recvfrom(600)
                assert data[:4] == b"\0\3" + number.to_bytes(2, "big")
                received += data[4:]
        phone.sendto(ack(14), session)
        assert received == BODY
        assert it.events.next().outcome == "ok"


def test_content_held_as_a_view_of_memory_is_served(it: Running) -> None:
    it.answers.files["view"] = type(it.answers.files["a.cfg"])("view", "mac", "", 1_300, body=memoryview(BODY))
    with client() as phone:
        assert fetch(phone, it.address, "view", blksize=600) == BODY
        assert fetch(phone, it.address, "view", "netascii") == BODY.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")


@pytest.fixture
def _many_descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    allow_descriptors()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def send_and_vanish(it: Running, count: int) -> None:
    """Open that many half-open sessions; only the server holds descriptors for them.

    They come from an address of this process's own: what the server still sends there must not meet a phone on a reused port.
    """
    pid = os.getpid()
    for _ in range(count):
        with client(f"127.{pid >> 16 & 127 | 128}.{pid >> 8 & 255}.{pid & 255 or 1}") as silent:
            silent.sendto(request("a.cfg"), it.address)


@pytest.mark.usefixtures("_many_descriptors")
def test_1100_half_open_sessions_do_no_harm_to_the_next_phone() -> None:
    with running(FILES) as it:
        send_and_vanish(it, 1_100)
        begun = time.monotonic()
        assert serves_the_next_phone(it)
        assert time.monotonic() - begun < 5  # milliseconds on an idle machine; the sessions before it stay for 31 s
        assert it.server.table.half_open > 1_000


def test_phones_that_ask_all_at_once_wait_for_each_other_rather_than_push_each_other_out() -> None:
    with running(FILES, max_half_open=5, grace_s=PATIENCE_S) as it, contextlib.ExitStack() as stack:
        phones = [stack.enter_context(client()) for _ in range(40)]
        for phone in phones:
            phone.sendto(request("one"), it.address)
        for phone in phones:
            data, session = phone.recvfrom(600)
            assert data == b"\0\3\0\1x"
            phone.sendto(ack(1), session)
        assert {it.events.next().outcome for _ in phones} == {"ok"}


def test_10000_half_open_sessions_stay_bounded_and_do_not_touch_a_transfer_that_works() -> None:
    with running(FILES, max_half_open=200, max_running=50, grace_s=0.0) as it, client() as phone:
        phone.sendto(request("a.cfg"), it.address)
        _, session = phone.recvfrom(600)
        phone.sendto(ack(1), session)
        phone.recvfrom(600)
        send_and_vanish(it, 10_000)
        assert any(serves_the_next_phone(it, patience_s=1.0) for _ in range(10))  # the flood may fill the kernel's buffer
        assert it.server.table.half_open <= 200
        assert len(it.server.table.channels) <= 250
        phone.sendto(ack(2), session)
        while int.from_bytes((data := phone.recvfrom(600)[0])[2:4], "big") != 3:  # block 2 may have been repeated meanwhile
            pass
        assert data[4:] == BODY[1024:]
        phone.sendto(ack(3), session)
        while (event := it.events.next()).outcome != "ok" or event.size_bytes != len(BODY):
            pass


def test_a_transfer_that_gets_no_ack_is_given_up_and_told_as_aborted() -> None:
    with running(FILES, first_interval_s=0.02, retransmissions=2) as it, client() as phone:
        phone.sendto(request("a.cfg"), it.address)
        event = it.events.next()
        assert (event.outcome, event.status, event.size_bytes, event.file) == ("aborted", 0, 0, "a.cfg")
        assert event.fact == "no acknowledgement, newer-firmware"
        assert event.duration_s >= 0.1
        assert [phone.recvfrom(600)[0][:4] for _ in range(3)] == [b"\0\3\0\1"] * 3
        assert not it.server.table.channels


def test_an_error_of_the_phone_is_told_as_aborted(it: Running) -> None:
    with client() as phone:
        phone.sendto(request("a.cfg", tsize=0), it.address)
        _, session = phone.recvfrom(600)
        phone.sendto(b"\0\5\0\3no room\0", session)
        event = it.events.next()
    assert (event.outcome, event.fact) == ("aborted", "the phone sent error 3: no room, newer-firmware")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_ip_versions_are_served_by_one_server(host: str) -> None:
    with running(FILES, hosts=("127.0.0.1", "::1")) as it, client(host) as phone:
        address = it.addresses[0 if host == "127.0.0.1" else 1]
        assert fetch(phone, address, "a.cfg", blksize=700) == BODY
        assert it.events.next().peer == host
        assert it.answers.asked[0].peer == host


def test_a_socket_for_all_addresses_answers_from_the_one_that_was_asked() -> None:
    with running(FILES, hosts=("0.0.0.0",)) as it, client("127.0.0.1") as phone:
        for asked in ("127.0.0.1", "127.0.0.7"):
            for name in ("a.cfg", "missing"):
                phone.sendto(request(name), (asked, it.port))
                assert phone.recvfrom(600)[1][0] == asked


def test_a_request_sent_to_a_broadcast_address_is_silently_ignored() -> None:
    with running(FILES, hosts=("0.0.0.0",)) as it, client(timeout_s=0.2) as phone:
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        phone.sendto(request("a.cfg"), ("127.255.255.255", it.port))
        with pytest.raises(TimeoutError):
            phone.recvfrom(600)
        assert it.server.inbox.noise == 1
        assert serves_the_next_phone(it)


def test_an_ipv4_phone_on_an_ipv6_socket_is_named_by_its_ipv4_address() -> None:
    own = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    own.bind(("::", 0))
    answers, events = Answers(FILES), Events()
    server = TftpServer([own], answers, events)
    thread = threading.Thread(target=server.listen, daemon=True)
    thread.start()
    assert server.is_running.wait(PATIENCE_S)
    try:
        with client("127.0.0.1") as phone:
            assert fetch(phone, ("127.0.0.1", server.listenport), "a.cfg") == BODY
        with client("::1") as phone:
            assert fetch(phone, ("::1", server.listenport), "a.cfg") == BODY
    finally:
        server.stop(now=True)
        thread.join(PATIENCE_S)
    assert [events.next().peer, events.next().peer] == ["127.0.0.1", "::1"]
    assert [asked.peer for asked in answers.asked] == ["127.0.0.1", "::1"]


def test_stopping_lets_running_transfers_end_and_takes_no_new_ones(it: Running) -> None:
    with client() as phone, client(timeout_s=0.2) as late:
        phone.sendto(request("a.cfg"), it.address)
        _, session = phone.recvfrom(600)
        it.server.stop()
        late.sendto(request("a.cfg"), it.address)
        with pytest.raises(TimeoutError):
            late.recvfrom(600)
        for number in (1, 2, 3):
            phone.sendto(ack(number), session)
        assert it.events.next().outcome == "ok"


def test_stopping_at_once_tells_the_phones_and_the_journal() -> None:
    with running(FILES) as it, client() as phone:
        phone.sendto(request("a.cfg"), it.address)
        phone.recvfrom(600)
        it.server.stop(now=True)
        assert phone.recvfrom(600)[0][:4] == b"\0\5\0\0"
        event = it.events.next()
        assert (event.outcome, event.fact) == ("aborted", "the server stopped, newer-firmware")


def test_a_server_stopped_before_it_listens_returns_at_once_and_closes_its_sockets() -> None:
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.bind(("127.0.0.1", 0))
    server = TftpServer([own], Answers({}), Events())
    server.stop(now=True)
    server.listen()
    assert own.fileno() == -1
    server.stop(now=True)


def test_without_sockets_listen_binds_one_as_tftpy_does() -> None:
    server = TftpServer([], Answers(FILES), Events())
    thread = threading.Thread(target=server.listen, args=("127.0.0.1", 0), daemon=True)
    thread.start()
    assert server.is_running.wait(PATIENCE_S)
    with client() as phone:
        assert fetch(phone, ("127.0.0.1", server.listenport), "one") == b"x"
    server.stop(now=True)
    thread.join(PATIENCE_S)


def test_a_sink_that_breaks_its_promise_costs_no_phone_its_file(it: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(it.events, "record", refuse)
    assert serves_the_next_phone(it)
    assert serves_the_next_phone(it)


def test_no_random_datagram_ends_the_server() -> None:
    with running(FILES) as it, client() as phone, client() as session_phone:
        session_phone.sendto(request("a.cfg"), it.address)
        _, session = session_phone.recvfrom(600)

        @given(st.binary(max_size=80), st.sampled_from([b"", b"\0\1", b"\0\2", b"\0\3", b"\0\4", b"\0\6", b"\0\1a.cfg\0octet\0"]))
        @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
        def attack(datagram: bytes, start: bytes) -> None:
            phone.sendto(start + datagram, it.address)
            phone.sendto(start + datagram, session)
            session_phone.sendto(start + datagram, session)

        attack()
        assert serves_the_next_phone(it)
