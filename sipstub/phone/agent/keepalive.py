"""Packets that hold the way through a NAT open: over UDP, from the first registration on.

The settings are called `nat.udp_update_*`; whether V80 sends anything over TCP or TLS is not known.
"""

from __future__ import annotations

from collections.abc import Callable

from sipstub.phone.agent.account import Account, KeepAliveKind
from sipstub.phone.agent.alarm import Alarm
from sipstub.phone.agent.asking import NOBODY, Sender
from sipstub.phone.agent.place import Target
from sipstub.phone.agent.shape import Shape
from sipstub.phone.agent.strand import Strand
from sipstub.phone.agent.surroundings import Surroundings
from sipstub.transaction.sending import Hop

METHODS = {KeepAliveKind.OPTIONS: "OPTIONS", KeepAliveKind.NOTIFY: "NOTIFY"}


class KeepAlive:
    """Sends one packet each time."""

    def __init__(
        self,
        around: Surroundings,
        account: Account,
        shape: Shape,
        sender: Sender,
        send_raw: Callable[[bytes, Hop], None],
        where: Callable[[], Target],
    ) -> None:
        self._around = around
        self._account = account
        self._shape = shape
        self._sender = sender
        self._send_raw = send_raw
        self._where = where
        self._alarm: Alarm | None = None

    def begin(self, now: float) -> None:
        """Begin, unless that was done or nothing is wanted."""
        is_wanted = self._account.keepalive is not KeepAliveKind.OFF and self._where().hop.transport == "UDP"
        if is_wanted and self._alarm is None:
            self._alarm = self._around.alarms.after(self._account.keepalive_s, self._due, now)

    def stop(self) -> None:
        """Do nothing more."""
        self._around.alarms.stop(self._alarm)

    def _due(self, now: float) -> None:
        self._alarm = self._around.alarms.after(self._account.keepalive_s, self._due, now)
        target = self._where()
        method = METHODS.get(self._account.keepalive)
        if method is None:
            self._send_raw(self._around.conduct.keepalive_datagram, target.hop)
            return
        around = self._around
        strand = Strand(self._account, around.conduct, around.identifiers, around.place.host)
        request = self._shape.keep_alive(
            method, target.server, strand.call_id, strand.tag, strand.next_cseq(), transport=target.hop.transport
        )
        self._sender.ask(request, target.hop, NOBODY, now)
