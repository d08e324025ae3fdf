"""Our own form: every line for itself, names are ours and so unknown ones are errors, and all of it is TOML."""

from __future__ import annotations

import pytest

from sipstub.sbc.settings.draft import Reading
from sipstub.sbc.settings.reading import read_settings


def read(text: str) -> Reading:
    return read_settings(text.encode(), "sbc.toml")


def said(reading: Reading) -> list[tuple[str, int, str]]:
    return [(str(problem.severity), problem.origin.line, str(problem.code)) for problem in reading.problems]


def test_a_file_is_read_with_words_comments_and_free_indexes() -> None:
    reading = read(
        """# ours
release = "7.4"
[settings]   # globals
SBCMinSE = 90 # the least
sbcreferbehavior = "handle-locally"

[[IpProfile]]
ProfileName = 'phones'
SBCSessionExpiresMode = "supported"
[[IpProfile]]
ProfileName = "pbx"
index = 5
[[IpProfile]]
"""
    )
    assert said(reading) == [] and reading.release == (7, 4)
    assert reading.settings.number("SBCReferBehavior") == 3
    assert [(row.index, row.name) for row in reading.settings.ip_profiles] == [(0, "phones"), (1, ""), (5, "pbx")]
    assert str(reading.settings.ip_profiles[0].origin_of("SBCSessionExpiresMode")) == "sbc.toml:9"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("SBCMinSEE = 90", "unknown-name"),
        ("Whatever = 90", "unknown-name"),
        ("SBCMinSE = 90.5", "bad-value"),
        ("SBCMinSE = true", "bad-value"),
        ("SBCMinSE = [90]", "bad-value"),
        ("SBCMinSE = {a = 1}", "bad-value"),
        ("SBCMinSE = 2000000", "bad-value"),
        ('SBCMinSE = "many"', "bad-value"),
        ("SBCXferPrefix = 98", "bad-value"),
        ("SBCMinSE = 9" + "0" * 5000, "bad-line"),
        ("SBCMinSE = " + "[" * 5000, "bad-line"),
        ("SBCMinSE = ninety", "bad-line"),
        ('SBCXferPrefix = """', "bad-line"),
        ("SBCMinSE 90", "bad-line"),
        ("settings.SBCMinSE = 90", "bad-line"),
        ("SBCAlertTimeout = 31", "duplicate"),
        ("[settings]", "duplicate"),
    ],
)
def test_a_line_that_cannot_be_is_an_error_and_the_others_are_taken(line: str, code: str) -> None:
    reading = read(f"[settings]\nSBCAlertTimeout = 30\n{line}\nSBCMaxForwardsLimit = 20\n")
    assert said(reading) == [("error", 3, code)]
    assert [parameter.name for parameter in reading.settings.given()] == ["SBCAlertTimeout", "SBCMaxForwardsLimit"]


def test_tables_and_rows_that_cannot_be_are_errors() -> None:
    assert said(read("[IPGroup]\nName = 'a'\n")) == [("error", 1, "bad-line")]
    assert said(read("[[IPGroups]]\nName = 'a'\n")) == [("error", 1, "unknown-table")]
    assert said(read("[[IPGroup]]\nNam = 'a'\n")) == [("error", 2, "unknown-name")]
    assert said(read("[[IPGroup]]\nName = 'a'\nName = 'b'\n")) == [("error", 3, "duplicate")]
    assert said(read("[[IPGroup]]\nindex = 1\n[[IPGroup]]\nindex = 1\n")) == [("error", 3, "duplicate")]
    assert said(read("[[IPGroup]]\nindex = 'a'\n")) == [("error", 2, "bad-value")]
    assert said(read("[[IPGroup]]\nindex = -1\n")) == [("error", 1, "bad-table")]
    assert said(read("SBCMinSE = 90\n")) == [("error", 1, "bad-line")]
    assert said(read("release = 'new'\n")) == [("error", 1, "bad-value")]


def test_a_form_is_told_by_suffix_or_first_line() -> None:
    for text in ("[settings]\nSBCMinSE = 90\n", "configure voip\nsbc settings\nmin-session-expires 90\n", "SBCMinSE = 90\n"):
        assert read_settings(text.encode(), "settings.txt").settings.number("SBCMinSE") == 90
    assert read_settings(b"; a comment\n[SBC Params]\nSBCMinSE = 90\n", "settings").settings.number("SBCMinSE") == 90
