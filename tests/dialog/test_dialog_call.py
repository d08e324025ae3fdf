"""A whole call over a bad wire: two users of the layers, with dialogs, until both have hung up and nothing is left.

It is also the example of how the parts are put together.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from dialog_builders import our_invite

from sipstub.dialog.dialog import Dialog, dialog_of_server
from sipstub.dialog.dialog_table import DialogTable
from sipstub.dialog.forks import InviteForks
from sipstub.dialog.refusal import Refusal
from sipstub.dialog.repeater import Repeater, Turn
from sipstub.sip.answer import answer
from sipstub.sip.message import Response
from sipstub.sip.reader import parse_message
from sipstub.sip.via import Via
from sipstub.transaction.event import RequestArrived, ResponseArrived, TransactionFailed
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.machine import ServerTransaction
from sipstub.transaction.sending import Hop
from sipstub.transaction.timing import USUAL

CALLER, CALLEE = Hop("UDP", "10.0.0.1", 5060, 1), Hop("UDP", "10.1.1.1", 5060, 2)
LOSE, DOUBLE, LATE = "lose", "double", "late"


@dataclass
class Caller:
    """Calls, acknowledges, hangs up after five seconds."""

    layer: TransactionLayer = field(default_factory=TransactionLayer)
    forks: InviteForks = field(default_factory=lambda: InviteForks(our_invite(), USUAL))
    via: Via = field(default_factory=lambda: Via.parse("SIP/2.0/UDP 10.0.0.1:5060;rport"))
    ack: bytes = b""
    dialog: Dialog | None = None
    hang_up_at: float | None = None
    log: list[str] = field(default_factory=list)

    def call(self, now: float) -> None:
        invite = our_invite()
        invite.headers.remove("Via")
        self.layer.request(invite, CALLEE, self.via, now)

    def turn(self, now: float) -> None:
        while (event := self.layer.next_event()) is not None:
            if isinstance(event, ResponseArrived) and event.transaction.method == "INVITE":
                fork = self.forks.receive(event.response, now)
                if fork.is_confirmed and fork.dialog is not None:
                    self.dialog, self.hang_up_at = fork.dialog, now + 5
                    self.ack = self.layer.send_outside(fork.dialog.request("ACK"), CALLEE, self.via)
                elif fork.is_repeated:
                    self.layer.send_again(self.ack, CALLEE)
            elif isinstance(event, ResponseArrived):
                self.log.append(f"{event.transaction.method} {event.response.status}")
                if self.dialog is not None:
                    self.dialog.receive_response(event.transaction.request, event.response)
            else:
                self.log.append(f"{event}")

    @property
    def next_timer(self) -> float | None:
        return self.hang_up_at

    def on_timer(self, now: float) -> None:
        if self.hang_up_at is not None and now >= self.hang_up_at and self.dialog is not None:
            self.hang_up_at = None
            self.layer.request(self.dialog.request("BYE"), CALLEE, self.via, now)


@dataclass
class Callee:
    """Rings, answers after a second, repeats its 2xx until the ACK comes."""

    layer: TransactionLayer = field(default_factory=TransactionLayer)
    dialogs: DialogTable = field(default_factory=DialogTable)
    ringing: tuple[ServerTransaction, Dialog, Response, float] | None = None
    repeater: Repeater | None = None
    log: list[str] = field(default_factory=list)

    def turn(self, now: float) -> None:
        while (event := self.layer.next_event()) is not None:
            assert not isinstance(event, TransactionFailed), event
            if not isinstance(event, RequestArrived):
                continue
            request, transaction = event.request, event.transaction
            found = self.dialogs.of_request(request)
            if transaction is None:
                if self.repeater is not None and not isinstance(found, Refusal) and self.repeater.confirm():
                    self.log.append("ACK")
            elif isinstance(found, Refusal):
                self.layer.respond(transaction, found.answer_to(request), now)
            elif found is None:
                self.log.append(request.method)
                dialog = dialog_of_server(request, transaction.to_tag, is_accepted=False)
                assert self.dialogs.add(dialog) is None
                for status in (180, 200):
                    response = answer(request, status, to_tag=transaction.to_tag)
                    response.headers.add("Contact", "<sip:100@10.1.1.1:5060>")
                    if status == 180:
                        self.layer.respond(transaction, response, now)
                    else:
                        self.ringing = (transaction, dialog, response, now + 1)
            else:
                refusal = found.receive_request(request)
                assert refusal is None
                self.log.append(request.method)
                self.layer.respond(transaction, answer(request, 200), now)
                found.request_answered(request, 200)

    @property
    def next_timer(self) -> float | None:
        if self.repeater is None:
            return None if self.ringing is None else self.ringing[3]
        return self.repeater.next_timer

    def on_timer(self, now: float) -> None:
        if self.ringing is None:
            return
        transaction, dialog, response, answer_at = self.ringing
        if self.repeater is None:
            if now >= answer_at:
                self.repeater = Repeater(USUAL, now)
                self.layer.respond(transaction, response, now)
                dialog.accepted()
        elif self.repeater.on_timer(now) is Turn.SEND:
            self.layer.respond(transaction, response, now)


def talk(fates: tuple[str, ...]) -> tuple[Caller, Callee, float]:
    caller, callee, fate, now = Caller(), Callee(), iter(fates), 0.0
    on_the_way: list[tuple[float, int, bool, bytes]] = []
    numbers = itertools.count()
    caller.call(now)
    while True:
        for user in (caller, callee):
            user.on_timer(now)
            user.layer.on_timer(now)
            user.turn(now)
            for sending in user.layer.to_send():
                what = next(fate, "")
                trips = {LOSE: (), DOUBLE: (0.01, 0.3), LATE: (0.9,)}.get(what, (0.01,))
                on_the_way += [(now + trip, next(numbers), user is caller, sending.data) for trip in trips]
        times = [when for user in (caller, callee) for when in (user.next_timer, user.layer.next_timer) if when is not None]
        times += [item[0] for item in on_the_way]
        if not times:
            return caller, callee, now
        now = max(now, min(times))
        for item in sorted(item for item in on_the_way if item[0] <= now):
            on_the_way.remove(item)
            user, source = (callee, CALLER) if item[2] else (caller, CALLEE)
            user.layer.receive(parse_message(item[3]), source, now)


@pytest.mark.parametrize("fates", [*itertools.product(("", LOSE, DOUBLE, LATE), repeat=3), (LOSE,) * 5, ("",) * 3 + (LOSE,) * 3])
def test_a_call_is_set_up_and_torn_down_once_whatever_happens_to_its_first_messages(fates: tuple[str, ...]) -> None:
    caller, callee, _ = talk(fates)
    assert callee.log == ["INVITE", "ACK", "BYE"] and caller.log == ["BYE 200"]
    assert caller.dialog is not None and caller.dialog.is_ended and all(dialog.is_ended for dialog in callee.dialogs)
    assert caller.layer.is_empty and callee.layer.is_empty


@pytest.mark.parametrize("lost", range(3, 8))
def test_a_lost_message_in_the_middle_is_made_good(lost: int) -> None:
    _, callee, _ = talk(("",) * lost + (LOSE,))
    assert callee.log == ["INVITE", "ACK", "BYE"]
