"""The requests of ours, and to which of them an answer belongs.  RFC 3261 sections 17.1.3, 18.1.2, 8.1.3.3 and 9.1."""

from __future__ import annotations

from collections.abc import Callable

from sipstub.sip.host import host_key
from sipstub.sip.message import Request, Response
from sipstub.sip.params import Params
from sipstub.sip.via import COOKIE, Via
from sipstub.transaction.event import Failure, TransactionFailed
from sipstub.transaction.follow import cancel_for
from sipstub.transaction.invite_client import InviteClient
from sipstub.transaction.key import Key, client_key
from sipstub.transaction.machine import ClientTransaction, Outlet, Transaction
from sipstub.transaction.non_invite_client import NonInviteClient
from sipstub.transaction.sending import Hop
from sipstub.transaction.state import State

MAX_CLIENTS = 16_384
"Most requests of ours at a time."


class ClientTable:
    """Client transactions by key."""

    def __init__(self, outlet: Outlet, max_clients: int, token: Callable[[], str]) -> None:
        self._outlet = outlet
        self._max_clients = max_clients
        self._token = token
        self._clients: dict[Key, ClientTransaction] = {}
        self._by_socket: dict[int, dict[Key, ClientTransaction]] = {}

    @property
    def is_empty(self) -> bool:
        """Return whether nothing at all is kept."""
        return not (self._clients or self._by_socket)

    def __len__(self) -> int:
        return len(self._clients)

    def with_branch(self, via: Via) -> Via:
        """Return the hop with a branch nobody else has, or with the one it has."""
        if via.branch is not None:
            return via
        return Via(via.transport, via.host, via.port, Params((*via.params.items, ("branch", COOKIE + self._token()))))

    def start(self, request: Request, hop: Hop, via: Via, now: float, *, compact: bool) -> ClientTransaction:
        """Send a request on its way, with `via` on top."""
        via = self.with_branch(via)
        headers = request.headers
        is_first = not headers.lines("via")
        headers.add_first("Via", via)
        if is_first:  # answers are held against it, and it need not be read again for that
            headers.typed["via"] = (via,)
        return self._start(request, hop, client_key(via.branch or "", request.method), now, compact)

    def receive(self, response: Response, source: Hop, now: float) -> bool:
        """Take an answer; return whether we asked.  Raises SipError if a header that finds its request is wrong."""
        vias = response.vias
        via = vias[0]
        transaction = self._clients.get(client_key(via.branch or "", response.cseq.method))
        # other Vias than went out: somebody else's answer gone astray (8.1.3.3); a sent-by that we never wrote: too (18.1.2)
        if transaction is None or len(vias) != len(transaction.request.vias) or not _is_sent_by(via, transaction.request.via):
            return False
        transaction.receive(response, source, now)
        if isinstance(transaction, InviteClient):
            self._cancel_if_due(transaction, now)
        return True

    def cancel(self, transaction: ClientTransaction, now: float, reason: str | None) -> bool:
        """Cancel an INVITE; return whether that is of any use still."""
        if not isinstance(transaction, InviteClient) or not transaction.cancel(reason):
            return False
        self._cancel_if_due(transaction, now)
        return True

    def ended(self, transaction: Transaction) -> None:
        """Drop a transaction."""
        if isinstance(transaction, ClientTransaction):
            self._clients.pop(transaction.key, None)
            company = self._by_socket.get(transaction.hop.socket)
            if company is not None:
                company.pop(transaction.key, None)
                if not company:
                    del self._by_socket[transaction.hop.socket]

    def lost(self, socket: int) -> None:
        """Fail what waits for an answer on a connection that is gone."""
        for transaction in list(self._by_socket.get(socket, {}).values()):
            transaction.on_connection_lost()

    def _start(self, request: Request, hop: Hop, key: Key, now: float, compact: bool) -> ClientTransaction:
        kind = InviteClient if request.method == "INVITE" else NonInviteClient
        transaction = kind(request, hop, key, self._outlet, compact=compact)
        if len(self._clients) >= self._max_clients or key in self._clients:
            transaction.state = State.TERMINATED
            self._outlet.events.append(TransactionFailed(transaction, Failure.OVERLOAD))
        else:
            self._clients[key] = transaction
            if hop.is_reliable and hop.socket:
                self._by_socket.setdefault(hop.socket, {})[key] = transaction
            transaction.start(now)
        return transaction

    def _cancel_if_due(self, invite: InviteClient, now: float) -> None:
        if invite.is_cancel_due and invite.state is State.PROCEEDING:
            invite.cancel_sent(now)
            cancel = cancel_for(invite.request, reason=invite.cancel_reason)
            self._start(cancel, invite.hop, client_key(cancel.via.branch or "", "CANCEL"), now, invite.compact)


def _is_sent_by(via: Via, ours: Via) -> bool:
    return via.port == ours.port and host_key(via.host) == host_key(ours.host)
