"""Ini files as a device writes them, and as people break them: every fault is said with its line, and the rest is read."""

from __future__ import annotations

import pytest

from sipstub.sbc.settings.decode import MAX_LINES
from sipstub.sbc.settings.draft import MAX_PROBLEMS, MAX_ROWS, Reading
from sipstub.sbc.settings.problem import Code, Severity
from sipstub.sbc.settings.reading import read_settings


def read(text: str) -> Reading:
    return read_settings(text.encode(), "device.ini")


def said(reading: Reading) -> list[tuple[str, int, str]]:
    return [(str(problem.severity), problem.origin.line, str(problem.code)) for problem in reading.problems]


DEVICE = r"""
;**************
;** Ini File **
;Board: M800B
;Software Version: 7.40A.005.314

[SIP Params]

SBCSESSIONEXPIRES = 600
sbcminse=300
SBCURIComparisonExcludedParams = 'Port,transport'
SBCXferPrefix = "*98"

[ IpProfile ]
FORMAT Index = ProfileName, SBCSessionExpiresMode, SBCRemoteUpdateSupport;
IpProfile 1 = "pbx, the big one", 0, $$;
IpProfile 0 = "phones", 3, 1;
[ \IpProfile ]

[ IPGroup ]
FORMAT IPGroup_Index = IPGroup_Name, IPGroup_Type, IPGroup_ProfileName, IPGroup_MethodList;
IPGroup 0 = "users", 1, "phones", "INVITE\REGISTER";
[ \IPGroup ]
"""


def test_a_file_of_a_device_is_read_without_a_word() -> None:
    reading = read(DEVICE)
    assert said(reading) == [] and reading.release == (7, 4)
    settings = reading.settings
    assert settings.number("SBCSessionExpires") == 600 and settings.number("SBCMinSE") == 300
    assert settings.text("SBCURIComparisonExcludedParams") == "Port,transport"
    assert settings.text("SBCXferPrefix") == "*98"
    phones, pbx = settings.ip_profiles
    assert (phones.name, phones.number("SBCSessionExpiresMode"), phones.number("SBCRemoteUpdateSupport")) == ("phones", 3, 1)
    assert (pbx.name, pbx.number("SBCRemoteUpdateSupport")) == ("pbx, the big one", 2)
    assert settings.ip_groups[0].text("MethodList") == "INVITE\\REGISTER"
    assert str(settings.origin("SBCMinSE")) == "device.ini:10"
    assert str(phones.origin_of("ProfileName")) == "device.ini:17" and phones.origin_of("SbcPrackMode") is None


@pytest.mark.parametrize(
    "data",
    [
        DEVICE.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + DEVICE.encode(),
        DEVICE.replace("\n", "\r").encode(),
    ],
    ids=["crlf", "byte-order-mark", "cr"],
)
def test_line_ends_and_marks_do_not_matter(data: bytes) -> None:
    reading = read_settings(data, "device.ini")
    assert reading.problems == () and reading.settings == read(DEVICE).settings


