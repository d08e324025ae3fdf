"""Every rule about session timers: as told, not as told, nothing to tell from; and the edges of the windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from session_talk import SDP, UPDATE, Held
from verify_builders import SUBJECT, ask

from sipstub.verify.stimulus import EVERY, Stimulus
from sipstub.verify.tolerance import TOLERANCE, Punctual
from sipstub.verify.verdict import Verdict

FAIL, WARN, PASS, INFO, INCONCLUSIVE = (
    Verdict.FAIL,
    Verdict.WARN,
    Verdict.PASS,
    Verdict.INFO,
    Verdict.INCONCLUSIVE,
)
ALL = EVERY | {Stimulus.SESSION}
ROLE = ("session-refresher", "uac")
ON, OFF = (("session-timer", "on"),), (("session-timer", "off"),)
UAS = "90;refresher=uas"
Made = Callable[[], Held]


def out() -> Held:
    return Held().register()  # type: ignore[return-value]


def raised(**again: object) -> Made:
    """Return a call that gets 422 and comes again."""

    def made() -> Held:
        talk = out().out(status=422, granted="", answer_min_se="1800")
        talk.calls -= 1
        kept = {"asked": "1800;refresher=uac", "granted": "1800;refresher=uac", "min_se": "1800"}
        return talk.out(**{**kept, **again}).alive(20)  # type: ignore[arg-type]

    return made


def silent(after: float, *, is_phones: bool = True) -> Made:
    return lambda: out().out(asked=UAS, granted=UAS).bye(after, is_phones=is_phones).alive()


def refresh(after: float = 45.0, **more: object) -> Made:
    return lambda: out().out().refresh(after, **more).alive(1)  # type: ignore[arg-type]


def reinvite(number: int, **more: object) -> Made:
    return lambda: out().out().refresh(method="INVITE", body=SDP.format(number), answer_body=SDP.format(1), **more)  # type: ignore[arg-type]


def answered(number: int) -> Made:
    call = {"body": SDP.format(1), "answer_body": SDP.format(number)}
    return lambda: out().called(asked=UPDATE, granted=UPDATE).refreshed(method="INVITE", **call)  # type: ignore[arg-type]


def gone(status: int, bye: float | None) -> Made:
    def made() -> Held:
        talk = out().out().refresh(status=status, granted="")
        return (talk.alive(60) if bye is None else talk.bye(bye, is_phones=True)).alive()

    return made


def refused(*, again: float | None = 3.0, bye: float | None = None) -> Made:
    def made() -> Held:
        talk = out().out().refresh(status=491, granted="")
        if bye is not None:
            return talk.bye(bye, is_phones=True).alive()
        return (talk.bye(40, is_phones=True) if again is None else talk.refresh(again)).alive()

    return made


def flood() -> Held:
    talk = out().out().refresh(status=500, granted="")
    for _ in range(TOLERANCE.refused_tries):
        talk.refresh(1.0, status=500, granted="")
    return talk.bye(30, is_phones=True).alive()


def outlived() -> Held:
    return out().out().refresh(status=500, granted="").refresh(20, status=500, granted="").bye(40).alive()


CASES: list[tuple[str, tuple[tuple[str, str], ...], Made, Made, Verdict]] = [
    ("session-short", (*ON, ("session-expires", "30")), lambda: out().out(), lambda: out().out("30;refresher=uac"), WARN),
    ("session-headers", ON, lambda: out().out(), lambda: out().out("90;refresher=me"), FAIL),
    ("session-headers", ON, lambda: out().out(), lambda: out().out("90, 1800"), FAIL),
    ("session-headers", ON, lambda: out().out(), lambda: out().out(more="x: 90"), FAIL),
    ("session-headers", ON, lambda: out().out(), lambda: out().out(min_se="soon"), FAIL),
    ("session-headers", ON, lambda: out().called(), lambda: out().called(granted="90s"), FAIL),
    ("session-min-se", ON, lambda: out().out(min_se="90"), lambda: out().out(min_se="60"), FAIL),
    ("session-min-se", ON, lambda: out().out(), lambda: out().out(min_se="120"), FAIL),
    ("session-min-se", ON, lambda: out().out(), lambda: out().called(answer_min_se="90"), FAIL),
    ("session-retry", ON, raised(), lambda: out().out(status=422, granted="", answer_min_se="1800").alive(), WARN),
    ("session-retry", ON, raised(), raised(asked=UPDATE), FAIL),
    ("session-retry", ON, raised(), raised(min_se=""), FAIL),
    ("session-retry", ON, raised(), raised(min_se="100"), FAIL),
    ("session-retry", ON, raised(), raised(cseq=1), FAIL),
    ("session-retry", ON, raised(), raised(call_id="anew"), WARN),
    ("session-retry", ON, raised(), raised(asked=UPDATE, min_se="", call_id="dialled again"), WARN),
    ("session-tag", ON, refresh(), refresh(supported=""), FAIL),
    ("session-answer", ON, lambda: out().called(), lambda: out().called(granted=""), FAIL),
    ("session-answer", ON, lambda: out().called(), lambda: out().called(granted="1800;refresher=uas"), FAIL),
    ("session-answer", ON, lambda: out().called(), lambda: out().called(granted="60;refresher=uas"), FAIL),
    ("session-answer", ON, lambda: out().called(), lambda: out().called(granted="90"), FAIL),
    ("session-answer", ON, lambda: out().called(), lambda: out().called(granted=UPDATE), FAIL),
    ("session-answer", ON, lambda: out().called(), lambda: out().called(require=""), WARN),
    ("session-answer", ON, lambda: out().called(UPDATE, UPDATE), lambda: out().called(UPDATE, UPDATE, require=""), FAIL),
    ("session-answer-refresher", (*ON, ROLE), lambda: out().called("90"), lambda: out().called("90", UPDATE), WARN),
    (
        "session-too-short",
        ON,
        lambda: out().called("60", "", status=422, answer_min_se="90"),
        lambda: out().called("60", "", status=422),
        FAIL,
    ),
    (
        "session-too-short",
        ON,
        lambda: out().called("60", "", status=422, answer_min_se="90"),
        lambda: out().called("60", "", status=422, answer_min_se="30"),
        FAIL,
    ),
    ("session-takes-refresh", ON, answered(1), lambda: out().called().refreshed(status=488, granted="").alive(), FAIL),
    ("session-takes-refresh", ON, answered(1), lambda: out().called().refreshed(status=500, granted="").alive(), FAIL),
    (
        "session-takes-refresh",
        ON,
        answered(1),
        lambda: out().called().refreshed(status=500, granted="").refreshed().alive(),
        WARN,
    ),
    ("session-answer-origin", ON, answered(1), answered(2), FAIL),
    ("session-refresh-time", ON, refresh(), refresh(20), WARN),
    ("session-refresh-time", ON, refresh(), refresh(70), WARN),
    ("session-refresh-time", ON, refresh(), refresh(92), FAIL),
    ("session-refresh-time", ON, refresh(), lambda: out().out().alive(100).bye().alive(), FAIL),
    ("session-refresh-time", ON, refresh(), lambda: out().out().refresh().alive(95).alive(), FAIL),
    ("session-refresh-time", ON, refresh(), lambda: out().out().bye(90, is_phones=True).alive(), FAIL),
    ("session-refresh-time", ON, refresh(), lambda: out().out().refresh().bye(60, is_phones=True).alive(), FAIL),
    ("session-refresh-role", (*ON, ROLE), silent(60), lambda: out().out(UAS, UAS).refresh().alive(), WARN),
    ("session-refresh-method", ON, refresh(), reinvite(1), WARN),
    ("session-refresh-interval", ON, refresh(), refresh(asked=""), FAIL),
    ("session-refresh-interval", ON, refresh(), refresh(asked="1800;refresher=uac"), FAIL),
    ("session-refresh-interval", ON, refresh(), refresh(asked="90;refresher=uas"), FAIL),
    ("session-refresh-interval", ON, refresh(), refresh(asked="90"), FAIL),
    ("session-refresh-dialog", ON, refresh(), refresh(call_id="other", status=481), FAIL),
    ("session-refresh-dialog", ON, refresh(), refresh(tag="x", status=481), FAIL),
    ("session-refresh-dialog", ON, refresh(), refresh(cseq=1), FAIL),
    ("session-refresh-body", ON, refresh(), refresh(body=SDP.format(1)), WARN),
    ("session-refresh-body", ON, reinvite(1), reinvite(2), FAIL),
    ("session-refresh-body", ON, reinvite(1), lambda: out().out().refresh(method="INVITE"), WARN),
    ("session-expiry", ON, silent(60), silent(95), FAIL),
    ("session-expiry", ON, silent(89), silent(120, is_phones=False), FAIL),
    ("session-refresh-gone", ON, gone(481, 1), gone(481, None), FAIL),
    ("session-refresh-gone", ON, gone(408, 1), gone(408, None), FAIL),
    ("session-refresh-gone", ON, gone(0, 32), gone(0, None), FAIL),
    ("session-refresh-refused", ON, refused(), refused(bye=1), FAIL),
    ("session-refresh-refused", ON, refused(), refused(again=None), WARN),
    ("session-refresh-refused", ON, refused(), flood, FAIL),
    ("session-refresh-refused", ON, refused(), outlived, FAIL),
    ("session-stays", ON, lambda: out().out().refresh().bye(), lambda: out().out().bye(10, is_phones=True), FAIL),
    ("session-stays", ON, lambda: out().out(granted="").bye(), lambda: out().out(granted="").bye(10, is_phones=True), FAIL),
    ("session-update-form", ON, refresh(), refresh(more="Allow: UPDATE"), INFO),
    ("session-off", OFF, lambda: out().called(), lambda: out().called(granted=""), INFO),
]  # fmt: skip
IDS = [f"{case[0]}-{number}" for number, case in enumerate(CASES)]
NO_PASS = {"session-off", "session-short"}
"Rules that never say PASS."


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_phone_that_does_as_told_passes_and_one_that_does_not_is_found(case: tuple[object, ...]) -> None:
    rule, items, good, bad, verdict = case
    found = ask(rule, good(), *items, stimuli=ALL)  # type: ignore[arg-type, operator]
    assert found.verdict is (INFO if rule in NO_PASS else PASS), found
    found = ask(rule, bad(), *items, stimuli=ALL)  # type: ignore[arg-type, operator]
    assert found.verdict is verdict, found
    assert found.expected and found.number


@pytest.mark.parametrize("rule", dict.fromkeys(case[0] for case in CASES))
def test_without_a_call_nothing_is_claimed_and_nothing_is_missed_unless_it_was_asked_for(rule: str) -> None:
    items = next(case[1] for case in CASES if case[0] == rule)
    found = ask(rule, out().alive(), *items, stimuli=ALL)
    assert found.verdict is INCONCLUSIVE
    with pytest.raises(AssertionError, match="was not asked"):
        ask(rule, out().alive(), *items)


@pytest.mark.parametrize("rule", dict.fromkeys(case[0] for case in CASES if case[4] is FAIL))
def test_a_phone_that_is_not_heard_any_more_is_not_accused_of_what_it_does_not_send(rule: str) -> None:
    talk = out().out(UAS, UAS)
    talk.wait(500)
    assert ask(rule, talk, *ON, stimuli=ALL).verdict is not FAIL
    talk = out().out()
    talk.wait(500)
    assert ask(rule, talk, *ON, stimuli=ALL).verdict is not FAIL


@pytest.mark.parametrize(
    ("after", "wanted"),
    [
        (0.1, Punctual.EARLY),
        (34.9, Punctual.EARLY),
        (35.0, Punctual.IN_TIME),
        (45.0, Punctual.IN_TIME),
        (61.0, Punctual.IN_TIME),
        (61.1, Punctual.LATE),
        (90.9, Punctual.LATE),
        (91.0, Punctual.TOO_LATE),
    ],
)
def test_a_refresh_is_judged_by_one_window_with_a_second_of_slack(after: float, wanted: Punctual) -> None:
    assert TOLERANCE.refresh(after, 90) is wanted


@pytest.mark.parametrize(("interval", "window"), [(90, (59, 91)), (180, (147, 181)), (1800, (1767, 1801)), (60, (39, 61))])
def test_a_session_is_given_up_a_third_or_32_seconds_before_its_end(interval: int, window: tuple[int, int]) -> None:
    assert TOLERANCE.giving_up(interval) == window


def test_the_form_of_an_update_is_asked_of_the_model_and_release_of_the_sample() -> None:
    t23g = replace(SUBJECT, agent="SIP-T23G", firmware="44.80.0.60")
    for more, verdict in (("", PASS), ("Allow: UPDATE", WARN), ("Max-Forwards: 70", WARN), ("Supported: replaces", WARN)):
        found = ask("session-update-form", refresh(more=more)(), *ON, stimuli=ALL, subject=t23g)
        assert found.verdict is verdict, found
    with pytest.raises(AssertionError, match="was not asked"):
        ask("session-update-form", refresh()(), *ON, stimuli=ALL, subject=replace(SUBJECT, firmware="44.84.0.15"))


def test_what_the_guide_of_one_release_shows_may_fail_there_and_is_odd_elsewhere() -> None:
    def said(rule: str, made: Made, agent: str, firmware: str) -> Verdict:
        return ask(rule, made(), *ON, stimuli=ALL, subject=replace(SUBJECT, agent=agent, firmware=firmware)).verdict

    open_ = refresh(asked="90")
    assert said("session-refresh-interval", open_, "SIP-T46G", "28.80.0.60") is FAIL
    assert said("session-refresh-interval", open_, "SIP-T46G", "28.80.0.20") is WARN
    assert said("session-refresh-interval", open_, "SIP-T46G", "28.81.0.20") is WARN
    assert said("session-refresh-method", reinvite(1), "SIP-T23G", "44.80.0.60") is FAIL
    assert said("session-refresh-method", reinvite(1), "SIP-T23G", "44.80.0.20") is WARN
    assert said("session-refresh-method", reinvite(1), "SIP-T46G", "28.80.0.60") is WARN


def test_of_a_capture_alone_the_phone_says_itself_what_it_is() -> None:
    def talk(agent: str) -> Held:
        found = Held(agent=agent).register().out().refresh(more="Allow: UPDATE").alive(1)
        return found

    unknown = replace(SUBJECT, agent="", firmware="")
    found = ask("session-update-form", talk("Yealink SIP-T23G 44.80.0.60"), *ON, stimuli=ALL, subject=unknown)
    assert found.verdict is WARN
    found = ask("session-update-form", talk("Yealink SIP-T46G 28.80.0.60"), *ON, stimuli=ALL, subject=unknown)
    assert found.verdict is INFO
    with pytest.raises(AssertionError, match="was not asked"):
        ask("session-update-form", talk("Fancy 1.0"), *ON, stimuli=ALL, subject=unknown)


def test_hold_and_resume_are_no_refreshes() -> None:
    hold = SDP.format(2) + "a=sendonly\r\n"
    talk = out().out().refresh(10, method="INVITE", body=hold, answer_body=SDP.format(1)).alive(1)
    for rule in ("session-refresh-time", "session-refresh-body", "session-refresh-method"):
        assert ask(rule, talk, *ON, stimuli=ALL).verdict is INCONCLUSIVE


def test_the_end_is_counted_from_the_last_2xx_of_either_side() -> None:
    talk = out().out(UAS, UAS).refreshed(40).bye(60, is_phones=True).alive()
    assert ask("session-expiry", talk, *ON, stimuli=ALL).seen == "BYE after 60.0 s"


def test_who_hangs_up_a_call_of_their_own_before_its_session_ends_accuses_no_phone() -> None:
    def talk(is_held: bool, after: float) -> Held:
        return Held(is_held=is_held).register().out().bye(after, is_phones=True).alive()  # type: ignore[attr-defined,no-any-return]

    verdicts = {
        row: ask("session-refresh-time", talk(*row), *ON, stimuli=ALL).verdict for row in ((False, 60), (True, 60), (False, 90))
    }
    assert verdicts == {(False, 60): INCONCLUSIVE, (True, 60): FAIL, (False, 90): FAIL}


def test_a_refresh_outside_of_its_call_is_told_of_once() -> None:
    talk = out().out().refresh(call_id="elsewhere", status=481, granted="").bye(1, is_phones=True).alive()
    assert ask("session-refresh-dialog", talk, *ON, stimuli=ALL).verdict is FAIL
    assert ask("session-refresh-time", talk, *ON, stimuli=ALL).verdict is INCONCLUSIVE
    assert ask("session-stays", talk, *ON, stimuli=ALL).verdict is not FAIL
