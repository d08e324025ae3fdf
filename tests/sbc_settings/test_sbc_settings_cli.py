"""CLI scripts: levels, words, numbers, what older releases wrote, and levels that are not ours."""

from __future__ import annotations

import pytest

from sipstub.sbc.settings.draft import Reading
from sipstub.sbc.settings.parameter import Parameter
from sipstub.sbc.settings.reading import read_settings
from sipstub.sbc.settings.vocabulary import the_vocabulary


def read(text: str) -> Reading:
    return read_settings(text.encode(), "script.cli")


def said(reading: Reading) -> list[tuple[str, int, str]]:
    return [(str(problem.severity), problem.origin.line, str(problem.code)) for problem in reading.problems]


SCRIPT = """# notes of ours
configure network
  interface network-if 0
    name "oam"
    exit
  exit
configure voip
  sbc settings
    sbc-sess-exp-time 600
    min-session-expires 300
    sbc-refer-bhvr 3
    activate
  exit
  media security
    media-security-enable 1
    exit
  ip-profile 1
    profile-name "all phones"
    sbc-session-expires-mode 3
    activate
  exit
  sbc routing ip2ip-routing 0
    route-name "out"
  exit
exit
"""


def test_a_script_is_read_and_foreign_levels_are_passed_over() -> None:
    reading = read(SCRIPT)
    assert said(reading) == [("note", 14, "unknown-level")]
    assert reading.settings.number("SBCSessionExpires") == 600 and reading.settings.number("SBCMinSE") == 300
    profile = reading.settings.ip_profiles[0]
    assert (profile.index, profile.name, profile.number("SBCSessionExpiresMode")) == (1, "all phones", 3)
    assert profile.number("SBCRemoteReferBehavior") == 3
    assert reading.settings.routes[0].text("RouteName") == "out"


def test_a_script_without_indentation_is_read_the_same() -> None:
    flat = "\n".join(line.strip() for line in SCRIPT.splitlines()) + "\n"
    assert read(flat).settings == read(SCRIPT).settings and not read(flat).errors


@pytest.mark.parametrize("shift", [-1, 0, 1, 2])
def test_an_exit_may_stand_under_its_level_or_under_what_is_in_it(shift: int) -> None:
    lines = []
    for line in SCRIPT.splitlines():
        text = line.strip()
        indent = {3: 4, 4: 4, 5: 2, 6: 0}.get(len(lines), len(line) - len(line.lstrip()))
        if text == "exit":
            depth = {4: 2, 5: 0}.get(len(lines), 2 if len(lines) < 24 else 0)
            indent = max(0, depth + shift)
        lines.append(" " * indent + text)
    assert read("\n".join(lines) + "\n").settings == read(SCRIPT).settings


@pytest.mark.parametrize("root", ["configure voip", "config voip", "config-voip"])
@pytest.mark.parametrize("enter", ["sbc settings", "sbc\nsettings", "SBC Settings"])
def test_each_way_to_enter_a_level_leads_there(root: str, enter: str) -> None:
    reading = read(f"{root}\n{enter}\nmin-session-expires 300\n")
    assert reading.settings.number("SBCMinSE") == 300 and not reading.errors


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("handle-locally", 3),
        ("Handle-Locally", 3),
        ('"Handle Locally"', 3),
        ("transparent", 0),
        ("regular", 0),
        ("database-url", 1),
    ],
)
def test_words_are_taken_for_choices_and_it_is_said_for_which(word: str, number: int) -> None:
    reading = read(f"configure voip\n sbc settings\n  sbc-refer-bhvr {word}\n exit\nexit\n")
    assert reading.settings.number("SBCReferBehavior") == number
    assert said(reading) == [("note", 3, "understood-as")] and f"understood as {number}" in reading.problems[0].message


@pytest.mark.parametrize("parameter", the_vocabulary().parameters, ids=lambda parameter: parameter.name)
def test_every_word_of_every_choice_is_understood(parameter: Parameter) -> None:
    refused = dict(parameter.refused)
    for choice in parameter.choices:
        level, word = parameter.cli_level, parameter.cli_word
        reading = read(f"configure voip\n {level}\n  {word} {choice.word}\n exit\nexit\n")
        if choice.number in refused:
            assert reading.errors and refused[choice.number] in reading.errors[0].hint
        else:
            assert reading.settings.value(parameter.name) == choice.number and not reading.errors


@pytest.mark.parametrize(
    ("line", "name", "number"),
    [
        ('sbc-preferences "Doesn\'t Include Extensions"', "SBCPreferencesMode", 0),
        ('sbc-refer-bhvr "Keep URI (user@host)"', "SBCReferBehavior", 5),
        ('auth-qop "auth, auth-int"', "AuthQOP", 2),
        ("sip-server-digest-algorithm SHA256", "SIPServerDigestAlgorithm", 1),
        ("enforce-media-order on", "SBCEnforceMediaOrder", 1),
        ("sbc-terminate-options Disabled", "SBCTerminateOptions", 0),
    ],
)
def test_words_of_the_web_pages_and_of_switches_are_understood(line: str, name: str, number: int) -> None:
    reading = read(f"configure voip\n  sbc settings\n    {line}\n  exit\nexit\n")
    assert reading.settings.number(name) == number and not reading.errors
    assert "understood-as" in [code for _, _, code in said(reading)]


