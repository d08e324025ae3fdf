"""Answers with which a registrar turns a REGISTER down."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of them."""

    status: int
    retry_after_s: int | None = None
    "What Retry-After says; None for no such header."
    min_expires_s: int | None = None
    "Of a 423: the shortest time that is taken; None for twice what was asked for."

    def __str__(self) -> str:
        more = f" with Retry-After: {self.retry_after_s}" if self.retry_after_s is not None else ""
        return f"{self.status}{more}"

    def answer_to(self, request: Request, *, to_tag: str) -> Response:
        """Return the answer; raises SipError where the request cannot be read so far."""
        response = answer(request, self.status, to_tag=to_tag)
        if self.retry_after_s is not None:
            response.headers.add("Retry-After", self.retry_after_s)
        if self.status == TOO_BRIEF.status:
            response.headers.add("Min-Expires", self.min_expires_s or 2 * asked_s(request))
        return response


def asked_s(request: Request) -> int:
    """Return how long a REGISTER wants to be registered; 0 for one that takes bindings away, or asks for them only."""
    wished = [contact.expires_s if contact.expires_s is not None else request.expires for contact in request.contacts]
    return max((wish for wish in wished if wish), default=0)


TOO_BRIEF = Refusal(423)
UNAVAILABLE = Refusal(503)
FORBIDDEN = Refusal(403)


def unavailable_for(seconds: int) -> Refusal:
    """Return a 503 that says when to come again."""
    return Refusal(503, retry_after_s=seconds)
