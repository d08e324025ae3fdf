"""From the bytes a phone got to what it should do; another vendor is data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fleet_expectations import fleet
from verify_builders import CATALOGUE, OBSERVABLES, SUBJECT, TEMPLATES, Talk, expect

from provisioner.errors import CatalogueError
from provisioner.expectations.build import Assignment, Delivered, build_expectations, read_cfg_files
from provisioner.expectations.observables import load_observables
from sipstub.verify.expectation import Expectations
from sipstub.verify.judge import judge
from sipstub.verify.verdict import Verdict

HEAD = b"#!version:1.0.0.1\n"


def build(mac: bytes, common: bytes = b"", origins: tuple[str, ...] = ()) -> Expectations:
    files = [Delivered("y000000000028.cfg", HEAD + common), Delivered("001565aabbcc.cfg", HEAD + mac, origins)]
    return build_expectations(read_cfg_files(files), OBSERVABLES, SUBJECT, CATALOGUE)


def test_each_value_keeps_its_file_line_and_the_place_a_person_wrote_it() -> None:
    found = build(b"account.1.nat.rport = 1\n", origins=("", "devices/defaults.toml:19")).get("rport", 1)
    assert found is not None
    assert (found.value, found.file, found.line, found.origin) == ("on", "001565aabbcc.cfg", 2, "devices/defaults.toml:19")
    assert (found.parameter, found.place) == ("account.1.nat.rport", "devices/defaults.toml:19")


def test_the_mac_file_wins_over_the_common_file() -> None:
    found = build(b"sip.notify_reboot_enable = 2\n", b"sip.notify_reboot_enable = 0\n").get("check-sync")
    assert found is not None
    assert (found.value, found.file) == ("never", "001565aabbcc.cfg")


def test_a_reset_means_the_factory_value_where_that_is_documented() -> None:
    found = build(b"account.1.nat.rport = %NULL%\n", b"account.1.nat.rport = 1\n").get("rport", 1)
    assert found is not None
    assert (found.value, found.is_reset, found.is_default) == ("off", True, False)
    assert build(b"account.1.register_mac = %NULL%\n").get("mac-header", 1) is None


def test_a_key_in_no_file_gives_nothing_but_a_documented_factory_value() -> None:
    found = build(b"account.1.user_name = 101\n")
    rport = found.get("rport", 1)
    assert rport is not None
    assert (rport.value, rport.is_default, rport.place) == ("off", True, "factory value")
    assert found.get("register-expiry", 1, "1") is None  # the catalogue is not sure enough
    assert found.get("timer-t1", 2) is None  # nobody speaks of account 2


def test_a_written_value_for_the_phone_beats_the_factory_value_of_an_account() -> None:
    found = build(b"account.1.user_name = 101\nsip.listen_port = 5080\n")
    assert found.text("local-port", 1) == "5080"


def test_values_that_say_nothing_give_no_expectation() -> None:
    found = build(b"account.1.nat.rport = 7\naccount.1.sip_server.1.port =\naccount.1.display_name =\n")
    assert found.get("rport", 1) is None
    assert found.get("server-port", 1, "1") is None
    assert found.text("display-name", 1) == ""
    assert found.get("display-name", 1) is not None


def test_a_file_that_the_phone_ignores_says_nothing() -> None:
    assert build_expectations(read_cfg_files([Delivered("a.cfg", b"account.1.enable = 1\n")]), OBSERVABLES, SUBJECT).items == ()


def test_keys_of_the_phone_and_of_its_modules_are_told_apart() -> None:
    found = build(
        b"linekey.3.type = 16\nlinekey.3.value = 110\nlinekey.4.type = 13\n"
        b"expansion_module.1.key.2.type = 16\nexpansion_module.1.key.2.value = 101\n"
    )
    assert [(item.index, item.value) for item in found.all("key-kind")] == [("1.2", "blf"), ("3", "blf"), ("4", "other")]


def test_a_password_is_kept_for_its_digest_and_shown_to_nobody() -> None:
    found = build(b"account.1.password = s3cret\n")
    item = found.get("password", 1)
    assert item is not None
    assert (item.value, item.shown) == ("s3cret", "***")
    assert "s3cret" not in repr(found)
    assert "s3cret" not in repr(Assignment("account.1.password", "s3cret"))


def test_every_parameter_of_the_mapping_is_one_of_the_catalogue_and_every_value_is_permitted() -> None:
    for item in OBSERVABLES.items:
        name = re.sub(r"\{\w+\}", "1", item.parameter)
        parameter = CATALOGUE.parameter(name)
        assert parameter is not None, item.parameter
        for value in item.values:
            assert parameter.check(value, None) is None, (item.parameter, value)


def test_at_least_45_parameters_are_seen_on_the_wire() -> None:
    assert len({item.parameter for item in OBSERVABLES.items}) >= 60
    written = {re.sub(r"\d+", "N", item.parameter) for phone in fleet().values() for item in phone.items}
    assert len(written) >= 45


def test_another_vendor_is_data(tmp_path: Path) -> None:
    (tmp_path / "observables.toml").write_text(
        """
