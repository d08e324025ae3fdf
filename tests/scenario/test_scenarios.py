"""Every scenario of session timers in simulated time: an honest phone passes what it feeds, a broken one is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from scenario_lab import SESSION_RULES, Bench, timer, told

import sipstub.phone.agent.session as phone_session
from sipstub.phone.agent.account import Account
from sipstub.scenario.all import SCENARIOS
from sipstub.scenario.scenario import PhoneTimer, Scenario
from sipstub.session_timer.setting import RefreshMethod, TimerSettings
from sipstub.session_timer.timer import SessionTimer
from sipstub.stimulus.run import StepEnd
from sipstub.verify.rules import RULES
from sipstub.verify.verdict import Verdict

MODELS = "T48G T46G T42G T41P T40P T29G T27P T23P T23G T21P_E2 T19P_E2 CP860 T27G T40G".split()
SILENT_RULES = {"session-short": "asked only of files with less than 90 s", "session-off": "asked only of files without timers"}
SETTINGS = phone_session.session_settings


def bad(bench: Bench) -> list[str]:
    return told(one for one in bench.findings if one.verdict in (Verdict.FAIL, Verdict.WARN))


def models() -> list[str]:
    from full_file import MODELS as KNOWN

    return [name for name in KNOWN if name.replace(" ", "_") in MODELS]


@pytest.mark.parametrize("refresher", [0, 1])
@pytest.mark.parametrize("model", models())
def test_an_honest_phone_of_every_model_passes_every_rule(model: str, refresher: int) -> None:
    bench = Bench(timer(refresher=refresher), model=model).play()
    assert set(bench.ended.values()) == {StepEnd.DONE}
    assert told(one for one in bench.findings if one.verdict not in (Verdict.PASS, Verdict.INFO)) == []
    is_sampled = bench.desk.lab.expectations.subject.firmware.split(".")[1:2] == ["80"]
    assert SESSION_RULES - set(bench.said) == set(SILENT_RULES) | (set() if is_sampled else {"session-update-form"})
    assert bench.desk.is_as_before and not bench.desk.director.calls.conducts


@pytest.mark.parametrize("expires", [30, 89, 90, 600, 7200])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_whatever_the_interval_and_the_transport_nothing_fails(transport: str, expires: int) -> None:
    bench = Bench(timer(expires=expires), transport=transport).play()
    short = ["session-short"] if expires < 90 else []
    assert [line.partition(":")[0] for line in bad(bench)] == short, bad(bench)


def test_the_phone_of_the_guide_refreshes_as_its_sample_says() -> None:
    bench = Bench(timer(expires=90), model="T23G").play("refreshes-as-caller")
    (found,) = [one for one in bench.findings if one.rule == "session-update-form"]
    assert (found.verdict, found.seen) == (Verdict.PASS, "as in the sample")
    assert bench.said["session-refresh-interval"] == "PASS"


def test_a_phone_without_timers_is_told_of_and_never_accused() -> None:
    bench = Bench(timer(enable=0)).play()
    assert bench.said["session-off"] == "INFO" and not bad(bench)
    (found,) = [one for one in bench.findings if one.rule == "session-off"]
    assert found.seen == "200 without Session-Expires, 420 to Require: timer"


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_scenario_alone_feeds_every_rule_that_it_names(scenario: Scenario) -> None:
    wanted = [timer(expires=60), timer(refresher=1), timer(enable=0)]
    kinds = [PhoneTimer(True, 60, "uac"), PhoneTimer(True, 1800, "uas"), PhoneTimer(False, 1800, "uac")]
    settings = next(file for file, kind in zip(wanted, kinds, strict=True) if scenario.wants(kind))
    bench = Bench(settings).play(scenario.name)
    assert bench.ended == {scenario.name: StepEnd.DONE}
    said = bench.said
    for rule in scenario.rules:
        assert rule in RULES
        assert said[rule] in ("PASS", "INFO") or (rule, said[rule]) == ("session-short", "WARN"), (rule, told(bench.findings))
    spent = bench.run.results[0].until - bench.run.results[0].at
    assert spent <= scenario.usual_s + 10.0, "it takes longer than it says"


def test_no_two_scenarios_share_a_name_and_each_says_what_it_does() -> None:
    assert all(name == one.name and one.what and one.rules for name, one in SCENARIOS.items())
    assert {rule for one in SCENARIOS.values() for rule in one.rules} >= SESSION_RULES


def test_the_run_says_what_is_expected_next() -> None:
    desk = Bench(timer()).play("refreshes-as-callee", "refreshed-as-callee", "silent-as-callee").desk
    said = " / ".join(desk.said)
    for event in (
        "refreshes-as-callee: a refresh of the phone in about 4",
        "a refresh of the stub in about",
        "the call has ended",
    ):
        assert event in said


# A phone that is broken on purpose: one thing each


def with_settings(change: Callable[[TimerSettings], TimerSettings]) -> Callable[[pytest.MonkeyPatch], None]:
    def patch(to: pytest.MonkeyPatch) -> None:
        def changed(account: Account) -> TimerSettings:
            return change(SETTINGS(account))

        to.setattr(phone_session, "session_settings", changed)

    return patch


def never_gives_up(to: pytest.MonkeyPatch) -> None:
    to.setattr(SessionTimer, "_end_at", property(lambda timer: None))


def gives_up_at_once(to: pytest.MonkeyPatch) -> None:
    before = SessionTimer._end_at.fget  # type: ignore[attr-defined]
    to.setattr(
        SessionTimer, "_end_at", property(lambda timer: (end := before(timer)) and (end - 50 if not timer.is_refresher else end))
    )


BROKEN: list[tuple[str, Callable[[pytest.MonkeyPatch], None], dict[str, str]]] = [
    ("refreshes late", with_settings(lambda it: replace(it, refresh_share=0.9)), {"session-refresh-time": "WARN"}),
    ("refreshes early", with_settings(lambda it: replace(it, refresh_share=0.2)), {"session-refresh-time": "WARN"}),
    (
        "refreshes by re-INVITE",
        with_settings(lambda it: replace(it, method=RefreshMethod.REINVITE)),
        {"session-refresh-method": "WARN"},
    ),
    ("never gives up", never_gives_up, {"session-expiry": "FAIL", "session-refresh-refused": "FAIL"}),
    ("gives up at once", gives_up_at_once, {"session-stays": "FAIL"}),
    (
        "leaves the refresher to the other side",
        with_settings(lambda it: replace(it, answer_refresher="uac")),
        {"session-answer-refresher": "WARN"},
    ),
]


@pytest.mark.parametrize(("what", "broken", "wanted"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_phone_that_does_one_thing_wrong_is_found_by_the_rule_about_it(
    what: str, broken: Callable[[pytest.MonkeyPatch], None], wanted: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    said = Bench(timer()).play().said
    assert {rule: verdict for rule, verdict in said.items() if verdict in ("FAIL", "WARN")} == wanted
