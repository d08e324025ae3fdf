"""Whatever is wrong with a message: an answer that can be read or none, nothing that stays, and the next phone registers.

A sample of what `make fuzz` sends to a running server; the seeds are fixed.
"""

from __future__ import annotations

import itertools
import random

import pytest
from fuzz_core import AOR, PASSWORD, REALM, SERVER, USER, Fuzzed, must_be_answered
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.sip_anomaly import Anomaly, Draft, anomalies, sample, spoil
from bench.sip_anomaly_edits import LINE_EDITS, MESSAGE_EDITS, PART_EDITS, SEPARATOR_EDITS
from bench.sip_draft import KINDS, Sender
from sipstub.sip.framing import Frame, StreamFramer

COUNT = 700
"Of each kind over each transport; all of them are some 24,000."
SHAPES = {kind: Sender(USER, PASSWORD, REALM, "127.0.0.1", 5062, SERVER, mark="shape").draft(kind) for kind in KINDS}


def registers(fuzzed: Fuzzed, host: str = "127.200.0.1") -> bool:
    fuzzed.host = host
    sender = Sender(USER, PASSWORD, REALM, host, 5062, SERVER, fuzzed.transport, mark=f"good{fuzzed.now}")
    assert fuzzed.register(sender, expires=0, contact="*").status == 200
    return fuzzed.register(sender).status == 200 and len(fuzzed.stub.registrar.bindings(AOR, fuzzed.now)) == 1


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("kind", KINDS)
def test_spoilt_messages_break_nothing_and_leave_nothing(kind: str, transport: str) -> None:
    fuzzed = Fuzzed(transport=transport)
    for anomaly in sample(anomalies(SHAPES[kind]), COUNT, random.Random(f"{kind} {transport}")):
        data = spoil(fuzzed.next_sender().draft(kind), anomaly)
        try:
            answers = fuzzed.throw(data)
        except Exception as error:
            raise AssertionError(f"{anomaly}: {data[:2000]!r}") from error
        assert len(answers) <= 1 or transport == "TCP" or anomaly.edit == "an end before", (anomaly, data[:2000])
        assert answers or transport == "TCP" or not must_be_answered(data), f"no answer to {anomaly}: {data[:2000]!r}"
    assert fuzzed.statuses.keys() >= {200, 400, 401}
    fuzzed.settle()
    assert set(fuzzed.sizes().values()) == {0} and fuzzed.stub.core.layer.is_empty
    assert registers(fuzzed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_cut_at_any_byte_is_no_message(kind: str) -> None:
    fuzzed = Fuzzed()
    whole = bytes(fuzzed.next_sender().draft(kind))
    head = whole.index(b"\r\n\r\n") + 4
    before = fuzzed.sizes()
    for at in range(len(whole)):
        answers = fuzzed.throw(whole[:at])
        assert [one.status for one in answers] in ([], [400]) if at >= head else answers == []
    assert fuzzed.sizes() == before
    assert fuzzed.throw(whole)


def test_a_sample_has_something_of_each_fault() -> None:
    found = list(sample(anomalies(SHAPES["REGISTER"]), COUNT, random.Random(1)))
    edits = {anomaly.edit for anomaly in found}
    assert edits >= {*LINE_EDITS, *PART_EDITS, *SEPARATOR_EDITS, *MESSAGE_EDITS, "cut off"}
    assert sum(len(anomalies(shape)) for shape in SHAPES.values()) * 2 > 20_000


def test_every_fault_changes_the_message() -> None:
    draft = SHAPES["INVITE"]
    whole, same = bytes(draft), []
    for anomaly in anomalies(draft):
        if spoil(draft, anomaly) == whole:
            same.append(anomaly.edit)
    # what stands there already, or has no two cases
    assert len(same) < 60 and set(same) <= {"0", "-1", "a word", "a star", "lower case", "upper case", "removed", "as ' '"} | {
        edit for edit in SEPARATOR_EDITS if edit.startswith("as ")
    }, sorted(set(same))


@st.composite
def several(draw: st.DrawFn) -> tuple[str, list[Anomaly]]:
    kind = draw(st.sampled_from(KINDS))
    found = [one for one in ANOMALIES[kind] if one.kind in ("line", "part", "separator")]
    return kind, draw(st.lists(st.sampled_from(found), min_size=2, max_size=5, unique_by=lambda one: one.at))


ANOMALIES = {kind: anomalies(shape) for kind, shape in SHAPES.items()}
FUZZED = {"UDP": Fuzzed(), "TCP": Fuzzed(transport="TCP")}


def spoilt_often(draft: Draft, found: list[Anomaly]) -> bytes:
    """Return a message with several things wrong, each in a line of its own."""
    pieces = bytes(draft).partition(b"\r\n\r\n")
    lines = pieces[0].split(b"\r\n")
    for anomaly in found:
        alone = spoil(draft, anomaly).partition(b"\r\n\r\n")[0].split(b"\r\n")
        if len(alone) == len(lines):
            lines[anomaly.at] = alone[anomaly.at]
    return b"\r\n".join(lines) + b"\r\n\r\n" + pieces[2]


@settings(max_examples=200, deadline=None)
@given(case=several(), transport=st.sampled_from(["UDP", "TCP"]))
def test_several_faults_at_once_break_nothing(case: tuple[str, list[Anomaly]], transport: str) -> None:
    kind, found = case
    fuzzed = FUZZED[transport]
    fuzzed.throw(spoilt_often(fuzzed.next_sender().draft(kind), found))
    if fuzzed.count % 50 == 0:
        assert registers(fuzzed)
        fuzzed.sender = None


@settings(max_examples=100, deadline=None)
@given(case=several(), cuts=st.lists(st.integers(0, 3000), max_size=6))
def test_how_a_stream_is_cut_makes_no_difference(case: tuple[str, list[Anomaly]], cuts: list[int]) -> None:
    data = spoilt_often(SHAPES[case[0]], case[1]) + b"\r\n\r\n"
    whole, pieces = StreamFramer(), StreamFramer()
    at_once = whole.feed(data)
    edges = [0, *sorted({min(cut, len(data)) for cut in cuts}), len(data)]
    in_pieces = [one for begin, end in itertools.pairwise(edges) for one in pieces.feed(data[begin:end])]
    assert [one.data for one in at_once if isinstance(one, Frame)] == [one.data for one in in_pieces if isinstance(one, Frame)]
    assert (whole.error is None) == (pieces.error is None)
    if whole.error is not None and pieces.error is not None:
        assert whole.error.status == pieces.error.status


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=600), transport=st.sampled_from(["UDP", "TCP"]))
def test_bytes_that_mean_nothing_get_no_answer_that_is_larger(data: bytes, transport: str) -> None:
    fuzzed = FUZZED[transport]
    fuzzed.next_sender()
    for answer in fuzzed.throw(data):
        assert len(bytes(answer)) <= len(data) + 400
