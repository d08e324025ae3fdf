"""The one error of this package: what is wrong with a message, and the status that says so to its sender.

SipError                    status hint, fact, headers that the answer should carry
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sipstub.sip.message import Message

MAX_FACT = 160
"Longest text of an error: what a peer sent is cut, never echoed whole."

STATUSES = {
    400: "Bad Request",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    489: "Bad Event",
    505: "Version Not Supported",
    513: "Message Too Large",
}
"The status hints that an error can carry, with the reason phrase of RFC 3261 section 21 and RFC 6665."


class SipError(ValueError):
    """A message, header or value that is not SIP as RFC 3261 has it, or that we cannot take."""

    code = "bad-sip"

    def __init__(self, fact: str, *, status: int = 400, headers: tuple[tuple[str, str], ...] = ()) -> None:
        if len(fact) > MAX_FACT:
            fact = fact[: MAX_FACT - 3] + "..."
        super().__init__(fact)
        self.fact = fact
        "What is wrong, with the text seen."
        self.status = status
        "The answer for the sender of a request; a bad response is dropped, whatever this says."
        self.headers = headers
        "What the answer should carry: `Allow`, `Accept`, `Unsupported`."
        self.header = ""
        "The name of the header that cannot be read, where it is one."
        self.partial: Message | None = None
        "The message as far as it could be read, so that its sender can be answered."

    @property
    def reason(self) -> str:
        """Return the reason phrase of the status; a 400 names the header that is malformed (RFC 3261 section 21.4.1)."""
        if self.header and self.status == 400:
            return f"Malformed {self.header} header field"
        return STATUSES[self.status]
