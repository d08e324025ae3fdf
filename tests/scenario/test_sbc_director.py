"""Phones of all kinds through an SBC to our registrar, led through the scenarios: what was predicted, and what the rules say.

The way is that of `provisioner verify --through-sbc`; time is simulated.
"""

from __future__ import annotations

import itertools

import pytest
from sbc_director_lab import disturbed, play

from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.stand_in import stand_in
from sipstub.sbc.subscription import Subscription

REFRESHES = {"enable": "1", "expires": "1800", "refresher": "0"}
LEAVES_IT = {"enable": "1", "expires": "90", "refresher": "1"}
WITHOUT = {"enable": "0", "expires": "1800", "refresher": "0"}
SCENARIOS = (
    "offer", "offer-refused", "open", "too-short", "refreshes-as-caller", "refreshes-as-callee", "refreshed-as-caller",
    "refreshed-soon", "roles-swapped", "peer-without-timer", "silent-as-callee", "refresh-481", "refresh-always-500",
)  # fmt: skip
"What tells about both legs; the other ones differ in what the far end answers."


def a_file(told: dict[str, str]) -> dict[str, str]:
    return {f"account.1.session_timer.{name}": value for name, value in told.items()}


def settings_of(phone: int, far: int, policy: int = 0) -> SbcSettings:
    """Return settings with these session expires modes; the least interval is more than some phones ask for."""
    settings = SbcSettings().with_value("SBCSessionExpires", 120).with_value("SBCMinSE", 100)
    settings = settings.with_value("SBCSessionRefreshingPolicy", policy)
    for index, (name, mode) in enumerate((("phones", phone), ("pbx", far))):
        settings = settings.with_row("IpProfile", index, ProfileName=name, SBCSessionExpiresMode=mode)
    settings = settings.with_row("IPGroup", 0, Name="phones", Type="user", ProfileName="phones")
    return settings.with_row("IPGroup", 1, Name="pbx", ProfileName="pbx")


@pytest.mark.parametrize(("phone", "far"), list(itertools.product(range(4), range(4))))
def test_a_phone_that_does_what_its_file_says_differs_in_no_call_and_fails_no_rule(phone: int, far: int) -> None:
    for told, policy in ((REFRESHES, phone % 2), (LEAVES_IT, far % 2)):
        for name in SCENARIOS:
            played = play(settings_of(phone, far, policy), a_file(told), [name])
            assert played.is_done and not played.wrong and not played.failed, f"{name} {told}: {played.wrong} {played.failed}"


def test_the_422_of_the_sbc_and_what_the_phone_does_then_stand_in_the_comparison() -> None:
    played = play(settings_of(3, 0), a_file({**REFRESHES, "expires": "90"}), ["offer"])
    rows = {(row.leg, row.what): row for row in played.compared if row.call}
    assert rows["phone", "422"].seen == "Min-SE: 100" and rows["phone", "422"].agrees
    assert (
        rows["phone", "INVITE"].seen == "Session-Expires: 90;refresher=uac, then Session-Expires: 100;refresher=uac, Min-SE: 100"
    )
    assert ("far", "422") not in rows


def test_a_phone_without_session_timers_is_refreshed_by_the_sbc() -> None:
    played = play(settings_of(3, 0), a_file(WITHOUT), ["timer-off"])
    asked = {(row.leg, row.what): row for row in played.compared if row.call}
    assert asked["phone", "200"].agrees and asked["phone", "200"].seen == "no Session-Expires"
    assert not played.wrong and not played.failed


@pytest.mark.parametrize(
    ("mutant", "scenario", "place"),
    [
        ("no-session-timer", "offer", ("phone", "INVITE")),
        ("session-offer-30", "offer", ("phone", "INVITE")),
        ("session-offer-turned", "refreshes-as-caller", ("phone", "INVITE")),
        ("session-retry-low-min-se", "offer-refused", ("phone", "INVITE")),
        ("session-retry-without-interval", "offer-refused", ("phone", "INVITE")),
        ("session-answer-without-interval", "open", ("phone", "200")),
        ("session-answer-lowered", "refreshes-as-callee", ("phone", "200")),
        ("session-answer-turned", "open", ("phone", "200")),
        ("session-no-refresh", "refreshes-as-callee", ("phone", "refresh")),
        ("session-refresh-late", "refreshes-as-callee", ("phone", "refresh")),
        ("session-refresh-early", "refreshes-as-caller", ("phone", "refresh")),
        ("session-refresh-by-reinvite", "refreshes-as-callee", ("phone", "refresh")),
    ],
)
def test_a_phone_that_disobeys_at_the_sbc_differs_where_it_does(mutant: str, scenario: str, place: tuple[str, str]) -> None:
    honest = play(settings_of(3, 0), a_file(REFRESHES), [scenario])
    assert not honest.wrong, "the same call of a phone that obeys"
    played = play(settings_of(3, 0), a_file(REFRESHES), [scenario], disobey=(mutant,))
    assert place in {(row.leg, row.what) for row in played.compared if row.agrees is False}, played.wrong


