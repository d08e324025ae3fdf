"""The recorder forgets the oldest first, counts it, and costs next to nothing."""

from __future__ import annotations

import timeit

import pytest
from message_samples import PHONE, STUB, a_registration, a_request

from sipstub.sip.error import SipError
from sipstub.sip.message import Request
from sipstub.trace.record import MAX_LISTENERS, Endpoint, RecordedMessage, Recorder, plain_host


def peer(number: int) -> Endpoint:
    return Endpoint("udp", f"127.1.0.{number}", 5060)


def numbers(messages: list[RecordedMessage]) -> list[int]:
    return [message.number for message in messages]


def test_messages_are_numbered_from_one_and_come_back_in_order() -> None:
    recorder = Recorder()
    first = recorder.record(True, STUB, PHONE, a_request(), 10.0)
    recorder.record(False, STUB, PHONE, b"SIP/2.0 200 OK\r\n\r\n", 10.5)
    assert (first.number, first.at, first.source, first.target) == (1, 10.0, PHONE, STUB)
    second = recorder.messages()[1]
    assert (second.number, second.source, second.target) == (2, STUB, PHONE)
    assert recorder.last_number == len(recorder) == 2


def test_a_message_is_parsed_on_access_and_an_unreadable_one_says_why() -> None:
    recorder = Recorder()
    good = recorder.record(True, STUB, PHONE, a_request(), 0)
    assert isinstance(good.message, Request) and good.message is good.message and good.error is None
    bad = recorder.record(True, STUB, PHONE, b"REGISTER\r\n\r\n", 0)
    assert bad.message is None and bad.error is not None and bad.error.status == 400
    ping = recorder.record(True, STUB, PHONE, b"\r\n\r\n", 0)
    assert ping.is_keep_alive and not good.is_keep_alive


def test_messages_can_be_had_by_peer_by_call_and_from_a_number_on() -> None:
    recorder = Recorder()
    other_port = Endpoint("tcp", PHONE.host, 40_000)
    recorder.record(True, STUB, PHONE, a_request(call_id="a"), 0)
    recorder.record(True, STUB, peer(1), a_request(call_id="b"), 0)
    recorder.record(True, STUB, other_port, a_request(call_id="b").replace(b"Call-ID", b"i"), 0)
    assert numbers(recorder.messages(since=1)) == [2, 3]
    assert numbers(recorder.messages(peer=PHONE.host)) == [1, 3]
    assert numbers(recorder.messages(peer=PHONE)) == [1]
    assert numbers(recorder.messages(call_id="b")) == [2, 3]
    assert numbers(recorder.messages(since=2, peer=PHONE.host, call_id="b")) == [3]
    assert recorder.messages(peer="127.9.9.9") == []


def test_a_phone_that_floods_pushes_out_its_own_past_only() -> None:
    recorder = Recorder(max_phone_messages=3)
    recorder.record(True, STUB, peer(1), b"a", 0)
    for number in range(10):
        recorder.record(True, STUB, peer(2), b"%d" % number, 0)
    assert [message.data for message in recorder.messages()] == [b"a", b"7", b"8", b"9"]
    assert recorder.forgotten.by_phone == recorder.forgotten.total == 7


def test_bytes_of_a_phone_and_of_all_are_bounded() -> None:
    recorder = Recorder(max_phone_bytes=100, max_bytes=250)
    for number in range(6):
        recorder.record(True, STUB, peer(number), bytes(60), 0)
        recorder.record(True, STUB, peer(number), bytes(60), 0)
    assert recorder.size_bytes == 240 == sum(len(message.data) for message in recorder.messages())
    assert numbers(recorder.messages()) == [6, 8, 10, 12]
    assert (recorder.forgotten.by_phone, recorder.forgotten.by_size) == (6, 2)


def test_a_message_larger_than_the_bound_is_not_kept_and_breaks_nothing() -> None:
    recorder = Recorder(max_phone_bytes=100)
    message = recorder.record(True, STUB, PHONE, bytes(500), 0)
    assert message.number == 1 and recorder.messages() == [] and recorder.size_bytes == 0
    recorder.record(True, STUB, PHONE, b"x", 0)
    assert numbers(recorder.messages()) == [2]


