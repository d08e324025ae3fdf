"""What can be read of a request that cannot be read whole: as much as its sender needs to be answered.

RFC 3261 section 8.2.6: a response copies Via, From, To, Call-ID and CSeq.  Everything else is left out, the Request-URI
included; nothing but an error may be made of the result.
"""

from __future__ import annotations

from sipstub.sip.error import SipError
from sipstub.sip.headers import Headers
from sipstub.sip.message import Request
from sipstub.sip.names import header_key, spelling

COPIED = frozenset({"via", "from", "to", "call-id", "cseq"})
NOWHERE = "sip:unreadable.invalid"
"Stands for the Request-URI."
MAX_BYTES = 16_384
"Of the head; what stands behind is not looked at."
MAX_VIAS = 16


def salvage(data: bytes) -> Request | None:
    """Return a request with the headers that an answer copies; None if one of them is missing, or the head has no end.

    A header that cannot be read is passed over, one that would smuggle a line into the answer too.
    """
    head, blank, _ = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if len(head) > MAX_BYTES:  # its last line may be half a line
        head = head[:MAX_BYTES].rpartition(b"\r\n")[0]
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    if not blank or start[:4].upper() == "SIP/" or " SIP/" not in start:
        return None
    headers = Headers()
    for line in lines:
        try:
            name, _, value = line.partition(":")
            key = header_key(name)
            if key in COPIED and len(headers.lines(key)) < (MAX_VIAS if key == "via" else 1):
                headers.add(spelling(key), value)
        except SipError:
            continue
    if not all(headers.lines(key) for key in COPIED):
        return None
    try:
        return Request(start.partition(" ")[0], NOWHERE, headers)
    except SipError:
        return None
