"""Challenges just given are known again, and are bounded."""

from __future__ import annotations

from registrar_builders import HERE, START, At, a_register, a_registrar

from sipstub.registrar.repetition import KEPT_S, Repetitions


def test_a_repetition_is_known_by_its_bytes_and_its_source() -> None:
    kept = Repetitions()
    first = kept.key(b"REGISTER", "127.0.0.1", 5060)
    kept.note(first, "n1", 10.0)
    assert kept.find(first, 10.0 + KEPT_S) == "n1"
    assert kept.find(kept.key(b"REGISTER", "127.0.0.1", 5061), 10.5) is None
    assert kept.find(kept.key(b"REGISTER ", "127.0.0.1", 5060), 10.5) is None


def test_it_is_forgotten_after_the_time_in_which_clients_send_again_and_when_the_clock_is_set_back() -> None:
    kept = Repetitions()
    kept.note(1, "n1", 10.0)
    assert kept.find(1, 10.1 + KEPT_S) is None
    assert kept.find(1, 9.0) is None


def test_a_flood_keeps_no_more_than_two_halves_and_the_newest_of_them() -> None:
    kept = Repetitions(limit=100)
    for number in range(1_000):
        kept.note(number, f"n{number}", 10.0)
        assert len(kept) <= 200
    assert kept.find(999, 10.0) == "n999"
    assert kept.find(899, 10.0) == "n899"
    assert kept.find(0, 10.0) is None


def test_the_registrar_gives_a_repetition_the_same_challenge() -> None:
    registrar = a_registrar()
    request = a_register()
    nonces = [registrar.handle(request, HERE, START + after).www_authenticate[0].nonce for after in (0, 0.5, 31.9, 40)]
    assert nonces[0] == nonces[1] == nonces[2]
    assert nonces[3] != nonces[0]
    assert registrar.handle(request, At(port=5099), START).www_authenticate[0].nonce not in nonces