def test_other_encodings_are_read_and_said() -> None:
    reading = read_settings(b"\xff\xfe" + DEVICE.encode("utf-16-le"), "device.ini")
    assert reading.settings == read(DEVICE).settings and said(reading) == [("warning", 1, "encoding")]
    reading = read_settings("SBCMinSE = 90\nSBCXferPrefix = 'ü'\n".encode("latin-1"), "device.ini")
    assert reading.settings.text("SBCXferPrefix") == "ü" and said(reading) == [("warning", 2, "encoding")]
    reading = read_settings(b"\xef\xbb\xbfSBCMinSE = 90\n; \xff\n", "device.ini")
    assert said(reading) == [("error", 0, "encoding")] and reading.settings.number("SBCMinSE") == 90


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("SBCSessionExpires = 89", Code.BAD_VALUE, "90 to 86400 s"),
        ("SBCSessionExpires = 86401", Code.BAD_VALUE, "90 to 86400 s"),
        ("SBCSessionExpires =", Code.BAD_VALUE, "90 to 86400 s"),
        ("SBCSessionExpires = 180 ; three minutes", Code.BAD_VALUE, "a line of its own"),
        ("SBCSessionExpires = 1e3", Code.BAD_VALUE, "90 to 86400 s"),
        ("SBCSessionExpires = ٣٠٠", Code.BAD_VALUE, "90 to 86400 s"),
        ("SBCSessionExpires = " + "9" * 5000, Code.BAD_VALUE, "90 to 86400 s"),
        ("SBCReferBehavior = 6", Code.BAD_VALUE, "3 (handle-locally)"),
        ("SBCServerAuthMode = 1", Code.BAD_VALUE, "not supported"),
        ("SBCURIComparisonExcludedParams = ''", Code.BAD_VALUE, "All, None, Port"),
        ("SBCURIComparisonExcludedParams = 'All,port'", Code.BAD_VALUE, "alone"),
        ("SBCXferPrefix = 'abc", Code.BAD_LINE, ""),
        ("SBCXferPrefix = a\x07b", Code.BAD_VALUE, "text in one line"),
        ("SBCXferPrefix = " + "a" * 2000, Code.BAD_VALUE, "1024 characters"),
        ("SBCMinSE 300", Code.BAD_LINE, "Name = value"),
        ("FORMAT Index = A;", Code.BAD_TABLE, ""),
        (r"[ \IPGroup ]", Code.BAD_TABLE, ""),
        ("[ IPGroup", Code.BAD_LINE, ""),
    ],
)
def test_a_line_that_cannot_be_is_refused_and_the_others_are_taken(line: str, code: Code, words: str) -> None:
    reading = read(f"SBCMaxForwardsLimit = 20\n{line}\nSBCAlertTimeout = 30\n")
    assert [(problem.severity, problem.origin.line, problem.code) for problem in reading.problems] == [(Severity.ERROR, 2, code)]
    assert words in reading.problems[0].hint
    assert [parameter.name for parameter in reading.settings.given()] == ["SBCAlertTimeout", "SBCMaxForwardsLimit"]
    assert len(str(reading.problems[0])) < 500


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("IPGroup 0 = 1, users", Code.BAD_LINE),
        ("IPGroup 0 = 1;", Code.BAD_LINE),
        ("IPGroup 0 = 1, users, more;", Code.BAD_LINE),
        ('IPGroup 0 = 1, "users;', Code.BAD_LINE),
        ("ProxySet 0 = 1, users;", Code.BAD_LINE),
        ("IPGroup x = 1, users;", Code.BAD_LINE),
        ("IPGroup 0 = 2, users;", Code.BAD_VALUE),
        ("IPGroup 1 = 0, users;", Code.DUPLICATE),
        ("IPGroup 3 = 0, pbx;", Code.DUPLICATE),
        ("SBCMinSE = 90", Code.BAD_LINE),
        ("IPGroup 999999 = 0, users;", Code.BAD_TABLE),
    ],
)
def test_a_row_that_cannot_be_is_refused_and_the_others_are_taken(row: str, code: Code) -> None:
    reading = read(f"[ IPGroup ]\nFORMAT Index = Type, Name;\nIPGroup 1 = 0, pbx;\n{row}\nIPGroup 2 = 1, more;\n[ \\IPGroup ]\n")
    assert [problem.code for problem in reading.errors] == [code] and reading.errors[0].origin.line == 4
    assert {"pbx", "more"} <= {group.name for group in reading.settings.ip_groups}


def test_what_a_row_leaves_out_has_its_default_or_the_global() -> None:
    text = "[ IpProfile ]\nFORMAT Index = ProfileName, SBCRemoteReferBehavior, SBCAssertIdentity;\nIpProfile 0 = a, $$, ;\n"
    reading = read(text + "[ \\IpProfile ]\nSBCReferBehavior = 3\nSBC3xxBehavior = 2\n")
    profile = reading.settings.ip_profiles[0]
    assert profile.number("SBCRemoteReferBehavior") == 3 and profile.number("SBCRemote3xxBehavior") == 2
    assert profile.number("SBCAssertIdentity") == 0 and profile.number("SBCRemoteUpdateSupport") == 2
    assert str(profile.origin_of("SBCRemoteReferBehavior")) == "device.ini:5"
    assert str(profile.origin_of("SBCRemote3xxBehavior")) == "device.ini:6"
    given = read("SBCReferBehavior = 3\n" + text.replace("$$", "1") + "[ \\IpProfile ]\n").settings.ip_profiles[0]
    assert given.number("SBCRemoteReferBehavior") == 1 and str(given.origin_of("SBCRemoteReferBehavior")) == "device.ini:4"


