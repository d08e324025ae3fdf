"""Questions to servers that are not SIP: bounded, answered once, ended in time; and what a reload does to them."""

from __future__ import annotations

from sbc_guarded import USER, ask, credentials, settings_of
from sbc_world import World

from sipstub.sbc.agenda import Agenda
from sipstub.sbc.outside import MAX_OPEN, HttpAsk, HttpReply, Outside, Reply
from sipstub.sbc.site import site_of


def test_one_question_too_many_is_unanswered_at_once() -> None:
    outside, heard = Outside(Agenda()), list[Reply | None]()
    for _ in range(MAX_OPEN + 1):
        outside.ask(HttpAsk("http://server/", b"{}"), 5, lambda reply, at: heard.append(reply), 0.0)
    assert heard == [None] and len(outside) == MAX_OPEN and len(outside.take()) == MAX_OPEN


def test_only_the_first_answer_counts() -> None:
    agenda, heard = Agenda(), list[Reply | None]()
    outside = Outside(agenda)
    outside.ask(HttpAsk("http://server/", b"{}"), 5, lambda reply, at: heard.append(reply), 0.0)
    (question,) = outside.take()
    assert outside.take() == []
    question.answer(HttpReply(200), 1.0)
    question.answer(None, 2.0)
    agenda.on_timer(10.0)
    assert heard == [HttpReply(200)] and len(outside) == 0


def test_a_question_that_is_over_before_it_is_taken_is_not_asked() -> None:
    agenda, heard = Agenda(), list[Reply | None]()
    outside = Outside(agenda)
    outside.ask(HttpAsk("http://server/", b"{}"), 5, lambda reply, at: heard.append(reply), 0.0)
    agenda.on_timer(5.0)
    assert heard == [None] and outside.take() == []


def test_a_nonce_of_before_a_reload_is_stale_and_the_next_one_does() -> None:
    site = site_of(settings_of(tables=[("SBCUserInfoTable", USER)]))
    world = World(site)
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone, "REGISTER")
    before = phone.response(401).www_authenticate[0]
    world.run(5)
    world.sbc.reload(site, world.now)
    world.run(5)
    ask(phone, "REGISTER", ("Authorization", credentials(before)), cseq=2)
    after = phone.response(401).www_authenticate[0]
    assert after.is_stale and pbx.heard == []
    ask(phone, "REGISTER", ("Authorization", credentials(after)), cseq=3)
    pbx.request("REGISTER")
