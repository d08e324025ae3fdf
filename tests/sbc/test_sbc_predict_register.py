"""What is predicted of registrations is what the SBC does on the wire: who is told which time, and who hears of it."""

from __future__ import annotations

import itertools

import pytest
from sbc_world import World
from test_sbc_register import RULES, ask, register, told

from sipstub.sbc.predict.registration import RegistrationPrediction, Span, predict_registration
from sipstub.sbc.predict.rules import LegRules, TimerRules
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import site_of

ALMOST_ONE = 0.9999999
AWAY_S = 60.0


def settings_of(values: dict[str, int], profile: dict[str, int]) -> SbcSettings:
    settings = SbcSettings()
    for name, value in values.items():
        settings = settings.with_value(name, value)
    settings = settings.with_row("IpProfile", ProfileName="phones", **profile)
    settings = settings.with_row("ProxySet", ProxyName="pbx")
    settings = settings.with_row("ProxyIp", ProxySetId="pbx", ProxyIpIndex=0, IpAddress="10.0.2.1:5060")
    settings = settings.with_row("IPGroup", Name="phones", Type=1, ProfileName="phones")
    settings = settings.with_row("IPGroup", Name="pbx", ProxySetName="pbx")
    settings = settings.with_row("IP2IPRouting", SrcIPGroupName="phones", DestIPGroupName="pbx")
    return settings.with_row("Classification", **RULES[0])


def on_paper(settings: SbcSettings, asked: int | None, granted: int | None = None, **more: bool) -> RegistrationPrediction:
    leg = LegRules.of(settings, settings.row("IPGroup", "phones"))
    return predict_registration(asked, leg, TimerRules(settings), server_s=granted, **more)  # type: ignore[arg-type]


CASES = list(
    itertools.product((0, 120, 7200), (0, 900), (0, 10), (None, 35, 610, 700, 3600), (None, 300)),
)


@pytest.mark.parametrize("profile", [{}, {"SBCUserRegistrationTime": 240}], ids=["no-profile", "profile"])
def test_times_on_both_sides(profile: dict[str, int]) -> None:
    for own, proxy, is_random, asked, granted in CASES:
        values = {"SBCUserRegistrationTime": own, "SBCProxyRegistrationTime": proxy, "SBCRandomizeExpires": is_random}
        settings = settings_of(values, profile)
        want = on_paper(settings, asked, granted if granted or asked else 180)
        for chance, edge in ((0.0, want.granted.least_s), (ALMOST_ONE, want.granted.most_s)):
            world = World(site_of(settings), chance=chance)
            phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
            got, ok = register(phone, pbx, asked, granted if granted or asked else 180)
            where = f"{values} asked={asked} granted={granted}"
            assert (got.expires, told(ok)) == (want.sent_s, edge), where
            if want.silent_for_s >= edge - 1:  # the phone is gone before the registrar hears again
                continue
            if want.silent_for_s > 1:
                world.run(want.silent_for_s - 1)
                ask(phone, asked, cseq=2)
                assert pbx.inbox == [], where
                phone.response(200)
            world.run(2)
            ask(phone, asked, cseq=3)
            pbx.request("REGISTER")


@pytest.mark.parametrize("own", [0, 240])
@pytest.mark.parametrize("survival", [0, 600])
@pytest.mark.parametrize("notice", [0, 1])
def test_the_registrar_is_away(own: int, survival: int, notice: int) -> None:
    values = {
        "SBCUserRegistrationTime": own,
        "SBCSurvivabilityRegistrationTime": survival,
        "SBCEnableSurvivabilityNotice": notice,
        "SBCRandomizeExpires": 10,
    }
    settings = settings_of(values, {})
    want = on_paper(settings, 3600)
    for chance, edge in ((0.0, want.survival.least_s), (ALMOST_ONE, want.survival.most_s)):
        world = World(site_of(settings), chance=chance)
        phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
        ask(phone)
        world.run(AWAY_S)
        assert pbx.heard == ["REGISTER"]
        ok = phone.response(200)
        assert (told(ok), bool(ok.body)) == (edge, want.has_notice)


@pytest.mark.parametrize(("column", "most"), [(-1, 240), (0, 3600), (60, 60)])
def test_a_phone_behind_nat(column: int, most: int) -> None:
    profile = {"SBCUserBehindUdpNATRegistrationTime": column, "SBCUserRegistrationTime": 240}
    settings = settings_of({"SBCRandomizeExpires": 0}, profile)
    want = on_paper(settings, 3600, is_behind_nat=True)
    assert want.granted == Span(most, most)
    world = World(site_of(settings))
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone, contact="<sip:100@192.168.0.9:5060>")
    got = pbx.request("REGISTER")
    pbx.answer(got, 200, contact=f"<{got.contacts.addresses[0].uri}>;expires=3600")
    assert told(phone.response(200)) == most
