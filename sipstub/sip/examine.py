"""The verdict on a whole message: is it SIP, and could a user agent of given abilities take it.

`examine` reads every header that is typed, at most once each, and the rules between them; `demand` asks further what RFC 3261
section 8.2 asks before a method is looked at.  Nothing here knows dialogs, registrations or users.
"""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.names import spelling
from sipstub.sip.typed import RULES
from sipstub.sip.uri import SipUri
from sipstub.sip.via import COOKIE

MANDATORY = ("via", "from", "to", "call-id", "cseq")
"Max-Forwards and tags are missing in requests of RFC 2543, which are still answered."

NEEDED = {
    "SUBSCRIBE": {"event": 489, "contact": 400},
    "NOTIFY": {"event": 489},
    "PUBLISH": {"event": 489},
    "REFER": {"refer-to": 400},
    "PRACK": {"rack": 400},
}
"What a method means nothing without, and the answer where it is missing (RFC 6665, 3903, 3515, 3262)."

TIMERS = ("session-expires", "min-se")
"They mean something in REFRESHING alone (RFC 4028, table 1)."
REFRESHING = ("INVITE", "UPDATE")
TAGS = ("supported", "require")
"Of a final answer they tell nothing that anybody has to act upon."

_READ = {key: rule.read for key, rule in RULES.items()}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a user agent can do; None means anything."""

    is_proxy: bool = False
    "Whether Proxy-Require speaks to us too (16.3)."
    methods: tuple[str, ...] | None = None
    schemes: tuple[str, ...] | None = ("sip", "sips", "tel")
    extensions: tuple[str, ...] | None = (
        "100rel",
        "early-session",
        "eventlist",
        "from-change",
        "gruu",
        "histinfo",
        "join",
        "norefersub",
        "outbound",
        "path",
        "precondition",
        "privacy",
        "replaces",
        "sec-agree",
        "tdialog",
        "timer",
    )
    bodies: tuple[str, ...] | None = (
        "application/cpim-pidf+xml",
        "application/dialog-info+xml",
        "application/dtmf",
        "application/dtmf-relay",
        "application/media_control+xml",
        "application/pidf+xml",
        "application/reginfo+xml",
        "application/sdp",
        "application/simple-message-summary",
        "message/cpim",
        "message/sip",
        "message/sipfrag",
        "multipart/*",
        "text/*",
    )


USUAL = Abilities()
"What is asked for nowhere else: `sipstub parse` and tests."


def examine(message: Message, *, is_complete: bool = True) -> None:
    """Raise SipError if the message is not well-formed; the error has the message as `partial`.

    Without `is_complete` that is the verdict for who has to act upon the message: a malformed header without a meaning there is
    left to whoever reads it.  A BYE ends its call all the same (RFC 3261 section 8.2), and a 200 gets its ACK.
    """
    try:
        _examine(message, is_complete=is_complete)
    except SipError as error:
        error.partial = message
        raise


def demand(request: Request, abilities: Abilities = USUAL) -> None:
    """Raise SipError if a user agent of these abilities must refuse the request, in the order of 8.2, then by NEEDED."""
    try:
        _demand(request, abilities)
    except SipError as error:
        error.partial = request
        raise


def _examine(message: Message, *, is_complete: bool) -> None:
    headers = message.headers
    by_key, typed = headers.by_key, headers.typed
    for key in MANDATORY:
        if key not in by_key:
            raise SipError(f"no {spelling(key)}")
    passed_over = () if is_complete else _without_meaning(message)
    for key, lines in by_key.items():
        read = _READ.get(key)
        if read is not None and key not in typed and key not in passed_over:
            try:
                typed[key] = read(lines)
            except SipError as error:
                error.header = spelling(key)
                raise
    if isinstance(message, Request):
        branch = message.via.branch or ""
        if len(branch) == len(COOKIE) and branch.lower() == COOKIE.lower():  # claims to identify its transaction, and does not
            raise SipError("the branch is the cookie with nothing behind it")
        if message.cseq.method != message.method:
            raise SipError(f"CSeq is of {message.cseq.method}, the request is {message.method}")
        if message.method == "REGISTER":
            for name, address in (("To", message.to), ("From", message.from_)):
                if not isinstance(address.uri, SipUri):
                    raise SipError(f"{name} of a REGISTER is {address.uri.scheme}:, no address of record")


def _without_meaning(message: Message) -> tuple[str, ...]:
    """Return the keys of headers that nobody has to act upon in this message."""
    if isinstance(message, Request):
        return () if message.method in REFRESHING else TIMERS
    is_final = isinstance(message, Response) and message.status >= 200
    return (*TIMERS, *TAGS) if is_final else TIMERS


def _demand(request: Request, abilities: Abilities) -> None:
    if abilities.methods is not None and request.method not in abilities.methods:
        raise SipError(
            f"{request.method} is not among {', '.join(abilities.methods)}",
            status=405,
            headers=(("Allow", ", ".join(abilities.methods)),),
        )
    scheme = request.uri.scheme
    if abilities.schemes is not None and scheme not in abilities.schemes:
        raise SipError(f"Request-URI of scheme {scheme}", status=416)
    if request.method in ("ACK", "CANCEL"):  # no answer is possible, or none but to the CANCEL itself (8.2.2.3)
        return
    if abilities.extensions is not None:
        known = abilities.extensions
        wanted = (*request.require, *request.proxy_require) if abilities.is_proxy else request.require
        strange = [tag for tag in wanted if tag.lower() not in known]
        if strange:
            raise SipError(f"requires {', '.join(strange)}", status=420, headers=(("Unsupported", ", ".join(strange)),))
    if request.body and abilities.bodies is not None:
        _demand_body(request, abilities.bodies)
    lack = lacking(request)
    if lack is not None:
        raise lack


def lacking(request: Request) -> SipError | None:
    """Return the refusal of a request without what its method means nothing without (NEEDED); None where nothing is missing.

    For whoever takes the method, in its place: 405 where it is not taken comes first (RFC 3261 section 8.2.1), and so does
    481 where there is no such dialog or subscription (12.2.2, RFC 6665 section 4.1.3).
    """
    for key, status in NEEDED.get(request.method, {}).items():
        if not request.headers.lines(key):
            return SipError(f"{request.method} without {spelling(key)}", status=status)
    return None


def _demand_body(request: Request, bodies: tuple[str, ...]) -> None:
    disposition = request.content_disposition
    if disposition is not None and disposition.is_optional:
        return
    kind = request.content_type
    accept = (("Accept", ", ".join(bodies)),)
    if kind is not None and kind.essence not in bodies and f"{kind.type.lower()}/*" not in bodies:
        raise SipError(f"body of type {kind.essence}", status=415, headers=accept)
    strange = [word for word in request.content_encoding if word.lower() != "identity"]
    if strange:
        raise SipError(f"body encoded as {', '.join(strange)}", status=415, headers=(("Accept-Encoding", "identity"),))
