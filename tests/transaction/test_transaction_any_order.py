"""Whatever comes in whatever order: nothing raises, nothing forbidden goes out, and in the end nothing is left."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sip_side import OUR_VIA, PHONE, PHONE_TCP, a_request, an_answer, our_request

from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.sip.reader import parse_message
from sipstub.transaction.event import Cancelled, RequestArrived, ResponseArrived, TransactionFailed
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.machine import ClientTransaction, ServerTransaction
from sipstub.transaction.sending import Hop, Sending
from sipstub.transaction.timing import Timing

METHODS = st.sampled_from(["INVITE", "ACK", "CANCEL", "REGISTER", "OPTIONS", "BYE"])
STATUSES = st.sampled_from([100, 180, 183, 200, 202, 302, 401, 408, 486, 487, 503, 603])
HOPS = st.sampled_from([PHONE, PHONE_TCP])
BRANCHES = st.sampled_from(["z9hG4bKa", "z9hG4bKb", "z9hG4bKc", "old", None])
MAX_SERVERS, MAX_CLIENTS = 4, 3


class AnyOrder(RuleBasedStateMachine):
    """A layer between a user and a network that both do as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.layer = TransactionLayer(Timing(), max_servers=MAX_SERVERS, max_clients=MAX_CLIENTS, max_held_bytes=2000)
        self.requests: list[tuple[ServerTransaction, Request]] = []
        self.clients: list[ClientTransaction] = []
        self.sent: list[Sending] = []
        self.finals: dict[int, ClientTransaction] = {}

    @rule(method=METHODS, branch=BRANCHES, hop=HOPS, tag=st.sampled_from([None, "t"]), cseq=st.integers(1, 2))
    def request_comes(self, method: str, branch: str | None, hop: Hop, tag: str | None, cseq: int) -> None:
        self.layer.receive(a_request(method, branch=branch, to_tag=tag, cseq=cseq, call_id=f"{branch}"), hop, self.now)

    @rule(pick=st.integers(0, 99), status=STATUSES, tag=st.sampled_from(["x", "y"]))
    def response_comes(self, pick: int, status: int, tag: str) -> None:
        if self.clients:
            client = self.clients[pick % len(self.clients)]
            self.layer.receive(an_answer(client, status, to_tag=tag), client.hop, self.now)

    @rule(pick=st.integers(0, 99))
    def sent_message_comes_back(self, pick: int) -> None:
        if self.sent:
            self.layer.receive(parse_message(self.sent[pick % len(self.sent)].data), PHONE, self.now)

    @rule(method=st.sampled_from(["INVITE", "OPTIONS"]), hop=HOPS)
    def user_asks(self, method: str, hop: Hop) -> None:
        self.clients.append(self.layer.request(our_request(method), hop, OUR_VIA, self.now))

    @rule(pick=st.integers(0, 99))
    def user_cancels(self, pick: int) -> None:
        if self.clients:
            self.layer.cancel(self.clients[pick % len(self.clients)], self.now)

    @rule(pick=st.integers(0, 99), status=STATUSES, is_kept=st.booleans())
    def user_responds(self, pick: int, status: int, is_kept: bool) -> None:
        if self.requests:
            transaction, request = self.requests[pick % len(self.requests)]
            response = answer(request, status, to_tag=transaction.to_tag)
            (self.layer.respond if is_kept else self.layer.respond_and_forget)(transaction, response, self.now)

    @rule(pick=st.integers(0, 99))
    def sending_fails(self, pick: int) -> None:
        if self.sent:
            self.layer.on_transport_error(self.sent[pick % len(self.sent)], self.now)

    @rule(socket=st.sampled_from([1, 7]))
    def connection_is_lost(self, socket: int) -> None:
        self.layer.on_connection_lost(socket)

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.5, 3.0, 5.0, 40.0, -1.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.layer.on_timer(self.now)

    @invariant()
    def what_goes_out_is_allowed(self) -> None:
        for sending in self.layer.to_send():
            self.sent.append(sending)
            message = parse_message(sending.data)
            assert message.via.host
            if not isinstance(message, Response):
                continue
            method = message.cseq.method
            assert method != "ACK", "an ACK is never answered"
            if method != "INVITE":
                assert message.status == 100 or message.status >= 200, "RFC 4320 section 4.1"
                assert message.status != 408, "RFC 4320 section 4.2"
        while (event := self.layer.next_event()) is not None:
            if isinstance(event, RequestArrived):
                assert event.request.method != "CANCEL"
                assert (event.transaction is None) == (event.request.method == "ACK")
                if event.transaction is not None:
                    self.requests.append((event.transaction, event.request))
            elif isinstance(event, ResponseArrived):
                is_invite = event.transaction.method == "INVITE"
                if event.response.status >= 200 and not (is_invite and event.response.status < 300):
                    assert id(event.transaction) not in self.finals, "one final answer, but for 2xx to INVITE"
                    self.finals[id(event.transaction)] = event.transaction
            else:
                assert isinstance(event, Cancelled | TransactionFailed)

    @invariant()
    def tables_are_bounded(self) -> None:
        assert len(self.layer) <= MAX_SERVERS + MAX_CLIENTS
        assert self.layer.held_bytes <= 4000

    def teardown(self) -> None:
        for _ in range(3):
            self.now += 1000.0
            self.layer.on_timer(self.now)
        assert self.layer.is_empty, "after all timers nothing is left"


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
