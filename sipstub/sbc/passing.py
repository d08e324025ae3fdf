"""Requests outside of dialogs that the SBC passes on, with the answer back: MESSAGE, PUBLISH, NOTIFY, INFO, REFER.

The first address that answers counts; where none is left the sender gets 408 or 503 as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sipstub.sbc import representation
from sipstub.sbc.carrying import carried, places_of
from sipstub.sbc.client_login import with_credentials
from sipstub.sbc.errand import Steps, next_batch
from sipstub.sbc.target import Batch, Target
from sipstub.sip.answer import answer
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.params import Params
from sipstub.transaction.event import ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ServerTransaction

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

AWAY = frozenset({408, 503})


class Passing:
    """One of them."""

    def __init__(
        self,
        sbc: Sbc,
        request: Request,
        transaction: ServerTransaction,
        batches: Steps,
        contacts: Iterable[str] = (),
        *,
        source: str = "",
    ) -> None:
        """`source` is the name of the group that asks; `contacts` stand in a 2xx in the place of those of the other side."""
        self._contacts = tuple(contacts)
        self._sbc = sbc
        self._request = request
        self._transaction = transaction
        self._batches = batches
        self._status = 404
        self._source = source
        self._sent: tuple[Request, Target] | None = None

    def begin(self, now: float) -> None:
        """Ask the first place, or the next."""
        next_batch(self._batches, self._go, now)

    def _go(self, batch: Batch | None, status: int, now: float) -> None:
        request, sbc = self._request, self._sbc
        self._status = status or self._status
        if not batch:
            sbc.core.respond(self._transaction, answer(request, self._status, to_tag=self._transaction.to_tag), now)
            return
        target = batch[0]
        from_, to = sbc.rewriting.names(request, target)
        made = Request(request.method, target.uri)
        add = made.headers.add
        add("Max-Forwards", sbc.forwards(request))
        add("From", NameAddr(from_.uri, from_.display, Params((("tag", sbc.token()),))))
        add("To", to)
        add("Call-ID", sbc.token())
        add("CSeq", CSeq(1, request.method))
        if request.contacts.addresses:
            add("Contact", representation.contact_for(target.group.profile, request, f"<{sbc.core.places.contact(target.hop)}>"))
        representation.put_vias(made, request, target.group.profile)
        made.headers.take_over(carried(request))
        for line in request.headers.lines("refer-to"):
            add("Refer-To", line)
        representation.put_agent(made, request, target.group.profile)
        if request.body:
            made.set_body(request.body)
        sbc.rewriting.finish(made, target.group, target.hop)
        self._send(made, target, now)

    def _send(self, made: Request, target: Target, now: float) -> None:
        self._sent = made, target
        self._sbc.core.request(made, target.hop, now, self._answered)

    def _answered(self, event: ResponseArrived | TransactionFailed, now: float) -> None:
        if isinstance(event, TransactionFailed):
            self._status = event.status
            self.begin(now)
            return
        response = event.response
        if response.status < 200:
            return
        if response.status in AWAY:
            self._status = response.status
            self.begin(now)
            return
        assert self._sent is not None
        made, target = self._sent
        again = with_credentials(made, response, target.group, self._source, self._sbc.token(), made.cseq.number - 1)
        if again is not None:
            self._send(again, target, now)
            return
        found = answer(self._request, response.status, response.reason, to_tag=self._transaction.to_tag)
        for contact in self._contacts if response.status < 300 else places_of(response):
            found.headers.add("Contact", contact)
        found.headers.take_over(carried(response))
        source = next((group for group in self._sbc.site.groups if group.name == self._source), None)
        if source is not None and source.profile.keeps_user_agent:
            representation.put_agent(found, response, source.profile)
        if response.body:
            found.set_body(response.body)
        self._sbc.core.respond(self._transaction, found, now)
