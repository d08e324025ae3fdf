"""The requests of others: which are new, which are repeated, cancelled, acknowledged or too many.  RFC 3261 8.2.2.2, 9.2, 17.2.3.

CANCEL has no transaction of its own: its answer is the same each time, and nothing need be kept for that.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.sip.via import Via
from sipstub.transaction.event import Cancelled, RequestArrived
from sipstub.transaction.invite_server import InviteServer
from sipstub.transaction.key import CANCELLABLE, Key, merge_key, server_key
from sipstub.transaction.machine import Outlet, ServerTransaction, Transaction
from sipstub.transaction.non_invite_server import NonInviteServer
from sipstub.transaction.sending import Hop, Sending, answer_hops, mark_source
from sipstub.transaction.state import State

MAX_SERVERS = 32_768
"Most requests of others at a time, answered or not."
MAX_OPEN_PER_HOST = 4096
"Most unanswered requests of one address, so that one stranger cannot fill the table; many phones share one behind a NAT."
MAX_HELD_BYTES = 32 * 1024 * 1024
"Most bytes of answers that are kept for repetitions."
OVERLOAD_RETRY_S = 32
"What Retry-After says in a 503 of overload: about as long as a transaction lives."


@dataclass(slots=True)
class Counts:
    """What the layer dropped or refused by itself since it began."""

    broken: int = 0
    "Messages for which no transaction can be looked up, because a header is wrong."
    strays: int = 0
    "Answers to nothing that we asked."
    merged: int = 0
    "Requests that came another time by another way, answered 482."
    overloads: int = 0
    "Requests answered 503."
    evictions: int = 0
    "Answers forgotten before their time."


class ServerTable:
    """Server transactions by key, the final answers among them in the order they were given."""

    def __init__(self, outlet: Outlet, counts: Counts, max_servers: int, max_held_bytes: int, max_open: int) -> None:
        self._outlet = outlet
        self._counts = counts
        self._max_servers = max_servers
        self._max_held_bytes = max_held_bytes
        self._max_open = max_open
        self._servers: dict[Key, ServerTransaction] = {}
        self._merging: dict[Key, ServerTransaction] = {}
        self._answered: OrderedDict[Key, ServerTransaction] = OrderedDict()
        self._open: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._servers)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing at all is kept."""
        return not (self._servers or self._merging or self._answered or self._open)

    def receive(self, request: Request, source: Hop, now: float) -> None:
        """Take a request; raises SipError if a header that finds its transaction is wrong."""
        via = request.via
        key = server_key(request, via)
        found = self._servers.get(key)
        if request.method == "ACK":
            if not (isinstance(found, InviteServer) and found.acknowledge(request, now)):
                mark_source(request, via, source)
                self._outlet.events.append(RequestArrived(request, source, None))
            return
        if found is not None and (not isinstance(found, InviteServer) or found.is_same(request)):
            found.receive(now)
            return
        hops = answer_hops(via, source)
        mark_source(request, via, source)
        if request.method == "CANCEL":
            self._receive_cancel(request, via, hops[0])
            return
        merging = merge_key(request)
        if merging is not None and merging in self._merging:
            self._counts.merged += 1
            self._send(answer(request, 482, to_tag=self._outlet.tag(key)), hops[0])
        elif found is not None or self._open.get(source.host, 0) >= self._max_open or not self._has_room():
            self._counts.overloads += 1
            refusal = answer(request, 503, to_tag=self._outlet.tag(key))
            refusal.headers.add("Retry-After", OVERLOAD_RETRY_S)
            self._send(refusal, hops[0])
        else:
            kind = InviteServer if request.method == "INVITE" else NonInviteServer
            transaction = kind(request, source, hops, key, self._outlet, now, merging)
            self._servers[key] = transaction
            self._open[source.host] = self._open.get(source.host, 0) + 1
            if merging is not None:
                self._merging[merging] = transaction
            self._outlet.events.append(RequestArrived(request, source, transaction))

    def is_new(self, key: Key, merging: Key, source: Hop) -> bool:
        """Return whether a request of that key is no repetition and no copy, and there is room for it."""
        if key in self._servers or merging in self._merging:
            return False
        return self._open.get(source.host, 0) < self._max_open and self._has_room()

    def answer_at_once(self, key: Key, merging: Key, source: Hop, hop: Hop, status: int, data: bytes, now: float) -> None:
        """Make the transaction of a new REGISTER over UDP, answered already."""
        transaction = NonInviteServer.answered(source, hop, key, self._outlet, status, data, now)
        self._servers[key] = transaction
        if status < 300:
            self._merging[merging] = transaction
            transaction.merging = merging
        self.answered(transaction)

    def answered(self, transaction: ServerTransaction) -> None:
        """Note that a final answer was given; the oldest of these make room when there is too little."""
        self._close(transaction)
        if transaction.status >= 300:  # refused: who tries another way of ours next, with the same CSeq, is no copy (RFC 3263)
            self._drop_merging(transaction)
        if transaction.state is State.COMPLETED:
            self._answered[transaction.key] = transaction
            while self._outlet.held_bytes > self._max_held_bytes and self._answered:
                self._evict()

    def ended(self, transaction: Transaction) -> None:
        """Drop a transaction."""
        if isinstance(transaction, ServerTransaction):
            self._close(transaction)
            self._servers.pop(transaction.key, None)
            self._answered.pop(transaction.key, None)
            self._drop_merging(transaction)

    def _receive_cancel(self, cancel: Request, via: Via, hop: Hop) -> None:
        for method in CANCELLABLE:
            found = self._servers.get(server_key(cancel, via, method))
            if found is None:
                continue
            if isinstance(found, InviteServer):
                if not found.is_same(cancel):
                    continue
                if found.cancel():
                    self._outlet.events.append(Cancelled(found, cancel))
            self._send(answer(cancel, 200, to_tag=found.to_tag), hop)
            return
        self._send(answer(cancel, 481, to_tag=self._outlet.tag(server_key(cancel, via))), hop)

    def _has_room(self) -> bool:
        while len(self._servers) >= self._max_servers and self._answered:
            self._evict()
        return len(self._servers) < self._max_servers

    def _evict(self) -> None:
        self._counts.evictions += 1
        _, oldest = self._answered.popitem(last=False)
        oldest.abandon()

    def _close(self, transaction: ServerTransaction) -> None:
        if transaction.is_open:
            transaction.is_open = False
            host = transaction.source.host
            self._open[host] -= 1
            if self._open[host] == 0:
                del self._open[host]

    def _drop_merging(self, transaction: ServerTransaction) -> None:
        if transaction.merging is not None:
            if self._merging.get(transaction.merging) is transaction:
                del self._merging[transaction.merging]
            transaction.merging = None

    def _send(self, response: Response, hop: Hop) -> None:
        self._outlet.sendings.append(Sending(response.to_bytes(), hop))
