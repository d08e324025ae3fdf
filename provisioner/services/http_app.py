"""The ordinary path: a WSGI application for every request that the fast path does not take."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from provisioner.delivery.request import Protocol
from provisioner.services.http_desk import Desk
from provisioner.services.http_question import Question, plain_address
from provisioner.services.http_response import Reply

READ_BYTES = 64 * 1024


class ReplyBody:
    """The body of a response, for any WSGI server; ours takes `reply` and sends it without blocking."""

    def __init__(self, question: Question, reply: Reply) -> None:
        self.question = question
        self.reply = reply

    def __iter__(self) -> Iterator[bytes]:
        reply = self.reply
        if reply.opened is None:
            yield bytes(reply.body)
            return
        at, end = reply.first, reply.first + reply.length
        while at < end and (chunk := os.pread(reply.opened.fd, min(READ_BYTES, end - at), at)):
            at += len(chunk)
            yield chunk

    def close(self) -> None:
        """Give the file back (PEP 3333: called by the server at the end)."""
        if self.reply.opened is not None:
            self.reply.opened.release()


class DeliveryApp:
    """Asks the desk of the scheme that the connection came by."""

    def __init__(self, desks: Mapping[Protocol, Desk]) -> None:
        self._desks = desks

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Return the body; never raises for what a client can send."""
        desk = self._desks[Protocol(environ["wsgi.url_scheme"])]
        question, decoded = read_environ(environ, desk.protocol)
        reply = desk.reply(question, decoded)
        start_response(reply.status_line, list(reply.headers))
        return ReplyBody(question, reply)


def read_environ(environ: Mapping[str, Any], protocol: Protocol) -> tuple[Question, str]:
    """Return the question and its path, percent-decoded once; the text is the same as the fast path's."""
    decoded = str(environ.get("PATH_INFO", "")).encode("latin-1", "replace").decode("utf-8", "replace")
    sent = str(environ.get("RAW_URI") or environ.get("PATH_INFO", ""))
    question = Question(
        protocol,
        environ["REQUEST_METHOD"],
        sent.partition("#")[0].partition("?")[0],
        plain_address(environ["REMOTE_ADDR"]),
        environ.get("HTTP_USER_AGENT"),
        environ.get("HTTP_IF_NONE_MATCH"),
        environ.get("HTTP_RANGE"),
        environ.get("HTTP_IF_RANGE"),
    )
    return question, decoded
