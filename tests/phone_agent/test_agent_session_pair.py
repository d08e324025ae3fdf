"""Two virtual phones in a call with each other for an hour, each by its own file."""

from __future__ import annotations

import random

import pytest
from phone_wire import SERVER, START, T46G, Registrar, settings

from sipstub.phone.agent.agent import PhoneAgent
from sipstub.phone.agent.event import CallState
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.agent.place import Place
from sipstub.phone.identity import PhoneIdentity
from sipstub.sip.message import Request
from sipstub.sip.reader import parse_message
from sipstub.transaction.sending import Hop, Sending

HOUR_S = 3_600.0
PAIR = (("1001", "127.0.0.9"), ("1002", "127.0.0.10"))


class Pair:
    """Both phones; what goes to the server is answered there if it is a REGISTER, else it goes to the other phone."""

    def __init__(self, *files: dict[str, str]) -> None:
        self.now = START
        self.updates: list[tuple[float, int, str]] = []
        self.byes: list[tuple[float, int]] = []
        self.dead: set[int] = set()
        self.registrar = Registrar(is_open=True)
        self.phones = []
        for number, ((user, host), file) in enumerate(zip(PAIR, files, strict=True)):
            told = settings({"account.1.user_name": user, "account.1.nat.udp_update_enable": "0"}, file)
            identity = PhoneIdentity.of(f"001565aabb{number:02}", T46G)
            self.phones.append(PhoneAgent(identity, told, source=random.Random(number), place=Place(host)))
        for phone in self.phones:
            phone.answering = Answering.ANSWER
            phone.start(self.now)
        self._carry()

    def call(self) -> Pair:
        assert self.phones[0].call(1, "1002", self.now) is not None
        self._carry()
        return self

    def run(self, seconds: float) -> Pair:
        end = self.now + seconds
        while True:
            alive = [phone for number, phone in enumerate(self.phones) if number not in self.dead]
            due = min(phone.next_timer for phone in alive if phone.next_timer is not None)
            if due > end:
                self.now = end
                return self
            self.now = max(self.now, due)
            for phone in alive:
                phone.on_timer(self.now)
            self._carry()

    def _carry(self) -> None:
        while sendings := [(number, one) for number, phone in enumerate(self.phones) for one in phone.to_send()]:
            for number, sending in sendings:
                if number not in self.dead:
                    self._deliver(number, sending)

    def _deliver(self, number: int, sending: Sending) -> None:
        message = parse_message(sending.data)
        if isinstance(message, Request) and message.method == "REGISTER":
            for response in self.registrar(message, sending.hop):
                self.phones[number].receive(parse_message(response.to_bytes()), sending.hop, self.now)
            return
        if isinstance(message, Request) and message.method == "UPDATE":
            self.updates.append((self.now - START, number, message.headers.get("Session-Expires") or ""))
        if isinstance(message, Request) and message.method == "BYE":
            self.byes.append((self.now - START, number))
        if 1 - number not in self.dead:
            self.phones[1 - number].receive(message, Hop("UDP", PAIR[number][1], 5060, 5060), self.now)

    @property
    def is_up(self) -> list[bool]:
        states = [[call.state for call in phone.lines[0].calls] for phone in self.phones]
        return [state == [CallState.ANSWERED] for state in states]


def timer(refresher: str, expires: str = "90", enable: str = "1") -> dict[str, str]:
    at = "account.1.session_timer."
    return {at + "enable": enable, at + "expires": expires, at + "refresher": refresher}


@pytest.mark.parametrize("callees", ["0", "1"])
@pytest.mark.parametrize(("callers", "who"), [("0", 0), ("1", 1)])
def test_t_29_t_41_t_95_two_phones_keep_their_call_up_for_an_hour(callers: str, callees: str, who: int) -> None:
    pair = Pair(timer(callers), timer(callees, "1800")).call().run(HOUR_S)
    assert pair.is_up == [True, True] and not pair.byes
    assert pair.updates == [(45.0 * number, who, "90;refresher=uac") for number in range(1, 81)]


@pytest.mark.parametrize("off", [0, 1])
def test_t_27_a_phone_without_timers_and_one_with_them_have_a_call_without(off: int) -> None:
    files = [timer("0"), timer("0")]
    files[off] = timer("0", enable="0")
    pair = Pair(*files).call().run(HOUR_S)
    assert pair.is_up == [True, True] and not pair.updates


@pytest.mark.parametrize("dead", [0, 1])
def test_t_98_t_101_a_phone_that_loses_its_power_is_noticed_by_the_other(dead: int) -> None:
    pair = Pair(timer("0"), timer("0")).call().run(100)
    pair.dead.add(dead)
    pair.run(200)
    # the caller refreshes at 135 and waits 32 s for an answer; the callee saw the last refresh at 90
    assert pair.byes[0] == ((150.0, 1) if dead == 0 else (167.0, 0)) and not pair.is_up[1 - dead]


def test_t_32_an_interval_of_30_is_raised_by_the_phone_that_refuses_it() -> None:
    pair = Pair(timer("0", "30"), timer("0")).call().run(100)
    assert pair.is_up == [True, True]
    assert pair.updates == [(45.0, 0, "90;refresher=uac"), (90.0, 0, "90;refresher=uac")]


def test_both_sides_know_who_sends_to_whom() -> None:
    pair = Pair(timer("0"), timer("0")).call()
    hops = [phone.lines[0].calls[0].leg.hop.host for phone in pair.phones if phone.lines[0].calls[0].leg is not None]
    assert hops == ["127.0.0.10", "127.0.0.9"] and SERVER not in hops
