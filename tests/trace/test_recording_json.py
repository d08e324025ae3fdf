"""A recording comes back from its JSON as it was, and every file is opened by its content."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from capture_samples import a_datagram, a_pcap
from hypothesis import given
from hypothesis import strategies as st
from message_samples import PHONE, STUB, a_registration, a_request

from sipstub.trace.opening import open_recording
from sipstub.trace.pcapng_writer import write_pcapng
from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.trace.recording import CaptureProblem, Notes, Recording
from sipstub.trace.recording_json import parse_recording, recording_as_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["number", "at", "text", "local"]), inner),
    max_leaves=8,
)


def again(recording: Recording) -> Recording:
    return parse_recording(json.dumps(recording_as_json(recording)).encode())


def test_a_recording_comes_back_as_it_was() -> None:
    recording = Recording(tuple(a_registration()), ("a note",), True, 7)
    assert again(recording) == recording


@given(st.binary(max_size=60), st.floats(0, 4e9), st.booleans(), st.sampled_from(["udp", "tcp", "tls"]))
def test_any_bytes_come_back(data: bytes, at: float, is_inbound: bool, transport: str) -> None:
    ends = Endpoint(transport, "::1", 5060), Endpoint(transport, "10.0.0.1", 9)  # type: ignore[arg-type]
    recording = Recording((RecordedMessage(3, at, is_inbound, *ends, data),))
    assert again(recording) == recording


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no sipstub-recording"),
        ('{"format": "sipstub-recording", "version": 2}', "version 2"),
        ('{"format": "sipstub-recording", "version": 1}', "without messages"),
        ('{"format": "sipstub-recording", "version": 1, "messages": [{}]}', "message 1"),
        ('{"format": "sipstub-recording", "version": 1, "messages": [3]}', "message 1"),
    ],
)
def test_what_is_no_recording_is_refused(text: str, says: str) -> None:
    with pytest.raises(CaptureProblem, match=says):
        parse_recording(text.encode())


@given(st.lists(JSON, max_size=3))
def test_any_json_neither_crashes(rows: list[object]) -> None:
    text = json.dumps({"format": "sipstub-recording", "version": 1, "messages": rows})
    try:
        parse_recording(text.encode())
    except CaptureProblem:
        return


def test_files_are_opened_by_their_content(tmp_path: Path) -> None:
    said = tuple(a_registration())
    stream = io.BytesIO()
    write_pcapng(stream, said)
    (tmp_path / "a").write_bytes(stream.getvalue())
    (tmp_path / "b").write_bytes(a_pcap([(1.0, a_datagram(a_request()))]))
    (tmp_path / "c").write_text(json.dumps(recording_as_json(Recording(said, is_own=True))))
    ours, theirs, back = (open_recording(tmp_path / name) for name in "abc")
    assert ours.is_own and back.is_own and not theirs.is_own
    assert back.messages == said and len(theirs.messages) == 1
    assert [(m.number, m.is_inbound, m.local, m.peer, m.data) for m in ours.messages] == [
        (m.number, m.is_inbound, m.local, m.peer, m.data) for m in said
    ]


def test_our_own_captures_keep_the_numbers_and_the_directions_of_the_recorder(tmp_path: Path) -> None:
    phone = Endpoint("tls", "10.1.2.3", 40_000)
    stub = Endpoint("tls", "10.1.0.5", 5061)
    said = [
        RecordedMessage(40, 1.0, False, stub, phone, a_request("OPTIONS", transport="TLS")),
        RecordedMessage(42, 2.0, True, STUB, PHONE, a_request("INVITE")),
    ]
    with (tmp_path / "x.pcapng").open("wb") as stream:
        write_pcapng(stream, said)
    assert list(open_recording(tmp_path / "x.pcapng").messages) == said


def test_our_own_captures_keep_what_came_twice_at_once(tmp_path: Path) -> None:
    said = [RecordedMessage(number, 1.0, True, STUB, PHONE, a_request()) for number in (1, 2)]
    with (tmp_path / "x.pcapng").open("wb") as stream:
        write_pcapng(stream, said)
    assert list(open_recording(tmp_path / "x.pcapng").messages) == said


def test_a_time_that_is_no_number_is_refused() -> None:
    found = recording_as_json(Recording(tuple(a_registration())))
    found["messages"][1]["at"] = float("nan")
    with pytest.raises(CaptureProblem, match="message 2"):
        parse_recording(json.dumps(found).encode())


def test_files_that_cannot_be_opened_say_so(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    for path, says in ((tmp_path / "empty", "is empty"), (tmp_path / "none", "No such file"), (tmp_path, "directory")):
        with pytest.raises(CaptureProblem, match=says):
            open_recording(path)


def test_a_recording_gives_one_call_and_a_masked_form() -> None:
    other = RecordedMessage(9, 1.0, True, STUB, PHONE, a_request(call_id="other"))
    recording = Recording((*a_registration(), other))
    assert recording.of_call("other").messages == (other,)
    assert b"0123456789abcdef" not in b"".join(message.data for message in recording.masked().messages)


def test_notes_are_counted_and_bounded() -> None:
    notes = Notes()
    for number in range(150):
        notes.add(f"note {number}")
        notes.add("note 0")
    texts = notes.texts()
    assert texts[0] == "note 0 (151 times)" and texts[-1] == "50 more notes" and len(texts) == 101
