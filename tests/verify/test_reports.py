"""Every form of a report says the same, shows no secret, and is what its readers take."""

from __future__ import annotations

import csv
import html.parser
import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from verify_builders import ACCOUNT, MAC, PASSWORD, STUB, Talk, expect

from sipstub.verify.expectation import Expectations
from sipstub.verify.finding import MAX_TEXT, Finding
from sipstub.verify.report.document import PhoneReport, ReportProblem, read_report
from sipstub.verify.report.junit import write_junit
from sipstub.verify.report.page import write_html
from sipstub.verify.report.plain import write_text
from sipstub.verify.report.table import COLUMNS, write_csv
from sipstub.verify.run import Circumstances, Verified, verify
from sipstub.verify.stimulus import EVERY
from sipstub.verify.verdict import Verdict

ITEMS = (*ACCOUNT, ("password", PASSWORD), ("register-expiry.1", "600"), ("rport", "on"), ("display-name", "Lobby"))


def lobby() -> Expectations:
    return expect(*ITEMS)


def run(talk: Talk | None = None, *phones: Expectations) -> Verified:
    talk = talk or Talk().register(3600).wait(30)
    return verify(phones or (lobby(),), talk.messages, Circumstances(EVERY, until=talk.now), now=1_750_000_100.0)


def test_a_failure_is_three_lines_with_origin_message_and_likely_cause() -> None:
    lines = write_text(run().report).splitlines()
    assert lines[0].startswith("t46g-lobby   28.80.0.60   registered udp   ")
    at = next(number for number, line in enumerate(lines) if line.startswith("FAIL"))
    assert lines[at : at + 4] == [
        "FAIL t46g-lobby  register-expiry",
        "  expected  600    devices/groups/reception.toml:6",
        "  seen      3600   REGISTER #3 15:06:40.020   (first in #1)",
        "  likely    the phone kept a value that it had before, or was changed by hand",
    ]
    assert lines[-1].endswith("exit 1")


def test_the_worst_comes_first_and_passes_are_only_counted() -> None:
    text = write_text(run(Talk(rport=False).register(3600)).report)
    assert text.index("FAIL t46g-lobby") < text.index("PASS.")
    assert "PASS t46g-lobby" not in text
    assert "PASS t46g-lobby" in write_text(run().report, shown=tuple(Verdict))


def test_exit_codes_tell_failed_from_silent_from_done() -> None:
    assert run().report.exit_code == 1
    assert run(Talk().register(600)).report.exit_code == 0
    silent = run(Talk(user="555", agent="Else", phone="10.9.9.9").register())
    assert silent.report.exit_code == 4
    assert silent.report.phones[0].state == "silent"
    assert "1 phone INCONCLUSIVE" in write_text(silent.report)


def test_a_phone_that_was_never_let_in_is_no_success() -> None:
    talk = Talk()
    challenge = {"WWW-Authenticate": 'Digest realm="stub", nonce="n", qop="auth"'}
    talk.answer(talk.request("REGISTER", headers={"Expires": "600"}), 401, challenge)
    report = run(talk).report
    assert report.phones[0].state == "not registered" and report.counts[Verdict.FAIL] == 0 and report.counts[Verdict.PASS]
    assert report.exit_code == 4
    (finding,) = [one for one in report.phones[0].findings if one.rule == "answers-challenge"]
    assert (finding.verdict, finding.seen) == (Verdict.INCONCLUSIVE, "401, and nothing of the phone after it")


def test_json_is_the_source_of_the_others() -> None:
    report = run().report
    again = read_report(report.to_text())
    assert again == report
    for write in (write_text, write_junit, write_html, write_csv):
        assert write(again) == write(report)
    found = json.loads(report.to_text())
    assert found["summary"]["FAIL"] == 1
    assert found["phones"][0]["verdict"] == "FAIL"
    assert {"rule", "verdict", "expected", "place", "seen", "number", "likely", "source"} <= set(
        found["phones"][0]["findings"][0]
    )


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "sipstub-report-1"}', '{"format": "sipstub-report-1", "phones": 3}']
)
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ReportProblem):
        read_report(text)


def test_junit_has_a_suite_per_phone_and_a_case_per_rule() -> None:
    done = run()
    root = ElementTree.fromstring(write_junit(done.report, done.texts()))
    suite = root.find("testsuite")
    assert suite is not None
    phone = done.report.phones[0]
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("t46g-lobby", str(len(phone.findings)), "1")
    properties = {entry.get("name"): entry.get("value") for entry in suite.iter("property")}
    assert (properties["mac"], properties["model"], properties["firmware"]) == (MAC, "T46G", "28.80.0.60")
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "expected 600 (devices/groups/reception.toml:6), seen 3600"
    assert "REGISTER #3" in (failure.text or "")
    assert "REGISTER ----" in (suite.findtext("system-out") or "")
    names = [case.get("name") for case in suite.iter("testcase")]
    assert len(names) == len(set(names))


