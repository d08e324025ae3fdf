"""REFER: whom to call, whether the asker wants to hear how it went, and the words for that.  RFC 3515, 3891, 4488."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sipstub.sip.error import SipError
from sipstub.sip.message import Request
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.reason import reason_phrase
from sipstub.sip.replaces import Replaces
from sipstub.sip.uri import SipUri, Uri

SIPFRAG = "message/sipfrag;version=2.0"
PACKAGE = "refer"


@dataclass(frozen=True, slots=True)
class Refer:
    """What a REFER asks for."""

    target: Uri
    "Whom to call, without the headers in the URI."
    method: str
    "By which method; INVITE where nothing is said."
    replaces: Replaces | None
    "The call whose place the new one is to take."
    referred_by: NameAddr | None
    event_id: int
    "CSeq of the REFER: tells the subscriptions of several REFERs in one dialog apart (RFC 3515 section 2.4.6)."
    is_silent: bool
    "Whether the asker wants no subscription (`Refer-Sub: false`); the 2xx has to say so too (RFC 4488)."

    @classmethod
    def read(cls, request: Request) -> Refer:
        """Return what is asked; raises SipError (400) unless there is exactly one Refer-To that can be used."""
        where = request.refer_to
        if where is None:
            raise SipError("REFER without Refer-To")
        target, method, replaces = where.uri, "INVITE", None
        if isinstance(target, SipUri):
            wanted = [value for name, value in target.headers if name.lower() == "replaces"]
            if len(wanted) > 1:
                raise SipError("Refer-To with two Replaces")
            replaces = Replaces.parse_escaped(wanted[0]) if wanted else None
            method = target.params.get("method") or method
            target = replace(target, headers=(), params=target.params.without("method"))
        said = (request.headers.get("Refer-Sub") or "true").split(";")[0].strip(" \t").lower()
        return cls(target, method.upper(), replaces, request.referred_by, request.cseq.number, said == "false")


def sipfrag(status: int, reason: str | None = None) -> bytes:
    """Return the body of a NOTIFY that says how the call went so far."""
    return f"SIP/2.0 {status} {reason or reason_phrase(status)}\r\n".encode()


def sipfrag_status(body: bytes) -> int | None:
    """Return the status that such a body says, or None."""
    words = body[:80].split(b"\r\n", 1)[0].split(b" ", 2)
    if len(words) < 2 or words[0].upper() != b"SIP/2.0" or len(words[1]) != 3 or not words[1].isdigit():
        return None
    status = int(words[1])
    return status if 100 <= status < 700 else None
