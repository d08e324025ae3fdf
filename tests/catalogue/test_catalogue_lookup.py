"""Names of models and parameters, concrete and slipped."""

from __future__ import annotations

import timeit
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.catalogue import Catalogue
from provisioner.catalogue import catalogue as module

MAX_LOOKUP_SECONDS = 10e-6
"A remembered name takes about 0.1 microseconds; the bound leaves room for a busy machine."


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("T46G", "T46G"),
        ("t46g", "T46G"),
        ("SIP-T46G", "T46G"),
        ("sip_t46g", "T46G"),
        ("Yealink SIP-T46G", "T46G"),
        ("T21P E2", "T21P E2"),
        ("T21P_E2", "T21P E2"),
        ("SIP-T21P_E2", "T21P E2"),
        ("SIP-T21_E2", "T21P E2"),
        ("T21P", "T21P"),
        ("cp860", "CP860"),
        ("SIP VP-T49G", "VP-T49G"),
        ("T46S", None),
        ("", None),
        ("T" * 10_000, None),
    ],
)
def test_a_model_is_found_by_any_of_its_names(catalogue: Catalogue, text: str, model: str | None) -> None:
    found = catalogue.find_model(text)
    assert (found.name if found else None) == model


def test_a_slip_in_a_models_name_issuggested(catalogue: Catalogue) -> None:
    assert catalogue.nearest_model("T48") == "T48G"
    assert catalogue.nearest_model("qqqq") is None


@pytest.mark.parametrize(
    ("name", "pattern", "indexes"),
    [
        ("account.3.label", "account.X.label", {"X": 3}),
        ("account.16.sip_server.2.address", "account.X.sip_server.Y.address", {"X": 16, "Y": 2}),
        ("account.1.100rel_enable", "account.X.100rel_enable", {"X": 1}),
        ("network.802_1x.mode", "network.802_1x.mode", {}),
        ("auto_provision.aes_key_16.com", "auto_provision.aes_key_16.com", {}),
        ("local_time.ntp_server1", "local_time.ntp_server1", {}),
        ("expansion_module.2.key.38.type", "expansion_module.M.key.Z.type", {"M": 2, "Z": 38}),
        ("account.1.codec.11.enable", "account.X.codec.Y.enable", {"X": 1, "Y": 11}),
        ("account.1.codec.g722.enable", "account.X.codec.<name>.enable", {"X": 1, "<name>": "g722"}),
        ("voice_mail.number.2", "voice_mail.number.X", {"X": 2}),
        ("account.0.label", "account.X.label", {"X": 0}),
    ],
)
def test_a_concrete_name_leads_to_its_parameter(
    catalogue: Catalogue, name: str, pattern: str, indexes: Mapping[str, int]
) -> None:
    found = catalogue.parameter(name)
    assert found is catalogue.parameters[pattern]
    assert catalogue.parameter(name) is found
    assert dict(catalogue.indexes(name)) == indexes


@pytest.mark.parametrize(
    "name",
    [
        "account.X.label",
        "account.01.label",
        "account.-1.label",
        "account.label",
        "Account.1.label",
        "account.1.codec.opux.enable",
        "",
        ".",
        "account.1.label.",
        "account." + "9" * 5000 + ".label",
        "account.٣.label",
        "network.802_2x.mode",
    ],
)
def test_what_is_no_name_leads_nowhere(catalogue: Catalogue, name: str) -> None:
    assert catalogue.parameter(name) is None
    assert dict(catalogue.indexes(name)) == {}


@pytest.mark.parametrize(
    "name", ["account.X.label", "account.1.label", "account.X.sip_server.1.port", "account.1.sip_server.Y.port"]
)
def test_people_may_write_patterns_names_and_mixtures(catalogue: Catalogue, name: str) -> None:
    assert catalogue.find_parameter(name) is not None


@pytest.mark.parametrize(
    ("slip", "name"),
    [
        ("account.3.lable", "account.3.label"),
        ("account.X.label", "account.1.label"),
        ("acount.3.sip_server.2.adress", "account.3.sip_server.2.address"),
        ("sip.listen_prt", "sip.listen_port"),
        ("Account.1.Label", "account.1.label"),
        ("account.1.codec.g711.enable", "account.1.codec.g722.enable"),
    ],
)
def test_a_slip_is_suggested_with_its_indexes(catalogue: Catalogue, slip: str, name: str) -> None:
    near = catalogue.nearest_names(slip)
    assert name in near or name.replace("g722", "<name>") in near
    assert catalogue.nearest(slip) == near[0]
    assert catalogue.nearest(slip) == near[0]


def test_nothing_is_suggested_for_junk(catalogue: Catalogue) -> None:
    assert catalogue.nearest("q" * 10_000) is None


def test_every_pattern_leads_to_itself(catalogue: Catalogue) -> None:
    for pattern, parameter in catalogue.parameters.items():
        name = ".".join("g722" if part == "<name>" else "1" if part in "XYZM" else part for part in pattern.split("."))
        assert catalogue.parameter(name) is parameter


