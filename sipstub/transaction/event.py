"""What the layer tells its user: the registrar, a phone, a B2BUA."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sipstub.sip.message import Request, Response
from sipstub.transaction.sending import Hop

if TYPE_CHECKING:
    from sipstub.transaction.machine import ClientTransaction, ServerTransaction, Transaction


class Failure(enum.Enum):
    """Why a transaction came to nothing."""

    TIMEOUT = "timeout"
    TRANSPORT = "transport"
    OVERLOAD = "overload"
    "More requests of ours were open than MAX_CLIENTS; nothing was sent."


STATUSES = {Failure.TIMEOUT: 408, Failure.TRANSPORT: 503, Failure.OVERLOAD: 503}


@dataclass(frozen=True, slots=True)
class RequestArrived:
    """A new request, never a repetition."""

    request: Request
    "Its top Via has `received` and `rport` filled in."
    source: Hop
    transaction: ServerTransaction | None
    "To answer by; None for the ACK to a 2xx, which is never answered."


@dataclass(frozen=True, slots=True)
class ResponseArrived:
    """An answer to a request of ours: each provisional one, and the final one; to INVITE every single 2xx that comes."""

    response: Response
    source: Hop
    transaction: ClientTransaction


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The INVITE is not wanted any more and has no final answer yet; answer it with 487.  The CANCEL has its 200."""

    transaction: ServerTransaction
    cancel: Request


@dataclass(frozen=True, slots=True)
class TransactionFailed:
    """A request of ours got no answer, an answer of ours no ACK, or one of them could not be sent."""

    transaction: Transaction
    failure: Failure

    @property
    def status(self) -> int:
        """Return the status that a client acts on as if it had been received (RFC 3261 section 8.1.3.1): 408 or 503."""
        return STATUSES[self.failure]


Event = RequestArrived | ResponseArrived | Cancelled | TransactionFailed
