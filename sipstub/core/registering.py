"""REGISTER for the core: the registrar as a service, and what becomes of bindings when connections end."""

from __future__ import annotations

from collections.abc import Callable

from sipstub.core.flow import flow_of_hop
from sipstub.registrar.binding import BindingChange
from sipstub.registrar.reason import RegistrarEvent
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.source import flow_of
from sipstub.sip.message import Request, Response
from sipstub.sip.plain_register import PlainRegister
from sipstub.transaction.event import RequestArrived
from sipstub.transaction.sending import Hop


class Registering:
    """Answers REGISTER."""

    methods = ("REGISTER",)

    def __init__(self, registrar: Registrar) -> None:
        self.registrar = registrar
        self._on_change: list[Callable[[BindingChange], None]] = []
        self._on_refusal: list[Callable[[RegistrarEvent], None]] = []

    def watch(
        self,
        on_change: Callable[[BindingChange], None] | None = None,
        on_refusal: Callable[[RegistrarEvent], None] | None = None,
    ) -> None:
        """Tell every change of a binding, or every refusal worth a line, from now on."""
        self._on_change += [on_change] if on_change else []
        self._on_refusal += [on_refusal] if on_refusal else []

    def handle(self, arrived: RequestArrived, now: float) -> Response | None:
        """Return what the registrar says."""
        tag = arrived.transaction.to_tag if arrived.transaction else None
        response = self.registrar.handle(arrived.request, flow_of_hop(arrived.source), now, to_tag=tag)
        self.tell()
        return response

    def challenge(self, request: Request, source: Hop, now: float) -> Response:
        """Return what the registrar says to a REGISTER without credentials."""
        response = self.registrar.handle(request, flow_of_hop(source), now)
        self.tell()
        return response

    def handle_plain(
        self, request: PlainRegister, via: str, source: Hop, now: float, *, to_tag: str | None = None
    ) -> tuple[int, bytes]:
        """Return status and bytes of what the registrar says to a plain REGISTER."""
        found = self.registrar.handle_plain(request, via, flow_of_hop(source), now, to_tag=to_tag)
        self.tell()
        return found

    def next_timer(self) -> float | None:
        """Return when the next binding ends."""
        return self.registrar.next_timer()

    def on_timer(self, now: float) -> None:
        """End bindings that are over."""
        self.registrar.on_timer(now)
        self.tell()

    def on_flow_closed(self, flow: Hop, now: float) -> None:
        """End the bindings of phones that can be reached by nothing but this connection (RFC 5626)."""
        if self.registrar.drop_flow(flow_of(flow_of_hop(flow)), now):
            self.tell()

    def tell(self) -> None:
        """Pass on what the registrar has to say; whoever changes bindings by hand calls this after it."""
        if not self.registrar.has_news:
            return
        for change in self.registrar.take_changes():
            for on_change in self._on_change:
                on_change(change)
        for refusal in self.registrar.take_events():
            for on_refusal in self._on_refusal:
                on_refusal(refusal)
