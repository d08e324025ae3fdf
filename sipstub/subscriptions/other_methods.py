"""Every request that is neither a REGISTER nor part of a call: answered, or refused as its RFC says, never met with silence.

INVITE gets 480 for every user of our domain, registered or not, so that nobody learns who is: calls are for the SBC stub, which
takes INVITE before it comes here.  No secret is asked for what says the same to everybody.
"""

from __future__ import annotations

from collections.abc import Callable

from sipstub.sip.answer import answer, refuse
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response
from sipstub.sip.uri import Uri
from sipstub.subscriptions.notifier import Notifier, Reply
from sipstub.subscriptions.watcher import Watcher

ALLOW = ("REGISTER", "OPTIONS", "SUBSCRIBE", "INVITE", "ACK", "CANCEL", "BYE")
SUPPORTED = ("path", "outbound")
ACCEPT = ("application/sdp",)
ALLOWED_NOT_HERE = frozenset({"PUBLISH", "MESSAGE", "REFER", "REGISTER"})
"Methods that we know and do not allow: 405."
OF_DIALOGS = frozenset({"BYE", "UPDATE", "PRACK", "INFO", "NOTIFY", "CANCEL"})
"Methods that mean nothing without their dialog: 481 (RFC 3261 15.1.2, 3311, 3262, 6086, 6665)."


class OtherMethods:
    """OPTIONS, SUBSCRIBE, and the proper refusal of everything else."""

    def __init__(
        self,
        notifier: Notifier,
        is_ours: Callable[[Uri], bool],
        *,
        allow: tuple[str, ...] = ALLOW,
        supported: tuple[str, ...] = SUPPORTED,
    ) -> None:
        """`is_ours` says whether a Request-URI is of our domain."""
        self._notifier = notifier
        self._is_ours = is_ours
        self._allow = ", ".join(allow)
        self._supported = supported

    def handle(self, request: Request, source: Watcher, now: float, *, to_tag: str) -> Reply:
        """Return the answer, and NOTIFYs that follow it; no response for an ACK.  Never raises for what a peer sends."""
        try:
            return self._handle(request, source, now, to_tag)
        except SipError as error:
            return Reply(refuse(request, error, to_tag=to_tag))

    def _handle(self, request: Request, source: Watcher, now: float, to_tag: str) -> Reply:
        method = request.method
        if method == "ACK":
            return Reply(None)
        if method == "SUBSCRIBE":
            return self._notifier.handle(request, source, now, to_tag=to_tag)
        if method in OF_DIALOGS:
            return Reply(answer(request, 481, to_tag=to_tag))
        if method in ALLOWED_NOT_HERE:
            return Reply(self._with_allow(answer(request, 405, to_tag=to_tag)))
        if method not in ("OPTIONS", "INVITE"):
            return Reply(self._with_allow(answer(request, 501, to_tag=to_tag)))
        if request.uri.scheme not in ("sip", "sips"):
            return Reply(answer(request, 416, to_tag=to_tag))
        strange = [word for word in request.require if word.lower() not in self._supported]
        if strange:
            refused = answer(request, 420, to_tag=to_tag)
            refused.headers.add("Unsupported", ", ".join(strange))
            return Reply(refused)
        if request.to.tag is not None:
            return Reply(answer(request, 481, to_tag=to_tag))
        if not self._is_ours(request.uri):
            return Reply(answer(request, 404, to_tag=to_tag))
        return Reply(answer(request, 480, to_tag=to_tag) if method == "INVITE" else self._options(request, to_tag))

    def _options(self, request: Request, to_tag: str) -> Response:
        response = self._with_allow(answer(request, 200, to_tag=to_tag))
        for name, value in (
            ("Accept", ", ".join(ACCEPT)),
            ("Accept-Encoding", "identity"),
            ("Accept-Language", "en"),
            ("Supported", ", ".join(self._supported)),
            ("Allow-Events", self._notifier.allow_events),
        ):
            response.headers.add(name, value)
        return response

    def _with_allow(self, response: Response) -> Response:
        response.headers.add("Allow", self._allow)
        return response
