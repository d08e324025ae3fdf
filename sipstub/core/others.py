"""What is neither a REGISTER nor a call: answered by `subscriptions`, with the NOTIFYs that follow and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable

from sipstub.core.core import Core
from sipstub.core.flow import Flow, flow_of_hop
from sipstub.sip.error import SipError
from sipstub.sip.message import Response
from sipstub.subscriptions.notifier import Notifier, Notify
from sipstub.subscriptions.other_methods import OtherMethods
from sipstub.subscriptions.subscription import Key
from sipstub.transaction.event import RequestArrived, ResponseArrived, TransactionFailed


class Others:
    """The fallback of a core."""

    methods = ("SUBSCRIBE", "OPTIONS")

    def __init__(self, core: Core, notifier: Notifier, other: OtherMethods) -> None:
        self.notifier = notifier
        self._core = core
        self._other = other

    def handle(self, arrived: RequestArrived, now: float) -> Response | None:
        """Answer, then send the NOTIFYs; a first challenge is left to the core."""
        transaction = arrived.transaction
        if transaction is None:
            return None
        reply = self._other.handle(arrived.request, flow_of_hop(arrived.source), now, to_tag=transaction.to_tag)
        if not reply.notifies:
            return reply.response
        if reply.response is not None:
            self._core.respond(transaction, reply.response, now)
        self._send(reply.notifies, now)
        return None

    def changed(self, package: str, resource: str, now: float, details: tuple[object, ...] = ()) -> None:
        """Tell everybody who watches that resource."""
        self._send(self.notifier.changed(package, resource, now, details), now)

    def next_timer(self) -> float | None:
        """Return when the next subscription ends."""
        return self.notifier.next_timer()

    def on_timer(self, now: float) -> None:
        """End what is over."""
        self._send(self.notifier.on_timer(now), now)

    def end_all(self, now: float) -> None:
        """End all subscriptions, as before a stop."""
        self._send(self.notifier.end_all(now), now)

    def _send(self, notifies: Iterable[Notify], now: float) -> None:
        for notify in notifies:
            assert isinstance(notify.to, Flow)

            def answered(event: ResponseArrived | TransactionFailed, at: float, key: Key = notify.key) -> None:
                self._answered(event, at, key)

            self._core.request(notify.request, notify.to.hop, now, answered)

    def _answered(self, event: ResponseArrived | TransactionFailed, now: float, key: Key) -> None:
        wait_s: int | None = None
        if isinstance(event, TransactionFailed):
            status = event.status
        elif event.response.status < 200:
            return
        else:
            status = event.response.status
            wait_s = _retry_after(event.response)
        self._send(self.notifier.on_answer(key, status, now, retry_after_s=wait_s), now)


def _retry_after(response: Response) -> int | None:
    try:
        found = response.retry_after
    except SipError:
        return None
    return None if found is None else found.seconds
