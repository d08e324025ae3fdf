"""A relay of MSRP, connection by connection, without sockets: who belongs to it, what passes, what is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msrp_lab import A_PATH, B_PATH, ListLink, Pair, a_send, an_ok, terms

from sipstub.media.msrp_end import BIND_S, MAX_WAITING, OPEN_S, PARTNER_S, RETRY_S
from sipstub.media.msrp_flow import ALLOWANCE, HIGH_WATER, MAX_HELD, PERIOD_S
from sipstub.media.msrp_frame import MAX_HEAD_BYTES, End, FrameProblem, FrameReader, Head, Piece
from sipstub.media.msrp_path import MAX_HOPS, MsrpUri, read_path

TRICKY = "a line\r\n-------tr\r\n-------trick\r\n-------trick1\r\n-------trick$ no end\r\n"


# Frames


@given(st.lists(st.integers(1, 400), max_size=12), st.sampled_from(["", "hello", TRICKY, "\r\n", "\r\n-------trick"]))
def test_frames_are_the_same_however_they_are_cut(cuts: list[int], body: str) -> None:
    whole = (
        a_send("trick", A_PATH, B_PATH, body) + an_ok("trick", A_PATH, B_PATH) + a_send("next1", A_PATH, B_PATH, body, flag="+")
    )
    reader, found, rest = FrameReader(), b"", whole
    heads = []
    for cut in [*cuts, len(whole)]:
        reader.feed(rest[:cut])
        rest = rest[cut:]
        while (item := reader.next()) is not None:
            if isinstance(item, Head):
                heads.append(item.method or item.status)
                found += item.worded(" ".join(map(str, item.to)), " ".join(map(str, item.source)))
            else:
                found += item.data
    assert found == whole
    assert heads == ["SEND", 200, "SEND"] and not len(reader)


def test_the_body_of_a_frame_is_passed_on_before_it_ends() -> None:
    reader = FrameReader()
    reader.feed(a_send("long1", A_PATH, B_PATH, "x" * 100_000)[:60_000])
    assert isinstance(reader.next(), Head)
    piece = reader.next()
    assert isinstance(piece, Piece) and len(piece.data) > 59_000
    assert reader.next() is None and len(reader) < 40


def test_an_empty_body_may_do_without_its_own_line_break() -> None:
    reader = FrameReader()
    reader.feed(
        f"MSRP abcd SEND\r\nTo-Path: {A_PATH}\r\nFrom-Path: {B_PATH}\r\nContent-Type: a/b\r\n\r\n-------abcd$\r\n".encode()
    )
    items = [reader.next(), reader.next(), reader.next()]
    assert isinstance(items[0], Head) and isinstance(items[1], Piece) and isinstance(items[2], End), items


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00" + bytes(MAX_HEAD_BYTES),
        b"MSRP a SEND\r\n\r\n",
        b"MSRP abcd SEND\r\n\r\n",
        b"MSRP abcd 2000 OK\r\nTo-Path: x\r\nFrom-Path: y\r\n-------abcd$\r\n",
        f"MSRP abcd SEND\r\nFrom-Path: {A_PATH}\r\nTo-Path: {B_PATH}\r\n-------abcd$\r\n".encode(),
        f"MSRP abcd SEND\r\nTo-Path: {A_PATH}\r\nFrom-Path: nowhere\r\n-------abcd$\r\n".encode(),
        f"MSRP abcd SEND\r\nTo-Path: {' '.join([A_PATH] * (MAX_HOPS + 1))}\r\nFrom-Path: {A_PATH}\r\n-------abcd$\r\n".encode(),
        b"MSRP abcd SEND\r\nTo-Path: " + b"x" * MAX_HEAD_BYTES,
        b"x" * MAX_HEAD_BYTES,
    ],
)
def test_what_is_no_frame_is_told_before_it_is_long(data: bytes) -> None:
    reader = FrameReader()
    reader.feed(data)
    with pytest.raises(FrameProblem):
        reader.next()


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_end_in_a_problem_or_wait(one: bytes, other: bytes) -> None:
    reader = FrameReader()
    for data in (one, b"MSRP abcd SEND\r\n" + other):
        reader.feed(data)
        try:
            while reader.next() is not None:
                pass
        except FrameProblem:
            reader = FrameReader()


@pytest.mark.parametrize(
    ("text", "host", "port", "session"),
    [
        ("msrp://192.0.2.1:7394/2s93i93idj;tcp", "192.0.2.1", 7394, "2s93i93idj"),
        ("msrp://[2001:db8::1]:9/a;tcp", "2001:db8::1", 9, "a"),
        ("MSRP://alice@phone.example/x~1;tcp;y=2", "phone.example", 2855, "x~1"),
    ],
)
def test_a_uri_is_read(text: str, host: str, port: int, session: str) -> None:
    uri = MsrpUri.parse(text)
    assert uri is not None and (uri.host, uri.port, uri.session, str(uri)) == (host, port, session, text)


@pytest.mark.parametrize(
    "text", ["", "msrp://h/s", "sip:a@b", "msrp://h:70000/s;tcp", "msrp://h:0/s;tcp", "msrp:///s;tcp", "x" * 2000]
)
def test_what_is_no_path_leads_nowhere(text: str) -> None:
    assert read_path(text) == ()


# What passes


def test_frames_pass_both_ways_with_the_paths_of_the_side_that_gets_them() -> None:
    pair = Pair()
    at_a, at_b = pair.up()
    pair.b.received_from(at_b, an_ok("first", pair.b.uri, B_PATH) + a_send("backw", pair.b.uri, B_PATH, "and you"), 0.0)
    assert at_a.take() == an_ok("first", A_PATH, pair.a.uri) + a_send("backw", A_PATH, pair.a.uri, "and you")
    pair.a.received_from(at_a, a_send("rep01", pair.a.uri, A_PATH).replace(b"SEND", b"REPORT"), 0.0)
    assert at_b.take() == a_send("rep01", B_PATH, pair.b.uri).replace(b"SEND", b"REPORT")
    assert (pair.a.received, pair.b.sent, pair.b.received, pair.a.sent) == (2, 2, 2, 2)
    assert (pair.a.connections, pair.b.connections, pair.a.foreign, pair.a.strange) == (1, 1, 0, 0)
    assert pair.a.octets > 0
    pair.close()


def test_what_comes_before_the_other_side_is_there_waits_and_is_read_no_further() -> None:
    pair = Pair()
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    assert at_a.is_paused
    at_b = pair.opened()
    assert at_b.take() == a_send("first", B_PATH, pair.b.uri)
    assert not at_a.is_paused
    pair.close()


def test_a_side_that_connects_before_its_answer_is_known_is_taken_when_it_is() -> None:
    pair = Pair()
    pair.b.name(None)
    early = pair.accepted(pair.b, a_send("early", pair.b.uri, B_PATH))
    assert early.is_paused and not early.is_gone
    pair.b.name(terms(B_PATH, connects=False))
    pair.tick(0.2)
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    assert at_a.sent == a_send("early", A_PATH, pair.a.uri) and early.sent == a_send("first", B_PATH, pair.b.uri)
    pair.close()


def test_both_sides_may_connect_and_we_may_connect_to_both() -> None:
    pair = Pair(a_connects=True, b_connects=True)
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    at_b = pair.accepted(pair.b, a_send("secnd", pair.b.uri, B_PATH))
    assert at_b.sent == a_send("first", B_PATH, pair.b.uri) and at_a.sent == a_send("secnd", A_PATH, pair.a.uri)
    assert not pair.at_a.opened and not pair.at_b.opened
    pair.close()
    pair = Pair(a_connects=False, b_connects=False)
    assert [address for address, _ in (*pair.at_a.opened, *pair.at_b.opened)] == [("10.0.1.1", 7001), ("10.0.2.1", 7002)]
    pair.close()


def test_relays_before_a_side_stay_in_the_path() -> None:
    pair = Pair()
    path = f"msrp://10.0.9.9:2855/relay;tcp {B_PATH}"
    pair.b.name(terms(path, connects=True))
    pair.b.begin()
    pair.tick(RETRY_S)
    assert pair.at_b.opened[-1][0] == ("10.0.9.9", 2855)
    link = pair.at_b.opened[-1][1]
    pair.b.connected(link, 2.0)
    hello = link.take()
    assert f"To-Path: {path}\r\n".encode() in hello
    pair.b.received_from(link, an_ok(hello.split(b" ")[1].decode(), pair.b.uri, path.split(" ")[0]), 2.0)
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    assert link.take() == a_send("first", path, pair.b.uri)
    pair.b.received_from(link, a_send("backw", pair.b.uri, path.replace(" ", " msrp://10.0.9.8:2855/further;tcp ")), 2.0)
    assert at_a.take() == a_send("backw", A_PATH, pair.a.uri)
    pair.a.received_from(at_a, an_ok("backw", pair.a.uri, A_PATH), 2.0)
    assert link.take() == an_ok("backw", "msrp://10.0.9.9:2855/relay;tcp", pair.b.uri), "an answer goes to the next one alone"
    pair.close()


# Who does not belong to it


@pytest.mark.parametrize("session", ["session-for-b", "guess", "SESSION-FOR-A"])
def test_a_stranger_with_the_wrong_session_hears_481_and_is_closed(session: str) -> None:
    pair = Pair()
    wrong = f"msrp://10.0.0.1:6000/{session};tcp"
    link = pair.accepted(pair.a, a_send("guess", wrong, A_PATH))
    assert link.sent == an_ok("guess", A_PATH, wrong, "481 No such session") and link.is_closed
    assert (pair.a.foreign, pair.a.connections, pair.a.links) == (1, 0, 0)
    pair.close()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        a_send("guess", "msrp://10.0.0.1:6000/guess;tcp", A_PATH, more="Failure-Report: no\r\n"),
        an_ok("guess", "msrp://10.0.0.1:6000/session-for-a;tcp", A_PATH),
        b"MSRP abcd SEND\r\nTo-Path: " + b"x" * MAX_HEAD_BYTES,
    ],
)
def test_a_stranger_who_asks_for_no_answer_or_speaks_something_else_hears_nothing(data: bytes) -> None:
    pair = Pair()
    link = pair.accepted(pair.a, data)
    assert link.sent == b"" and link.is_aborted
    assert pair.a.foreign == 1
    pair.close()


def test_who_knows_our_session_but_is_not_the_one_that_the_description_names_is_a_stranger() -> None:
    pair = Pair()
    link = pair.accepted(pair.a, a_send("guess", pair.a.uri, "msrp://10.0.1.1:7001/another;tcp"))
    assert b" 481 " in link.sent and link.is_closed
    pair.close()


def test_a_second_connection_of_the_session_hears_506_and_the_first_one_goes_on() -> None:
    pair = Pair()
    at_a, at_b = pair.up()
    second = pair.accepted(pair.a, a_send("again", pair.a.uri, A_PATH))
    assert second.sent == an_ok("again", A_PATH, pair.a.uri, "506 Session already bound") and second.is_closed
    pair.a.received_from(at_a, a_send("still", pair.a.uri, A_PATH), 0.0)
    assert at_b.take() == a_send("still", B_PATH, pair.b.uri)
    pair.close()


def test_many_who_say_nothing_take_no_place_from_who_belongs() -> None:
    pair = Pair()
    pair.opened()
    silent = [pair.accepted(pair.a) for _ in range(10 * MAX_WAITING)]
    assert sum(not link.is_gone for link in silent) == MAX_WAITING
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    assert not at_a.is_gone and pair.a.connections == 1
    pair.tick(BIND_S)
    assert all(link.is_aborted for link in silent)
    assert pair.a.foreign == 10 * MAX_WAITING and pair.a.links == 1
    pair.close()


def test_half_a_head_is_waited_for_no_longer_than_a_silent_one() -> None:
    pair = Pair()
    link = pair.accepted(pair.a, b"MSRP abcd SE")
    pair.tick(BIND_S - 0.1)
    assert not link.is_gone
    pair.tick(BIND_S)
    assert link.is_aborted
    pair.close()


def test_frames_for_another_session_do_not_pass_on_a_connection_that_belongs() -> None:
    pair = Pair()
    at_a, at_b = pair.up()
    wrong = "msrp://10.0.0.1:6000/other;tcp"
    pair.a.received_from(at_a, a_send("wrong", wrong, A_PATH) + a_send("right", pair.a.uri, A_PATH), 0.0)
    assert at_a.take() == an_ok("wrong", A_PATH, wrong, "481 No such session")
    assert at_b.take() == a_send("right", B_PATH, pair.b.uri) and pair.a.strange == 1
    pair.close()


def test_an_answer_of_ours_does_not_go_into_the_middle_of_a_frame() -> None:
    pair = Pair()
    at_a, at_b = pair.up()
    whole = a_send("longb", pair.b.uri, B_PATH, "0123456789" * 20)
    pair.b.received_from(at_b, whole[:-60], 0.0)
    begun = at_a.take()
    wrong = "msrp://10.0.0.1:6000/other;tcp"
    pair.a.received_from(at_a, b"".join(a_send(f"wrong{n}", wrong, A_PATH) for n in range(3 * MAX_HELD)), 0.0)
    assert at_a.sent == b""
    pair.b.received_from(at_b, whole[-60:], 0.0)
    found = begun + at_a.take()
    frame = a_send("longb", A_PATH, pair.a.uri, "0123456789" * 20)
    assert found.startswith(frame) and found[len(frame) :].count(b" 481 ") == MAX_HELD
    pair.close()


# What is bounded


def test_a_slow_reader_stops_who_writes_and_nobody_else() -> None:
    pair = Pair()
    at_a, at_b = pair.up()
    at_b.waiting = HIGH_WATER
    pair.a.received_from(at_a, a_send("slow1", pair.a.uri, A_PATH), 0.0)
    assert at_a.is_paused and at_b.sent == b""
    pair.b.received_from(at_b, a_send("other", pair.b.uri, B_PATH), 0.0)
    assert at_a.take() == a_send("other", A_PATH, pair.a.uri)
    at_b.waiting = 0
    pair.b.drained(at_b, 1.0)
    assert at_b.take() == a_send("slow1", B_PATH, pair.b.uri) and not at_a.is_paused
    pair.close()


def test_who_sends_nonsense_and_reads_no_answer_is_not_answered() -> None:
    pair = Pair()
    at_a, _ = pair.up()
    at_a.waiting = HIGH_WATER
    for number in range(100):
        pair.a.received_from(at_a, a_send(f"wrong{number}", "msrp://10.0.0.1:6000/other;tcp", A_PATH), number * PERIOD_S)
    assert at_a.sent == b"" and pair.a.strange == 100
    pair.close()


def test_a_frame_without_end_takes_no_room() -> None:
    pair = Pair()
    at_a, at_b = pair.up()
    head = a_send("endless", pair.a.uri, A_PATH, "").partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    pair.a.received_from(at_a, head, 0.0)
    for number in range(1000):
        pair.a.received_from(at_a, b"x" * 4096, number * PERIOD_S)
        assert len(at_b.take()) <= 8192
    flow = pair.a._bound
    assert flow is not None and len(flow.reader) < 40 and pair.a.octets > 4_000_000
    pair.close()


# Connections that end


def test_many_small_frames_pass_no_faster_than_allowed_and_all_of_them_in_the_end() -> None:
    pair = Pair()
    at_a, at_b = pair.up()
    count, now = 2 * ALLOWANCE, 10.0
    pair.a.received_from(at_a, a_send("small", pair.a.uri, A_PATH) * count, now)
    assert at_a.is_paused and 0 < at_b.sent.count(b" SEND") <= ALLOWANCE // 2
    pair.tick(now + PERIOD_S / 2)
    assert at_b.sent.count(b" SEND") <= ALLOWANCE // 2
    pair.b.received_from(at_b, a_send("other", pair.b.uri, B_PATH), now)
    assert at_a.sent == a_send("other", A_PATH, pair.a.uri), "the other way is free"
    while (before := at_b.sent.count(b" SEND")) < count:
        now += PERIOD_S
        pair.tick(now)
        assert before < at_b.sent.count(b" SEND") <= before + ALLOWANCE // 2
    pair.tick(now + PERIOD_S)
    assert not at_a.is_paused
    assert at_b.sent == a_send("small", B_PATH, pair.b.uri) * count
    pair.close()


def test_when_one_side_is_gone_the_other_is_closed_behind_what_it_was_sent() -> None:
    pair = Pair()
    at_a, at_b = pair.up()
    pair.a.received_from(at_a, a_send("lastw", pair.a.uri, A_PATH), 0.0)
    pair.a.ended(at_a, 0.0)
    assert at_b.take() == a_send("lastw", B_PATH, pair.b.uri) and at_b.is_closed
    assert not pair.a.links and not pair.b.links
    again = pair.accepted(pair.a, a_send("again", pair.a.uri, A_PATH), now=5.0)
    assert len(pair.at_b.opened) == 2, "who connects anew is connected anew"
    assert pair.opened(5.0).take() == a_send("again", B_PATH, pair.b.uri) and not again.is_gone
    pair.close()


def test_what_a_slow_reader_has_not_taken_comes_through_although_its_sender_is_gone() -> None:
    pair = Pair()
    at_a, at_b = pair.up()
    at_b.waiting = HIGH_WATER
    pair.a.received_from(at_a, a_send("lastw", pair.a.uri, A_PATH), 0.0)
    pair.a.ended(at_a, 0.0)
    assert not at_b.is_gone
    at_b.waiting = 0
    pair.b.drained(at_b, 0.0)
    assert at_b.sent == a_send("lastw", B_PATH, pair.b.uri) and at_b.is_closed
    pair.close()


def test_half_a_frame_of_who_is_gone_is_given_up_and_not_mixed_with_the_next() -> None:
    pair = Pair()
    at_a, at_b = pair.up()
    pair.a.received_from(at_a, a_send("half1", pair.a.uri, A_PATH, "x" * 500)[:-200], 0.0)
    pair.a.ended(at_a, 0.0)
    assert at_b.sent.endswith(b"\r\n-------half1#\r\n")
    pair.close()


def test_a_side_that_is_tied_to_another_finishes_its_frame_to_nobody() -> None:
    pair, other = Pair(), Pair()
    at_a, at_b = pair.up()
    whole = a_send("half1", pair.b.uri, B_PATH, "x" * 500)
    pair.b.received_from(at_b, whole[:-200], 0.0)
    pair.b.tie(other.a)
    assert at_a.sent.endswith(b"\r\n-------half1#\r\n")
    there = other.accepted(other.a, a_send("first", other.a.uri, A_PATH))
    assert at_b.take() == a_send("first", B_PATH, pair.b.uri)
    pair.b.received_from(at_b, whole[-200:] + a_send("nextb", pair.b.uri, B_PATH), 0.0)
    assert there.take() == a_send("nextb", A_PATH, other.a.uri)
    pair.close()
    other.close()


def test_a_side_that_cannot_be_reached_is_tried_again_only_when_somebody_wants_it() -> None:
    pair = Pair()
    first = pair.at_b.opened[0][1]
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    pair.b.ended(first, 0.1)
    assert at_a.is_closed and first.is_aborted and pair.b.failed == 1, "who waits for it does not wait for nothing"
    pair.tick(10 * RETRY_S)
    assert len(pair.at_b.opened) == 1
    pair.accepted(pair.a, a_send("again", pair.a.uri, A_PATH), now=20.0)
    assert len(pair.at_b.opened) == 2
    pair.at_b.is_reachable = False
    pair.close()


def test_a_side_that_connects_again_and_again_does_not_have_us_connect_more_than_once_a_second() -> None:
    pair = Pair()
    for number in range(20):
        at_a = pair.accepted(pair.a, a_send(f"again{number}", pair.a.uri, A_PATH), now=number / 10)
        pair.a.ended(at_a, number / 10)
        pair.tick(number / 10)
        for _, link in pair.at_b.opened[-1:]:
            if not link.is_gone:
                pair.b.ended(link, number / 10)
    assert len(pair.at_b.opened) <= 1 + 2 / RETRY_S
    pair.close()


def test_nobody_waits_for_ever() -> None:
    pair = Pair()
    slow = pair.at_b.opened[0][1]
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    pair.tick(OPEN_S)
    assert slow.is_aborted and at_a.is_closed
    pair.close()
    pair = Pair(b_connects=True)
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    pair.tick(1.0)
    pair.tick(1.0 + PARTNER_S)
    assert at_a.is_closed
    pair.close()


def test_a_refusal_of_our_first_request_ends_the_connection() -> None:
    pair = Pair()
    link = pair.at_b.opened[0][1]
    pair.b.connected(link, 0.0)
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    transaction = link.take().split(b" ")[1].decode()
    pair.b.received_from(link, an_ok(transaction, pair.b.uri, B_PATH, "481 No session"), 0.0)
    assert link.is_gone and at_a.is_closed and pair.b.failed == 1
    pair.close()


@pytest.mark.parametrize("said", [b"", b"+OK ready\r\n", b"220 smtp.example\r\n" * 300, an_ok("other", A_PATH, B_PATH)])
def test_who_does_not_answer_as_msrp_gets_nothing_that_the_other_side_sends(said: bytes) -> None:
    """A description may name any address, and who sends it may want to speak to it with our voice."""
    pair = Pair()
    link = pair.at_b.opened[0][1]
    pair.b.connected(link, 0.0)
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH, "EHLO or whatever"))
    pair.b.received_from(link, said, 0.0)
    pair.tick(OPEN_S)
    assert b"EHLO" not in link.sent and link.is_aborted and at_a.is_closed
    assert (pair.b.failed, pair.b.connections) == (1, 0)
    pair.close()


def test_who_speaks_before_it_answers_is_heard_if_it_knows_the_session() -> None:
    pair = Pair()
    link = pair.at_b.opened[0][1]
    pair.b.connected(link, 0.0)
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    transaction = link.sent.split(b" ")[1].decode()
    early = a_send("early", pair.b.uri, B_PATH)
    pair.b.received_from(link, early + an_ok(transaction, pair.b.uri, B_PATH) + early, 0.0)
    assert at_a.sent == a_send("early", A_PATH, pair.a.uri) * 2
    assert link.sent.endswith(a_send("first", B_PATH, pair.b.uri))
    pair.close()


def test_who_connects_while_ours_waits_for_its_answer_is_taken_instead_of_it_and_ours_is_given_back() -> None:
    pair = Pair()
    ours = pair.at_b.opened[0][1]
    pair.b.connected(ours, 0.0)
    transaction = ours.sent.split(b" ")[1].decode()
    theirs = pair.accepted(pair.b, a_send("early", pair.b.uri, B_PATH))
    assert ours.is_aborted
    pair.b.received_from(ours, an_ok(transaction, pair.b.uri, B_PATH), 0.0)
    at_a = pair.accepted(pair.a, a_send("first", pair.a.uri, A_PATH))
    assert theirs.sent == a_send("first", B_PATH, pair.b.uri) and at_a.sent == a_send("early", A_PATH, pair.a.uri)
    pair.tick(OPEN_S)
    assert not theirs.is_gone and not at_a.is_gone
    pair.close()
    assert theirs.is_gone


def test_a_line_that_is_refused_or_gets_another_path_loses_its_connections() -> None:
    for new in (None, terms(A_PATH.replace("asession", "another"), connects=False)):
        pair = Pair()
        at_a, at_b = pair.up()
        pair.a.name(terms(A_PATH, connects=False))
        assert not at_a.is_gone, "the same path changes nothing"
        pair.a.name(new)
        assert at_a.is_closed and at_b.is_closed
        pair.close()


def test_a_closed_end_takes_no_connection() -> None:
    pair = Pair()
    pair.close()
    link = ListLink()
    pair.a.accepted(link, 0.0)
    assert link.is_aborted


TOKENS = st.sampled_from(
    [
        a_send("abcd1", "msrp://10.0.0.1:6000/session-for-a;tcp", A_PATH),
        a_send("abcd2", "msrp://10.0.0.1:6000/session-for-a;tcp", A_PATH)[:90],
        a_send("abcd3", "msrp://10.0.0.1:6000/other;tcp", A_PATH),
        an_ok("abcd4", "msrp://10.0.0.1:6002/session-for-b;tcp", B_PATH),
        a_send("abcd5", "msrp://10.0.0.1:6002/session-for-b;tcp", B_PATH),
        an_ok("session-for-1", "msrp://10.0.0.1:6002/session-for-b;tcp", B_PATH),
        b"\r\n-------abcd2#\r\n",
        b"junk\r\n",
    ]
)


@given(st.lists(st.tuples(st.integers(0, 5), TOKENS, st.booleans()), max_size=30))
def test_any_course_of_events_leaves_nothing(course: list[tuple[int, bytes, bool]]) -> None:
    pair = Pair()
    links = {pair.a: [ListLink()], pair.b: [ListLink()]}
    known: list[ListLink] = []
    for at, (kind, data, is_b) in enumerate(course):
        end = pair.b if is_b else pair.a
        link = links[end][-1 - at % min(2, len(links[end]))]
        if kind == 0:
            links[end].append(ListLink())
            known.append(links[end][-1])
            end.accepted(links[end][-1], at * 1.0)
        elif kind == 1:
            end.ended(link, at * 1.0)
        elif kind == 2 and pair.at_b.opened and pair.at_b.opened[-1][1] not in links[pair.b]:
            links[pair.b].append(pair.at_b.opened[-1][1])
            if not links[pair.b][-1].is_gone:
                pair.b.connected(links[pair.b][-1], at * 1.0)
        elif kind == 3:
            pair.tick(at * 1.0)
        else:
            end.received_from(link, data, at * 1.0)
        assert pair.a.links <= MAX_WAITING + 2 and pair.b.links <= MAX_WAITING + 2
    pair.close()
    assert all(link.is_gone for link in (*known, *(link for _, link in pair.at_b.opened)))
