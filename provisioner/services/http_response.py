"""The one place that makes an HTTP response from an answer; both paths send what is made here.

Every refusal is the same bare 404 (503 before the first generation): status, headers and body do not tell an unknown
phone from a refused one.  RFC 9110 sections 8.8.3 (ETag), 13.1.2 (If-None-Match), 14 (Range), 15.4.5 (304).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import NamedTuple

from provisioner.delivery.answer import Answer, Refusal, Served
from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.services.http_file import FileShelf, OpenFile
from provisioner.services.http_question import Question

SERVER = "provisioner"
"The Server header: no versions, no names of libraries."

TEXT = "text/plain; charset=utf-8"

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_BEFORE = {
    (minor, status): f"HTTP/1.{minor} {line}\r\nServer: {SERVER}\r\nDate: ".encode("ascii")
    for minor in (0, 1)
    for status, line in _STATUS_LINES.items()
}
_TAG = re.compile(r'"([\x21\x23-\x7e\x80-\xff]*)"')
_SINGLE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Reply(NamedTuple):
    """A response without Server, Date and Connection, and what to write down once it is sent."""

    status: int
    "HTTP status."

    headers: tuple[tuple[str, str], ...]
    "In the order of sending."

    outcome: str
    "`ok`, `not-modified`, `head`, a Reason, or `bad-request`: what the journal says if all of it is sent."

    body: bytes | memoryview = b""
    "Sent from memory; empty for static files, HEAD and 304."

    opened: OpenFile | None = None
    "A static file to be sent; whoever sends it releases it."

    first: int = 0
    "Offset into the static file."

    length: int = 0
    "Bytes of body on the wire."

    file: PublishedFile | None = None
    "What was found, for the journal."

    mac: str | None = None
    phone: str | None = None
    model: str | None = None
    firmware: str | None = None
    "Who asked, as far as known."

    fact: str = ""
    "For the journal, never for the wire."

    @property
    def status_line(self) -> str:
        """Status and phrase: `404 Not Found`."""
        return _STATUS_LINES[self.status]


def reply_to(answer: Answer, question: Question, shelf: FileShelf) -> Reply:
    """Return the response to `question`.  Opens the static file, if one is to be sent."""
    if isinstance(answer, Refusal):
        return _refused(answer, question)
    file = answer.file
    tag = f'"{file.sha256}"'
    headers = [("ETag", tag), ("Cache-Control", "no-store" if file.kind is FileKind.MAC else "no-cache")]
    is_head = question.method == "HEAD"
    if question.if_none_match is not None and _matches(question.if_none_match, file.sha256):
        return _found(answer, 304, headers, "head" if is_head else "not-modified")
    headers.insert(0, ("Content-Type", file.content_type))
    first, length, status = 0, file.size_bytes, 200
    if file.kind is FileKind.STATIC:
        headers.append(("Accept-Ranges", "bytes"))
        if question.range is not None and not is_head and question.if_range in (None, tag):
            wanted = _range(question.range, file.size_bytes)
            if wanted == "unsatisfiable":
                headers += [("Content-Range", f"bytes */{file.size_bytes}"), ("Content-Length", "0")]
                return _found(answer, 416, headers[1:], "ok")
            if isinstance(wanted, tuple):
                first, length = wanted
                status = 206
                headers.append(("Content-Range", f"bytes {first}-{first + length - 1}/{file.size_bytes}"))
    headers.append(("Content-Length", str(length)))
    if is_head:
        return _found(answer, status, headers, "head")
    if file.path is None:
        return _found(answer, status, headers, "ok", body=file.body, length=length)
    opened = shelf.take(file)
    if opened is None:
        gone = f"{file.name} is no longer the file that was published"
        return bare(404, "unknown-file", gone, is_head=is_head, of=answer)
    return _found(answer, status, headers, "ok", opened=opened, first=first, length=length)


def bare(status: int, outcome: str, fact: str, *, is_head: bool = False, of: Answer | None = None) -> Reply:
    """Return a response that says nothing but its status."""
    body = (_STATUS_LINES[status][4:] + "\n").encode("ascii")
    headers = (("Content-Type", TEXT), ("Content-Length", str(len(body))))
    if is_head:
        body = b""
    if of is None:
        return Reply(status, headers, outcome, body, length=len(body), fact=fact)
    return Reply(status, headers, outcome, body, None, 0, len(body), None, of.mac, of.phone, of.model, of.firmware, fact)


def whole_file_head(file: PublishedFile, minor: int, *, close: bool) -> tuple[bytes, bytes]:
    """Return the head of a cfg file that is sent whole: what `reply_to` and `head_around_date` make together, in one step.

    Most responses are these; a test holds both ways to the same bytes.
    """
    after = (
        f'\r\nConnection: {"close" if close else "keep-alive"}\r\nContent-Type: {TEXT}\r\nETag: "{file.sha256}"\r\n'
        f"Cache-Control: {'no-store' if file.kind is FileKind.MAC else 'no-cache'}\r\nContent-Length: {file.size_bytes}\r\n\r\n"
    )
    return _BEFORE[minor, 200], after.encode("latin-1")


def head_around_date(reply: Reply, minor: int, *, close: bool) -> tuple[bytes, bytes]:
    """Return the response head before and after the value of Date, in the form in which gunicorn writes it."""
    after = "\r\nConnection: close\r\n" if close else "\r\nConnection: keep-alive\r\n"
    for name, value in reply.headers:
        after += f"{name}: {value}\r\n"
    return _BEFORE[minor, reply.status], (after + "\r\n").encode("latin-1")


def _refused(refusal: Refusal, question: Question) -> Reply:
    return bare(refusal.http_status, str(refusal.reason), refusal.fact, is_head=question.method == "HEAD", of=refusal)


def _found(
    served: Served,
    status: int,
    headers: list[tuple[str, str]],
    outcome: str,
    *,
    body: bytes | memoryview = b"",
    opened: OpenFile | None = None,
    first: int = 0,
    length: int = 0,
) -> Reply:
    return Reply(
        status,
        tuple(headers),
        outcome,
        body,
        opened,
        first,
        length,
        served.file,
        served.mac,
        served.phone,
        served.model,
        served.firmware,
        served.note,
    )


def _matches(if_none_match: str, tag: str) -> bool:
    """RFC 9110 section 13.1.2: weak comparison with any of the list, or `*`."""
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)


def _range(value: str, size: int) -> tuple[int, int] | str | None:
    """Return (first, length), `unsatisfiable`, or None for a form that is ignored (several ranges, another unit)."""
    matched = _SINGLE_RANGE.fullmatch(value.replace(" ", ""))
    if matched is None or matched[0] == "bytes=-":
        return None
    if not matched[1]:  # the last n bytes
        length = min(int(matched[2]), size)
        return (size - length, length) if length else "unsatisfiable"
    first = int(matched[1])
    last = min(int(matched[2]), size - 1) if matched[2] else size - 1
    if matched[2] and int(matched[2]) < first:
        return None
    return (first, last - first + 1) if first < size else "unsatisfiable"
