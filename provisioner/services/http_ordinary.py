"""gunicorn's own parser, WSGI environment and response writer, run over bytes that are already here.

Nothing in it waits: the head was collected by the poller, the response is caught in memory and sent by the poller, the
body of a request is never read (the connection ends instead).  So no client can hold a thread, and none is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gunicorn.http import errors, wsgi
from gunicorn.http.parser import RequestParser

from provisioner.delivery.request import Protocol
from provisioner.services.http_app import ReplyBody
from provisioner.services.http_desk import Prepared
from provisioner.services.http_head import is_broken
from provisioner.services.http_limits import REQUEST_LINE_MAX_BYTES
from provisioner.services.http_question import Question
from provisioner.services.http_record import Record
from provisioner.services.http_response import SERVER, Reply, bare, head_around_date

BAD_REQUEST = "bad-request"

_STATUS_OF: dict[type[Exception], int] = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.ExpectationFailed: 417,
    errors.UnsupportedTransferCoding: 501,
}


@dataclass(frozen=True, slots=True)
class Handled:
    """What the ordinary path made of one head."""

    question: Question
    "What was asked, as far as it could be read."

    reply: Reply
    "The response; its body and file are still to be sent."

    head: bytes
    "Status line and headers, ready to be sent."

    close: bool
    "Whether the connection ends."

    linger: bool
    "Whether the client may still be sending what nobody will read."

    def prepared(self) -> Prepared:
        """Return it as what a connection sends."""
        reply = self.reply
        record = Record(self.question, reply)
        return Prepared(record, self.head, b"", reply.body, self.close, opened=reply.opened, first=reply.first)


class _Caught:
    """Stands where gunicorn expects a socket to write to."""

    def __init__(self) -> None:
        self.data = b""

    def sendall(self, data: bytes) -> None:
        self.data += data


class OrdinaryPath:
    """Everything that is not a plain GET or HEAD."""

    def __init__(self, cfg: Any, app: Callable[..., Any], protocol: Protocol) -> None:
        self._cfg = cfg
        self._app = app
        self._protocol = protocol

    def handle(self, data: bytes, peer: str, *, force_close: bool) -> Handled:
        """Return the response to `data`: a whole head, or one that is broken or too long.  Never raises for its content."""
        try:
            if is_broken(data):  # gunicorn before 27 reads over some of these
                raise errors.InvalidHeader("line end")
            request = next(RequestParser(self._cfg, iter((data,)), (peer, 0)))
        except Exception as error:
            # StopIteration and NoMoreData mean a head without an end: too long, since the collector gave it up.
            return self._bad(data, peer, error)
        request._expected_100_continue = False  # nobody will read the body, so nobody asks for it
        caught = _Caught()
        response, environ = wsgi.create(request, caught, (peer, 0), ("", 0), self._cfg)
        environ["wsgi.url_scheme"] = str(self._protocol)
        response.version = SERVER
        has_body = environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ
        options = [option.strip().lower() for option in environ.get("HTTP_CONNECTION", "").split(",")]
        if force_close or has_body or "close" in options:
            response.force_close()
        body = self._app(environ, response.start_response)
        assert isinstance(body, ReplyBody)
        response.send_headers()
        return Handled(body.question, body.reply, caught.data, response.should_close(), has_body)

    def _bad(self, data: bytes, peer: str, error: Exception) -> Handled:
        line = data[:REQUEST_LINE_MAX_BYTES].partition(b"\r\n")[0]
        if isinstance(error, StopIteration | errors.NoMoreData):
            status = 414 if len(line) == REQUEST_LINE_MAX_BYTES else 431
        else:
            status = next((code for kind, code in _STATUS_OF.items() if isinstance(error, kind)), 400)
        method, _, rest = line.decode("latin-1").partition(" ")
        question = Question(self._protocol, method, rest.partition(" ")[0].partition("?")[0], peer)
        reply = bare(status, BAD_REQUEST, type(error).__name__)
        before, after = head_around_date(reply, 1, close=True)
        return Handled(question, reply, before + wsgi.util.http_date().encode("ascii") + after, True, True)
