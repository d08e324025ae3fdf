"""What the delivered facts hold: numbers that must not shrink unnoticed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from provisioner.catalogue import Catalogue, load_catalogue

RENDERED = {"T48G", "T46G", "T42G", "T41P", "T40P", "T29G", "T27P", "T23P", "T23G", "T21P E2", "T19P E2", "CP860"}
SIBLINGS = {"T27G", "T40G"}
MODELS = 25
PARAMETERS = 785
CURATED = 266
WITHOUT_RANGE = 206
"Rows whose values no source tells; a fact that is added lowers it."

MAX_LOAD_SECONDS = 1.0
"Ten times what it takes on an idle core, so that a busy machine does not fail the test."

SECRETS = {
    "account.X.acd.password",
    "account.X.hoteling.password",
    "account.X.password",
    "account.X.signal_encode_key",
    "account.X.xsi.password",
    "auto_provision.aes_key_16.com",
    "auto_provision.aes_key_16.mac",
    "auto_provision.server.password",
    "autoprovision.X.com_aes",
    "autoprovision.X.mac_aes",
    "autoprovision.X.password",
    "bw_call_log.data.X.password",
    "bw_phonebook.data.X.password",
    "features.uc_password",
    "ldap.password",
    "managementserver.connection_request_password",
    "managementserver.password",
    "network.802_1x.md5_password",
    "network.pppoe.password",
    "phone_setting.phone_lock.unlock_pin",
    "security.user_password",
    "sip.nat_turn.password",
    "wifi.X.password",
}


def test_all_models_and_parameters_are_there(catalogue: Catalogue) -> None:
    assert len(catalogue.models) == MODELS
    assert len(catalogue.parameters) == PARAMETERS
    assert sum(parameter.origin == "curated" for parameter in catalogue.parameters.values()) == CURATED


def test_the_number_of_parameters_without_a_checkable_range_is_known(catalogue: Catalogue) -> None:
    assert sum(not parameter.is_checkable for parameter in catalogue.parameters.values()) == WITHOUT_RANGE


def test_the_scope_is_the_one_decided(catalogue: Catalogue) -> None:
    assert {model.name for model in catalogue.models.values() if model.is_in_scope} == RENDERED | SIBLINGS
    assert {model.name for model in catalogue.models.values() if model.is_sibling} == SIBLINGS
    assert all(model.scope_reason for model in catalogue.models.values() if model.name not in RENDERED)


def test_every_credential_is_a_secret_and_nothing_else_is(catalogue: Catalogue) -> None:
    assert {parameter.name for parameter in catalogue.parameters.values() if parameter.is_secret} == SECRETS


@pytest.mark.parametrize(
    ("model", "prefix", "common"),
    [
        ("T28P", 2, "y000000000000.cfg"),
        ("T26P", 6, "y000000000004.cfg"),
        ("T22P", 7, "y000000000005.cfg"),
        ("T20P", 9, "y000000000007.cfg"),
        ("T18P", 18, "y000000000009.cfg"),
    ],
)
def test_old_models_with_another_common_file_are_written_down(catalogue: Catalogue, model: str, prefix: int, common: str) -> None:
    found = catalogue.models[model]
    assert (found.prefix, found.common_name) == (prefix, common)
    assert found.common_number != found.prefix


def test_t23p_and_t23g_share_a_common_file(catalogue: Catalogue) -> None:
    assert [model.name for model in catalogue.models_of_common_file("y000000000044.cfg")] == ["T23P", "T23G"]
    assert [model.name for model in catalogue.models_of_prefix(44)] == ["T23P", "T23G"]


@pytest.mark.parametrize(
    ("model", "keys", "modules"),
    [
        ("T48G", {*range(1, 11), 12, 13, 14}, 6),
        ("T42G", {*range(1, 11), 13}, None),
        ("T29G", set(range(1, 15)), 6),
        ("T23G", {*range(1, 11), 14}, None),
        ("T19P E2", {*range(1, 10), 13, 14}, None),
        ("CP860", None, None),
    ],
)
def test_keys_of_a_model(catalogue: Catalogue, model: str, keys: set[int] | None, modules: int | None) -> None:
    found = catalogue.models[model]
    assert found.programmable_keys == keys
    assert (found.expansion.modules if found.expansion else None) == modules


def test_what_another_product_presets_is_not_the_phones_default(catalogue: Catalogue) -> None:
    parameter = catalogue.parameters["account.X.acd.enable"]
    assert parameter.default is None
    assert dict(parameter.presets) == {"SIPX": "0"}


def test_blank_and_unknown_defaults_differ(catalogue: Catalogue) -> None:
    assert catalogue.parameters["account.X.label"].default == ""
    assert catalogue.parameters["account.X.custom_ua"].default == ""
    assert catalogue.parameters["account.X.contact_take_line_param"].default is None


def test_every_recall_mark_is_kept(catalogue: Catalogue) -> None:
    assert "max_length" in catalogue.parameters["account.X.label"].recall
    assert "values" in catalogue.parameters["account.X.blf.subscribe_event"].recall
    assert "default" in catalogue.parameters["security.ca_cert"].recall
    assert "reboot" in catalogue.parameters["security.ca_cert"].recall
    assert not catalogue.parameters["account.X.label"].permitted_is_certain


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("account.X.gruu.enable", "v81", None),
        ("account.X.srtp.unencrypted_rtp.enable", "v83", None),
        ("account.X.register_expires_overlap", "v82", None),
        ("account.X.dns_srv_type", None, "v73"),
        ("account.X.display_mwi.enable", "v72", None),
        ("account.X.label", None, None),
    ],
)
def test_firmware_that_knows_a_parameter(catalogue: Catalogue, name: str, since: str | None, until: str | None) -> None:
    parameter = catalogue.parameters[name]
    assert (parameter.since, parameter.until) == (since, until)
    assert (parameter.generation_fault(80) is None) == (since in (None, "v72") and until is None)


def test_only_checked_rows_with_some_confidence_may_stop_a_file(catalogue: Catalogue) -> None:
    assert catalogue.parameters["account.X.session_timer.expires"].can_block  # curated, medium
    assert not catalogue.parameters["account.X.gruu.enable"].can_block  # curated, low
    assert not catalogue.parameters["network.port.http"].can_block  # high, but derived by script


def test_generations_say_what_a_phone_asks_for(catalogue: Catalogue) -> None:
    v80 = catalogue.generation_of("28.80.0.60")
    assert v80 is not None
    assert v80.is_rendered
    assert v80.steps == (("{common}",), ("{mac}.cfg",))
    assert v80.boot_files == ()
    v81 = catalogue.generation_of("69.81.0.110")
    assert v81 is not None
    assert v81.static_prefix == "static."
    assert not v81.is_rendered
    assert catalogue.generation_of("28.72.0.1") is None
    assert catalogue.generation_of("junk") is None


def test_loading_does_not_take_long(facts: Path) -> None:
    started = time.process_time()
    load_catalogue(facts)
    assert time.process_time() - started < MAX_LOAD_SECONDS


def test_no_fact_file_is_too_long_to_review(facts: Path) -> None:
    longest = max(len(line) for file in (facts / "parameters").glob("*.toml") for line in file.read_text().splitlines())
    assert longest < 1000
