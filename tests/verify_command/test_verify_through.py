"""`provisioner verify --through-sbc FILE`: phones find the SBC where they look for the registrar, which is behind it."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from verify_desk import Desk, mac_of, until

from sipstub.phone.format.cfg import parse_cfg
from sipstub.trace.opening import open_recording

MODULES = "/usr/lib/baresip/modules"
SBC = """\
; a plain file of a device: no tables but one profile
SBCSessionExpires = 120
SBCMinSE = 100
SBCSessionRefreshingPolicy = 1

[ IpProfile ]
FORMAT Index = ProfileName, SBCSessionExpiresMode;
IpProfile 0 = "phones", 3;
[ \\IpProfile ]
"""


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A server with an SBC before its registrar, for all tests of this file; each takes other phones."""
    made = Desk(tmp_path_factory.mktemp("behind"))
    (made.root / "sbc.ini").write_text(SBC)
    try:
        yield made.serve("--sbc", "sbc.ini")
    finally:
        made.close()


MUTANTS = {"floor-2": "session-answer-turned", "boardroom": "session-answer-without-interval"}
"Phones that disobey at the SBC, each in its way; the others do what their file says."


@dataclass(frozen=True)
class Played:
    """What one command left."""

    code: int
    said: str
    folder: Path
    phones: dict[str, dict[str, Any]]

    def rows(self, name: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the statements about the only call of a phone, by leg and what they are about."""
        return {(row["leg"], row["what"]): row for row in self.phones[name]["through_sbc"] if row["call"]}


@pytest.fixture(scope="module")
def played(behind: Desk) -> Played:
    """One short call with each of four phones, at once."""
    names = ["director", "assistant", *MUTANTS]
    for name in names:
        behind.phone(name, "--answer", "answer", *(["--disobey", MUTANTS[name]] if name in MUTANTS else []))

    def are_current() -> bool:
        states = {row["name"]: row["state"] for row in json.loads(behind.run("phones", "--json").stdout)}
        return all(states[name] == "current" for name in names)

    until(are_current)
    calls = ("--session-timers", "--scenario", "open", "--wait", "60")
    files = ("--json", "out.json", "--html", "out.html", "--junit", "out.xml", "--pcap", "out.pcapng")
    verify = behind.verify(*names, "--through-sbc", "sbc.ini", *calls, *files)
    code = verify.end()
    phones = {phone["name"]: phone for phone in json.loads((behind.root / "out.json").read_text())["phones"]}
    return Played(code, verify.out + verify.err, behind.root, phones)


def test_a_phone_is_judged_on_its_own_leg_and_its_call_is_as_predicted(played: Played) -> None:
    rows = played.rows("director")
    assert all(row["agrees"] is not False for row in rows.values()), rows
    assert rows["phone", "INVITE"]["seen"] == "Session-Expires: 100;refresher=uac, Min-SE: 100", "that of the SBC"
    assert rows["far", "INVITE"]["seen"] == "Session-Expires: 90", "that of the caller"
    assert {row["scenario"] for row in rows.values()} == {"open"}
    told = {one["rule"]: one for one in played.phones["director"]["findings"] if one["account"] in (1, None)}
    assert told["session-answer"]["verdict"] == told["session-stays"]["verdict"] == "PASS"
    assert "100" in told["session-answer"]["expected"], "judged by what the SBC asked it"
    assert "phones: IP Profile phones" in played.said and "registrar: the globals" in played.said
    assert "director through the SBC: call 1 open phone INVITE as predicted" in " ".join(played.said.split())


def test_both_legs_stand_in_the_page_and_in_the_capture_and_the_comparison_in_junit(played: Played) -> None:
    page = (played.folder / "out.html").read_text("utf-8")
    for name in ("assistant", "SBC", "registrar"):
        assert f'font-weight="bold">{name}</text>' in page, "a column of its own"
    assert "<caption>assistant through the SBC: " in page and "DIFFERS</span>" in page
    assert "stood an SBC, set to" in page and "SBCMinSE=<wbr>100 s" in page
    recording = open_recording(played.folder / "out.pcapng")
    assert {one.peer.host for one in recording.messages if one.data.startswith(b"INVITE ")} > {"127.0.0.1"}
    cases = [case.get("name", "") for case in ElementTree.parse(played.folder / "out.xml").iter("testcase")]
    assert "through the SBC: call 1 open phone INVITE" in cases


@pytest.mark.parametrize("name", MUTANTS)
def test_a_phone_that_answers_the_sbc_otherwise_ends_it_with_1(played: Played, name: str) -> None:
    wrong = {place for place, row in played.rows(name).items() if row["agrees"] is False}
    assert ("phone", "200") in wrong and played.phones[name]["verdict"] == "FAIL"
    assert played.code == 1 and f"{name} through the SBC: call 1 open phone 200 DIFFERS" in " ".join(played.said.split())


def test_another_sbc_than_that_of_the_server_is_refused(behind: Desk) -> None:
    (behind.root / "other.ini").write_text("SBCMinSE = 300\n")
    found = behind.run("verify", "director", "--through-sbc", "other.ini")
    assert found.returncode == 5 and "has another SBC before its registrar" in found.stderr


def test_without_a_server_it_starts_one_with_the_sbc(desk: Desk) -> None:
    (desk.root / "sbc.ini").write_text(SBC)
    verify = desk.verify("office-anna", "--through-sbc", "sbc.ini", "--wait", "40").watches()
    assert "started one" in verify.err and "phones find sbc.ini there; the registrar is behind it" in verify.err
    desk.phone("office-anna")
    assert verify.end() == 0, verify.out + verify.err
    assert "registered udp" in verify.out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SBCMinSE = many\n", "errors in sbc.ini"),
        ('[ IPGroup ]\nFORMAT Index = Type, Name;\nIPGroup 0 = 0, "PBX";\n[ \\IPGroup ]\n', "there is no IP Group 'Users'"),
    ],
)
def test_settings_that_cannot_stand_there_are_refused_before_anything_starts(desk: Desk, text: str, words: str) -> None:
    (desk.root / "sbc.ini").write_text(text)
    found = desk.run("verify", "office-anna", "--through-sbc", "sbc.ini", "--phone-group", "Users")
    assert found.returncode == 1 and words in found.stderr and "started one" not in found.stderr
    assert not Path(desk.state / "ready.json").exists()


@dataclass(frozen=True)
class Foreign:
    """A phone that we did not write, with the account of a phone's own file."""

    name: str
    last: str
    "Octet of its MAC."
    common: str

    def config(self, desk: Desk, home: Path) -> list[str]:
        """Fetch the files as the phone would, write what baresip needs of them, and return its command."""
        mac = mac_of(self.last)
        values: dict[str, str] = {}
        for file in (self.common, f"{mac}.cfg"):
            with urllib.request.urlopen(desk.url() + file, timeout=20) as answer:
                values |= parse_cfg(answer.read()).values()
        account = {key.removeprefix("account.1."): value for key, value in values.items() if key.startswith("account.1.")}
        where = f"{account['sip_server.1.address']}:{account['sip_server.1.port']}"
        home.mkdir()
        (home / "config").write_text(
            f"sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\nmodule_path {MODULES}\nmodule_app account.so\nmodule g711.so\n"
            "module_app menu.so\nmodule aubridge.so\naudio_source aubridge,a\naudio_player aubridge,a\naudio_alert aubridge,a\n"
        )
        (home / "accounts").write_text(
            f"<sip:{account['user_name']}@{where};transport=udp>;auth_user={account.get('auth_name') or account['user_name']};"
            f"auth_pass={account['password']};regint=60;mwi=no;answermode=auto\n"
        )
        return ["baresip", "-f", str(home)]


@pytest.mark.needs("baresip")
def test_baresip_does_behind_the_sbc_what_was_predicted_of_a_file_without_timers_and_not_what_one_with_timers_says(
    behind: Desk, tmp_path: Path
) -> None:
    phones = (Foreign("office-ben", "04", "y000000000036.cfg"), Foreign("office-chris", "05", "y000000000054.cfg"))
    commands = [phone.config(behind, tmp_path / phone.name) for phone in phones]
    until(lambda: all(behind.rows(f"select count(*) from last_fetch where mac = '{mac_of(one.last)}'")[0][0] for one in phones))
    started = []
    try:
        for phone, command in zip(phones, commands, strict=True):
            with (tmp_path / f"{phone.name}.log").open("wb") as log:
                started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        calls = ("--session-timers", "--scenario", "open", "--scenario", "timer-off", "--wait", "60", "--json", "-")
        verify = behind.verify(*(phone.name for phone in phones), "--through-sbc", "sbc.ini", *calls)
        code = verify.end()
    finally:
        for process in started:
            process.terminate()
            process.wait(30)
    found = {phone["name"]: phone for phone in json.loads(verify.out)["phones"]}
    assert code == 1, verify.err
    ben, chris = ({(row["leg"], row["what"]): row for row in found[one.name]["through_sbc"] if row["call"]} for one in phones)
    assert ben and all(row["agrees"] is not False for row in ben.values()), ben
    assert ben["phone", "200"]["seen"] == "no Session-Expires" and ben["phone", "200"]["agrees"]
    assert chris["phone", "200"]["agrees"] is False and chris["phone", "200"]["seen"] == "no Session-Expires"
