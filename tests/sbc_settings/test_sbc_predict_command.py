"""`sipstub sbc predict`: what it reads, what it says, and in what form."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any, Never

import pytest
from click.testing import CliRunner, Result

from sipstub.cli import cli
from sipstub.errors import SipstubError

SBC = """
[SBC Params]
SBCSessionExpires = 600
SBCMinSE = 300
SBCUserRegistrationTime = 120
SBCRandomizeExpires = 0
[ IpProfile ]
FORMAT Index = ProfileName, SBCSessionExpiresMode;
IpProfile 0 = "phones", 3;
IpProfile 1 = "pbx", 0;
[ \\IpProfile ]
[ ProxySet ]
FORMAT Index = ProxyName;
ProxySet 0 = "pbx";
[ \\ProxySet ]
[ IPGroup ]
FORMAT Index = Type, Name, ProxySetName, ProfileName;
IPGroup 0 = 0, "pbx", "pbx", "pbx";
IPGroup 1 = 1, "desks", "", "phones";
[ \\IPGroup ]
"""
COMMON = "#!version:1.0.0.1\naccount.1.session_timer.enable = 1\naccount.1.session_timer.expires = 1800\n"
OWN = """#!version:1.0.0.1
account.1.enable = 1
account.1.user_name = 100
account.1.sip_server.1.address = sbc.example
account.1.sip_server.1.expires = 3600
account.1.session_timer.expires = 180
account.2.enable = 0
account.2.user_name = 101
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("sbc.ini", SBC), ("common.cfg", COMMON), ("own.cfg", OWN)):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def run(folder: Path, *more: str, phones: tuple[str, ...] = ("common.cfg", "own.cfg")) -> Result:
    given = [word for name in phones for word in ("--phone", str(folder / name))]
    return CliRunner().invoke(cli, ["sbc", "predict", *given, "--sbc", str(folder / "sbc.ini"), *more])


def scenarios(result: Result) -> dict[str, dict[str, Any]]:
    assert result.exception is None, result.output
    (account,) = json.loads(result.output)["accounts"]
    assert (account["account"], account["user"]) == (1, "100")
    return {one["name"]: one for one in account["scenarios"]}


def test_the_later_file_wins_and_each_line_has_reasons_with_places(folder: Path) -> None:
    text = run(folder, "--scenario", "out-timer").output
    assert "INVITE of the phone: Session-Expires: 180;refresher=uac" in text
    assert "account.1.session_timer.enable=1 (common.cfg:2); account.1.session_timer.expires=180 (own.cfg:6)" in text
    assert "422 of the SBC to the phone, Min-SE: 300" in text and f"SBCMinSE=300 s ({folder / 'sbc.ini'}:4)" in text
    assert "INVITE of the phone again, CSeq one higher: Session-Expires: 300;refresher=uac, Min-SE: 300" in text
    assert "300 s; the phone refreshes every 150 s by UPDATE, passed on from the other leg" in text
    assert "BYE on both legs after 268 s" in text and "\\n" not in text


def test_json_has_the_same_as_figures(folder: Path) -> None:
    found = scenarios(run(folder, "--json"))
    assert list(found) == ["register", "out-timer", "out-plain", "out-422", "in-timer", "in-plain", "in-short"]
    register = found["register"]
    assert (register["sent_s"], register["granted_s"], register["silent_for_s"]) == (3600, [120, 120], 3480)
    call = found["out-plain"]
    assert call["legs"]["phone"] == {
        "interval_s": 300, "refresher": "caller", "method": "UPDATE", "refresh_at_s": 150.0, "passed_on": False,
    }  # fmt: skip
    assert call["legs"]["far end"]["interval_s"] is None and call["released_at_s"] == 268.0
    assert all(line["whys"] and {"mark", "text", "settings"} == set(line["whys"][0]) for line in call["lines"])
    strict = [line["what"] for line in found["out-422"]["lines"]]
    assert "that 422 goes on to the phone, Min-SE: 600" in strict and not found["out-422"]["troubled"]


def test_a_timer_that_nobody_refreshes_is_told(folder: Path) -> None:
    """The phone names the caller, whose refreshes it may not be sent: neither UPDATE nor re-INVITE."""
    columns = SBC.replace("SBCSessionExpiresMode;", "SBCSessionExpiresMode, SBCRemoteUpdateSupport, SBCRemoteReinviteSupport;")
    columns = columns.replace('"phones", 3', '"phones", 1, 0, 0').replace('"pbx", 0', '"pbx", 0, 2, 2')
    (folder / "sbc.ini").write_text(columns, "utf-8")
    assert not any(one.get("troubled") for one in scenarios(run(folder, "--json")).values())
    (folder / "own.cfg").write_text(OWN + "account.1.session_timer.refresher = 1\n", "utf-8")
    found = scenarios(run(folder, "--json"))
    assert [name for name, one in found.items() if one.get("troubled")] == ["out-timer", "out-422", "in-timer", "in-short"]
    assert found["in-timer"]["legs"]["phone"]["refresher"] == "nobody" and found["in-timer"]["released_at_s"] == 1768.0
    assert "NOBODY refreshes it" in run(folder, "--scenario", "in-timer").output


