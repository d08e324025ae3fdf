"""What is predicted on paper is what the B2BUA does on the wire, for every pair of modes and what else decides."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from sbc_ends import URI, Bot, headers, run, said
from sbc_world import OFFER, World

from sipstub.sbc.predict.call import CallPrediction, predict_call
from sipstub.sbc.predict.end import End
from sipstub.sbc.predict.mark import Mark, Why
from sipstub.sbc.predict.rules import LegRules, TimerRules
from sipstub.sbc.predict.story import tell
from sipstub.sbc.predict.upkeep import LegTimer, Who
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import site_of

PHONES = {
    "off": End("phone"),
    "1800-uac": End("phone", True, 1800, "uac", "uas"),
    "1800-uas": End("phone", True, 1800, "uas", "uac"),
    "120-uac": End("phone", True, 120, "uac", "uas", method="INVITE"),
}
SHORT = {
    "60-uac": End("phone", True, 60, "uac", "uas"),
    "60-uas": End("phone", True, 60, "uas", "uac"),
    "5-uac": End("phone", True, 5, "uac", "uas"),
}
FARS = {
    "none": End("far"),
    "timer": End("far", True, 1800, None, "uac"),
    "min900": End("far", True, 1800, None, "uas", min_se_s=900, takes_update=False),
}


def settings_of(a: dict[str, int], b: dict[str, int], values: dict[str, int]) -> SbcSettings:
    settings = SbcSettings()
    for name, value in values.items():
        settings = settings.with_value(name, value)
    for name, host, profile in (("a", "10.0.1.1:5060", a), ("b", "10.0.2.1:5060", b)):
        settings = settings.with_row("IpProfile", ProfileName=name, **profile)
        settings = settings.with_row("ProxySet", ProxyName=name)
        settings = settings.with_row("ProxyIp", ProxySetId=name, ProxyIpIndex=0, IpAddress=host)
        settings = settings.with_row("IPGroup", Name=name, ProfileName=name, ProxySetName=name)
    settings = settings.with_row("IP2IPRouting", SrcIPGroupName="a", DestIPGroupName="b")
    return settings.with_row("IP2IPRouting", SrcIPGroupName="b", DestIPGroupName="a")


def predicted(settings: SbcSettings, caller: End, callee: End) -> CallPrediction:
    one, two = (LegRules.of(settings, settings.row("IPGroup", name)) for name in "ab")
    return predict_call(caller, callee, one, two, TimerRules(settings))


def played(settings: SbcSettings, caller: End, callee: End, seconds: float, *, refreshes: bool) -> tuple[Bot, Bot]:
    world = World(site_of(settings))
    one = Bot(world.peer("a", "10.0.1.1"), caller, refreshes)
    two = Bot(world.peer("b", "10.0.2.1"), callee, refreshes)
    one.call()
    run(world, (one, two), 0)
    run(world, (one, two), seconds)
    return one, two


def differences(settings: SbcSettings, caller: End, callee: End) -> list[str]:
    """Return what is predicted otherwise than it happens."""
    want = predicted(settings, caller, callee)
    legs = want.upkeep.a, want.upkeep.b
    longest = max((leg.interval_s or 0 for leg in legs), default=0) * 1.6
    one, two = played(settings, caller, callee, longest, refreshes=False)
    found = []

    def same(what: str, on_paper: object, on_wire: object) -> None:
        if on_paper != on_wire:
            found.append(f"{what}: predicted {on_paper}, seen {on_wire}")

    same("asked", list(want.asked), [what for _, what in one.invites])
    same("sent", list(want.sent), [what for _, what in two.invites])
    same("refused", [r.min_se_s for r in want.refusals if "a" in r.legs], [w.min_se_s for s, w in one.answers if s == 422])
    agreed = next((what for status, what in one.answers if status == 200), None)
    same("to caller", (want.to_caller.expires_s, want.to_caller.refresher), agreed and (agreed.expires_s, agreed.refresher))
    end = want.upkeep.released_at_s
    for bot, leg, name in ((one, legs[0], "a"), (two, legs[1], "b")):
        start = bot.up_at or 0
        same(f"released {name}", end and round(end), bot.bye_at and round(bot.bye_at - start))
        same(f"refreshes {name}", of_sbc(leg, end, longest), rounded(bot.got))
    if longest and not want.upkeep.starves:
        one, two = played(settings, caller, callee, longest, refreshes=True)
        same("kept up", (None, None), (one.bye_at, two.bye_at))
        for bot, leg, name in ((one, legs[0], "a"), (two, legs[1], "b")):
            if leg.is_relayed:
                same(f"relayed {name}", (round(leg.refresh_at_s or 0), leg.method), rounded(bot.got[:1])[0] if bot.got else None)
    return found


def of_sbc(leg: LegTimer, end: float | None, longest: float) -> list[tuple[int, str]]:
    if leg.interval_s is None or leg.refresher is not Who.SBC:
        return []
    times = itertools.count(leg.interval_s / 2, leg.refreshed_s / 2)
    return [(round(at), leg.method) for at in itertools.takewhile(lambda at: at < min(longest, end or longest), times)]


def rounded(got: list[tuple[float, str]]) -> list[tuple[int, str]]:
    return [(round(at), method) for at, method in got]


TIMERS = [(0, 2), (0, 3), (300, 2), (1200, 2)]
"SBCMinSE and SBCRemoteUpdateSupport."
GRID = [(*two, *more) for two in TIMERS for more in itertools.product((0, 1), PHONES, FARS, (True, False))]


@pytest.mark.parametrize(("a", "b"), list(itertools.product(range(4), range(4))))
def test_what_is_predicted_is_what_happens(a: int, b: int) -> None:
    wrong = []
    for minimum, support, policy, phone, far, is_caller in GRID:
        values = {"SBCSessionExpires": 600, "SBCMinSE": minimum, "SBCSessionRefreshingPolicy": policy}
        profiles = [{"SBCSessionExpiresMode": mode, "SBCRemoteUpdateSupport": support} for mode in (a, b)]
        settings = settings_of(profiles[0], profiles[1], values)
        ends = (PHONES[phone], FARS[far]) if is_caller else (FARS[far], PHONES[phone])
        place = f"SBCMinSE={minimum} policy={policy} support={support} phone={phone} far={far} {'out' if is_caller else 'in'}"
        wrong += [f"{place}: {what}" for what in differences(settings, *ends)]
    assert not wrong, f"{len(wrong)} differences\n" + "\n".join(wrong[:40])


OWN = [(a, b) for a, b in itertools.product(range(4), range(4)) if 3 in (a, b)]
UNABLE = list(itertools.product((0, 1, 3), (0, 1), ("off", "1800-uac", "1800-uas"), ("none", "min900", "plain"), (True, False)))


@pytest.mark.parametrize(("a", "b"), OWN)
def test_what_is_predicted_of_sides_that_take_no_reinvite_is_what_happens(a: int, b: int) -> None:
    wrong = []
    for support, policy, phone, far, is_caller in UNABLE:
        profile = {"SBCRemoteUpdateSupport": support, "SBCRemoteReinviteSupport": 0}
        profiles = [{"SBCSessionExpiresMode": mode, **profile} for mode in (a, b)]
        settings = settings_of(profiles[0], profiles[1], {"SBCSessionExpires": 600, "SBCSessionRefreshingPolicy": policy})
        other = FARS.get(far, End("far", takes_update=False))
        ends = (PHONES[phone], other) if is_caller else (other, PHONES[phone])
        place = f"policy={policy} support={support} phone={phone} far={far} {'out' if is_caller else 'in'}"
        wrong += [f"{place}: {what}" for what in differences(settings, *ends)]
    assert not wrong, f"{len(wrong)} differences\n" + "\n".join(wrong[:40])


@pytest.mark.parametrize(("a", "b"), list(itertools.product(range(4), range(4))))
def test_what_is_predicted_of_an_interval_under_90_is_what_happens_where_there_is_no_minimum(a: int, b: int) -> None:
    wrong = []
    for policy, phone, far in itertools.product((0, 1), SHORT, FARS):
        profiles = [{"SBCSessionExpiresMode": mode} for mode in (a, b)]
        settings = settings_of(profiles[0], profiles[1], {"SBCSessionExpires": 600, "SBCSessionRefreshingPolicy": policy})
        wrong += [f"policy={policy} phone={phone} far={far}: {what}" for what in differences(settings, SHORT[phone], FARS[far])]
    assert not wrong, f"{len(wrong)} differences\n" + "\n".join(wrong[:40])


@pytest.mark.parametrize(("a", "b", "phone"), [(0, 3, "1800-uac"), (3, 0, "1800-uas")])
def test_it_is_told_that_the_sbc_leaves_refreshes_to_one_end_and_waits_until_the_last_moment(a: int, b: int, phone: str) -> None:
    settings = settings_of({"SBCSessionExpiresMode": a}, {"SBCSessionExpiresMode": b}, {"SBCSessionExpires": 1800})
    call = predicted(settings, PHONES[phone], FARS["timer"])
    lines = tell(call, Why("", Mark.CHOSEN))
    left = [line for line in lines if any("leaves it to the other leg's end" in why.text for why in line.whys)]
    assert [line.at_s for line in left] == [900], "said of one leg"
    (end,) = [line for line in lines if "BYE on both legs" in line.what]
    assert end.at_s == 1800 and "until the very end" in end.whys[-1].text


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
@pytest.mark.parametrize(("update", "reinvite"), list(itertools.product(range(4), range(3))))
def test_a_refresh_is_passed_on_by_a_method_that_the_other_side_takes(method: str, update: int, reinvite: int) -> None:
    profile = {"SBCSessionExpiresMode": 1, "SBCRemoteUpdateSupport": update, "SBCRemoteReinviteSupport": reinvite}
    settings = settings_of({"SBCSessionExpiresMode": 0}, profile, {})
    caller, callee = replace(PHONES["1800-uac"], method=method), FARS["timer"]
    want = predicted(settings, caller, callee).upkeep
    one, two = played(settings, caller, callee, 4000, refreshes=True)
    if want.b.method:
        assert [how for _, how in two.got] == [want.b.method] * 4 and one.bye_at is None
        assert two.invites[0][1] == caller.asks and two.bodies == [not method == want.b.method == "UPDATE"] * 4
    else:
        assert want.starves and two.got == [] and two.bye_at is not None


@pytest.mark.parametrize(("a", "b"), list(itertools.product(range(4), range(4))))
def test_no_interval_is_said_before_the_call_is_answered(a: int, b: int) -> None:
    settings = settings_of({"SBCSessionExpiresMode": a}, {"SBCSessionExpiresMode": b}, {})
    world = World(site_of(settings))
    caller, callee = world.peer("a", "10.0.1.1"), world.peer("b", "10.0.2.1")
    caller.ask("INVITE", URI, *headers(PHONES["1800-uac"].asks), body=OFFER)
    callee.answer(callee.request("INVITE"), 180)
    assert said(caller.response(180)).expires_s is None
