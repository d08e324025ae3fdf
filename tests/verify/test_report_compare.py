"""Two reports compared: what got worse, what was fixed, what is new or gone, and files that are no report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from verify_builders import MAC

from provisioner.cli import main as provisioner_main
from sipstub.cli import main as sipstub_main
from sipstub.verify.compare import Comparison, Kind, Presence, compare
from sipstub.verify.finding import Finding
from sipstub.verify.report.comparison import comparison_json, write_comparison
from sipstub.verify.report.document import PhoneReport, Report, ReportProblem, read_report
from sipstub.verify.verdict import Verdict

Main = Callable[[list[str]], None]
V = Verdict


def finding(rule: str, verdict: Verdict = V.PASS, expected: str = "600", seen: str = "600", **more: Any) -> Finding:
    return Finding(rule, verdict, expected, "devices/defaults.toml:3", seen, f"account.1.{rule}", **more)


def phone(*findings: Finding, name: str = "lobby", mac: str = MAC, firmware: str = "28.80.0.60") -> PhoneReport:
    return PhoneReport(name, mac, "T46G", firmware, f"Yealink SIP-T46G {firmware}", "registered udp", 4, findings)


def report(*phones: PhoneReport, at: float = 1_750_000_000.0) -> Report:
    return Report(at, phones, "sipstub 1")


def between(old: Finding | None, new: Finding | None) -> Comparison:
    """Compare a phone that has this one finding beside one that stays."""
    steady = finding("rport", seen="rport")
    sides = [report(phone(steady, *([one] if one is not None else []))) for one in (old, new)]
    return compare(*sides)


def only(found: Comparison) -> tuple[Kind, bool, bool]:
    (change,) = found.phones[0].changes
    return change.kind, change.is_worse, change.is_lost


@pytest.mark.parametrize(
    ("old", "new", "kind", "is_worse", "is_lost"),
    [
        (V.PASS, V.FAIL, Kind.NEWLY_FAILING, True, False),
        (V.WARN, V.FAIL, Kind.NEWLY_FAILING, True, False),
        (V.INCONCLUSIVE, V.FAIL, Kind.NEWLY_FAILING, True, False),
        (V.FAIL, V.PASS, Kind.FIXED, False, False),
        (V.FAIL, V.INFO, Kind.FIXED, False, True),
        (V.FAIL, V.WARN, Kind.VERDICT, False, False),
        (V.FAIL, V.INCONCLUSIVE, Kind.VERDICT, False, True),
        (V.FAIL, V.SKIPPED, Kind.VERDICT, False, True),
        (V.PASS, V.WARN, Kind.VERDICT, True, False),
        (V.PASS, V.INCONCLUSIVE, Kind.VERDICT, False, True),
        (V.SKIPPED, V.PASS, Kind.VERDICT, False, False),
    ],
)
def test_a_verdict_that_changed_is_worse_only_if_it_weighs_more(
    old: Verdict, new: Verdict, kind: Kind, is_worse: bool, is_lost: bool
) -> None:
    found = between(finding("register-expiry", old), finding("register-expiry", new))
    assert only(found) == (kind, is_worse, is_lost)
    assert found.exit_code == int(is_worse)


def test_a_rule_is_new_or_gone_and_a_new_one_that_fails_is_worse() -> None:
    here = finding("register-expiry")
    assert only(between(None, here)) == (Kind.NEW_RULE, False, False)
    assert only(between(None, replace(here, verdict=V.WARN))) == (Kind.NEW_RULE, True, False)
    assert only(between(None, replace(here, verdict=V.FAIL))) == (Kind.NEWLY_FAILING, True, False)
    assert only(between(here, None)) == (Kind.GONE_RULE, False, True)
    assert only(between(replace(here, verdict=V.SKIPPED), None)) == (Kind.GONE_RULE, False, False)


def test_the_same_verdict_by_another_value_or_another_behaviour_is_a_change_that_is_not_worse() -> None:
    old = finding("register-expiry")
    assert only(between(old, replace(old, expected="900", seen="900"))) == (Kind.EXPECTED, False, False)
    assert only(between(old, replace(old, seen="580"))) == (Kind.SEEN, False, False)


def test_another_line_another_message_or_another_reason_for_seeing_nothing_is_no_change() -> None:
    old = finding("register-expiry")
    assert between(old, replace(old, place="devices/phones.toml:9", number=8, at=9.0)).phones[0].changes == ()
    silent = finding("keepalive", V.INCONCLUSIVE, seen="watched for 3 s only")
    assert between(silent, replace(silent, seen="watched for 4 s only")).phones[0].changes == ()


def test_accounts_and_indexes_of_one_rule_are_apart_and_so_are_doubles() -> None:
    one, two = (finding("busy-lamp", account=account, index="m1") for account in (1, 2))
    found = compare(report(phone(one, two, two)), report(phone(one, replace(two, verdict=V.FAIL), two)))
    (change,) = found.phones[0].changes
    assert (change.finding.account, found.phones[0].same) == (2, 2)


def test_a_phone_is_the_same_by_its_mac_and_else_by_its_name() -> None:
    renamed = compare(report(phone(finding("a"))), report(phone(finding("a"), name="front", mac=MAC.upper())))
    assert renamed.phones[0].presence is Presence.BOTH
    assert ("name", "lobby", "front") in renamed.phones[0].facts
    exchanged = compare(report(phone(finding("a"))), report(phone(finding("a"), mac="0015650000ff")))
    assert [change.presence for change in exchanged.phones] == [Presence.BOTH]
    swapped = compare(
        report(phone(name="x", mac="1"), phone(name="y", mac="2")), report(phone(name="y", mac="1"), phone(name="x", mac="2"))
    )
    assert [(change.old.name, change.new.name) for change in swapped.phones if change.old and change.new] == [
        ("x", "y"),
        ("y", "x"),
    ]


def test_a_phone_that_is_new_or_gone_is_said_and_has_nothing_to_be_worse_than() -> None:
    found = compare(report(phone(name="a", mac="")), report(phone(finding("r", V.FAIL), name="b", mac="")))
    assert [(change.phone.name, change.presence) for change in found.phones] == [("b", Presence.NEW), ("a", Presence.GONE)]
    assert found.exit_code == 0
    assert "b  28.80.0.60   new: only in the new report   FAIL 1" in write_comparison(found)
    assert "a  28.80.0.60   gone: only in the old report" in write_comparison(found)


def test_a_phone_that_was_judged_and_now_shows_nothing_is_worse() -> None:
    old, new = phone(finding("r")), phone(finding("r", V.INCONCLUSIVE))
    found = compare(report(old), report(new))
    assert (found.worse, found.exit_code) == (0, 1)
    assert "1 phone fell silent" in write_comparison(found).splitlines()[-1]
    assert compare(report(new), report(new)).exit_code == 0


def test_the_text_says_phone_rule_and_both_values() -> None:
    old = phone(finding("register-expiry"), finding("rport"))
    failing = finding("register-expiry", V.FAIL, seen="1200", likely="kept a value that it had before")
    found = compare(report(old), report(phone(failing, finding("rport"), firmware="28.80.0.95"), at=1_750_003_600.0))
    assert write_comparison(found).splitlines() == [
        "old  2025-06-15 15:06:40 UTC   sipstub 1",
        "new  2025-06-15 16:06:40 UTC   sipstub 1",
        "",
        "lobby  28.80.0.95   1 rule as before",
        "  firmware  28.80.0.60 -> 28.80.0.95",
        "  agent     Yealink SIP-T46G 28.80.0.60 -> Yealink SIP-T46G 28.80.0.95",
        "  newly failing",
        "    register-expiry   PASS -> FAIL   WORSE",
        "      expected  600",
        "      seen      600 -> 1200",
        "      likely    kept a value that it had before",
        "",
        "1 newly failing.   1 worse.   exit 1",
    ]


def test_json_has_each_change_with_both_sides_and_phones_that_did_not_change() -> None:
    found = compare(
        report(phone(finding("a", V.FAIL)), phone(finding("b"), name="desk", mac="1")),
        report(phone(finding("a")), phone(finding("b"), name="desk", mac="1")),
    )
    document = json.loads(comparison_json(found))
    assert document["format"] == "sipstub-comparison-1"
    assert document["summary"]["exit_code"] == 0
    assert document["summary"]["changes"]["fixed"] == 1
    assert [(row["name"], row["same"], len(row["changes"])) for row in document["phones"]] == [("lobby", 0, 1), ("desk", 1, 0)]
    change = document["phones"][0]["changes"][0]
    assert (change["rule"], change["old"]["verdict"], change["new"]["verdict"]) == ("a", "FAIL", "PASS")


def test_what_a_terminal_would_obey_is_not_passed_on() -> None:
    evil = finding("register-expiry", V.FAIL, seen="\x1b[2J" + "x" * 5_000)
    text = write_comparison(compare(report(phone()), report(phone(evil))))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 250


verdicts = st.sampled_from(Verdict)
findings = st.lists(
    st.builds(finding, st.sampled_from("abc"), verdicts, st.sampled_from(["1", "2"]), st.sampled_from(["1", "2"]))
)
phones = st.lists(st.builds(lambda found, name: phone(*found, name=name, mac=""), findings, st.sampled_from("xyz")), max_size=4)


@given(phones, phones)
def test_every_finding_of_both_reports_is_counted_once_and_nothing_differs_from_itself(
    old: list[PhoneReport], new: list[PhoneReport]
) -> None:
    found = compare(report(*old), report(*new))
    assert sum(change.old is not None for change in found.phones) == len(old)
    assert sum(change.new is not None for change in found.phones) == len(new)
    for change in found.phones:
        if change.new is not None and change.old is not None:
            gone = len(change.of(Kind.GONE_RULE))
            assert change.same + len(change.changes) == len(change.new.findings) + gone
    itself = compare(report(*new), report(*new))
    assert not any(change.is_changed for change in itself.phones)
    assert itself.exit_code == 0


# -- files and command lines


def command(main: Main, *args: object) -> tuple[int, str, str]:
    """Run a command line; return exit code, output and errors."""
    import contextlib
    import io

    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as ended:
        main([str(arg) for arg in args])
    return int(ended.value.code or 0), out.getvalue(), errors.getvalue()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two reports in a folder where there is no fleet and no server."""
    monkeypatch.chdir(tmp_path)
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(report(phone(finding("register-expiry"))).to_text())
    new.write_text(report(phone(finding("register-expiry", V.FAIL, seen="1200"))).to_text())
    return old, new