[vendor]
name = "Other"
first_account = 0
[[observable]]
setting = "user-name"
parameter = "proxy_{account}/identity"
extract = "sip:([^@]+)@"
[[observable]]
setting = "transport"
parameter = "proxy_{account}/server"
extract = "transport=(\\\\w+)"
otherwise = "udp"
values = { tcp = "tcp", tls = "tls" }
[[observable]]
setting = "register-expiry"
parameter = "proxy_{account}/expires"
default = "3600"
[[observable]]
setting = "account-enabled"
parameter = "proxy_{account}/register"
flag = true
"""
    )
    given = {
        "proxy_0/identity": '"Lobby" <sip:101@10.1.0.5>',
        "proxy_0/server": "<sip:10.1.0.5;transport=tcp>",
        "proxy_0/register": "1",
    }
    rows = [Assignment(name, value, "rc", at) for at, (name, value) in enumerate(given.items(), 1)]
    found = build_expectations(rows, load_observables(tmp_path), SUBJECT)
    assert [found.text(name, 1) for name in ("user-name", "transport", "register-expiry")] == ["101", "tcp", "3600"]
    assert found.enabled == [1]
    findings = judge(found, Talk(transport="tcp").register().facts())
    assert {finding.rule for finding in findings if finding.verdict is Verdict.PASS} >= {"user-name", "transport"}


def test_of_two_keys_for_one_setting_the_written_one_counts(tmp_path: Path) -> None:
    keys = [f"[[observable]]\nsetting = 'ptime'\nparameter = 'p{{account}}_{key}'\ndefault = '20'" for key in "abc"]
    user = "[[observable]]\nsetting = 'user-name'\nparameter = 'p{account}_user'"
    (tmp_path / "observables.toml").write_text("\n".join([*keys, user]))
    rows = [Assignment("p1_user", "101"), Assignment("p1_b", "30")]
    found = build_expectations(rows, load_observables(tmp_path), SUBJECT).get("ptime", 1)
    assert found is not None
    assert (found.value, found.is_default) == ("30", False)


@pytest.mark.parametrize(
    "text",
    [
        "[[observable]]\nsetting = 'warp'\nparameter = 'a'",
        "[[observable]]\nsetting = 'rport'",
        "[[observable]]\nsetting = 'rport'\nparameter = 'a'",
        "[[observable]]\nsetting = 'rport'\nparameter = 'a'\nvalues = { 1 = 'yes' }",
        "[[observable]]\nsetting = 'rport'\nparameter = 'a'\nflag = true\nmore = 1",
        "[[observable]]\nsetting = 'user-name'\nparameter = 'a'\nextract = '('",
        "[[observable]]\nsetting = 'user-name'\nparameter = 'a'\nextract = 'a'",
        "[other]",
        "[vendor]\nmore = 1",
        "not toml",
    ],
)
def test_a_mapping_that_means_nothing_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "observables.toml").write_text(text)
    with pytest.raises(CatalogueError, match=r"observables\.toml"):
        load_observables(tmp_path)


def test_the_mapping_of_this_project_reads() -> None:
    assert {item.vendor for item in load_observables(TEMPLATES).items} == {"Yealink"}
    assert {item.vendor for item in load_observables(TEMPLATES.parent).items} == {"Yealink", "Linphone"}
    assert expect(("rport", "on")).items
