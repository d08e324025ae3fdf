"""Names of headers: any spelling to one key, compact forms included.

RFC 3261 section 7.3.3; RFC 4028, 3515, 3892, 6665, 8224, 3841 for the letters that came later.
"""

from __future__ import annotations

from sipstub.sip.error import SipError
from sipstub.sip.scanner import LWS, is_token

MAX_NAME = 1024

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"Letter to key."

LETTERS = {key: letter for letter, key in COMPACT.items()}
"Key to letter."

_SPELLINGS = (
    "Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authentication-Info Authorization "
    "Call-ID Call-Info Contact Content-Disposition Content-Encoding Content-Language Content-Length Content-Type CSeq Date "
    "Diversion Error-Info Event Expires Flow-Timer From Identity Identity-Info In-Reply-To Join Max-Forwards MIME-Version "
    "Min-Expires Min-SE Organization P-Asserted-Identity P-Preferred-Identity Path Priority Privacy Proxy-Authenticate "
    "Proxy-Authorization Proxy-Require RAck Reason Record-Route Refer-Sub Refer-To Referred-By Reject-Contact "
    "Remote-Party-ID Replaces Reply-To Request-Disposition Require Retry-After Route RSeq Server Service-Route "
    "Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Supported Target-Dialog Timestamp To Unsupported "
    "User-Agent Via Warning WWW-Authenticate"
).split()

CANONICAL = {name.lower(): name for name in _SPELLINGS}
"Key to the usual spelling."

KEYS = {**{name: name.lower() for name in _SPELLINGS}, **{name.lower(): name.lower() for name in _SPELLINGS}, **COMPACT}
KEYS |= {letter.upper(): key for letter, key in COMPACT.items()}
"Frequent spellings to key; `header_key` knows all."


def header_key(name: str) -> str:
    """Return the key of a header: lower case, compact forms spelled out; raises SipError for what is no name of a header."""
    key = KEYS.get(name)
    if key is not None:
        return key
    name = name.rstrip(LWS)  # blanks before the colon are allowed (RFC 3261 section 7.3.1)
    key = name.lower()
    if not is_token(name) or len(name) > MAX_NAME:
        raise SipError(f"not the name of a header: {name!r}")
    return COMPACT.get(key, key)


def spelling(key: str) -> str:
    """Return the usual spelling of a key; an unknown one with capitals after its hyphens."""
    return CANONICAL.get(key) or "-".join(part[:1].upper() + part[1:] for part in key.split("-"))
