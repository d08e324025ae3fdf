"""OPTIONS to the addresses of Proxy Sets: whoever answers, with whatever but 408 and 503, is alive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sipstub.sbc.carrying import AGENT_NAME
from sipstub.sbc.proxy_set import ProxyHealth
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request
from sipstub.transaction.event import ResponseArrived, TransactionFailed
from sipstub.transaction.sending import Hop

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

AWAY = frozenset({408, 503})


class KeepAlive:
    """One Proxy Set."""

    def __init__(self, sbc: Sbc, health: ProxyHealth, changed: Callable[[Hop, bool, float], None]) -> None:
        self._sbc = sbc
        self.health = health
        self._changed = changed
        self.wake_at: float | None = None

    def next_timer(self) -> float | None:
        """Return when the next OPTIONS are due."""
        return self.health.next_at

    def on_timer(self, now: float) -> None:
        """Ask all of them."""
        self.health.next_at = now + self.health.proxy_set.keep_alive_s
        for hop in self.health.proxy_set.addresses:
            self._ask(hop, now)

    def _ask(self, hop: Hop, now: float) -> None:
        sbc = self._sbc
        host = f"[{hop.host}]" if ":" in hop.host else hop.host
        contact = sbc.core.places.contact(hop)
        made = Request("OPTIONS", f"sip:{host}:{hop.port};transport={hop.transport.lower()}")
        add = made.headers.add
        add("Max-Forwards", sbc.settings["SBCMaxForwardsLimit"])
        add("From", f"<{contact}>;tag={sbc.token()}")
        add("To", f"<sip:{host}:{hop.port}>")
        add("Call-ID", sbc.token())
        add("CSeq", CSeq(1, "OPTIONS"))
        add("Contact", f"<{contact}>")
        add("User-Agent", AGENT_NAME)

        def answered(event: ResponseArrived | TransactionFailed, at: float) -> None:
            status = event.status if isinstance(event, TransactionFailed) else event.response.status
            if status >= 200 and self.health.heard(hop, status not in AWAY):
                self._changed(hop, status not in AWAY, at)

        sbc.core.request(made, hop, now, answered)
