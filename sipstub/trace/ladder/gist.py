"""What a message says in a few words: the text on its arrow, and what matters beside it.  No secret is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sipstub.sip.credentials import Challenge, Credentials
from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.sdp import Sdp
from sipstub.sip.uri import SipUri
from sipstub.trace.record import RecordedMessage

MAX_LABEL = 40
MAX_NOTE = 80
MAX_NONCES = 10_000

KEEP_ALIVE, UNREADABLE = "keep-alive", "unreadable"


@dataclass(frozen=True, slots=True)
class Gist:
    """One message in short."""

    kind: str
    "request, response, keep-alive or unreadable."
    label: str
    note: str
    method: str = ""
    "Of the request, or of the one that is answered."


@dataclass(slots=True)
class Gists:
    """Reads messages in their order, so that nonces can be called 1, 2, 3 instead of by forty letters."""

    _nonces: dict[str, int] = field(default_factory=dict)

    def of(self, recorded: RecordedMessage) -> Gist:
        """Return one message in short."""
        if recorded.is_keep_alive:
            return Gist(KEEP_ALIVE, KEEP_ALIVE, "CRLF" if recorded.data.strip(b"\0") else "zeros")
        error = recorded.error
        if error is not None:
            return Gist(UNREADABLE, UNREADABLE, plain(error.fact, MAX_NOTE))
        message = recorded.message
        if isinstance(message, Request):
            return self._request(message)
        if isinstance(message, Response):
            return self._response(message)
        return Gist(UNREADABLE, UNREADABLE, "")

    def _request(self, message: Request) -> Gist:
        uri = message.uri
        user = uri.username if isinstance(uri, SipUri) else None
        label = f"{message.method} {user}" if user and message.method != "REGISTER" else message.method
        notes = [_tried(lambda: self._used(message))]
        notes += [_tried(lambda: _asked_expiry(message))] if message.method in ("REGISTER", "SUBSCRIBE", "PUBLISH") else []
        notes += [_tried(lambda: _events(message)), _tried(lambda: _session(message)), _tried(lambda: _media(message))]
        notes.append(_tried(lambda: f"to {message.refer_to.uri.masked()}" if message.refer_to else ""))
        return Gist("request", plain(label, MAX_LABEL), _joined(notes), message.method)

    def _response(self, message: Response) -> Gist:
        label = f"{message.status} {message.reason}"
        method = _tried(lambda: message.cseq.method)
        notes = []
        challenges = _tried_list(lambda: (*message.www_authenticate, *message.proxy_authenticate))
        if challenges:
            label = f"{message.status} nonce {', '.join(str(self._number(challenge.nonce)) for challenge in challenges)}"
            notes += [_challenge(challenge) for challenge in challenges]
        if message.status // 100 == 2 and method in ("REGISTER", "SUBSCRIBE"):
            notes.append(_tried(lambda: _granted(message)))
        notes.append(_tried(lambda: f"Min-Expires {message.min_expires}" if message.min_expires is not None else ""))
        notes.append(_tried(lambda: f"Retry-After {message.retry_after}" if message.retry_after is not None else ""))
        notes += [_tried(lambda: _session(message)), _tried(lambda: _media(message))]
        return Gist("response", plain(label, MAX_LABEL), _joined(notes), plain(method, MAX_LABEL))

    def _used(self, message: Request) -> str:
        found = []
        for credentials in (*message.authorization, *message.proxy_authorization):
            found.append(self._credentials(credentials))
        return ", ".join(found)

    def _credentials(self, credentials: Credentials) -> str:
        if not credentials.is_digest:
            return credentials.scheme
        count = credentials.params.get("nc")
        text = f"nonce {self._number(credentials.nonce)}" if credentials.nonce else "no nonce"
        if count is not None:
            text += f", nc {count.lstrip('0') or '0'}"
        return text

    def _number(self, nonce: str) -> int:
        if nonce not in self._nonces and len(self._nonces) >= MAX_NONCES:
            return 0
        return self._nonces.setdefault(nonce, len(self._nonces) + 1)


def plain(text: str, limit: int) -> str:
    """Return text for a terminal or a page: nothing that a terminal obeys, cut to so many letters."""
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def _challenge(challenge: Challenge) -> str:
    if not challenge.is_digest:
        return challenge.scheme
    words = [challenge.algorithm]
    if qop := challenge.params.get("qop"):
        words.append(f"qop {qop}")
    if (challenge.params.get("stale") or "").lower() == "true":
        words.append("stale")
    return " ".join(words)


def _asked_expiry(message: Request) -> str:
    if message.contacts.is_star:
        return "expires 0, all contacts"
    asked = {contact.expires_s for contact in message.contacts.addresses if contact.expires_s is not None}
    if not asked and message.expires is not None:
        asked = {message.expires}
    if not asked:
        return "" if message.contacts.addresses else "asks for the bindings" if message.method == "REGISTER" else ""
    return "expires " + ", ".join(map(str, sorted(asked)))


def _granted(message: Response) -> str:
    granted = [contact.expires_s for contact in message.contacts.addresses if contact.expires_s is not None]
    if not granted:
        return f"granted {message.expires}" if message.expires is not None else ""
    return "granted " + ", ".join(map(str, granted[:4])) + (", ..." if len(granted) > 4 else "")


def _events(message: Request) -> str:
    words = [str(message.event)] if message.event else []
    if message.subscription_state:
        words.append(str(message.subscription_state))
    return " ".join(words)


def _session(message: Message) -> str:
    words = [f"Session-Expires {message.session_expires}"] if message.session_expires else []
    if message.min_se is not None:
        words.append(f"Min-SE {message.min_se}")
    return ", ".join(words)


def _media(message: Message) -> str:
    kind = message.content_type
    if kind is None or not message.body or not str(kind).lower().startswith("application/sdp"):
        return ""
    sdp = Sdp.parse(message.body)
    found = []
    for media in sdp.media[:3]:
        codecs = " ".join(codec.name for codec in media.codecs[:6])
        direction = sdp.direction_of(media)
        found.append(f"{media.kind} {codecs}" + ("" if direction == "sendrecv" else f" {direction}"))
    return "; ".join(found)


def _tried(read: Callable[[], str]) -> str:
    """Return what the header says, or that it cannot be read: a wrong header must not cost the picture."""
    try:
        return read()
    except SipError as error:
        return f"wrong: {error.fact}"


def _tried_list(read: Callable[[], tuple[Challenge, ...]]) -> tuple[Challenge, ...]:
    try:
        return read()
    except SipError:
        return ()


def _joined(notes: list[str]) -> str:
    return plain(", ".join(note for note in notes if note), MAX_NOTE)
