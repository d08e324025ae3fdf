"""The settings of an SBC as a value: asked by name, never changed, honest about where a value comes from."""

from __future__ import annotations

import pytest

from sipstub.sbc.settings.parameter import Confidence, Kind, Parameter, Table
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.value import BadValue, check_value
from sipstub.sbc.settings.vocabulary import the_vocabulary

FACTS = the_vocabulary()
COUNT = 59


def test_there_is_a_block_of_facts_for_each_setting_and_no_two_have_one_name() -> None:
    names = [parameter.name.lower() for parameter in FACTS.parameters]
    assert len(names) == len(set(names)) == COUNT


@pytest.mark.parametrize("parameter", FACTS.parameters, ids=lambda parameter: parameter.name)
def test_a_default_is_a_value_that_the_setting_can_have(parameter: Parameter) -> None:
    assert check_value(parameter, parameter.default) == parameter.default
    assert parameter.meaning and parameter.wire and parameter.source
    if parameter.kind is Kind.CHOICE:
        assert len({choice.word for choice in parameter.choices}) == len(parameter.choices) > 1


@pytest.mark.parametrize("table", FACTS.tables, ids=lambda table: table.name)
def test_a_table_names_only_what_exists(table: Table) -> None:
    assert len({column.name.lower() for column in table.columns}) == len(table.columns)
    assert len({column.cli_word.lower() for column in table.columns}) == len(table.columns)
    for column in table.columns:
        assert not column.refers or FACTS.table(column.refers).key
        assert not column.inherits or FACTS.parameter(column.inherits).default == column.default
        assert check_value(column, column.default) == column.default
    assert not table.key or table.column(table.key).kind is Kind.TEXT


def test_what_overrides_a_global_exists() -> None:
    for parameter in FACTS.parameters:
        if parameter.overridden_by:
            assert FACTS.look_up(parameter.overridden_by), parameter.name


def test_a_value_list_that_nobody_could_read_is_marked() -> None:
    assert FACTS.parameter("SipSessionExpiresObserverMode").confidence("values") is Confidence.UNKNOWN
    assert FACTS.parameter("EnableMSRP").confidence("values") is Confidence.INFERRED
    assert FACTS.parameter("SBCMinSE").weakest is Confidence.DOCUMENTED


def test_settings_are_asked_by_ini_name_in_any_case_and_a_wrong_name_shows_at_once() -> None:
    settings = SbcSettings()
    assert settings.number("SBCSessionExpires") == settings.number("SBCSESSIONEXPIRES") == 180
    assert settings.text("SBCURIComparisonExcludedParams") == "All"
    for wrong in ("SBCMinSe2", "", "IPGroup"):
        with pytest.raises(KeyError):
            settings.value(wrong)
    with pytest.raises(KeyError):
        settings.table("IPGroups")
    with pytest.raises(TypeError):
        settings.text("SBCMinSE")


def test_another_value_makes_other_settings() -> None:
    before = SbcSettings()
    after = before.with_value("sbcMinSE", 300)
    assert (before.number("SBCMinSE"), after.number("SBCMinSE")) == (0, 300)
    assert [parameter.name for parameter in after.changed()] == ["SBCMinSE"]
    assert before.origin("SBCMinSE") is None and after.origin("SBCMinSE") is not None
    assert after != before and after.with_value("SBCMinSE", 0) == before


def test_a_value_that_cannot_be_is_refused_with_what_may() -> None:
    for name, value in (
        ("SBCMinSE", 1000001),
        ("SBCReferBehavior", 6),
        ("SBCReferBehavior", "sideways"),
        ("SBCXferPrefix", 'a"b'),
    ):
        with pytest.raises(BadValue) as caught:
            SbcSettings().with_value(name, value)
        assert caught.value.hint.startswith("allowed: ") and name in caught.value.message
    with pytest.raises(BadValue, match="cannot be 1"):
        SbcSettings().with_value("SBCServerAuthMode", 1)


def test_a_profile_inherits_the_global_of_its_time_and_keeps_it() -> None:
    settings = SbcSettings().with_value("SBCReferBehavior", 3).with_row("IpProfile", ProfileName="phones")
    later = settings.with_value("SBCReferBehavior", 0)
    assert later.ip_profiles[0].number("SBCRemoteReferBehavior") == 3
    assert later.with_row("IpProfile", ProfileName="pbx").ip_profiles[1].number("SBCRemoteReferBehavior") == 0


def test_a_row_is_found_by_its_name_before_any_index_and_the_first_of_two_with_one_name_is_meant() -> None:
    settings = SbcSettings().with_row("IPGroup", 2, Name="1").with_row("IPGroup", 1, Name="a").with_row("IPGroup", 5, Name="a")
    wanted = {"1": 2, "2": 2, "a": 1, 5: 5, "5": 5}
    assert {name: row.index for name in wanted if (row := settings.row("IPGroup", name)) is not None} == wanted
    assert [settings.row("IPGroup", name) for name in ("", "b", -1)] == [None, None, None]
    assert settings.with_row("IPGroup", Name="b").row("IPGroup", "b") is not None
    with pytest.raises(KeyError):
        settings.row("IPGroups", "a")


def test_a_leg_has_the_profile_of_its_group_or_one_made_of_the_globals() -> None:
    settings = (
        SbcSettings()
        .with_value("SBC3xxBehavior", 2)
        .with_row("IpProfile", ProfileName="phones", SBCSessionExpiresMode="supported", SBCRemote3xxBehavior=0)
        .with_row("IPGroup", Name="users", Type="user", ProfileName="phones")
        .with_row("IPGroup", Name="pbx", Type="server")
    )
    users, pbx = settings.ip_groups
    assert settings.leg(users).number("SBCSessionExpiresMode") == 3
    assert settings.leg(users).number("SBCRemote3xxBehavior") == 0
    assert settings.leg(pbx).number("SBCSessionExpiresMode") == 0
    assert settings.leg(pbx).number("SBCRemote3xxBehavior") == settings.leg(None).number("SBCRemote3xxBehavior") == 2


def test_a_password_does_not_show_itself() -> None:
    settings = SbcSettings().with_row("Account", Username="100", Password="tomato")
    assert settings.accounts[0].secret("Password").reveal() == "tomato"
    assert (
        "tomato"
        not in f"{settings!r} {settings.accounts!r} {settings.accounts[0].values!r} {settings.accounts[0].value('Password')}"
    )
