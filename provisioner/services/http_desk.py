"""Answers the questions that come by one scheme in one worker: the decision, the memo in front of it, the journal.

The memo keeps whole answers by (peer, head as sent), which is all that an answer depends on besides the snapshot,
the policy and the time.  It is emptied when the snapshot changes.  After MEMO_TTL_S an entry is decided anew, and only if the
decision is still the same its response is used again.  It is bounded by two halves: when the young one is full it becomes
the old one, and the old one is dropped.
"""

from __future__ import annotations

import time
import typing
from collections.abc import Callable
from email.utils import formatdate

from provisioner.delivery.answer import Answer, Served
from provisioner.delivery.event import DeliveryEvent, EventSink
from provisioner.delivery.policy import Policy
from provisioner.delivery.request import FileRequest, Protocol
from provisioner.delivery.snapshot import Snapshot, SnapshotSource
from provisioner.services.http_file import FileShelf, OpenFile
from provisioner.services.http_head import PlainHead, parse_plain
from provisioner.services.http_limits import MEMO_ENTRIES_MAX, MEMO_TTL_S
from provisioner.services.http_question import Question, decode_path
from provisioner.services.http_record import Record
from provisioner.services.http_response import Reply, bare, head_around_date, reply_to, whole_file_head


class Decide(typing.Protocol):
    """The decision function: `provisioner.delivery.decide.decide`."""

    def __call__(self, request: FileRequest, snapshot: Snapshot | None, policy: Policy, *, now: float) -> Answer:
        """Return what the phone gets."""


class Prepared:
    """A response that can be sent any number of times while it is remembered."""

    __slots__ = ("after", "before", "body", "close", "decided", "first", "opened", "record", "until")

    def __init__(
        self,
        record: Record,
        before: bytes,
        after: bytes,
        body: bytes | memoryview,
        close: bool,
        until: float = 0.0,
        opened: OpenFile | None = None,
        first: int = 0,
    ) -> None:
        self.record = record
        self.before = before
        self.after = after
        self.body = body
        self.close = close
        self.until = until
        self.opened = opened
        self.first = first
        self.decided: tuple[FileRequest, Answer] | None = None
        "What the response was made from, if it is remembered."

    def response(self, date: bytes) -> bytes:
        """Return head and body from memory with the value of Date in its place."""
        return b"".join((self.before, date, self.after, self.body))


Memo = dict[tuple[str, bytes], Prepared]
"Answers by (peer, head as sent)."


class Desk:
    """One scheme's answers.  Not thread-safe; a worker has one thread."""

    def __init__(
        self, protocol: Protocol, snapshots: SnapshotSource, policy: Policy, decide: Decide, sink: EventSink, *, memo: bool = True
    ) -> None:
        self.protocol = protocol
        self._scheme = protocol.value
        self.sink = sink
        self.shelf = FileShelf()
        self._decide = decide
        self._policy = policy
        self.current: Callable[[], Snapshot | None] = snapshots.current
        self._memo_snapshot: Snapshot | None = None
        self._young: Memo = {}
        self._old: Memo = {}
        self._memo_on = memo

    def reply(self, question: Question, decoded_path: str) -> Reply:
        """Return the response to a question."""
        return reply_to(self._answer(question.as_file_request(decoded_path)), question, self.shelf)

    def _answer(self, request: FileRequest) -> Answer:
        """The one decision of both paths."""
        return self._decide(request, self.current(), self._policy, now=time.time())

    def memo(self) -> tuple[Memo, Memo]:
        """Return both halves of the memo, emptied if the snapshot has changed; good until the next `prepare`."""
        if self.current() is not self._memo_snapshot:
            self._young, self._old = {}, {}
        return self._young, self._old

    def remembered(self, peer: str, head: bytes, now: float) -> Prepared | None:
        """Return the answer to the same bytes from the same peer, if it still holds; `now` is monotonic."""
        young, old = self.memo()
        key = (peer, head)
        found = young.get(key) or old.get(key)
        return found if found is not None and (found.until >= now or self._renew(found, now)) else None

    def _renew(self, found: Prepared, now: float) -> bool:
        """Decide anew what was decided some time ago; False if the decision is another now, or cannot be compared."""
        if found.decided is None:
            return False
        request, answer = found.decided
        if self._answer(request) != answer:
            return False
        found.until = now + MEMO_TTL_S
        return True

    def prepare_last(self, peer: str, data: bytes, now: float, old: Prepared | None) -> Prepared | None:
        """Return the response to `data` if it is one plain request that ends its connection, else None.

        `old` is the remembered one of this snapshot whose time is over, if there is one.
        """
        if old is not None and self._renew(old, now):
            return old
        plain = parse_plain(data)
        return self.prepare(peer, data, plain, now, force_close=False) if plain is not None and plain.wants_close else None

    def prepare(self, peer: str, head: bytes, plain: PlainHead, now: float, *, force_close: bool) -> Prepared:
        """Return the response to a plain request; remember it unless it holds an open file; `now` is monotonic."""
        snapshot = self.current()
        path = plain.path.decode("ascii")
        name = path if "%" not in path else decode_path(plain.path)
        request = FileRequest(self.protocol, name, peer, plain.agent)
        answer = self._answer(request)
        close = force_close or plain.wants_close
        prepared = self._prepared(path, peer, plain, answer, close, now + MEMO_TTL_S)
        if self._memo_on and prepared.opened is None and not force_close:
            if snapshot is not self._memo_snapshot:
                self._young, self._old = {}, {}
                self._memo_snapshot = snapshot
            if len(self._young) >= MEMO_ENTRIES_MAX:
                self._old, self._young = self._young, {}
            prepared.decided = (request, answer)
            self._young[(peer, head)] = prepared
        return prepared

    def _prepared(self, path: str, peer: str, plain: PlainHead, answer: Answer, close: bool, until: float) -> Prepared:
        if type(answer) is Served and plain.method == "GET" and plain.if_none_match is None and answer.file.path is None:
            file = answer.file
            before, after = whole_file_head(file, plain.minor, close=close)
            return Prepared(Record.of_file(self._scheme, path, peer, plain.agent, answer), before, after, file.body, close, until)
        question = Question(
            self.protocol, plain.method, path, peer, plain.agent, plain.if_none_match, plain.range, plain.if_range
        )
        reply = reply_to(answer, question, self.shelf)
        before, after = head_around_date(reply, plain.minor, close=close)
        return Prepared(Record(question, reply), before, after, reply.body, close, until, reply.opened, reply.first)

    def write_down(self, event: DeliveryEvent) -> None:
        """Hand one event to the journal."""
        self.sink.record(event)

    def report(self, peer: str, method: str, outcome: str, fact: str, wall: float) -> None:
        """Write down what is no decision: a connection that never came to ask.  `wall` is Unix time."""
        record = Record(Question(self.protocol, method, "", peer), bare(400, outcome, fact))
        record.status = 0
        self.sink.record(record.event(wall, outcome, 0, 0.0))


class DateLine:
    """The value of the Date header, made once a second."""

    __slots__ = ("_second", "value")

    def __init__(self) -> None:
        self._second = 0
        self.value = b""

    def at(self, wall: float) -> bytes:
        """Return the date at `wall` (Unix time), RFC 9110 section 5.6.7."""
        second = int(wall)
        if second != self._second:
            self._second = second
            self.value = formatdate(second, usegmt=True).encode("ascii")
        return self.value
