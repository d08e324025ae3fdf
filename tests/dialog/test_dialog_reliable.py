"""Answers that are repeated until confirmed: 2xx until ACK (RFC 3261 section 13.3.1.4), reliable 1xx until PRACK (RFC 3262)."""

from __future__ import annotations

import pytest
from dialog_builders import a_phones, an_answer, our_invite

from sipstub.dialog.refusal import Refusal
from sipstub.dialog.reliable import MAX_WAITING, ReliableAnswers, ReliableOrder
from sipstub.dialog.repeater import Repeater, Turn
from sipstub.sip.message import Request, Response
from sipstub.transaction.timing import Timing


def times_of(repeater: Repeater) -> tuple[list[float], float]:
    sent = []
    while (when := repeater.next_timer) is not None:
        turn = repeater.on_timer(when)
        if turn is Turn.GIVE_UP:
            return sent, when
        sent.append(when)
    raise AssertionError("it never gave up")


def test_a_2xx_is_repeated_up_to_every_t2_and_given_up_after_64_t1() -> None:
    assert times_of(Repeater(Timing(), 0.0)) == ([0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5], 32.0)


def test_a_reliable_1xx_is_repeated_at_doubled_pauses_without_end() -> None:
    assert times_of(Repeater(Timing(), 0.0, is_capped=False)) == ([0.5, 1.5, 3.5, 7.5, 15.5, 31.5], 32.0)


def test_what_is_confirmed_is_not_repeated_any_more() -> None:
    repeater = Repeater(Timing(), 0.0)
    assert repeater.on_timer(0.4) is Turn.NOTHING and repeater.on_timer(0.5) is Turn.SEND
    assert repeater.confirm() and not repeater.confirm()
    assert repeater.next_timer is None and repeater.on_timer(99) is Turn.NOTHING


def rings(status: int = 183) -> Response:
    return an_answer(a_phones(), status, "us")


def a_prack(rack: str) -> Request:
    return a_phones("PRACK", cseq=2, to_tag="us", headers=(("RAck", rack),))


def test_a_reliable_answer_says_100rel_and_a_number_and_waits_for_its_prack() -> None:
    answers = ReliableAnswers(a_phones(), Timing(), 41)
    sent = answers.send(rings(), 0.0)
    assert sent is not None and sent.rseq == 41 and sent.require == ("100rel",) and answers.is_open
    assert answers.receive(a_prack("41 1 INVITE"), 0.1) is None and not answers.is_open and answers.next_timer is None


@pytest.mark.parametrize("rack", ["42 1 INVITE", "41 2 INVITE", "41 1 UPDATE"])
def test_a_prack_for_nothing_gets_481(rack: str) -> None:
    answers = ReliableAnswers(a_phones(), Timing(), 41)
    answers.send(rings(), 0.0)
    refusal = answers.receive(a_prack(rack), 0.1)
    assert isinstance(refusal, Refusal) and refusal.status == 481 and answers.is_open


def test_a_prack_that_names_no_answer_gets_400() -> None:
    answers = ReliableAnswers(a_phones(), Timing(), 41)
    answers.send(rings(), 0.0)
    refusal = answers.receive(a_phones("PRACK"), 0.1)
    assert isinstance(refusal, Refusal) and refusal.status == 400


def test_a_second_prack_gets_481() -> None:
    answers = ReliableAnswers(a_phones(), Timing())
    answers.send(rings(), 0.0)
    answers.receive(a_prack("1 1 INVITE"), 0.1)
    assert isinstance(answers.receive(a_prack("1 1 INVITE"), 0.2), Refusal)


def test_the_next_answer_waits_and_has_the_next_number() -> None:
    answers = ReliableAnswers(a_phones(), Timing())
    answers.send(rings(183), 0.0)
    assert answers.send(rings(180), 0.0) is None
    following = answers.receive(a_prack("1 1 INVITE"), 0.1)
    assert isinstance(following, Response) and (following.status, following.rseq) == (180, 2) and answers.is_open


def test_not_too_many_wait_and_a_final_answer_clears_them() -> None:
    answers = ReliableAnswers(a_phones(), Timing())
    for _ in range(MAX_WAITING + 1):
        answers.send(rings(), 0.0)
    with pytest.raises(ValueError, match="wait for PRACK"):
        answers.send(rings(), 0.0)
    answers.end()
    assert not answers.is_open and answers.next_timer is None


def test_100_and_final_answers_are_never_reliable() -> None:
    for status in (100, 200, 486):
        with pytest.raises(ValueError, match="never sent reliably"):
            ReliableAnswers(a_phones(), Timing()).send(rings(status), 0.0)


def test_without_prack_it_is_repeated_and_then_the_invite_is_refused_with_504() -> None:
    answers = ReliableAnswers(a_phones(), Timing())
    sent = answers.send(rings(), 0.0)
    assert answers.on_timer(0.5) is sent and answers.on_timer(0.6) is None
    refusal = answers.on_timer(32.0)
    assert isinstance(refusal, Refusal) and refusal.status == 504 and answers.next_timer is None


def rang(rseq: str | None, *, status: int = 183, require: str = "100rel") -> Response:
    headers = (("Require", require),) if require else ()
    return an_answer(our_invite(), status, headers=(*headers, *((("RSeq", rseq),) if rseq else ())))


def test_each_next_number_gets_a_prack_and_repeated_or_skipped_ones_do_not() -> None:
    order = ReliableOrder()
    assert [str(order.receive(rang(number))) for number in ("9", "9", "11", "10", "11")] == [
        "9 7 INVITE", "None", "None", "10 7 INVITE", "11 7 INVITE",
    ]  # fmt: skip


def test_answers_that_are_not_reliable_get_no_prack() -> None:
    order = ReliableOrder()
    for response in (rang("1", require=""), rang(None), rang("1", status=100), rang("1", status=200)):
        assert order.receive(response) is None
    assert order.receive(rang("1", require="100REL")) is not None
