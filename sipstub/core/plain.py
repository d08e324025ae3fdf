"""The short way of a plain REGISTER over UDP, from bytes to bytes: what thousands of phones send all day.

It reads less and makes less on the way, and decides nothing itself: the registrar and the table of transactions are the same, and
so is every byte of the answer, which tests hold against the ordinary way.
"""

from __future__ import annotations

from sipstub.core.registering import Registering
from sipstub.sip.plain_register import BEGIN, PlainRegister, parse_plain_register
from sipstub.sip.uri import DEFAULT_PORTS
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.sending import Hop


class PlainRegisters:
    """Answers plain REGISTERs of one core."""

    def __init__(self, layer: TransactionLayer, registering: Registering) -> None:
        self._layer = layer
        self._registering = registering

    def take(self, data: bytes, source: Hop, now: float) -> bool:
        """Return whether this was a plain REGISTER, and is answered; if not, nothing has happened."""
        if not data.startswith(BEGIN) or source.transport != "UDP":
            return False
        request = parse_plain_register(data)
        if request is None:
            return False
        via = request.seen_from(source.host, source.port)
        if not request.authorization:  # answered without a transaction, as in `challenge`
            _, answer = self._registering.handle_plain(request, via, source, now)
            self._layer.send_again(answer, _answer_hop(request, source))
            return True
        merging = (request.call_id, request.from_tag, request.cseq_number, "REGISTER")
        key = self._layer.register_key(request.branch, request.sent_by, merging, source)
        if key is None:
            return False
        status, answer = self._registering.handle_plain(request, via, source, now, to_tag=self._layer.tag(key))
        self._layer.respond_at_once(key, merging, source, _answer_hop(request, source), status, answer, now)
        return True


def _answer_hop(request: PlainRegister, source: Hop) -> Hop:
    """Return where the answer goes, as `answer_hops` has it."""
    port = request.via_port or DEFAULT_PORTS["sip"]
    return source if request.wants_rport or port == source.port else source._replace(port=port)