def test_minus_one_of_older_profiles_means_the_global_and_is_said() -> None:
    text = "SBCReferBehavior = 3\n[ IpProfile ]\nFORMAT IpProfile_Index = IpProfile_SBCRemoteReferBehavior;\nIpProfile 0 = -1;\n"
    reading = read(text + "[ \\IpProfile ]\n")
    assert said(reading) == [("warning", 4, "old-spelling")]
    assert reading.settings.ip_profiles[0].number("SBCRemoteReferBehavior") == 3


def test_unknown_names_are_said_with_the_nearest_and_columns_beside_them_keep_their_place() -> None:
    reading = read("SBCMinSEE = 90\nGatewayThing = 3\n[ IPGroupp ]\nFORMAT Index = Type;\nnonsense\n[ \\IPGroupp ]\n")
    assert said(reading) == [("warning", 1, "unknown-name"), ("note", 2, "unknown-name"), ("warning", 3, "unknown-table")]
    assert "SBCMinSE?" in reading.problems[0].hint and "IPGroup?" in reading.problems[2].hint
    reading = read("[ IPGroup ]\nFORMAT Index = Strange, Nmae, Type;\nIPGroup 0 = 1, x, 1;\n[ \\IPGroup ]\n")
    assert said(reading) == [("note", 2, "unknown-name")] * 2
    assert reading.settings.ip_groups[0].number("Type") == 1


@pytest.mark.parametrize("name", ["SIPSessionExpires", "MinSE", "SessionExpiresMethod", "SessionExpiresDisconnectTime", "MINSE"])
def test_settings_of_the_gateway_are_not_taken_for_those_of_the_sbc(name: str) -> None:
    reading = read(f"{name} = 300\n")
    assert said(reading) == [("warning", 1, "gateway-only")] and reading.settings.given() == ()


def test_a_setting_twice_is_an_error_only_where_the_values_differ() -> None:
    assert said(read("SBCMinSE = 90\nSBCMINSE = 90\n")) == [("warning", 2, "duplicate")]
    reading = read("SBCMinSE = 90\nSBCMINSE = 91\n")
    assert said(reading) == [("error", 2, "duplicate")] and reading.settings.number("SBCMinSE") == 90


def test_a_row_that_names_nobody_is_an_error_and_names_or_indexes_both_count() -> None:
    table = (
        "[ ProxySet ]\nFORMAT Index = ProxyName;\nProxySet 4 = far;\n[ \\ProxySet ]\n[ IPGroup ]\nFORMAT Index = ProxySetName;\n"
    )
    for name, codes in (("far", []), ("4", []), ("Any", []), ("near", ["bad-reference"]), ("0", ["bad-reference"])):
        reading = read(f"{table}IPGroup 0 = {name};\n[ \\IPGroup ]\n")
        assert [str(problem.code) for problem in reading.problems] == codes


def test_a_table_after_one_that_names_it_is_said() -> None:
    reading = read(
        "[ IPGroup ]\nFORMAT Index = ProfileName;\nIPGroup 0 = a;\n[ \\IPGroup ]\n"
        "[ IpProfile ]\nFORMAT Index = ProfileName;\nIpProfile 0 = a;\n[ \\IpProfile ]\n"
    )
    assert said(reading) == [("warning", 6, "table-order")]


def test_a_table_without_an_end_is_an_error() -> None:
    reading = read(
        "[ ProxySet ]\nFORMAT Index = ProxyName;\nProxySet 0 = b;\n[ IPGroup ]\nFORMAT Index = Name;\nIPGroup 0 = a;\n"
    )
    assert said(reading) == [("error", 1, "bad-table"), ("error", 4, "bad-table")]
    assert reading.settings.ip_groups and reading.settings.proxy_sets


OLD = {
    ("6.60", "AllowUnclassifiedCalls"): "",
    ("6.60", "SBCEnforceMediaOrder"): "",
    ("6.60", "TranscodingMode"): "TranscodingMode = 2",
    ("6.60", "SBCKeepContactUserinRegister"): "SBCKeepContactUserinRegister = 2",
    ("6.60", "SBC3xxBehavior"): "SBC3xxBehavior = 4",
    ("7.20", "SBCRandomizeExpires"): "SBCRandomizeExpires = 5",
    ("7.20", "SBCUserRegistrationGraceTime"): "SBCUserRegistrationGraceTime = 2000001",
    ("7.20", "SBCAlertTimeout"): "SBCAlertTimeout = 30",
}