def test_old_messages_go_with_time() -> None:
    recorder = Recorder(max_age_s=60)
    recorder.record(True, STUB, PHONE, b"a", 0)
    recorder.record(True, STUB, PHONE, b"b", 50)
    recorder.expire(60.0)
    assert numbers(recorder.messages()) == [1, 2]
    recorder.record(True, STUB, PHONE, b"c", 100)
    assert numbers(recorder.messages()) == [2, 3] and recorder.forgotten.by_age == 1


def test_nothing_is_left_of_phones_that_are_forgotten() -> None:
    recorder = Recorder(max_messages=100, max_age_s=10)
    for number in range(10_000):
        recorder.record(True, STUB, Endpoint("udp", f"10.0.{number >> 8}.{number & 255}", 5060), b"x", 0)
    assert len(recorder) == len(recorder._phones) == 100
    recorder.expire(11)
    assert len(recorder) == len(recorder._phones) == recorder.size_bytes == 0


def test_listeners_hear_every_message_until_they_stop() -> None:
    recorder, heard = Recorder(), []
    stop = recorder.listen(heard.append)
    said = recorder.record(True, STUB, PHONE, b"a", 0)
    stop()
    stop()
    recorder.record(True, STUB, PHONE, b"b", 0)
    assert heard == [said]


def test_a_listener_that_raises_is_dropped_and_the_others_still_hear(caplog: pytest.LogCaptureFixture) -> None:
    recorder, heard = Recorder(), []

    def broken(message: RecordedMessage) -> None:
        raise KeyError(message.number)

    recorder.listen(broken)
    recorder.listen(heard.append)
    recorder.record(True, STUB, PHONE, b"a", 0)
    recorder.record(True, STUB, PHONE, b"b", 0)
    assert numbers(heard) == [1, 2]
    assert len(caplog.records) == 1 and "message 1" in caplog.text


def test_listeners_are_bounded() -> None:
    recorder = Recorder()
    for _ in range(MAX_LISTENERS):
        recorder.listen(lambda message: None)
    with pytest.raises(RuntimeError):
        recorder.listen(lambda message: None)


@pytest.mark.parametrize("endpoint", [STUB, Endpoint("tls", "::1", 5061), Endpoint("tcp", "fe80::1%eth0", 40_000)])
def test_an_endpoint_comes_back_from_its_text(endpoint: Endpoint) -> None:
    assert Endpoint.parse(str(endpoint)) == endpoint


@pytest.mark.parametrize("text", ["", "udp", "sctp 1.2.3.4:5", "udp 1.2.3.4", "udp 1.2.3.4:99999", "udp ::1:5060", "udp a:1 b"])
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(SipError):
        Endpoint.parse(text)


def test_the_text_of_an_endpoint_is_that_of_the_contract() -> None:
    assert str(Endpoint("udp", "127.0.0.1", 5060)) == "udp 127.0.0.1:5060"
    assert str(Endpoint("tls", "::1", 5061)) == "tls [::1]:5061"


def test_equal_addresses_have_one_spelling() -> None:
    assert plain_host("::ffff:10.1.2.3") == plain_host("10.1.2.3") == "10.1.2.3"
    assert plain_host("[FE80:0::1%eth0]") == "fe80::1"
    assert plain_host("PBX.example") == "pbx.example"


def test_the_repr_of_a_message_shows_no_bytes() -> None:
    assert "0123456789abcdef" not in repr(a_registration()[2])


def test_recording_costs_a_few_microseconds() -> None:
    recorder, data = Recorder(), a_request()
    spent = min(timeit.repeat(lambda: recorder.record(True, STUB, PHONE, data, 1.0), number=5_000, repeat=3)) / 5_000
    assert spent < 50e-6, f"{spent * 1e6:.1f} us a message"  # about 4 on a quiet machine
    print(f"{spent * 1e6:.2f} us a message")