@pytest.mark.parametrize(
    ("mutant", "scenario", "rule"),
    [
        ("session-answer-with-min-se", "open", "session-min-se"),
        ("session-refuses-update", "refreshed-soon", "session-takes-refresh"),
        ("session-changes-origin", "refreshed-soon", "session-answer-origin"),
        ("session-refresh-without-interval", "refreshes-as-callee", "session-refresh-interval"),
        ("session-refresh-old-cseq", "refreshes-as-callee", "session-refresh-dialog"),
        ("session-ends-at-once", "refreshed-as-callee", "session-stays"),
    ],
)
def test_the_rules_of_a_phone_hold_on_its_leg_of_the_sbc(mutant: str, scenario: str, rule: str) -> None:
    assert rule in play(settings_of(3, 0), a_file(REFRESHES), [scenario], disobey=(mutant,)).failed


@pytest.mark.parametrize(
    ("values", "sent", "granted"),
    [
        ({}, "Expires: 3600", "110 to 120 s"),
        ({"SBCUserRegistrationTime": 240, "SBCRandomizeExpires": 0}, "Expires: 3600", "240 s"),
        ({"SBCUserRegistrationTime": 90, "SBCProxyRegistrationTime": 600}, "Expires: 600", "80 to 90 s"),
    ],
)
def test_a_registration_is_as_predicted_for_the_phone_and_for_the_registrar(
    values: dict[str, int], sent: str, granted: str
) -> None:
    settings = SbcSettings()
    for name, value in values.items():
        settings = settings.with_value(name, value)
    played = play(settings, a_file(REFRESHES), ["open"])
    told = {(row.leg, row.what): row for row in played.compared if not row.call}
    assert {place: (row.predicted, row.agrees) for place, row in told.items()} == {
        ("far", "REGISTER"): (sent, True),
        ("phone", "200"): (granted, True),
    }


def test_a_phone_that_asks_for_another_time_than_its_file_s_differs_at_the_registrar() -> None:
    played = play(SbcSettings(), a_file(REFRESHES), ["open"], disobey=("wrong-expires",))
    assert [(row.leg, row.what, row.seen) for row in played.compared if row.agrees is False] == [
        ("far", "REGISTER", "Expires: 7200")
    ]


def test_a_time_that_the_sbc_grants_otherwise_than_its_settings_say_differs_at_the_phone() -> None:
    shorter = SbcSettings().with_value("SBCUserRegistrationTime", 60).with_value("SBCRandomizeExpires", 0)
    played = play(shorter, a_file(REFRESHES), ["open"], predicted_by=SbcSettings())
    wrong = [(row.leg, row.what, row.predicted, row.seen) for row in played.compared if row.agrees is False]
    assert wrong == [("phone", "200", "110 to 120 s", "60 s")]


def test_a_refresh_of_the_far_end_that_is_passed_on_otherwise_than_predicted_differs() -> None:
    settings = settings_of(0, 0)
    believed = settings.with_row("IpProfile", 0, ProfileName="phones", SBCSessionExpiresMode=0, SBCRemoteUpdateSupport=0)
    file = a_file(LEAVES_IT)
    assert not play(settings, file, ["refreshed-soon"]).wrong
    played = play(settings, file, ["refreshed-soon"], predicted_by=believed)
    wrong = [row for row in played.compared if row.agrees is False]
    assert [(row.leg, row.what) for row in wrong] == [("phone", "refresh")], played.wrong


@pytest.mark.parametrize("mode", [0, 3])
def test_what_disturbs_a_phone_fails_no_rule_because_of_the_sbc(mode: int) -> None:
    findings = disturbed(settings_of(mode, 0), a_file(REFRESHES))
    told = {one.rule: str(one.verdict) for one in findings}
    assert not {rule for rule, verdict in told.items() if verdict in ("FAIL", "WARN")}
    shown = ("register-refresh", "answers-requests", "dtmf", "codec-order")
    assert {told[rule] for rule in shown} == {"PASS"}, {rule: told[rule] for rule in shown}


def test_nothing_of_a_call_is_left_at_the_sbc() -> None:
    played = play(settings_of(3, 3), a_file(REFRESHES), ["open", "refreshes-as-callee", "silent-as-callee"])
    assert all(isinstance(relay, Subscription) for relay in played.lab.sbc.relays), "the phone still watches its mailbox"


def test_what_of_a_customer_s_file_is_replaced_is_told() -> None:
    settings = settings_of(3, 0).with_row("ProxySet", 0, ProxyName="far").with_row("Classification", 0, SrcIPGroupName="phones")
    settings = settings.with_row("IPGroup", 1, Name="pbx", SIPGroupName="pbx.example", AuthenticationMode=1)
    stands = stand_in(settings, registrar="127.0.0.1:5070", ports=(5060,), inner_port=5090)
    assert stands.phones == "phones" and stands.far == "pbx"
    told = "; ".join(stands.notes)
    assert "1 Proxy Set, 1 rule of Classification" in told and "without SIPGroupName" in told
    assert "AuthenticationMode 1 counts as 0" in told
    assert [row.text("IpAddress") for row in stands.settings.proxy_ips] == ["127.0.0.1:5070"]
    assert stands.settings.ip_groups[1].text("SIPGroupName") == ""


def test_a_file_that_names_no_interval_means_the_one_that_phones_come_with() -> None:
    played = play(settings_of(3, 0), a_file({"enable": "1", "expires": "", "refresher": "0"}), ["offer"])
    asked = {(row.leg, row.what): row for row in played.compared if row.call}
    assert asked["phone", "INVITE"].predicted == "Session-Expires: 1800;refresher=uac" and not played.wrong, played.wrong
