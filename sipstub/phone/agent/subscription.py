"""One subscription of an account: message waiting, or its own registration.  RFC 6665, RFC 3842, RFC 3680."""

from __future__ import annotations

from collections.abc import Callable

from sipstub.phone.agent.account import Account
from sipstub.phone.agent.alarm import Alarm
from sipstub.phone.agent.asking import Sender
from sipstub.phone.agent.leg import Leg
from sipstub.phone.agent.place import Target
from sipstub.phone.agent.shape import Shape
from sipstub.phone.agent.strand import Strand
from sipstub.phone.agent.surroundings import Surroundings
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response
from sipstub.transaction.machine import ClientTransaction

RETRY_S = 1800.0
"After a refusal.  How long V80 waits is not known."
REG_EXPIRES_S = 3600
"Of `Event: reg`; no setting names it."


class Subscription:
    """Asks, renews, and takes notifications."""

    def __init__(
        self,
        around: Surroundings,
        account: Account,
        shape: Shape,
        sender: Sender,
        where: Callable[[], Target],
        *,
        package: str,
        accept: str,
        user: str,
        expires_s: int,
    ) -> None:
        self._around = around
        self._shape = shape
        self._sender = sender
        self._where = where
        self.package = package
        self._accept = accept
        self._user = user
        self._expires_s = expires_s
        self._strand = Strand(account, around.conduct, around.identifiers, around.place.host)
        self._leg: Leg | None = None
        self._alarm: Alarm | None = None
        self._is_asking = False
        self.is_active = False

    def begin(self, now: float) -> None:
        """Subscribe, unless that was done."""
        if not self.is_active and not self._is_asking:
            self._strand.begin()
            self._ask(now)

    def stop(self) -> None:
        """Do nothing more."""
        self._around.alarms.stop(self._alarm)

    def _ask(self, now: float) -> None:
        self._is_asking = True
        target, strand, shape = self._where(), self._strand, self._shape
        transport = target.hop.transport
        cseq = strand.next_cseq()
        if self._leg is None:
            uri = shape.aor(target.server, self._user)
            request = shape.subscribe(
                target.server,
                self._user,
                strand.call_id,
                strand.tag,
                cseq,
                transport=transport,
                event=self.package,
                accept=self._accept,
                expires_s=self._expires_s,
                auth=strand.authorization("SUBSCRIBE", uri),
            )
            self._sender.ask(request, target.hop, self, now)
            return
        auth = strand.authorization("SUBSCRIBE", self._leg.target)
        more = shape.subscribe_end(self.package, self._accept, self._expires_s)
        self._leg.cseq = cseq - 1
        request = self._leg.request("SUBSCRIBE", shape.contact(transport), [auth, *more] if auth else more)
        self._sender.ask(request, self._leg.hop, self, now)

    def answered(self, response: Response, transaction: ClientTransaction, now: float) -> None:
        """Take an answer."""
        status = response.status
        if status < 200:
            return
        if status in (401, 407) and self._strand.challenged(response):
            self._ask(now)
            return
        self._is_asking = False
        self._strand.accepted()
        if status >= 300:
            self._refused(status, response, now)
            return
        try:
            if self._leg is None:
                self._leg = Leg.as_caller(transaction.request, response, transaction.hop)
            granted_s = response.expires
        except SipError:
            granted_s = None
        self.is_active = True
        share = self._around.conduct.refresh_share
        wait_s = self._expires_s if granted_s is None else granted_s
        if share is not None and wait_s:
            self._alarm = self._around.alarms.after(wait_s * share, self._renew, now, self._alarm)

    def failed(self, status: int, now: float) -> None:
        """Begin anew later."""
        self._is_asking = False
        self._again(RETRY_S, now)

    def _refused(self, status: int, response: Response, now: float) -> None:
        try:
            least = response.min_expires
        except SipError:
            least = None
        if status == 423 and least is not None and least > self._expires_s and self._around.conduct.obeys_423:
            self._expires_s = least
            self._ask(now)
        elif status == 481 and self._leg is not None:
            self._forget()
            self.begin(now)
        else:
            self._again(RETRY_S, now)

    def _again(self, wait_s: float, now: float) -> None:
        self._forget()
        self._alarm = self._around.alarms.after(wait_s, self.begin, now, self._alarm)

    def _forget(self) -> None:
        self._leg, self.is_active = None, False

    def _renew(self, now: float) -> None:
        if not self._is_asking:
            self._strand.begin()
            self._ask(now)

    def owns(self, request: Request) -> bool:
        """Return whether a NOTIFY is for this; it may come before the answer to SUBSCRIBE does (RFC 6665 section 4.1.2.4)."""
        return request.call_id == self._strand.call_id and request.to.tag == self._strand.tag

    def notified(self, request: Request, now: float) -> None:
        """Take the state that a NOTIFY gives the subscription."""
        state = request.subscription_state
        if state is not None and state.state == "terminated":
            self._again(RETRY_S, now)
        elif self._leg is not None:
            self._leg.refresh_target(request)
