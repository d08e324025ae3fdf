"""One registration: its tries, renewals, and the way to the second server and back.

Each failed try is followed by `reg_fail_retry_interval`; after silence the next of `retry_counts` tries follows at once, and so
does the first try at another server.  What exactly counts as a try is not known.  Retry-After is not heeded: no source says so.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from sipstub.phone.agent.account import Account
from sipstub.phone.agent.alarm import Alarm
from sipstub.phone.agent.asking import Sender
from sipstub.phone.agent.event import Registered, RegistrationFailed, Unregistered
from sipstub.phone.agent.place import Target, return_wait, returns_at_renewal
from sipstub.phone.agent.shape import Shape
from sipstub.phone.agent.strand import Strand
from sipstub.phone.agent.surroundings import Surroundings
from sipstub.sip.error import SipError
from sipstub.sip.message import Response
from sipstub.sip.uri import SipUri
from sipstub.transaction.machine import ClientTransaction
from sipstub.transaction.sending import Hop

NOT_RESOLVED = 0


class Purpose(enum.Enum):
    """Why a REGISTER goes out."""

    CLEAR = "clear"
    "Before the first one after a start."
    KEEP = "keep"
    RETURN = "return"
    "To see whether the first server is back."
    LEAVE = "leave"


@dataclass(slots=True)
class _Attempt:
    registration: Registration
    purpose: Purpose
    index: int

    def answered(self, response: Response, transaction: ClientTransaction, now: float) -> None:
        self.registration.answered(self.purpose, self.index, response, now)

    def failed(self, status: int, now: float) -> None:
        self.registration.failed(self.purpose, self.index, status, now, is_silence=True)


class Registration:
    """One after the other of `targets`."""

    def __init__(
        self,
        around: Surroundings,
        account: Account,
        shape: Shape,
        sender: Sender,
        targets: list[Target],
        settled: Callable[[Registration, float], None],
    ) -> None:
        """`settled` is called after each registration and each renewal."""
        self._around = around
        self._account = account
        self._shape = shape
        self._sender = sender
        self.targets = targets
        self._settled = settled
        self._strands: dict[int, Strand] = {}
        self._raised: dict[int, int] = {}
        self._at = 0
        self._tries = 0
        self._alarm: Alarm | None = None
        self._return_alarm: Alarm | None = None
        self._is_left = False
        self.is_registered = False
        self.granted_s = 0

    @property
    def target(self) -> Target:
        """Return where requests of the account go now."""
        return self.targets[self._at]

    def start(self, now: float) -> None:
        """Begin."""
        if not self.targets:
            self._around.tell(RegistrationFailed(self._account.number, 0, NOT_RESOLVED, None))
            return
        self._ask(Purpose.CLEAR if self._account.clears_first else Purpose.KEEP, self._at, now)

    def leave(self, now: float) -> None:
        """Take the registration back."""
        self.stop()
        if self.is_registered:
            self._ask(Purpose.LEAVE, self._at, now)

    def stop(self) -> None:
        """Do nothing more."""
        self._is_left = True
        self._around.alarms.stop(self._alarm)
        self._around.alarms.stop(self._return_alarm)

    def flow_closed(self, hop: Hop, now: float) -> None:
        """Register anew when the connection is gone, after the wait of a failed registration; V80's own wait is not known."""
        if self.is_registered and not self._is_left and self.target.hop[:3] == hop[:3]:
            self.is_registered = False
            self._alarm = self._around.alarms.after(self._account.retry_s, self._keep, now, self._alarm)

    # What is asked

    def _ask(self, purpose: Purpose, index: int, now: float, *, is_new: bool = True) -> None:
        target = self.targets[index]
        strand = self._strands.get(index)
        if strand is None:
            around = self._around
            strand = self._strands[index] = Strand(self._account, around.conduct, around.identifiers, around.place.host)
        if is_new:
            strand.begin()
        expires_s = 0 if purpose in (Purpose.CLEAR, Purpose.LEAVE) else self._wanted_s(index)
        request = self._shape.register(
            target.server,
            strand.call_id,
            strand.tag,
            strand.next_cseq(),
            transport=target.hop.transport,
            expires_s=expires_s,
            auth=strand.authorization("REGISTER", self._shape.aor(target.server, "")),
        )
        self._sender.ask(request, target.hop, _Attempt(self, purpose, index), now)

    def _wanted_s(self, index: int) -> int:
        return self._raised.get(index, self.targets[index].server.expires_s)

    # What comes of it

    def answered(self, purpose: Purpose, index: int, response: Response, now: float) -> None:
        """Take an answer."""
        status = response.status
        if status < 200:
            return
        strand = self._strands[index]
        if status in (401, 407) and strand.challenged(response):
            self._ask(purpose, index, now, is_new=False)
            return
        strand.accepted()
        if status == 423 and self._raise_time(index, response):
            self._ask(purpose, index, now, is_new=False)
        elif 200 <= status < 300:
            self._succeeded(purpose, index, response, now)
        else:
            self.failed(purpose, index, status, now)

    def _raise_time(self, index: int, response: Response) -> bool:
        try:
            least = response.min_expires
        except SipError:
            return False
        if not self._around.conduct.obeys_423 or least is None or least <= self._wanted_s(index):
            return False
        self._raised[index] = least
        return True

    def _succeeded(self, purpose: Purpose, index: int, response: Response, now: float) -> None:
        number = self._account.number
        server = self.targets[index].server.number
        if purpose in (Purpose.CLEAR, Purpose.LEAVE):
            self._around.tell(Unregistered(number, server))
            self.is_registered = False
            if purpose is Purpose.CLEAR:
                self._ask(Purpose.KEEP, index, now)
            return
        if self._is_left:
            return
        is_renewal = self.is_registered and index == self._at
        self._at, self._tries, self.is_registered = index, 0, True
        self.granted_s = self._granted_s(index, response)
        self._around.tell(Registered(number, server, self.granted_s, is_renewal))
        self._plan_renewal(now)
        if not is_renewal:
            self._plan_return(now)
        self._settled(self, now)

    def _granted_s(self, index: int, response: Response) -> int:
        try:
            for contact in response.contacts:
                if isinstance(contact.uri, SipUri) and contact.uri.params.get("line") == self._shape.line:
                    return contact.expires_s or response.expires or self._wanted_s(index)
            return response.expires or self._wanted_s(index)
        except SipError:
            return self._wanted_s(index)

    def _plan_renewal(self, now: float) -> None:
        share = self._around.conduct.refresh_share
        self._around.alarms.stop(self._alarm)
        if share is not None:
            self._alarm = self._around.alarms.after(self.granted_s * share, self._renew, now)

    def _renew(self, now: float) -> None:
        first = self.targets[0]
        goes_back = self._at > 0 and returns_at_renewal(first, self.target)
        self._ask(Purpose.RETURN if goes_back else Purpose.KEEP, 0 if goes_back else self._at, now)
        if goes_back:  # and if it is not back, the one that serves must be asked too
            self._alarm = self._around.alarms.after(self.granted_s / 4, self._keep, now, self._alarm)

    def _plan_return(self, now: float) -> None:
        self._around.alarms.stop(self._return_alarm)
        if self._at == 0:
            return
        wait_s = return_wait(self._account, self.targets[0], self.target)
        if wait_s is not None:
            self._return_alarm = self._around.alarms.after(wait_s, self._try_first, now)

    def _try_first(self, now: float) -> None:
        self._ask(Purpose.RETURN, 0, now)

    def _keep(self, now: float) -> None:
        self._ask(Purpose.KEEP, self._at, now)

    def failed(self, purpose: Purpose, index: int, status: int, now: float, *, is_silence: bool = False) -> None:
        """Take a refusal, or that there was no answer."""
        if purpose is Purpose.LEAVE or self._is_left:
            return
        if purpose is Purpose.CLEAR:
            self._ask(Purpose.KEEP, index, now)
            return
        if purpose is Purpose.RETURN and self._at != 0:
            self._plan_return(now)
            return
        self.is_registered = False
        self._around.alarms.stop(self._return_alarm)
        server = self.targets[index].server
        wait_s = self._next_try(is_silence)
        retry_s = wait_s if self._around.conduct.retries else None
        self._around.tell(RegistrationFailed(self._account.number, server.number, status, retry_s))
        if retry_s is not None:
            self._alarm = self._around.alarms.after(retry_s, self._keep, now, self._alarm)

    def _next_try(self, is_silence: bool) -> float:
        """Choose the next target and return the wait before it is asked."""
        self._tries += 1
        if len(self.targets) < 2 or not self._around.conduct.fails_over:
            return float(self._account.retry_s)
        if self._tries < self.target.server.tries:
            return 0.0 if is_silence else float(self._account.retry_s)
        self._tries = 0
        self._at = (self._at + 1) % len(self.targets)
        return float(self._account.retry_s) if self._at == 0 else 0.0
