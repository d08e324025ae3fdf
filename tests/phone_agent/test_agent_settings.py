"""Settings are read as the phone reads them, and its factory values are those of the catalogue."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from phone_wire import BASE, a_phone, settings

from sipstub.phone.agent.account import Account, read_accounts
from sipstub.phone.agent.factory import CODEC_PAYLOADS, FACTORY, factory_slots
from sipstub.phone.agent.setting import pattern_of
from sipstub.phone.models import load_models

YEALINK = Path(__file__).parents[2] / "templates" / "yealink"


def an_account(*changes: dict[str, str], slots: int = 11) -> Account:
    return read_accounts(settings(*changes), codec_slots=slots)[0]


def catalogue() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for path in (YEALINK / "parameters").glob("*.toml"):
        found |= {name: row for name, row in tomllib.loads(path.read_text("utf-8")).items() if isinstance(row, dict)}
    return found


@pytest.mark.parametrize("name", FACTORY)
def test_a_factory_value_is_the_catalogues(name: str) -> None:
    row = catalogue()[name]
    default = row.get("default")
    if default is not None:
        assert str(default) == FACTORY[name]
    else:
        assert row.get("default_note") or row.get("recall"), (
            f"{name}: the catalogue does not say where {FACTORY[name]} comes from"
        )


def test_patterns_are_the_names_of_the_catalogue() -> None:
    assert pattern_of("account.12.sip_server.2.port") == "account.X.sip_server.Y.port"
    assert pattern_of("account.1.outbound_proxy.1.port") == "account.X.outbound_proxy.Y.port"
    assert pattern_of("sip.listen_port") == "sip.listen_port"


@pytest.mark.parametrize(("slots", "order"), [(11, [9, 0, 8, 18]), (10, [9, 0, 8, 18]), (9, [9, 0, 8, 18])])
def test_a_phone_that_was_told_nothing_offers_the_four_codecs_of_the_factory(slots: int, order: list[int]) -> None:
    assert [slot.payload for slot in an_account(slots=slots).offered] == order


def test_models_with_g723_have_it_in_slots_3_and_4() -> None:
    assert factory_slots(11)[2:4] == ("G723_53", "G723_63")
    assert factory_slots(10)[2:4] == ("G729", "G722")
    assert all(model.codec_slots for model in load_models(YEALINK / "models.toml").values() if model.name in ("T46G", "T23G"))


def codecs(*names: str, first_priority: int = 1) -> dict[str, str]:
    told = {f"account.1.codec.{slot}.enable": "0" for slot in range(1, 12)}
    for slot, name in enumerate(names, 1):
        at = f"account.1.codec.{slot}."
        told |= {at + "enable": "1", at + "payload_type": name, at + "priority": str(slot - 1 + first_priority)}
    return told


@pytest.mark.parametrize("name", CODEC_PAYLOADS)
def test_each_codec_has_its_payload_type(name: str) -> None:
    assert [str(slot.payload) for slot in an_account(codecs(name)).offered] == [CODEC_PAYLOADS[name]]


def test_the_order_is_that_of_the_priorities() -> None:
    told = codecs("PCMU", "PCMA", "iLBC") | {"account.1.codec.3.priority": "0", "account.1.codec.1.priority": "9"}
    assert [slot.name for slot in an_account(told).offered] == ["PCMA", "PCMU", "iLBC"]


def test_two_rates_of_g723_are_one_payload_type() -> None:
    assert [slot.payload for slot in an_account(codecs("G723_63", "G723_53")).offered] == [4]


def test_a_slot_that_is_reset_is_as_from_the_factory() -> None:
    assert an_account({"account.1.codec.1.enable": "%NULL%"}).offered[1].name == "PCMU"


@pytest.mark.parametrize("text", ["", "abc", "-1", "1e3", "99999999999999"])
def test_a_number_that_is_none_counts_as_the_factory_value(text: str) -> None:
    account = an_account({"account.1.sip_server.1.expires": text, "account.1.advanced.timer_t1": text})
    assert account.servers[0].expires_s == 3600
    assert account.t1_s == 0.5


def test_accounts_beyond_the_last_are_not_read() -> None:
    assert [account.number for account in read_accounts(settings({"account.17.enable": "1", "account.0.enable": "1"}))] == [1]


def test_the_port_of_the_account_goes_before_that_of_the_phone() -> None:
    assert an_account({"sip.listen_port": "5070"}).listen_port == 5070
    assert an_account({"sip.listen_port": "5070", "account.1.sip_listen_port": "5080"}).listen_port == 5080


def test_no_text_of_an_account_shows_its_password() -> None:
    assert BASE["account.1.password"] not in repr(an_account())


def test_the_plan_says_what_to_listen_on_and_whom_to_resolve() -> None:
    plan = a_phone({"account.1.sip_server.1.transport_type": "1", "account.1.sip_server.2.address": "PBX.example"}).plan
    assert plan.ports == {"UDP": {5060}, "TCP": {5060}}
    assert plan.names == {"pbx.example"}
