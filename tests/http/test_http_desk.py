"""The memo in front of the decision: how long it is believed, and what renews it."""

from __future__ import annotations

from typing import Any

from provisioner.delivery.answer import Answer, Refusal, Served
from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.delivery.policy import Policy
from provisioner.delivery.reason import Reason
from provisioner.delivery.request import FileRequest, Protocol
from provisioner.delivery.snapshot import Snapshot
from provisioner.services.http_desk import Desk
from provisioner.services.http_head import parse_plain
from provisioner.services.http_limits import MEMO_TTL_S

HEAD = b"GET /001565aabbcc.cfg HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
FILE = PublishedFile("001565aabbcc.cfg", FileKind.MAC, "a" * 64, 3, b"abc", mac="001565aabbcc")
PEER = "10.0.0.1"


class Deciding:
    """Counts the decisions and says what it is told to; also a source of snapshots and a sink of events."""

    def __init__(self) -> None:
        self.answer: Answer = Served(FILE, FILE.mac)
        self.count = 0
        self.snapshot = Snapshot(1)

    def __call__(self, request: FileRequest, snapshot: Snapshot | None, policy: Policy, *, now: float) -> Answer:
        self.count += 1
        return self.answer

    def current(self) -> Snapshot:
        return self.snapshot

    def record(self, event: Any) -> None:
        raise AssertionError


def a_desk() -> tuple[Desk, Deciding]:
    deciding = Deciding()
    desk = Desk(Protocol.HTTP, deciding, Policy(), deciding, deciding)
    plain = parse_plain(HEAD)
    assert plain is not None
    desk.prepare(PEER, HEAD, plain, 100.0, force_close=False)
    return desk, deciding


def test_within_its_time_an_answer_is_given_without_a_decision() -> None:
    desk, deciding = a_desk()
    found = desk.remembered(PEER, HEAD, 100.0 + MEMO_TTL_S)
    assert found is not None and bytes(found.body) == b"abc"
    assert deciding.count == 1


def test_after_its_time_it_is_decided_anew_and_an_equal_decision_renews_it() -> None:
    desk, deciding = a_desk()
    later = 100.1 + MEMO_TTL_S
    found = desk.remembered(PEER, HEAD, later)
    assert found is not None and deciding.count == 2
    assert desk.prepare_last(PEER, HEAD, later, found) is found
    assert desk.remembered(PEER, HEAD, later + MEMO_TTL_S) is found


def test_after_its_time_another_decision_is_answered() -> None:
    desk, deciding = a_desk()
    found = desk.remembered(PEER, HEAD, 100.0)
    deciding.answer = Refusal(Reason.UNKNOWN_MAC, "gone")
    later = 100.1 + MEMO_TTL_S
    assert desk.remembered(PEER, HEAD, later) is None
    new = desk.prepare_last(PEER, HEAD, later, found)
    assert new is not None and new.before.startswith(b"HTTP/1.1 404 ")
    assert desk.remembered(PEER, HEAD, later) is new


def test_another_snapshot_forgets_everything_at_once() -> None:
    desk, deciding = a_desk()
    deciding.snapshot = Snapshot(2)
    assert desk.remembered(PEER, HEAD, 100.0) is None


def test_another_peer_or_head_is_another_question() -> None:
    desk, _ = a_desk()
    assert desk.remembered("10.0.0.2", HEAD, 100.0) is None
    assert desk.remembered(PEER, HEAD.replace(b"Host: b", b"Host: c"), 100.0) is None