@pytest.mark.parametrize(
    ("name", "model", "fault"),
    [
        ("account.16.label", "T46G", None),
        ("account.17.label", "T46G", "account 17 does not exist on T46G (it has 16)"),
        ("account.2.label", "CP860", "account 2 does not exist on CP860 (it has 1)"),
        ("account.0.label", "T46G", "0 is below 1"),
        ("account.1.sip_server.2.port", "T46G", None),
        ("account.1.sip_server.3.port", "T46G", "3 is outside 1..2"),
        ("linekey.27.type", "T46G", None),
        ("linekey.28.type", "T46G", "line key 28 does not exist on T46G (it has 27)"),
        ("linekey.1.type", "CP860", "CP860 has no line keys"),
        ("memorykey.1.type", "T46G", "T46G has no memory keys"),
        ("programablekey.11.type", "T46G", "T46G has no programmable key 11 (it has 1-10,12-14)"),
        ("programablekey.14.type", "T46G", None),
        ("programablekey.99.type", "CP860", None),  # not known which it has
        ("expansion_module.6.key.40.type", "T48G", None),
        ("expansion_module.7.key.1.type", "T48G", "expansion module 7 does not exist on T48G (it has 6)"),
        ("expansion_module.1.key.41.type", "T48G", "expansion key 41 does not exist on T48G (it has 40)"),
        ("expansion_module.1.key.21.type", "T48G", None),
        ("expansion_module.1.key.21.type", "T29G", "key 21 of EXP20 is reserved"),
        ("expansion_module.1.key.1.type", "T41P", "T41P takes no expansion module"),
        ("account.1.codec.9.enable", "T27P", None),
        ("account.1.codec.10.enable", "T27P", "codec slot 10 does not exist on T27P (it has 9)"),
        ("account.1.codec.99.enable", "T22P", None),  # not known how many
        ("autoprovision.50.url", "T46G", None),
        ("autoprovision.51.url", "T46G", "51 is outside 1..50"),
        ("remote_phonebook.data.6.url", "T46G", "6 is outside 1..5"),
        ("wifi.9.ssid", "T46G", None),
        ("sip.listen_port", "T46G", None),
    ],
)
def test_an_index_beyond_the_model(catalogue: Catalogue, name: str, model: str, fault: str | None) -> None:
    parameter = catalogue.parameter(name)
    assert parameter is not None
    assert parameter.index_fault(catalogue.indexes(name), catalogue.models[model]) == fault


def test_an_inferred_key_list_is_not_certain(catalogue: Catalogue) -> None:
    parameter = catalogue.parameters["programablekey.Z.type"]
    assert parameter.index_is_certain(catalogue.models["T46G"])
    assert not parameter.index_is_certain(catalogue.models["T40P"])
    slots = catalogue.parameters["account.X.codec.Y.enable"]
    assert slots.index_is_certain(catalogue.models["T27P"])
    assert not slots.index_is_certain(catalogue.models["T27G"])  # taken over from the T27P


@pytest.mark.parametrize(
    ("name", "model", "answer"),
    [
        ("account.X.label", "T46G", True),
        ("account.X.label", "W52P", False),
        ("linekey.Z.type", "CP860", False),
        ("expansion_module.M.key.Z.type", "T48G", True),
        ("expansion_module.M.key.Z.type", "T23G", False),
        ("phone_setting.backgrounds", "T46G", True),
        ("phone_setting.backgrounds", "T23G", False),
        ("screensaver.mode", "T48G", None),  # only listed for the T46G
        ("remote_phonebook.display_name", "T41P", None),
    ],
)
def test_a_model_has_a_parameter_or_not_or_nobody_knows(catalogue: Catalogue, name: str, model: str, answer: bool | None) -> None:
    assert catalogue.parameters[name].applies_to(catalogue.models[model]) is answer


def test_looking_up_a_remembered_name_costs_next_to_nothing(catalogue: Catalogue) -> None:
    catalogue.parameter("account.3.label")
    best = min(timeit.repeat(lambda: catalogue.parameter("account.3.label"), number=2000, repeat=5)) / 2000
    assert best < MAX_LOOKUP_SECONDS


def test_what_is_remembered_is_bounded(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 10)
    for number in range(100):
        assert catalogue.parameter(f"account.{number}.label") is not None
        catalogue.nearest(f"zz.{number}")
    assert len(catalogue.remembered) <= 10
    assert len(catalogue.suggested) <= 10


@given(st.one_of(st.text(), st.text("account.XYZ0123456789#<>", max_size=40)))
def test_looking_up_never_raises(catalogue: Catalogue, text: str) -> None:
    parameter = catalogue.parameter(text)
    assert (parameter is not None) or dict(catalogue.indexes(text)) == {}
    catalogue.find_parameter(text)
    catalogue.find_model(text)
    if parameter is not None:
        parameter.index_fault(catalogue.indexes(text), catalogue.models["T46G"])
