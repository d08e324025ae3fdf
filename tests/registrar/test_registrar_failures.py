"""Who guesses too often, and who is not made to suffer for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from registrar_builders import HERE, START, At, Phone, a_register, a_registrar

import sipstub.sip.digest as digest
from sipstub.registrar.failures import HOST_FAILURES, MAX_SOURCES, USER_FAILURES, WINDOW_S, Failures
from sipstub.registrar.reason import Why
from sipstub.registrar.registrar import Registrar


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every hash that a digest is made of, as it is computed."""
    seen: list[str] = []
    real = digest.hash_text

    def counted(algorithm: str, data: bytes) -> str:
        seen.append(algorithm)
        return real(algorithm, data)

    monkeypatch.setattr(digest, "hash_text", counted)
    yield seen


def guess(registrar: Registrar, user: str, source: At, now: float, answered_from: At | None = None) -> int:
    challenge = registrar.handle(a_register(user=user), source, now)
    request = Phone(registrar, user=user, password="wrong").signed(a_register(user=user), challenge)
    return registrar.handle(request, answered_from or source, now).status


def test_who_guesses_too_often_is_not_looked_at_for_a_while(hashes: list[str]) -> None:
    registrar = a_registrar()
    assert [guess(registrar, "100", HERE, START) for _ in range(USER_FAILURES)] == [401] * USER_FAILURES
    hashes.clear()
    registrar.take_events()
    for _ in range(3):
        challenge = registrar.handle(a_register(), HERE, START + 1)
        request = Phone(registrar).signed(a_register(), challenge)
        hashes.clear()
        answer = registrar.handle(request, HERE, START + 1)
        assert (answer.status, hashes) == (403, [])
    assert [event.why for event in registrar.take_events()] == [Why.TOO_MANY_FAILURES]
    assert Phone(registrar, user="101").register(now=START + 1).status == 200
    assert Phone(registrar).register(now=START + WINDOW_S).status == 200


def test_unknown_users_are_shut_out_like_known_ones() -> None:
    registrar = a_registrar()
    known = [guess(registrar, "100", HERE, START) for _ in range(USER_FAILURES + 2)]
    assert [guess(registrar, "999", HERE, START) for _ in range(USER_FAILURES + 2)] == known


def test_a_host_that_tries_many_names_is_shut_out_but_its_registered_phones_are_not() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    assert phone.register(now=START).status == 200
    statuses = [guess(registrar, f"guess{number}", At(port=9999), START + 1) for number in range(HOST_FAILURES + 1)]
    assert set(statuses[:HOST_FAILURES]) == {401} and statuses[HOST_FAILURES:] == [403]
    assert phone.register(now=START + 2).status == 200
    assert Phone(registrar, user="101", source=At(port=5064)).register(now=START + 2).status == 403
    assert Phone(registrar, user="101", source=At(host="127.0.0.9")).register(now=START + 2).status == 200


def test_a_forged_source_does_not_shut_out_its_owner() -> None:
    registrar = a_registrar()
    for _ in range(USER_FAILURES + 1):
        guess(registrar, "100", At(host="192.0.2.66"), START, answered_from=HERE)
    assert Phone(registrar).register(now=START + 1).status == 200
    assert guess(registrar, "100", At(host="192.0.2.66"), START + 1, answered_from=At(host="192.0.2.67")) == 403


def test_the_table_of_failures_is_bounded() -> None:
    failures = Failures()
    for number in range(MAX_SOURCES + 100):
        failures.note(number.to_bytes(8, "big"), START)
    assert len(failures) == MAX_SOURCES


def test_a_window_ends_and_a_clock_set_back_ends_it_too() -> None:
    failures = Failures()
    assert [failures.note(b"x", START + second) for second in (0, 1, WINDOW_S, WINDOW_S + 1, 5)] == [1, 2, 1, 2, 1]