@pytest.mark.parametrize("main", [provisioner_main, sipstub_main])
def test_verify_compare_reads_two_files_and_needs_nothing_else(main: Main, files: tuple[Path, Path]) -> None:
    old, new = files
    code, text, _ = command(main, "verify", "--compare", old, new)
    assert (code, text.splitlines()[-1]) == (1, "1 newly failing.   1 worse.   exit 1")
    assert command(main, "verify", "--compare", new, old)[0] == 0
    assert command(main, "verify", "--compare", old, old)[1].splitlines()[-1] == "no change.   nothing worse.   exit 0"
    code, text, _ = command(main, "verify", "--compare", old, new, "--json", "-")
    assert (code, json.loads(text)["summary"]["worse"]) == (1, 1)
    command(main, "verify", "--compare", old, new, "--json", "out.json")
    assert json.loads(Path("out.json").read_text()) == json.loads(text)


@pytest.mark.parametrize("main", [provisioner_main, sipstub_main])
def test_verify_compare_takes_no_option_that_judges_phones(main: Main, files: tuple[Path, Path]) -> None:
    code, _, errors = command(main, "verify", "--compare", *files, "--html", "x.html", "--all")
    assert code == 2
    assert "leave --all, --html out" in errors


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"", "not a report: empty"),
        (b'{"format": "sipstub-rep', "broken JSON at line 1, column 12"),
        (b"<!doctype html>", "broken JSON at line 1, column 1"),
        (b"[]", "but a list"),
        (b'{"summary": 1, "tests": 2}', 'but the keys "summary", "tests"'),
        (b'{"format": "sipstub-comparison-1"}', '"format": "sipstub-comparison-1"'),
        (b'{"format": "sipstub-report-1", "made_at": "2025-01-01T00:00:00Z"}', "'phones' is missing"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"[" * 200_000, "not a report"),
    ],
)
def test_a_file_that_is_no_report_is_named_with_what_was_seen_and_what_to_do(
    files: tuple[Path, Path], content: bytes, seen: str
) -> None:
    old, new = files
    old.write_bytes(content)
    for main in (provisioner_main, sipstub_main):
        code, text, errors = command(main, "verify", "--compare", old, new)
        assert (code, text) == (1, "")
        assert "old.json" in errors and seen in errors and "verify --json FILE" in errors


