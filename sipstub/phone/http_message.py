"""The HTTP/1.1 that a phone speaks: one GET per connection, and reading its answer.  Pure.

Redirects are not followed: whether V80 follows them is not known.  Answers are bounded in head and body.
"""

from __future__ import annotations

import base64
import hashlib
import re

from sipstub.phone.location import Location
from sipstub.phone.outcome import Fetched, FetchLimits, Outcome

MAX_HEAD_BYTES = 16 * 1024
MAX_CHUNK_LINE_BYTES = 1024
MAX_CHALLENGES = 8

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: .*)?", re.DOTALL)
_PARAMETER = re.compile(r'([A-Za-z0-9_\-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = re.compile(r"\s*([A-Za-z]+)(?:\s+|$)(.*)", re.DOTALL)


def get_request(location: Location, name: str, agent: str, *, authorization: str = "") -> bytes:
    """Return a GET for one file of the folder."""
    lines = [f"GET {location.path(name)} HTTP/1.1", f"Host: {location.authority}", f"User-Agent: {agent}", "Accept: */*"]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    return ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode("latin-1", "replace")


def authorize(challenges: list[str], location: Location, name: str, *, cnonce: str) -> str:
    """Return the Authorization for the first challenge that can be answered, Digest (MD5) before Basic; else an empty text."""
    known = [found for text in challenges[:MAX_CHALLENGES] if (found := _SCHEME.match(text))]
    for found in known:
        if found[1].lower() == "digest":
            answer = _digest(found[2], location, location.path(name), cnonce)
            if answer:
                return answer
    if any(found[1].lower() == "basic" for found in known):
        return "Basic " + base64.b64encode(f"{location.user}:{location.password}".encode()).decode()
    return ""


def _digest(text: str, location: Location, path: str, cnonce: str) -> str:
    """RFC 2617 section 3.2.2, with and without qop=auth; an empty text where the challenge asks for more."""
    asked = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(text)}
    if asked.get("algorithm", "MD5").upper() != "MD5" or "nonce" not in asked:
        return ""
    offers = [offer.strip() for offer in asked["qop"].lower().split(",")] if "qop" in asked else []
    if offers and "auth" not in offers:
        return ""
    realm, nonce = asked.get("realm", ""), asked["nonce"]
    secret = _md5(f"{location.user}:{realm}:{location.password}")
    wanted = _md5(f"GET:{path}")
    fields = [f'username="{location.user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{path}"']
    if offers:
        response = _md5(f"{secret}:{nonce}:00000001:{cnonce}:auth:{wanted}")
        fields += ["qop=auth", "nc=00000001", f'cnonce="{cnonce}"']
    else:
        response = _md5(f"{secret}:{nonce}:{wanted}")
    fields.append(f'response="{response}"')
    if "opaque" in asked:
        fields.append(f'opaque="{asked["opaque"]}"')
    return "Digest " + ", ".join(fields)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class ResponseReader:
    """Takes the bytes of one answer as they come; `result` is set once it is complete or hopeless."""

    def __init__(self, limits: FetchLimits) -> None:
        self.result: Fetched | None = None
        self.status = 0
        "Of the final answer; 0 before its head is complete."
        self.headers: list[tuple[str, str]] = []
        "Names in lower case."
        self._limits = limits
        self._rest = bytearray()
        self._body = bytearray()
        self._left: int | None = None
        self._is_chunked = False
        self._in_trailer = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes; no bytes mean that the peer has closed."""
        if self.result is not None:
            return
        if not data:
            self._closed()
            return
        self._rest += data
        if not self.status and not self._head():
            return
        if self._is_chunked:
            self._chunks()
        else:
            self._plain()

    def challenges(self) -> list[str]:
        """Return the values of WWW-Authenticate."""
        return [value for name, value in self.headers if name == "www-authenticate"]

    def _head(self) -> bool:
        while not self.status:
            end = self._rest.find(b"\r\n\r\n")
            if end < 0:
                if len(self._rest) > MAX_HEAD_BYTES:
                    self._finish(Outcome.BROKEN, f"the head of the answer is longer than {MAX_HEAD_BYTES} bytes")
                return False
            lines = bytes(self._rest[:end]).split(b"\r\n")
            del self._rest[: end + 4]
            found = _STATUS.fullmatch(lines[0])
            if not found or end > MAX_HEAD_BYTES:
                self._finish(Outcome.BROKEN, "the answer is not HTTP/1.1")
                return False
            status = int(found[1])
            if status >= 200:  # 1xx: an interim answer, the final one follows
                self.status = status
                self.headers = [(name.strip().lower(), value.strip()) for name, _, value in map(_partition, lines[1:])]
        return self._framing()

    def _framing(self) -> bool:
        headers = dict(self.headers)
        if self.status in (204, 304):
            self._left = 0
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            self._is_chunked = True
        elif "content-length" in headers:
            text = headers["content-length"]
            if not (text.isascii() and text.isdigit() and len(text) <= 18):
                self._finish(Outcome.BROKEN, "the Content-Length is not a number")
                return False
            self._left = int(text)
            if self._left > self._limits.size_bytes:
                self._too_large()
                return False
        return True

    def _plain(self) -> None:
        taken = len(self._rest) if self._left is None else min(self._left, len(self._rest))
        self._take(taken)
        if self._left is not None:
            self._left -= taken
            if self._left == 0:
                self._complete()

    def _chunks(self) -> None:
        while self.result is None:
            if self._left:
                taken = min(self._left, len(self._rest))
                self._take(taken)
                self._left -= taken
                if self._left or self.result is not None:
                    return
            end = self._rest.find(b"\r\n")
            if end < 0:
                if len(self._rest) > MAX_CHUNK_LINE_BYTES:
                    self._finish(Outcome.BROKEN, "a chunk line is too long")
                return
            line = bytes(self._rest[:end])
            del self._rest[: end + 2]
            if self._in_trailer:
                if not line:
                    self._complete()
            elif self._left == 0:  # the line end after a chunk
                self._left = None
                if line:
                    self._finish(Outcome.BROKEN, "a chunk is longer than it says")
            else:
                size = line.partition(b";")[0].strip()
                if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
                    self._finish(Outcome.BROKEN, "a chunk has no size")
                    return
                self._left = int(size, 16) or None
                self._in_trailer = self._left is None

    def _take(self, count: int) -> None:
        if len(self._body) + count > self._limits.size_bytes:
            self._too_large()
            return
        self._body += self._rest[:count]
        del self._rest[:count]

    def _closed(self) -> None:
        if self.status not in (0, 200):
            self._complete()  # the body of a refusal is read to be polite and then dropped
        elif self.status and not self._is_chunked and self._left is None:
            self._complete()
        else:
            self._finish(Outcome.BROKEN, "the connection was closed before the answer was complete")

    def _complete(self) -> None:
        if self.result is not None:
            return
        if self.status == 200:
            self.result = Fetched(Outcome.RECEIVED, bytes(self._body), "HTTP 200", 200)
        elif self.status == 404:
            self._finish(Outcome.NOT_FOUND, "HTTP 404")
        elif self.status in (401, 403):
            self._finish(Outcome.REFUSED, f"HTTP {self.status}")
        else:
            self._finish(Outcome.BAD_STATUS, f"HTTP {self.status}")

    def _too_large(self) -> None:
        if self.status != 200:
            self._complete()
            return
        self._finish(Outcome.TOO_LARGE, f"more than {self._limits.size_bytes} bytes")

    def _finish(self, outcome: Outcome, detail: str) -> None:
        self._body.clear()
        self._rest.clear()
        self.result = Fetched(outcome, b"", detail, self.status or None)


def _partition(line: bytes) -> tuple[str, str, str]:
    return line.decode("latin-1").partition(":")
