"""A hundred thousand invented users, and phones in great number: memory is bounded, a registered phone does not notice."""

from __future__ import annotations

import sys
from dataclasses import replace

from registrar_builders import AOR, HERE, REALM, START, At, Phone, a_register, a_registrar, some_users, uris

from sipstub.registrar.failures import MAX_SOURCES
from sipstub.registrar.policy import Limits, Policy
from sipstub.registrar.registrar import EXPIRIES_AT_ONCE, MAX_WAITING
from sipstub.sip.credentials import Credentials

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
        source = At(host=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", port=4000)
        request.headers.set("To", f"<sip:user{number}@example.com>")
        request.headers.remove("Authorization")
        first = registrar.handle(request, source, START + number / 1000)
        challenge = first.www_authenticate[0]
        guess = (
            f'Digest username="user{number}", realm="{REALM}", nonce="{challenge.nonce}", uri="sip:example.com", '
            f'response="{"0" * 32}", algorithm=MD5, cnonce="x", qop=auth, nc=00000001'
        )
        request.headers.set("Authorization", Credentials.parse(guess))
        statuses.add(registrar.handle(request, source, START + number / 1000).status)
        if number % 20_000 == 0:
            assert phone.register(now=START + number / 1000, expires=3600).status == 200
    assert statuses == {401}
    assert registrar.location.aors == 1 and registrar.location.heap_size <= 3
    assert len(registrar.authenticator.failures) <= MAX_SOURCES
    assert registrar.authenticator.used_nonces <= 6
    assert len(registrar.take_events()) == MAX_WAITING
    assert registrar.dropped == FLOOD - MAX_WAITING
    assert phone.register(now=START + 101, expires=3600).status == 200
    assert uris(registrar.bindings(AOR, START + 101)) == ["sip:100@127.0.0.1:5062"]


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