def test_a_switch_is_no_word_for_a_choice_of_other_things() -> None:
    assert read("configure voip\n  sbc settings\n    auth-chlng-mthd on\n  exit\nexit\n").errors


@pytest.mark.parametrize("root", ["conf voip", "config v", "conf vo"])
def test_the_first_level_may_be_cut_short(root: str) -> None:
    assert read(f"{root}\n  sbc settings\n    min-session-expires 90\n  exit\nexit\n").settings.number("SBCMinSE") == 90


def test_a_word_that_is_cut_short_is_not_taken_and_the_whole_one_is_named() -> None:
    reading = read(
        "configure voip\n  sbc settings\n    min-sess 90\n    sbc-s 1\n  exit\n  sip-def settings\n    x 1\n  exit\nexit\n"
    )
    assert said(reading) == [("warning", 3, "unknown-name"), ("note", 4, "unknown-name"), ("warning", 6, "unknown-level")]
    assert "min-session-expires" in reading.problems[0].hint and reading.settings.given() == ()


def test_older_spellings_are_understood_and_said() -> None:
    reading = read(
        "configure voip\n sbc settings\n  sbc-no-arelt-timeout 30\n exit\n sbc general-setting\n  min-session-expires 90\n"
    )
    assert said(reading) == [("warning", 3, "old-spelling"), ("warning", 6, "old-spelling")]
    assert reading.settings.number("SBCAlertTimeout") == 30 and reading.settings.number("SBCMinSE") == 90
    for level in ("sbc general-setting", "sbc settings"):
        assert said(read(f"configure voip\n {level}\n  sip-server-digest-algorithm 1\n exit\nexit\n")) == []


def test_the_last_value_holds_and_no_puts_the_default_back() -> None:
    reading = read("configure voip\n sbc settings\n  min-session-expires 90\n  set min-session-expires 120\n exit\nexit\n")
    assert reading.settings.number("SBCMinSE") == 120 and said(reading) == []
    reading = read("configure voip\n sbc settings\n  min-session-expires 90\n  no min-session-expires\n exit\nexit\n")
    assert reading.settings.given() == () and said(reading) == [("note", 4, "understood-as")]


def test_a_row_may_be_entered_again() -> None:
    text = "configure voip\n ip-group 1\n  name a\n exit\n ip-group 1\n  type user\n exit\nexit\n"
    (group,) = read(text).settings.ip_groups
    assert (group.name, group.number("Type")) == ("a", 1)


def test_an_address_within_a_proxy_set_belongs_to_it() -> None:
    text = "configure voip\n"
    for number in (1, 2):
        text += f" proxy-set {number}\n  proxy-ip 0\n   proxy-address 192.0.2.{number}\n  exit\n exit\n"
    reading = read(text + "exit\n")
    assert said(reading) == []
    assert [(row.text("ProxySetId"), row.text("IpAddress")) for row in reading.settings.proxy_ips] == [
        ("1", "192.0.2.1"),
        ("2", "192.0.2.2"),
    ]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("sbc-sess-exp-time 80", ("error", 4, "bad-value")),
        ("sbc-sess-exp-time", ("error", 4, "bad-line")),
        ("sbc-sess-exp-time 90 91", ("error", 4, "bad-line")),
        ('sbc-xfer-prefix "abc', ("error", 4, "bad-line")),
        ("force-generate-to-tag 1", ("error", 4, "bad-line")),
        ("min-session-expire 90", ("warning", 4, "unknown-name")),
        ("something-else 90", ("note", 4, "unknown-name")),
        ("sbc-server-auth-mode 1", ("error", 4, "bad-value")),
        ("no", ("note", 4, "unknown-name")),
    ],
)
def test_a_line_that_cannot_be_is_said_and_the_others_are_taken(line: str, wanted: tuple[str, int, str]) -> None:
    reading = read(f"configure voip\n sbc settings\n  sbc-max-fwd-limit 20\n  {line}\n  sbc-no-alert-timeout 30\n exit\nexit\n")
    assert said(reading) == [wanted]
    assert [parameter.name for parameter in reading.settings.given()] == ["SBCAlertTimeout", "SBCMaxForwardsLimit"]


def test_levels_that_do_not_match_are_said() -> None:
    assert said(read("exit\n")) == [("warning", 1, "file-form")]
    assert said(read("min-session-expires 90\n")) == [("error", 1, "bad-line")]
    assert said(read("sbc settings\n min-session-expires 90\nexit\n")) == [("warning", 1, "file-form")]
    assert said(read("configure voip\n sbc setings\n  min-session-expires 90\n exit\nexit\n")) == [
        ("warning", 2, "unknown-level")
    ]
    reading = read("configure voip\nip-group 0\nname a\nip-group 1\nname b\n")
    assert said(reading) == [("warning", 4, "file-form")] and len(reading.settings.ip_groups) == 2


def test_no_message_has_a_password() -> None:
    for line in ('password "tomato', "password a tomato", 'password "to"mato'):
        reading = read(f"configure voip\n sip-definition account 0\n  {line}\n exit\nexit\n")
        assert reading.errors and "mato" not in "".join(map(str, reading.problems))
