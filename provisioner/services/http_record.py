"""What the journal will say of one response, prepared before it is known how the transfer ends."""

from __future__ import annotations

from provisioner.delivery.event import DeliveryEvent
from provisioner.services.http_question import TEXT_MAX, Question
from provisioner.services.http_response import Reply

METHOD_MAX = 20
ABORTED = "aborted"


class Record:
    """One line of the journal without its time.  A plain class with slots, since one is made or used per request."""

    __slots__ = ("_back", "_fact", "_front", "_who", "length", "outcome", "status")

    def __init__(self, question: Question, reply: Reply) -> None:
        agent = question.agent
        self._front = (
            str(question.protocol),
            question.method[:METHOD_MAX],
            question.path[:TEXT_MAX],
            question.peer,
        )
        self._who = (
            agent[:TEXT_MAX] if agent is not None else None,
            reply.mac,
            reply.phone,
            reply.model,
            reply.firmware,
        )
        file = reply.file
        self._back = (None, None, None) if file is None else (str(file.kind), file.name, file.sha256)
        self._fact = reply.fact
        self.outcome = reply.outcome
        self.status = reply.status
        self.length = reply.length

    def event(self, at: float, outcome: str, size_bytes: int, duration_s: float) -> DeliveryEvent:
        """Return the event; `at` is Unix time."""
        agent, mac, phone, model, firmware = self._who
        kind, file, sha256 = self._back
        return DeliveryEvent(
            at,
            *self._front,
            agent,
            mac,
            phone,
            model,
            firmware,
            outcome,
            self.status,
            kind,
            file,
            sha256,
            size_bytes,
            duration_s,
            self._fact,
        )
