"""Who has INVITEs sent: a call for its caller, a transfer for the one that is transferred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sipstub.core.core import Core
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.leg import Leg
from sipstub.sip.message import Message, Request, Response

if TYPE_CHECKING:
    from sipstub.sbc.branch import Branch
    from sipstub.sbc.relay import Relay
    from sipstub.sbc.service import Sbc


class Branching(Protocol):
    """What a branch needs of it."""

    sbc: Sbc
    core: Core
    request: Request
    "What is carried over to the INVITE."
    caller: Leg
    "Who will be talked to by whoever answers."
    forwards: int
    user: str | None

    @property
    def relay(self) -> Relay:
        """Return the call that new legs belong to."""

    def call_id_for(self, group: IpGroup) -> str:
        """Return the Call-ID of an INVITE."""

    def body_for(self, leg: Leg, message: Message) -> bytes:
        """Return the body as it goes out on a leg."""

    def provisional(self, branch: Branch, leg: Leg, response: Response, now: float) -> None:
        """Take a 101 to 199."""

    def answered(self, branch: Branch, leg: Leg, response: Response, invite: Request, now: float, *, is_first: bool) -> None:
        """Take the first 2xx of a dialog."""

    def branch_failed(self, branch: Branch, status: int, response: Response | None, now: float) -> None:
        """Take a final refusal, or that there is no answer."""
