"""What is predicted of a call beside what a recording of both its legs shows."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from click.testing import CliRunner
from sbc_ends import Bot, run
from sbc_world import World
from test_sbc_ladder import recorded
from test_sbc_predict import FARS, PHONES, settings_of

from sipstub.cli import cli
from sipstub.sbc.predict.comparison import compare
from sipstub.sbc.predict.end import End
from sipstub.sbc.predict.phone import PhoneAccount
from sipstub.sbc.predict.rules import LegRules, TimerRules
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.toml_writer import write_toml
from sipstub.sbc.site import site_of
from sipstub.trace.pcapng_writer import write_pcapng
from sipstub.trace.recording import Recording
from sipstub.verify.compared import Compared

VALUES = {"SBCSessionExpires": 600, "SBCMinSE": 300}
CFG = """#!version:1.0.0.1
account.1.enable = 1
account.1.user_name = a
account.1.sip_server.1.address = sbc.example
account.1.session_timer.enable = 1
account.1.session_timer.expires = 1800
account.1.session_timer.refresher = 0
"""


def settings_with(a: int, b: int, **values: int) -> SbcSettings:
    profiles = [{"SBCSessionExpiresMode": mode} for mode in (a, b)]
    return settings_of(profiles[0], profiles[1], {**VALUES, **values})


def a_recording(settings: SbcSettings, caller: End, callee: End, seconds: float, *, refreshes: bool = True) -> Recording:
    world = World(site_of(settings))
    bots = tuple(
        Bot(world.peer(name, host), end, refreshes) for name, host, end in (("a", "10.0.1.1", caller), ("b", "10.0.2.1", callee))
    )
    bots[0].call()
    run(world, bots, 0)
    run(world, bots, seconds)
    return recorded(world)


def compared(settings: SbcSettings, phone: End, recording: Recording, *, is_out: bool = True) -> tuple[Compared, ...]:
    legs = [LegRules.of(settings, settings.row("IPGroup", name)) for name in ("ab" if is_out else "ba")]
    account = PhoneAccount(1, "a" if is_out else "200", phone, 3600, "", "UDP")
    return compare(account, legs[0], legs[1], TimerRules(settings), recording)


@pytest.mark.parametrize(("a", "b"), list(itertools.product(range(4), range(4))))
def test_calls_of_all_pairs_of_modes_come_out_as_predicted(a: int, b: int) -> None:
    settings = settings_with(a, b)
    for name, far, is_out in itertools.product(PHONES, FARS, (True, False)):
        ends = (PHONES[name], FARS[far]) if is_out else (FARS[far], PHONES[name])
        found = compared(settings, PHONES[name], a_recording(settings, *ends, 1300), is_out=is_out)
        assert found and not [one for one in found if one.agrees is not True], f"{name} {far} {is_out}"


def test_a_phone_that_does_not_refresh_differs_and_the_end_that_follows_does_not() -> None:
    settings = settings_with(3, 2)
    recording = a_recording(settings, PHONES["1800-uac"], FARS["none"], 700, refreshes=False)
    found = {(one.leg, one.what): one for one in compared(settings, PHONES["1800-uac"], recording)}
    refresh, end = found["phone", "refresh"], found["", "end"]
    assert (refresh.agrees, refresh.seen) == (False, "none in 568 s") and end.agrees is True
    assert (end.predicted, end.seen) == ("BYE of the SBC after 568 s", "BYE of the SBC after 568 s")


def test_a_recording_that_is_too_short_cannot_tell() -> None:
    settings = settings_with(3, 2)
    recording = a_recording(settings, PHONES["1800-uac"], FARS["none"], 100, refreshes=False)
    found = {(one.leg, one.what): one.agrees for one in compared(settings, PHONES["1800-uac"], recording)}
    assert found["phone", "refresh"] is None and found["", "end"] is None and found["phone", "200"] is True


def test_an_sbc_that_is_set_otherwise_than_its_file_says_is_noticed() -> None:
    recording = a_recording(settings_with(3, 0), PHONES["1800-uac"], FARS["timer"], 1300)
    found = compared(settings_with(3, 0, SBCSessionExpires=1200), PHONES["1800-uac"], recording)
    wrong = {(one.leg, one.what) for one in found if one.agrees is False}
    assert wrong == {("phone", "200"), ("phone", "refresh"), ("far", "refresh")}


def test_calls_of_others_are_not_compared() -> None:
    settings = settings_with(0, 0)
    recording = a_recording(settings, PHONES["off"], FARS["none"], 10)
    legs = [LegRules.of(settings, settings.row("IPGroup", name)) for name in "ab"]
    account = PhoneAccount(1, "somebody", PHONES["off"], 3600, "", "UDP")
    assert compare(account, legs[0], legs[1], TimerRules(settings), recording) == ()


@pytest.mark.parametrize(("seconds", "expires", "code", "word"), [(1300, 1800, 0, "as predicted"), (1300, 900, 1, "DIFFERS")])
def test_the_command_ends_with_1_where_something_differs(
    tmp_path: Path, seconds: int, expires: int, code: int, word: str
) -> None:
    settings = settings_with(0, 0)
    recording = a_recording(settings, PHONES["1800-uac"], FARS["timer"], seconds)
    files = [tmp_path / name for name in ("p.cfg", "sbc.toml", "seen.pcapng")]
    files[0].write_text(CFG.replace("1800", str(expires)), "utf-8")
    files[1].write_text(write_toml(settings).text, "utf-8")
    with files[2].open("wb") as stream:
        write_pcapng(stream, recording.messages, is_own=True)
    arguments = [word for pair in zip(("--phone", "--sbc", "--observed"), map(str, files), strict=True) for word in pair]
    result = CliRunner().invoke(
        cli, ["sbc", "predict", *arguments, "--phone-group", "a", "--far-group", "b"], standalone_mode=False
    )
    assert result.exception is None and (result.return_value, word in result.output) == (code, True), result.output
    result = CliRunner().invoke(cli, ["sbc", "predict", *arguments, "--phone-group", "a", "--far-group", "b", "--json"])
    assert result.exception is None and f'"agrees": {"false" if code else "true"}' in result.output
