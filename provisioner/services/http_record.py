"""What the journal will say of one response, prepared before it is known how the transfer ends."""

from __future__ import annotations

from typing import Any, Self

from provisioner.delivery.answer import Served
from provisioner.delivery.event import DeliveryEvent
from provisioner.services.http_question import TEXT_MAX, Question
from provisioner.services.http_response import Reply

METHOD_MAX = 20
ABORTED = "aborted"
_new = tuple.__new__


class Record:
    """One line of the journal without its time.  A plain class with slots, since one is made or used per request."""

    __slots__ = ("_fact", "_whole", "length", "outcome", "status")

    def __init__(self, question: Question, reply: Reply) -> None:
        agent, file = question.agent, reply.file
        self.outcome = reply.outcome
        self.status = reply.status
        self.length = reply.length
        self._fact = reply.fact
        # The event of a response that is sent whole, between its time and its duration.
        self._whole: tuple[Any, ...] = (
            str(question.protocol),
            question.method[:METHOD_MAX],
            question.path[:TEXT_MAX],
            question.peer,
            agent[:TEXT_MAX] if agent is not None else None,
            reply.mac,
            reply.phone,
            reply.model,
            reply.firmware,
            reply.outcome,
            reply.status,
            *((None, None, None) if file is None else (str(file.kind), file.name, file.sha256)),
            reply.length,
        )

    @classmethod
    def of_file(cls, protocol: str, path: str, peer: str, agent: str | None, served: Served) -> Self:
        """Return the record of a GET whose answer is a cfg file sent whole."""
        self = cls.__new__(cls)
        file, mac, phone, model, firmware, note = served
        self.outcome = "ok"
        self.status = 200
        self.length = length = file.size_bytes
        self._fact = note
        if agent is not None and len(agent) > TEXT_MAX:
            agent = agent[:TEXT_MAX]
        self._whole = (
            protocol, "GET", path[:TEXT_MAX], peer, agent, mac, phone, model, firmware, "ok", 200,
            file.kind.value, file.name, file.sha256, length,
        )  # fmt: skip
        return self

    def sent(self, at: float, duration_s: float) -> DeliveryEvent:
        """Return the event of a response that was sent whole; `at` is Unix time."""
        return _new(DeliveryEvent, (at, *self._whole, duration_s, self._fact))

    def event(self, at: float, outcome: str, size_bytes: int, duration_s: float) -> DeliveryEvent:
        """Return the event of one that ended as told; `at` is Unix time."""
        return self.sent(at, duration_s)._replace(outcome=outcome, status=self.status, size_bytes=size_bytes)
