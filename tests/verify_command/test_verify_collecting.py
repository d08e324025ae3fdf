"""What of the registrar's record a job takes: all of its phones, from its beginning, and no more than its bounds."""

from __future__ import annotations

import pytest

from provisioner.runtime import verify_part
from provisioner.runtime.verify_part import Collecting, pack, unpack
from sipstub.trace.record import Endpoint, Recorder

LOCAL = Endpoint("udp", "10.0.0.1", 5060)


def say(recorder: Recorder, host: str, text: str, *, is_inbound: bool = True, now: float = 1.0) -> None:
    recorder.record(is_inbound, LOCAL, Endpoint("udp", host, 5060), text.encode(), now)


def taken(collecting: Collecting) -> list[str]:
    return [message.data.decode() for message in collecting.take()]


def test_a_phone_is_known_by_user_or_mac_and_then_all_that_it_said_since_the_job_began_counts() -> None:
    recorder = Recorder()
    say(recorder, "10.0.0.2", "before the job, from <sip:101@x>")
    collecting = Collecting(recorder, ["101", "001565000001"], [], takes_all=False)
    say(recorder, "10.0.0.2", "nameless")
    say(recorder, "10.0.0.3", "from <sip:1011@x> and <sip:102@x>")
    assert taken(collecting) == []
    say(recorder, "10.0.0.2", "From: <sip:101@x>")
    say(recorder, "10.0.0.4", "User-Agent: Yealink 00:15:65:00:00:01")
    say(recorder, "10.0.0.2", "answer", is_inbound=False)
    assert taken(collecting) == ["nameless", "From: <sip:101@x>", "User-Agent: Yealink 00:15:65:00:00:01", "answer"]
    say(recorder, "10.0.0.3", "still a stranger")
    say(recorder, "10.0.0.4", "more")
    assert taken(collecting) == ["more"]


def test_what_was_said_between_asking_and_taking_counts_and_what_was_said_before_does_not() -> None:
    recorder = Recorder()
    say(recorder, "10.0.0.2", "<sip:101@x> before", now=9.9)
    say(recorder, "10.0.0.2", "<sip:101@x> meanwhile", now=10.1)
    collecting = Collecting(recorder, ["101"], [], takes_all=False, since=10.0)
    assert taken(collecting) == ["<sip:101@x> meanwhile"]
    assert taken(Collecting(recorder, ["101"], [], takes_all=False, since=11.0)) == []


def test_an_address_of_the_journal_is_enough() -> None:
    recorder = Recorder()
    collecting = Collecting(recorder, [], ["10.0.0.2"], takes_all=False)
    say(recorder, "10.0.0.2", "one")
    say(recorder, "10.0.0.3", "two")
    assert taken(collecting) == ["one"]


def test_what_is_beyond_the_bounds_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_part, "MAX_JOB_MESSAGES", 3)
    recorder = Recorder()
    collecting = Collecting(recorder, [], [], takes_all=True)
    for number in range(5):
        say(recorder, "10.0.0.2", f"{number}")
    assert taken(collecting) == ["0", "1", "2"] and collecting.left_out == 2


def test_a_part_is_read_back_as_it_was() -> None:
    recorder = Recorder()
    say(recorder, "10.0.0.2", "OPTIONS sip:x SIP/2.0\r\n\r\n")
    recorder.record(False, LOCAL, Endpoint("tls", "2001:db8::1", 5061), b"\xff\x00", 2.0)
    messages = tuple(recorder.messages())
    assert unpack(pack(messages)) == messages