def test_a_file_that_is_not_there_is_named(files: tuple[Path, Path]) -> None:
    code, _, errors = command(provisioner_main, "verify", "--compare", "nowhere.json", files[1])
    assert code == 1
    assert "nowhere.json: No such file or directory" in errors


BROKEN: list[tuple[str, Any]] = [
    ("name", 3),
    ("name", "\ud800"),
    ("mac", None),
    ("messages", "4"),
    ("messages", True),
    ("findings", 3),
    ("findings", [3]),
    ("findings", [{"rule": "r"}]),
]


@pytest.mark.parametrize(("name", "value"), BROKEN)
def test_a_phone_with_fields_of_another_kind_is_no_report(name: str, value: Any) -> None:
    document = report(phone(finding("r"))).as_json()
    document["phones"][0][name] = value
    with pytest.raises(ReportProblem):
        read_report(json.dumps(document))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verdict", "GOOD"),
        ("seen", ["x"]),
        ("account", "1"),
        ("number", 1.5),
        ("at", "noon"),
        ("at", float("nan")),
        ("index", None),
    ],
)
def test_a_finding_with_fields_of_another_kind_is_no_report(name: str, value: Any) -> None:
    document = report(phone(finding("r"))).as_json()
    document["phones"][0]["findings"][0][name] = value
    with pytest.raises(ReportProblem):
        read_report(json.dumps(document))


def test_the_commands_say_that_they_compare() -> None:
    from sipstub.cli import cli

    assert "--compare" in CliRunner().invoke(cli, ["verify", "--help"]).output
