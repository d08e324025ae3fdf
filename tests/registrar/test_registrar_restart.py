"""Bindings outlive the process, and what cannot be kept is not granted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from registrar_builders import AOR, HERE, REALM, START, Phone, a_register, a_registrar, uris

from sipstub.registrar.binding import Binding, BindingChange, Change
from sipstub.registrar.policy import Limits, Policy
from sipstub.registrar.reason import Why

A, B, C = "<sip:100@127.0.0.1:5062>", "<sip:100@127.0.0.2:5062>", "<sip:100@127.0.0.3:5062>"
POLICY = Policy(REALM, domains=("example.com", "127.0.0.1"))


class Keeper:
    """A store that can be told to fail."""

    def __init__(self) -> None:
        self.kept: dict[str, Binding] = {}
        self.is_broken = False

    def load(self) -> list[Binding]:
        return list(self.kept.values())

    def save(self, changes: tuple[BindingChange, ...]) -> None:
        if self.is_broken:
            raise OSError("no space left")
        for change in changes:
            if change.is_removal:
                self.kept.pop(change.binding.id)
            else:
                self.kept[change.binding.id] = change.binding


def test_bindings_survive_a_restart_and_those_that_ended_meanwhile_do_not() -> None:
    keeper = Keeper()
    registrar = a_registrar(store=keeper)
    Phone(registrar).register((f"{A};expires=300", f"{B};expires=600"), cseq=7)
    again = a_registrar(store=keeper)
    assert again.restore(keeper.load(), START + 400) == 1
    assert uris(again.bindings(AOR, START + 400)) == ["sip:100@127.0.0.2:5062"]
    assert again.next_timer() == START + 600
    assert [change.change for change in again.take_changes()] == [Change.REGISTERED]
    assert Phone(again).register((B,), now=START + 401, cseq=7).status == 500
    assert Phone(again).register((B,), now=START + 401, cseq=8).status == 200


def test_what_was_recorded_before_a_restart_cannot_be_played_back_after_it_and_the_phone_only_asks_once_more() -> None:
    phone = Phone(a_registrar(since=START))
    first = phone.registrar.handle(a_register(cseq=1), HERE, START + 10.0004)
    recorded = phone.signed(a_register(cseq=2), first)
    assert phone.registrar.handle(recorded, HERE, START + 11).status == 200
    phone.registrar = a_registrar(since=START + 20)
    answer = phone.registrar.handle(recorded, HERE, START + 21)
    assert (answer.status, answer.www_authenticate[0].is_stale) == (401, True)
    assert phone.registrar.take_events() == []
    assert phone.registrar.handle(phone.signed(a_register(cseq=3), answer), HERE, START + 21).status == 200


@pytest.mark.parametrize("after_s", [0.0, 0.0001, 0.0004, 0.0009, 0.001])
def test_a_nonce_of_the_moment_of_the_start_is_good(after_s: float) -> None:
    began = START + 0.0004
    phone = Phone(a_registrar(since=began))
    assert phone.register(now=began + after_s).status == 200


def test_restoring_twice_or_beyond_the_limits_does_no_harm() -> None:
    keeper = Keeper()
    Phone(a_registrar(store=keeper)).register((A, B), expires=300)
    small = a_registrar(replace(POLICY, limits=Limits(contacts=1)))
    assert small.restore(keeper.load(), START) == 1
    assert small.restore(keeper.load(), START) == 0


def test_what_cannot_be_kept_is_not_granted() -> None:
    keeper = Keeper()
    registrar = a_registrar(store=keeper)
    phone = Phone(registrar)
    phone.register((A,), expires=300)
    registrar.take_changes()
    keeper.is_broken = True
    assert phone.register((A, B), expires=600).status == 500
    assert (len(registrar.bindings(AOR, START)), registrar.take_changes()) == (1, [])
    assert [event.why for event in registrar.take_events()] == [Why.NOT_KEPT]
    registrar.on_timer(START + 300)
    assert registrar.bindings(AOR, START + 300) == ()