def test_junit_skips_what_could_not_be_told() -> None:
    done = run(Talk(user="555", agent="Else", phone="10.9.9.9").register())
    root = ElementTree.fromstring(write_junit(done.report))
    assert not list(root.iter("failure"))
    assert len(list(root.iter("skipped"))) == len(done.report.phones[0].findings)


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in ("meta", "br", "wbr", "link", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read_page(text: str) -> Page:
    page = Page()
    page.feed(text)
    assert page.open == []
    return page


def test_the_page_is_one_file_without_script_or_anything_from_elsewhere() -> None:
    done = run()
    text = write_html(done.report, done.drawings())
    page = read_page(text)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert [value for _, name, value in page.attributes if name in ("src", "href") and not (value or "").startswith("#")] == []
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "svg" in page.tags
    assert "@page" in text and "prefers-color-scheme:dark" in text


def test_the_pages_tables_can_be_heard() -> None:
    page = read_page(write_html(run().report))
    assert page.tags.count("table") == page.tags.count("caption") == 3
    scopes = [value for tag, name, value in page.attributes if tag == "th" and name == "scope"]
    assert len(scopes) == page.tags.count("th")
    assert set(scopes) == {"col", "row"}
    assert ("html", "lang", "en") in page.attributes
    levels = [tag for tag in page.tags if tag in ("h1", "h2", "h3")]
    assert levels[:5] == ["h1", "h2", "h2", "h2", "h3"]


def test_an_evil_name_is_text_and_an_evil_drawing_is_left_out() -> None:
    talk = Talk(display='<script>alert(1)</script>"')
    talk.display = "<script>alert(1)</script>"
    text = write_html(run(talk.register()).report)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    for drawing in (
        "<svg><script>1</script></svg>",
        '<svg onload="x()"></svg>',
        '<svg><image href="http://e/"/></svg>',
        '<svg><a href="x">y</a></svg>',
        "no drawing",
    ):
        page = write_html(run().report, {"t46g-lobby": drawing})
        assert drawing not in page
        assert "was left out" in page


def test_no_report_shows_a_password_even_if_the_phone_does() -> None:
    talk = Talk(display=PASSWORD).register(3600, headers={"Proxy-Require": PASSWORD})
    phone = expect(*ITEMS, ("proxy-require", "x"))
    done = run(talk, phone)
    assert any(PASSWORD in message.data.decode() for message in talk.messages)
    texts = [write_text(done.report, shown=tuple(Verdict)), done.report.to_text(), write_csv(done.report)]
    texts += [write_junit(done.report), write_html(done.report)]
    for text in texts:
        assert PASSWORD not in text
    for finding in done.report.phones[0].findings:
        assert "response=" not in repr(finding)
    assert PASSWORD not in repr(phone)
    assert PASSWORD not in json.dumps(phone.as_json())
    assert PASSWORD in json.dumps(phone.as_json(reveal=True))


def test_no_ladder_shows_a_digest() -> None:
    done = run(Talk().register(3600))
    digest = [
        line for m in Talk().register().messages for line in m.data.decode().splitlines() if line.startswith("Authorization")
    ]
    response = digest[0].partition('response="')[2][:32]
    for text in [*done.texts().values(), *done.drawings().values()]:
        assert response not in text


def test_csv_has_a_row_per_finding_and_no_formula() -> None:
    report = run(Talk(display="=1+1").register()).report
    rows = list(csv.reader(io.StringIO(write_csv(report))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 1 + len(report.phones[0].findings)
    cells = [cell for row in rows[1:] for cell in row]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_long_and_unprintable_texts_of_a_phone_are_cut() -> None:
    finding = Finding("r", Verdict.FAIL, "e", "p", "x\x1b[31m" + "y" * 5000, "param")
    shown = finding.masked(()).seen
    assert len(shown) == MAX_TEXT
    assert shown.isprintable()


def test_only_a_phone_with_several_accounts_has_them_named() -> None:
    phone = run().report.phones[0]
    assert phone.title(phone.findings[0]) == "account-enabled"
    second = replace(phone.findings[1], account=2)
    several = PhoneReport(**{**{n: getattr(phone, n) for n in phone.__slots__}, "findings": (*phone.findings, second)})
    assert several.title(second) == "user-name account 2"
    assert several.title(replace(second, rule="busy-lamp", index="m1")) == "busy-lamp account 2 [m1]"


def test_a_phone_says_its_firmware_if_nobody_else_does() -> None:
    phone = lobby()
    unknown = Expectations(replace(phone.subject, firmware=""), phone.items)
    assert run(Talk().register(), unknown).report.phones[0].firmware == "28.80.0.60"
    assert STUB
