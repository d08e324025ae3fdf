"""By what a message finds its transaction.  RFC 3261 sections 17.1.3 and 17.2.3, with the fallback to RFC 2543 for old branches.

Equal branches differ by sent-by and method: strangers may choose each other's.  ACK finds the INVITE.
"""

from __future__ import annotations

from sipstub.sip.host import host_key
from sipstub.sip.message import Request
from sipstub.sip.uri import DEFAULT_PORTS
from sipstub.sip.via import Via, has_transaction_id

Key = tuple[str | int | None, ...]

OLD = "2543"
"First in the key of a request whose branch names no transaction."

CANCELLABLE = ("INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "REFER", "INFO", "UPDATE", "BYE")
"CANCEL finds a transaction of any of these; only INVITE is moved by it."


def client_key(branch: str, method: str) -> Key:
    """Return the key of a request of ours, and of the answer whose top Via and CSeq say the same."""
    return (branch.lower(), method)


def server_key(request: Request, via: Via, method: str | None = None) -> Key:
    """Return the key of a request; `method` is the one to look for in place of its own.

    `via` is its top Via as it came.
    """
    if method is None:
        method = "INVITE" if request.method == "ACK" else request.method
    branch = via.branch or ""
    if has_transaction_id(branch):
        return (branch.lower(), host_key(via.host), via.port or _default_port(via), method)
    return (
        OLD,
        request.uri_text,
        # the ACK of an INVITE has the tag of the answer (17.2.3); InviteServer compares it
        None if method == "INVITE" else request.to.tag,
        request.from_.tag,
        request.call_id,
        request.cseq.number,
        str(via),
        method,
    )


def merge_key(request: Request) -> Key | None:
    """Return what a request has in common with its copies that came another way (8.2.2.2); None inside of a dialog."""
    if request.to.tag is not None:
        return None
    cseq = request.cseq
    return (request.call_id, request.from_.tag, cseq.number, cseq.method)


def _default_port(via: Via) -> int:
    return DEFAULT_PORTS["sips" if via.transport.upper() == "TLS" else "sip"]
