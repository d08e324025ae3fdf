"""Why a request in or for a dialog is not taken: a status as a value, with Retry-After where the RFCs want it."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response

LONGEST_RETRY_S = 10
"Retry-After of a 500 is chosen between 0 and this (RFC 3261 section 14.2, RFC 3311 section 5.2)."


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer that a request should get."""

    status: int
    fact: str
    "What was wrong, for people."
    retry_after_s: int | None = None
    reason: str | None = None
    "The reason phrase where it says more than that of the status."

    def answer_to(self, request: Request, *, to_tag: str | None = None) -> Response:
        """Return the answer."""
        response = answer(request, self.status, self.reason, to_tag=to_tag)
        if self.retry_after_s is not None:
            response.headers.add("Retry-After", self.retry_after_s)
        return response


def come_later(fact: str, chance: float) -> Refusal:
    """Return a 500 with Retry-After; `chance` from 0 up to 1 chooses how long."""
    return Refusal(500, fact, int(chance * (LONGEST_RETRY_S + 1)))
