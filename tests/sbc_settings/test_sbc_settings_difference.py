"""Differences are those of meaning; a reload keeps what wants a restart."""

from __future__ import annotations

from sipstub.sbc.settings.difference import Sign, difference, reloaded
from sipstub.sbc.settings.reading import read_settings
from sipstub.sbc.settings.settings import SbcSettings


def test_spelling_order_and_written_defaults_make_no_difference() -> None:
    old = read_settings(b"SBCMINSE = 120\nSBCReferBehavior = 3\nSBCGruuMode = 1\n", "a.ini").settings
    new = read_settings(b"[settings]\nSBCReferBehavior = 'handle-locally'\nSBCMinSE = 120\n", "b.toml").settings
    assert difference(old, new) == ()


def test_each_kind_of_difference_has_its_sign_and_places() -> None:
    old = read_settings(b"[settings]\nSBCMinSE = 120\n[[IPGroup]]\nName = 'a'\n[[IPGroup]]\nName = 'b'\n", "old.toml").settings
    new = read_settings(
        b"[settings]\nSBCSessionExpires = 90\n[[IPGroup]]\nName = 'b'\nType = 1\n[[IPGroup]]\nName = 'c'\n", "new.toml"
    ).settings
    found = [(change.sign, change.name, change.before, change.after) for change in difference(old, new)]
    assert found == [
        (Sign.CHANGED, "SBCSessionExpires", "180 s", "90 s"),
        (Sign.CHANGED, "SBCMinSE", "120 s", "0 (no limit)"),
        (Sign.REMOVED, 'IPGroup "a"', "", ""),
        (Sign.CHANGED, 'IPGroup "b" index', "1", "0"),
        (Sign.CHANGED, 'IPGroup "b" Type', "0 (server)", "1 (user)"),
        (Sign.ADDED, 'IPGroup "c"', "", ""),
    ]
    assert [str(change.new_origin or change.old_origin) for change in difference(old, new)][:3] == [
        "new.toml:2",
        "old.toml:2",
        "old.toml:3",
    ]


def test_a_password_that_differs_is_said_to_and_not_shown() -> None:
    old, new = (SbcSettings().with_row("Account", Password=word) for word in ("tomato", "potato"))
    (change,) = difference(old, new)
    assert change.name == "Account 0 Password" and "mato" not in f"{change}" and "tato" not in repr(change)


def test_a_global_that_profiles_inherit_differs_in_them_too() -> None:
    old, new = (SbcSettings().with_value("SBCReferBehavior", n).with_row("IpProfile", ProfileName="p") for n in (0, 3))
    assert [change.name for change in difference(old, new)] == ["SBCReferBehavior", 'IpProfile "p" SBCRemoteReferBehavior']


def test_a_reload_takes_everything_but_what_wants_a_restart() -> None:
    old = SbcSettings().with_value("NumOfSubscribes", 10)
    new = SbcSettings().with_value("SBCMinSE", 120).with_value("NumOfSubscribes", 20).with_value("EnableMSRP", 1)
    settings, waiting = reloaded(old, new)
    assert [parameter.name for parameter in waiting] == ["NumOfSubscribes", "EnableMSRP"]
    assert (settings.number("SBCMinSE"), settings.number("NumOfSubscribes"), settings.number("EnableMSRP")) == (120, 10, 0)
    assert reloaded(old, old) == (old, ())
