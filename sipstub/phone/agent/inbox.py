"""What the phone answers to requests that come in.  RFC 3261 sections 8.2 and 11.2."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sipstub.phone.agent.conduct import Conduct
from sipstub.phone.agent.event import MessagesWaiting, PhoneEvent, Resync
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.agent.shape import EVENTS, METHODS, SDP_TYPE, Pairs
from sipstub.session_timer.header import REFRESHING
from sipstub.sip.answer import refuse
from sipstub.sip.error import SipError
from sipstub.sip.message import Request
from sipstub.sip.uri import SipUri
from sipstub.transaction.event import RequestArrived
from sipstub.transaction.machine import ServerTransaction

if TYPE_CHECKING:
    from sipstub.phone.agent.line import Line

MAX_SUMMARY = 2_000
"Characters kept of a message-summary."
CHECK_SYNC = "check-sync"
SUMMARY = "message-summary"
REBOOT_IF_TOLD, REBOOT, IGNORE = "0", "1", "2"
"Values of sip.notify_reboot_enable."
IN_DIALOG_ONLY = ("BYE", "UPDATE", "INFO", "PRACK")
TAKEN = frozenset(METHODS.split(", ")) - {"REGISTER", "PUBLISH", "REFER", "ACK", "CANCEL"}


class Inbox:
    """Answers for all accounts of one phone."""

    def __init__(self, conduct: Conduct, check_sync_mode: str, tell: Callable[[PhoneEvent], None]) -> None:
        self._conduct = conduct
        self._mode = conduct.check_sync_mode or check_sync_mode
        self._tell = tell
        self.answering = Answering.RING
        "What happens to calls."

    def take(self, line: Line, event: RequestArrived, now: float) -> None:
        """Answer one request."""
        request, transaction = event.request, event.transaction
        if transaction is None:
            self._take_ack(line, request, now)
            return
        try:
            if not self._refuses(line, request, transaction, now):
                self._dispatch(line, request, transaction, now)
        except SipError as error:
            line.layer.respond(transaction, refuse(request, error, to_tag=transaction.to_tag), now)

    def _take_ack(self, line: Line, request: Request, now: float) -> None:
        try:
            call = line.call_of(request)
        except SipError:
            return
        if call is not None:
            call.acknowledged(request, now)

    def _refuses(self, line: Line, request: Request, transaction: ServerTransaction, now: float) -> bool:
        _ = request.contacts, request.from_, request.event, request.record_routes
        method = request.method
        if method in REFRESHING:
            _ = request.session_expires, request.min_se
        if method not in METHODS.split(", "):
            line.respond(request, transaction, 501, now, [("Allow", METHODS)])
            return True
        if not isinstance(request.uri, SipUri):
            line.respond(request, transaction, 416, now)
            return True
        known = {"replaces"} | {tag for tag in line.shape.supported.split(", ") if tag}
        unknown = [tag for tag in request.require if tag.lower() not in known]
        if unknown:
            line.respond(request, transaction, 420, now, [("Unsupported", ", ".join(unknown))])
            return True
        return False

    def _dispatch(self, line: Line, request: Request, transaction: ServerTransaction, now: float) -> None:
        method = request.method
        call = line.call_of(request)
        if call is not None:
            call.receive(request, transaction, now)
        elif method == "NOTIFY":
            self._take_notify(line, request, transaction, now)
        elif request.to.tag is not None or method in IN_DIALOG_ONLY:
            line.respond(request, transaction, 481, now)
        elif method not in TAKEN:
            line.respond(request, transaction, 405, now, [("Allow", METHODS)])
        elif method == "OPTIONS":
            self._take_options(line, request, transaction, now)
        elif method == "SUBSCRIBE":
            line.respond(request, transaction, 489, now, [("Allow-Events", EVENTS)])
        elif not _is_ours(line, request):
            line.respond(request, transaction, 404, now)
        elif method == "INVITE":
            line.take_call(request, transaction, self.answering, now)
        else:
            line.respond(request, transaction, 200, now)

    def _take_options(self, line: Line, request: Request, transaction: ServerTransaction, now: float) -> None:
        if not self._conduct.answers_options:
            line.layer.forget(transaction)
            return
        more: Pairs = [
            ("Contact", line.shape.contact(transaction.source.transport)),
            ("Accept", SDP_TYPE),
            ("Allow", METHODS),
            ("Supported", line.shape.supported),
            ("Allow-Events", EVENTS),
        ]
        line.respond(request, transaction, 200, now, more)

    def _take_notify(self, line: Line, request: Request, transaction: ServerTransaction, now: float) -> None:
        event = request.event
        package = event.package if event is not None else ""
        subscription = next((one for one in line.subscriptions if one.owns(request)), None)
        if subscription is None and (request.to.tag is not None or package == "reg"):
            line.respond(request, transaction, 481, now)
            return
        if package == CHECK_SYNC and event is not None:
            reboot = (event.params.get("reboot") or "").lower() == "true"
            self._take_check_sync(line, request, transaction, reboot, now)
            return
        if (subscription is None and package != SUMMARY) or (subscription is not None and subscription.package != package):
            line.respond(request, transaction, 489, now, [("Allow-Events", EVENTS)])
            return
        line.respond(request, transaction, 200, now)
        if subscription is not None:
            subscription.notified(request, now)
        if package == SUMMARY:
            text = request.body.decode("utf-8", "replace")[:MAX_SUMMARY]
            self._tell(MessagesWaiting(line.account.number, text))

    def _take_check_sync(self, line: Line, request: Request, transaction: ServerTransaction, reboot: bool, now: float) -> None:
        if not self._conduct.answers_check_sync:
            line.layer.forget(transaction)
            return
        line.respond(request, transaction, 200, now)
        if self._mode == IGNORE or not self._conduct.resyncs:
            return
        self._tell(Resync(is_reboot=reboot or self._mode == REBOOT))


def _is_ours(line: Line, request: Request) -> bool:
    uri = request.uri
    if not isinstance(uri, SipUri):
        return False
    return uri.username == line.account.user or uri.params.get("line") == line.shape.line
