"""`provisioner verify --through-sbc FILE`: phones find the SBC where they look for the registrar, which is behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from verify_desk import Desk, until

from sipstub.trace.opening import open_recording

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
        return {(row["leg"], row["what"]): row for row in self.phones[name]["through_sbc"]}


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
    assert "director through the SBC: call 1 open phone  INVITE   as predicted" in played.said


def test_both_legs_stand_in_the_page_and_in_the_capture_and_the_comparison_in_junit(played: Played) -> None:
    page = (played.folder / "out.html").read_text("utf-8")
    for name in ("assistant", "SBC", "registrar"):
        assert f'font-weight="bold">{name}</text>' in page, "a column of its own"
    assert "Calls of assistant through the SBC: " in page and "DIFFERS</span>" in page
    assert "stood an SBC, set to" in page and "SBCMinSE=<wbr>100 s" in page
    recording = open_recording(played.folder / "out.pcapng")
    assert {one.peer.host for one in recording.messages if one.data.startswith(b"INVITE ")} > {"127.0.0.1"}
    cases = [case.get("name", "") for case in ElementTree.parse(played.folder / "out.xml").iter("testcase")]
    assert "through the SBC: call 1 open phone INVITE" in cases


@pytest.mark.parametrize("name", MUTANTS)
def test_a_phone_that_answers_the_sbc_otherwise_ends_it_with_1(played: Played, name: str) -> None:
    wrong = {place for place, row in played.rows(name).items() if row["agrees"] is False}
    assert ("phone", "200") in wrong and played.phones[name]["verdict"] == "FAIL"
    assert played.code == 1 and f"{name} through the SBC: call 1 open phone  200      DIFFERS" in played.said


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
