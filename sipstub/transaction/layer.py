"""All transactions of one program, and what lies outside of them.  RFC 3261 section 17 and 18.2.

Messages come in by `receive`, go out by `to_send`, and what is news to the user comes by `next_event`; time is an argument.
Tables are bounded: where too many requests of others are kept, the oldest answers kept for repetitions are forgotten first; where
none of them is answered, or one address has too many open, new requests get 503 with Retry-After and nothing is kept of them.
A request of ours beyond the limit fails at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.via import Via
from sipstub.transaction.client_table import MAX_CLIENTS, ClientTable
from sipstub.transaction.event import Event
from sipstub.transaction.key import Key
from sipstub.transaction.machine import ClientTransaction, Outlet, ServerTransaction, Transaction
from sipstub.transaction.sending import Hop, Sending, answer_hops
from sipstub.transaction.server_table import MAX_HELD_BYTES, MAX_OPEN_PER_HOST, MAX_SERVERS, Counts, ServerTable
from sipstub.transaction.timing import USUAL, Timing


def random_token() -> str:
    """Return 64 random bits as text: for a branch, a tag, a Call-ID."""
    return secrets.token_hex(8)


class TransactionLayer:
    """The transactions of both sides."""

    def __init__(
        self,
        timing: Timing = USUAL,
        *,
        max_servers: int = MAX_SERVERS,
        max_clients: int = MAX_CLIENTS,
        max_held_bytes: int = MAX_HELD_BYTES,
        max_open_per_host: int = MAX_OPEN_PER_HOST,
        token: Callable[[], str] = random_token,
    ) -> None:
        self.timing = timing
        self.counts = Counts()
        self._outlet = Outlet(timing, token().encode())
        self._servers = ServerTable(self._outlet, self.counts, max_servers, max_held_bytes, max_open_per_host)
        self._clients = ClientTable(self._outlet, max_clients, token)
        self._outlet.answered = self._answered
        self._outlet.ended = self._ended

    # What comes in and goes out

    def receive(self, message: Message, source: Hop, now: float) -> None:
        """Take a message that is well-formed; one that is not after all is dropped and counted."""
        try:
            if isinstance(message, Request):
                self._servers.receive(message, source, now)
            elif isinstance(message, Response) and not self._clients.receive(message, source, now):
                self.counts.strays += 1
        except SipError:
            self.counts.broken += 1

    def to_send(self) -> list[Sending]:
        """Return what has to go out, in order, each once."""
        sendings, self._outlet.sendings = self._outlet.sendings, []
        return sendings

    @property
    def has_events(self) -> bool:
        """Return whether `next_event` has something to say."""
        return bool(self._outlet.events)

    def next_event(self) -> Event | None:
        """Return what the user has to know next."""
        return self._outlet.events.popleft() if self._outlet.events else None

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        return self._outlet.timers.next_timer

    def on_timer(self, now: float) -> None:
        """Let time pass up to now."""
        timers = self._outlet.timers
        while (due := timers.take_due(now)) is not None:
            transaction, name = due
            transaction.on_timer(name, now)

    def on_transport_error(self, failed: Sending, now: float) -> None:
        """Take back what `to_send` gave and could not be sent."""
        if failed.transaction is not None:
            failed.transaction.on_transport_error(failed, now)

    def on_connection_lost(self, socket: int) -> None:
        """Fail at once what waits for an answer on this connection, instead of when timers say so.

        Requests that came on it stay: their answers may go by a new connection (RFC 3261 section 18.2.2).
        """
        self._clients.lost(socket)

    # What the user does

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> bool:
        """Send an answer; return whether it went out.  What RFC 3261, 4320 and 6026 forbid does not."""
        return transaction.respond(response, now)

    def respond_and_forget(self, transaction: ServerTransaction, response: Response, now: float) -> bool:
        """Send a refusal and keep nothing, as a stateless server would (8.2.7): for challenges, and for strangers.

        A repetition of the request counts as new then.  The answer has to carry the tag of the transaction.
        """
        if response.status < 300 or not transaction.respond(response, now):
            return False
        transaction.abandon()
        return True

    def register_key(self, branch: str, sent_by: tuple[str, int], merging: Key, source: Hop) -> Key | None:
        """Return the key of a REGISTER that is to be answered at once; None for one that `receive` has to look at.

        That is a repetition, a copy that came another way, and any one while there is no room.
        """
        key = (branch.lower(), *sent_by, "REGISTER")
        return key if self._servers.is_new(key, merging, source) else None

    def tag(self, key: Key) -> str:
        """Return the tag of the answers to the request with that key."""
        return self._outlet.tag(key)

    def respond_at_once(self, key: Key, merging: Key, source: Hop, hop: Hop, status: int, data: bytes, now: float) -> None:
        """Send the final answer to a REGISTER over UDP that `register_key` gave a key, and keep it for repetitions."""
        self._servers.answer_at_once(key, merging, source, hop, status, data, now)

    def forget(self, transaction: Transaction) -> None:
        """Drop a transaction without a word: for a stub that plays dead."""
        transaction.abandon()

    def request(self, request: Request, hop: Hop, via: Via, now: float, *, compact: bool = False) -> ClientTransaction:
        """Send a request and return its transaction, which may have failed already.

        `via` says where we are reached; it goes on top, with a branch of its own if it has none.  Not for ACK.
        """
        return self._clients.start(request, hop, via, now, compact=compact)

    def cancel(self, transaction: ClientTransaction, now: float, *, reason: str | None = None) -> bool:
        """Cancel an INVITE, now or when its first provisional answer comes; return whether that is of any use still."""
        return self._clients.cancel(transaction, now, reason)

    def send_outside(self, request: Request, hop: Hop, via: Via, *, compact: bool = False) -> bytes:
        """Send a request that has no transaction, the ACK to a 2xx; return its bytes, for `send_again`."""
        request.headers.add_first("Via", self._clients.with_branch(via))
        data = request.to_bytes(compact=compact)
        self.send_again(data, hop)
        return data

    def send_again(self, data: bytes, hop: Hop) -> None:
        """Send bytes as they are: that ACK once more, when its 2xx comes once more."""
        self._outlet.sendings.append(Sending(data, hop))

    def answer_outside(self, request: Request, response: Response, source: Hop) -> None:
        """Send an answer to a request that has no transaction, being broken."""
        try:
            hop = answer_hops(request.via, source)[0]
        except SipError:
            hop = source
        self.send_again(response.to_bytes(), hop)

    # What is kept

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing at all is kept, timers included."""
        return self._clients.is_empty and self._servers.is_empty and self._outlet.timers.running == 0 and not self.held_bytes

    @property
    def held_bytes(self) -> int:
        """Return how many bytes of answers are kept for repetitions."""
        return self._outlet.held_bytes

    def _answered(self, transaction: Transaction) -> None:
        if isinstance(transaction, ServerTransaction):
            self._servers.answered(transaction)

    def _ended(self, transaction: Transaction) -> None:
        self._servers.ended(transaction)
        self._clients.ended(transaction)
