"""The HTML report: what leads where, the matrix of rules by phones, sessions, evidence, long words, colours, and paper."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from verify_builders import ACCOUNT, PASSWORD, Talk, expect

from sipstub.verify.expectation import Expectations
from sipstub.verify.finding import Finding
from sipstub.verify.report.document import PhoneReport, Report
from sipstub.verify.report.matrix import COLUMNS
from sipstub.verify.report.page import write_html
from sipstub.verify.report.sign import SIGNS
from sipstub.verify.report.style import STYLE
from sipstub.verify.run import MAX_EVIDENCE, MAX_EVIDENCE_LETTERS, Circumstances, Verified, verify
from sipstub.verify.stimulus import EVERY
from sipstub.verify.verdict import Verdict

ITEMS = (*ACCOUNT, ("password", PASSWORD), ("register-expiry.1", "600"), ("rport", "on"), ("display-name", "Lobby"))
LONG = "reception-" + "x" * 120


def lobby(name: str = "t46g-lobby") -> Expectations:
    phone = expect(*ITEMS)
    return Expectations(replace(phone.subject, name=name), phone.items)


def run(talk: Talk | None = None, *phones: Expectations) -> Verified:
    talk = talk or Talk().register(3600).wait(30)
    return verify(phones or (lobby(),), talk.messages, Circumstances(EVERY, until=talk.now), now=1_750_000_100.0)


def page_of(done: Verified) -> str:
    return write_html(done.report, done.drawings(), done.evidence())


def ids(page: str) -> list[str]:
    return re.findall(r'\bid="([^"]+)"', page)


class Tables(HTMLParser):
    """The cells of each table by its class: text and the target of the link in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, list[list[tuple[str, str]]]] = {}
        self._rows: list[list[tuple[str, str]]] = []
        self._is_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "table":
            self._rows = self.found.setdefault(known.get("class") or "", [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._is_cell = True
            self._rows[-1].append(("", ""))
        elif tag == "a" and self._is_cell:
            self._rows[-1][-1] = (self._rows[-1][-1][0], known.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._is_cell = False

    def handle_data(self, data: str) -> None:
        if self._is_cell:
            text, target = self._rows[-1][-1]
            self._rows[-1][-1] = (text + data, target)


def test_every_link_leads_to_a_place_that_is_there_once() -> None:
    page = page_of(run(None, lobby(), expect(*[(name, "102" if value == "101" else value) for name, value in ITEMS])))
    places = ids(page)
    assert len(places) == len(set(places))
    targets = re.findall(r'href="#([^"]+)"', page)
    assert len(targets) > 20
    assert set(targets) <= set(places)


def test_a_finding_leads_to_its_message_in_the_ladder() -> None:
    done = run()
    page = page_of(done)
    (failure,) = [finding for finding in done.report.phones[0].findings if finding.verdict is Verdict.FAIL]
    card = page[page.index('<article class="card fail"') :]
    assert f'<a href="#ladder0-m{failure.number}">REGISTER #{failure.number} ' in card[: card.index("</article>")]
    assert f'id="ladder0-m{failure.number}"' in page
    undrawn = write_html(done.report).partition('<article class="card fail"')[2].partition("</article>")[0]
    assert f"REGISTER #{failure.number} " in undrawn and "href" not in undrawn


def test_what_is_wrong_has_its_message_beside_it_masked_and_bounded() -> None:
    done = run()
    card = page_of(done).partition('<article class="card fail"')[2].partition("</article>")[0]
    text = html.unescape(card.partition("<pre>")[2].partition("</pre>")[0])
    assert text.startswith("REGISTER sip:")
    assert "Contact: <sip:101@10.1.0.77:5060;line=abc>;expires=3600" in text or "Expires: 3600" in text
    assert PASSWORD not in text
    sent = next(m for m in done.messages["t46g-lobby"] if b"response=" in m.data).data.decode()
    assert sent.partition('response="')[2][:32] not in page_of(done)


def test_no_written_message_shows_a_password_even_if_the_phone_does() -> None:
    talk = Talk(display=PASSWORD).register(3600, headers={"Proxy-Require": PASSWORD})
    done = run(talk)
    assert any(PASSWORD.encode() in message.masked().data for message in talk.messages)
    page = page_of(done)
    assert "Proxy-Require: " in page
    assert PASSWORD not in page
    unknown = replace(done, secrets={})
    assert unknown.evidence() == {}


def test_written_messages_are_bounded_in_number_and_length() -> None:
    talk = Talk().register().asked(times=99)
    talk.record(b"OPTIONS sip:a SIP/2.0\r\nSubject: " + b"x" * 60_000 + b"\r\n\r\n")
    done = run(talk)
    count = len(talk.messages)
    fails = tuple(Finding("r", Verdict.FAIL, "e", "p", "s", "x", number=number) for number in (count, *range(1, count)))
    flood = replace(done, report=replace(done.report, phones=(replace(done.report.phones[0], findings=fails),)))
    written = flood.evidence()["t46g-lobby"]
    assert len(written) == MAX_EVIDENCE
    assert max(map(len, written.values())) == MAX_EVIDENCE_LETTERS


def test_the_matrix_has_a_row_per_rule_worst_first_and_leads_to_the_findings() -> None:
    done = run()
    phone = done.report.phones[0]
    page = page_of(done)
    head, *rows = Tables(page).found["matrix"]
    assert [text for text, _ in head] == ["Rule", "t46g-lobby"]
    assert head[1][1] == "#phone0"
    assert rows[0][0][0] == "register-expiry"
    assert {row[0][0] for row in rows} == {finding.rule for finding in phone.findings}
    for (rule, _), (sign, target) in rows:
        worst = next(finding for finding in phone.worst_first() if finding.rule == rule)
        assert sign.startswith(SIGNS[worst.verdict]) and sign.endswith(str(worst.verdict))
        place = page[page.index(f'id="{target[1:]}"') :][:700]
        assert rule in place


def test_the_matrix_counts_several_of_one_rule_and_leaves_out_what_no_file_says() -> None:
    def phone(name: str, *findings: Finding) -> PhoneReport:
        return PhoneReport(name, "", "T46G", "", "", "heard", 1, findings)

    def fails(rule: str, account: int) -> Finding:
        return Finding(rule, Verdict.FAIL, "e", "p", "s", "x", account=account)

    report = Report(0.0, (phone("a", fails("rport", 1), fails("rport", 2)), phone("b", fails("dtmf", 1))))
    head, *rows = Tables(write_html(report)).found["matrix"]
    assert [text for text, _ in head[1:]] == ["a", "b"]
    assert [[text for text, _ in row] for row in rows] == [["dtmf", "", "✖ FAIL"], ["rport", "✖2 FAIL", ""]]


def test_many_phones_are_several_tables_with_the_same_rules() -> None:
    phones = [lobby(f"phone-{at:02}") for at in range(COLUMNS + 2)]
    page = write_html(run(Talk(), *phones).report)
    captions = re.findall(r"<caption>(Rules by phones[^<]*)</caption>", page)
    assert [caption.partition(":")[0] for caption in captions] == [
        f"Rules by phones 1 to {COLUMNS} of {COLUMNS + 2}",
        f"Rules by phones {COLUMNS + 1} to {COLUMNS + 2} of {COLUMNS + 2}",
    ]
    rows = Tables(page).found["matrix"]
    assert [len(row) for row in rows].count(3) == [len(row) for row in rows].count(COLUMNS + 1) == len(rows) // 2


def test_no_heading_is_skipped_and_what_scrolls_can_be_reached_by_keyboard() -> None:
    page = page_of(run())
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", page)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for kind in ("scroll", "drawing"):
        regions = re.findall(rf'<div class="{kind}"[^>]*>', page)
        assert regions
        assert all('tabindex="0"' in region and "aria-label=" in region and 'role="region"' in region for region in regions)


def test_each_verdict_is_a_word_and_a_sign_of_its_own() -> None:
    assert set(SIGNS) == set(Verdict)
    assert len(set(SIGNS.values())) == len(Verdict)


def test_a_call_with_a_session_timer_is_drawn_to_scale() -> None:
    talk = Talk().register(600)
    talk.invite(headers={"Supported": "timer", "Session-Expires": "90;refresher=uac"}, status=0)
    invite = talk.messages[-1].data.replace(b"\r\nCall-ID", b";tag=t1\r\nCall-ID")
    talk.answer(invite, 200, {"Session-Expires": "90;refresher=uac", "Require": "timer"})
    page = page_of(run(talk.wait(60)))
    assert '<svg class="session"' in page
    assert "Session of the call answered by #" in page
    assert '<svg class="session"' not in page_of(run())


def test_the_ladder_can_be_read_as_a_table_too() -> None:
    done = run()
    page = page_of(done)
    assert "<details><summary>The same as a table</summary>" in page
    head, *rows = Tables(page).found["flow"]
    assert [text for text, _ in head][:2] == ["#", "Time"]
    assert [row[0][0] for row in rows] == [str(message.number) for message in done.messages["t46g-lobby"]]


def test_long_words_may_be_broken_where_the_table_would_not() -> None:
    assert "overflow-wrap:anywhere" in STYLE
    page = write_html(run(None, lobby(LONG)).report)
    assert page.count(LONG) > 3
    assert "account.<wbr>1.<wbr>" in page or "param.<wbr>" in page


# -- colours

_BLOCK = re.compile(r":root\{([^}]*)\}")
TEXTS = ("ink", "soft", "link", "fail", "warn", "pass", "inconclusive", "skipped", "info")


def palettes() -> list[dict[str, str]]:
    found = [dict(re.findall(r"--(\w+):(#[0-9a-f]+)", block)) for block in _BLOCK.findall(STYLE)]
    return [palette for palette in found if palette]


def brightness(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(letter * 2 for letter in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_stands_out_on_light_and_on_dark(text: str) -> None:
    light, dark = palettes()
    for palette in (light, dark):
        for ground in ("paper", "panel"):
            one, two = sorted((brightness(palette[text]), brightness(palette[ground])), reverse=True)
            assert (one + 0.05) / (two + 0.05) >= 4.5, (text, ground)


def test_paper_is_a4_and_light_and_shows_nothing_that_needs_a_screen() -> None:
    assert "@page{size:A4" in STYLE
    assert "@media screen and (prefers-color-scheme:dark)" in STYLE
    printed = STYLE.partition("@media print{")[2]
    assert "break-before:page" in printed and "details:not([open]){display:none}" in printed
