"""A hundred thousand invented users, and phones in great number: memory is bounded, a registered phone does not notice."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from registrar_builders import AOR, HERE, REALM, START, At, Phone, a_register, a_registrar, some_users, uris

import sipstub.registrar.registrar as registrar_module
from sipstub.registrar.authentication import MAX_TAGS
from sipstub.registrar.failures import MAX_SOURCES
from sipstub.registrar.policy import Limits, Policy
from sipstub.registrar.registrar import EXPIRIES_AT_ONCE
from sipstub.sip.message import Response

POLICY = Policy(REALM, domains=("example.com", "127.0.0.1"))
FLOOD = 100_000


def test_a_flood_of_invented_users_leaves_no_trace_and_a_phone_undisturbed() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    assert phone.register(expires=3600).status == 200
    registrar.take_changes()
    request = a_register()
    statuses = set()
    for number in range(FLOOD):
        now, source = START + number / 1000, At(host=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", port=4000)
        request.headers.set("To", f"<sip:user{number}@example.com>")
        first = registrar.handle(request, source, now, to_tag="t")
        statuses.add(first.status)
        if number % 4 == 0:
            guess = a_register(user=f"user{number}")
            guess.headers.set("Authorization", guessed(first, f"user{number}"))
            statuses.add(registrar.handle(guess, source, now, to_tag="t").status)
        if number % 20_000 == 0:
            assert phone.register(now=now, expires=3600).status == 200
    assert statuses == {401}
    assert registrar.location.aors == 1 and registrar.location.heap_size <= 3
    assert len(registrar.authenticator.failures) == MAX_SOURCES
    assert len(registrar.authenticator._tags) <= MAX_TAGS
    assert registrar.authenticator.used_nonces <= 6
    assert len(registrar.take_events()) == FLOOD // 4
    assert phone.register(now=START + 101, expires=3600).status == 200
    assert uris(registrar.bindings(AOR, START + 101)) == ["sip:100@127.0.0.1:5062"]


def guessed(first: Response, name: str) -> str:
    nonce = first.www_authenticate[0].nonce
    return (
        f'Digest username="{name}", realm="{REALM}", nonce="{nonce}", uri="sip:example.com", response="{"0" * 32}", '
        'algorithm=MD5, cnonce="x", qop=auth, nc=00000001'
    )


def test_events_and_changes_that_nobody_takes_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrar_module, "MAX_WAITING", 10)
    registrar = a_registrar()
    phone = Phone(registrar)
    for _ in range(15):
        phone.register(expires=3600)
        registrar.handle(a_register(uri="sip:elsewhere.example"), HERE, START)
    assert registrar.dropped == 10
    assert (len(registrar.take_changes()), len(registrar.take_events())) == (10, 10)


def test_phones_in_great_number_end_little_by_little_and_leave_nothing() -> None:
    names = [str(number) for number in range(1000, 3000)]
    users = some_users(*names)
    registrar = a_registrar(replace(POLICY, limits=Limits(aors=1900)), users)
    statuses = [Phone(registrar, user=name).register((f"<sip:{name}@127.0.0.1>",), expires=60).status for name in names]
    assert (statuses.count(200), statuses.count(503)) == (1900, 100)
    registrar.on_timer(START + 60)
    assert len(registrar.location) == 1900 - EXPIRIES_AT_ONCE
    calls = 0
    while (at := registrar.next_timer()) is not None and at <= START + 60:
        registrar.on_timer(START + 60)
        calls += 1
    assert calls == 1900 // EXPIRIES_AT_ONCE
    assert (len(registrar.location), registrar.location.aors, registrar.location.heap_size) == (0, 0, 0)
    assert registrar.location._by_flow == {}


def test_registering_and_going_away_for_ever_takes_no_memory() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    for _ in range(500):
        phone.register(expires=3600)
        phone.register(("*",), expires=0)
    assert registrar.location.heap_size <= 66
    for expires in range(3600, 3100, -1):
        phone.register(expires=expires)
    assert registrar.location.heap_size <= 68
    assert registrar.next_timer() is not None and len(registrar.bindings(AOR, START)) == 1


def test_one_binding_is_small() -> None:
    registrar = a_registrar()
    Phone(registrar, source=HERE).register(expires=3600)
    binding = registrar.bindings(AOR, START)[0]
    assert sys.getsizeof(binding) <= 200
    assert binding.characters < 300