def test_nat_and_what_the_registrar_grants(folder: Path) -> None:
    plain = SBC.replace("SBCUserRegistrationTime = 120", "")
    nat = plain.replace("SBCSessionExpiresMode;", "SBCSessionExpiresMode, SBCUserBehindUdpNATRegistrationTime;")
    (folder / "sbc.ini").write_text(nat.replace('"phones", 3', '"phones", 3, 60').replace('"pbx", 0', '"pbx", 0, $$'), "utf-8")
    assert scenarios(run(folder, "--json"))["register"]["granted_s"] == [3600, 3600]
    assert scenarios(run(folder, "--json", "--granted", "900"))["register"]["granted_s"] == [900, 900]
    assert scenarios(run(folder, "--json", "--nat"))["register"]["granted_s"] == [60, 60]


def test_expectations_of_any_vendor_are_read(folder: Path) -> None:
    rows = [
        {"setting": "user-name", "value": "100", "parameter": "username", "account": 1},
        {"setting": "account-enabled", "value": "on", "parameter": "on", "account": 1},
        {"setting": "session-timer", "value": "on", "parameter": "timer", "account": 1, "file": "a.xml", "line": 3},
        {"setting": "session-expires", "value": "900", "parameter": "expires", "account": 1},
        {"setting": "session-refresher", "value": "uas", "parameter": "refresher", "account": 1},
        {"setting": "register-expiry", "value": "600", "parameter": "reg", "account": 1, "index": "1"},
        {"setting": "transport", "value": "tcp", "parameter": "t", "account": 1, "index": "1"},
    ]
    phone = {"format": "sipstub-expectations-1", "phone": {"name": "linphone"}, "expectations": rows}
    (folder / "phone.json").write_text(json.dumps([phone]), "utf-8")
    found = scenarios(run(folder, "--json", phones=("phone.json",)))
    assert found["register"]["sent_s"] == 600
    assert found["out-timer"]["lines"][0]["what"] == "INVITE of the phone: Session-Expires: 900;refresher=uas"
    assert found["out-timer"]["legs"]["phone"]["refresher"] == "SBC"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.cfg", "#!version:1.0.0.1\naccount.1.enable = 0\n", "no account is switched on"),
        ("x.xml", "<?xml version='1.0'?><config/>", "linphone's XML"),
        ("x.json", "{", "not JSON"),
    ],
)
def test_a_phone_file_that_says_nothing_is_refused(folder: Path, name: str, text: str, message: str) -> None:
    (folder / name).write_text(text, "utf-8")
    result = run(folder, phones=(name,))
    assert isinstance(result.exception, SipstubError) and message in result.exception.message


def test_a_phone_file_that_cannot_be_read_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(*_: object) -> Never:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "open", torn)
    result = run(folder, phones=("own.cfg",))
    assert isinstance(result.exception, SipstubError) and "own.cfg: Input/output error" in str(result.exception)


def test_groups_and_scenarios_that_are_not_there_are_refused_with_those_that_are(folder: Path) -> None:
    result = run(folder, "--far-group", "nobody")
    assert isinstance(result.exception, SipstubError) and result.exception.hint == "the file has pbx, desks"
    result = run(folder, "--scenario", "nothing")
    assert result.exit_code == 2 and "register, out-timer" in result.output


def test_settings_that_are_wrong_are_not_used(folder: Path) -> None:
    (folder / "sbc.ini").write_text("SBCMinSE = many\n", "utf-8")
    result = run(folder)
    assert isinstance(result.exception, SipstubError) and "1 error" in result.exception.message
    assert "sbc.ini:1  error  SBCMinSE cannot be" in result.output


def test_contradictions_of_the_settings_are_told(folder: Path) -> None:
    (folder / "sbc.ini").write_text("SBCMinSE = 50\nSBCSessionExpires = 90\n", "utf-8")
    assert "SBCMinSE 50 cannot be said" in run(folder).output
    (folder / "sbc.ini").write_text("SBCMinSE = 500\nSBCSessionExpires = 90\n", "utf-8")
    assert "500 s is asked for" in run(folder).output