@pytest.mark.parametrize(("release", "name"), OLD, ids=[name for _, name in OLD])
def test_what_was_otherwise_in_the_release_of_the_file_is_warned_about(release: str, name: str) -> None:
    line = OLD[(release, name)]
    problems = read(f";Software Version: {release}A.100\n{line}\n").problems
    assert any(problem.code is Code.RELEASE and problem.message.startswith(name) for problem in problems)
    assert not read(f";Software Version: 7.40A.100\n{line}\n").problems
    assert not read(f"{line}\n").problems


def test_the_default_of_an_old_release_matters_only_where_the_file_is_silent() -> None:
    problems = read(";Software Version: 6.60A.1\nAllowUnclassifiedCalls = 0\nSBCEnforceMediaOrder = 0\n").problems
    assert problems == ()


def test_contradictions_with_each_other_and_with_rfc_4028_are_said() -> None:
    assert said(read("SBCMinSE = 89\n")) == [("warning", 1, "conflict")]
    assert said(read("SBCMinSE = 90\n")) == []
    assert said(read("SBCSessionExpires = 300\nSBCMinSE = 300\n")) == []
    assert said(read("SBCSessionExpires = 300\nSBCMinSE = 301\n")) == [("warning", 2, "conflict")]


def test_what_changes_nothing_or_is_not_supported_is_said() -> None:
    assert said(read("BackupSubscriptions = 1\n")) == [("warning", 1, "not-modelled")]
    assert said(read("SipSessionExpiresObserverMode = 1\n")) == [("warning", 1, "not-modelled")]
    assert said(read("SipSessionExpiresObserverMode = 7\n")) == [("warning", 1, "not-modelled")], "who knows its values?"
    assert said(read("SBCGruuMode = 2\n")) == [("warning", 1, "not-modelled")]
    assert said(read("EnableCRPApplication = 1\n")) == [("warning", 1, "not-modelled")]


def test_passwords_of_the_device_are_said_to_be_useless_and_no_message_has_a_password() -> None:
    head = "[ Account ]\nFORMAT Index = Username, Password;\n"
    reading = read(head + 'Account 0 = a, "$1$tomato";\n[ \\Account ]\n')
    assert said(reading) == [("warning", 3, "obfuscated")]
    slipped = "[ IPGroup ]\nFORMAT Index = Password, Type;\nIPGroup 0 = 1, tomato;\n[ \\IPGroup ]\n"
    assert said(read(slipped)) == [("error", 3, "bad-value")] and "tomato" not in str(read(slipped).problems)
    for row in (
        'Account 0 = a, "tomato',
        "Account 0 = a, tomato",
        "Account 0 = a, b, tomato;",
        'Account 0 = a, to"mato;',
        "tomato",
    ):
        reading = read(head + row + "\n[ \\Account ]\n")
        assert reading.errors
        assert "tomato" not in "".join(map(str, reading.problems)) and "mato" not in "".join(map(str, reading.problems))


def test_a_hostile_file_is_bounded() -> None:
    reading = read("x y\n" * (MAX_PROBLEMS + 50))
    assert len(reading.problems) == MAX_PROBLEMS + 1
    reading = read("Thing = 1\n" * (MAX_PROBLEMS + 50) + "SBCMinSE = many\n")
    assert len(reading.problems) == MAX_PROBLEMS + 2 and [problem.code for problem in reading.errors] == [Code.BAD_VALUE]
    rows = "".join(f"IPGroup {number} = g{number};\n" for number in range(MAX_ROWS + 3))
    reading = read(f"[ IPGroup ]\nFORMAT Index = Name;\n{rows}[ \\IPGroup ]\n")
    assert len(reading.settings.ip_groups) == MAX_ROWS and len(reading.errors) == 3
    reading = read("\n" * (MAX_LINES + 5) + "SBCMinSE = 120\n")
    assert said(reading) == [("error", MAX_LINES + 1, "too-large")] and reading.settings.given() == ()
    assert [str(p.code) for p in read_settings(b" " * (9 * 2**20), "x.ini").problems] == ["too-large"]
    assert [str(p.code) for p in read("SBCMinSE = 90\n" + ";" * 40_000 + "\n").problems] == ["too-large"]
