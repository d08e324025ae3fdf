"""The HTML report in a real browser: at any width, light and dark, to scale, on paper, by keyboard, and without a network."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from browser_window import HEIGHT, Windows

pytestmark = pytest.mark.needs("chromium")

WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")
A4_POINTS = (595, 842)
A4_INNER_PX = 688
"A4 less its margins of 14 mm, at 96 dots per inch."
MOST_PAGES = 40
TABS = 15

CONTRASTS = """() => {
  const channel = (value) => value <= 0.03928 ? value / 12.92 : Math.pow((value + 0.055) / 1.055, 2.4);
  const light = (rgb) => 0.2126 * channel(rgb[0] / 255) + 0.7152 * channel(rgb[1] / 255) + 0.0722 * channel(rgb[2] / 255);
  const parse = (text) => { const found = text.match(/[0-9.]+/g).map(Number); return found.length < 4 ? [...found, 1] : found; };
  const over = (top, share, below) => below.slice(0, 3).map((one, at) => one * (1 - share) + top[at] * share);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = parse(getComputedStyle(at).backgroundColor);
      if (found[3] > 0) return found;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [0, 0, 0, 1] : [255, 255, 255, 1];
  };
  const poor = [];
  let count = 0;
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!own || box.width < 2 || box.height < 2 || ['title', 'desc', 'style'].includes(element.tagName.toLowerCase())) continue;
    count += 1;
    const style = getComputedStyle(element);
    let share = 1;
    for (let at = element; at; at = at.parentElement) share *= Number(getComputedStyle(at).opacity);
    const below = ground(element);
    const colour = parse(element instanceof SVGElement ? style.fill : style.color);
    const [one, other] = [light(over(colour, share * colour[3], below)), light(below)].sort((left, right) => right - left);
    const ratio = (one + 0.05) / (other + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${element.textContent.slice(0, 40)}`);
  }
  return [count, poor];
}"""
LABELS = """() => [...document.querySelectorAll('svg')].map((svg) => [...svg.querySelectorAll('text')].map((text) => {
  const box = text.getBoundingClientRect();
  return [box.left, box.top, box.right, box.bottom, text.textContent];
}))"""
TERMS = """() => [...document.querySelectorAll('svg.session')].map((svg) => {
  const middle = (mark) => { const box = mark.getBoundingClientRect(); return (box.left + box.right) / 2; };
  const marks = (row, name) => [...row.querySelectorAll('.' + name)].map(middle);
  const texts = [...svg.querySelectorAll('text')];
  const ticks = texts.filter((text) => text.getAttribute('text-anchor') === 'middle');
  return {
    ticks: ticks.map((text) => [Number(text.textContent), middle(text)]),
    rows: [...svg.querySelectorAll('g')].map((row) => ({
      after: Number(row.querySelectorAll('text')[1].textContent), title: row.querySelector('title').textContent,
      left: row.querySelector('rect').getBoundingClientRect().left,
      right: row.querySelector('rect').getBoundingClientRect().right,
      half: marks(row, 'half'), given_up: marks(row, 'given-up'), expiry: marks(row, 'expiry'), refresh: marks(row, 'refresh'),
      bye: marks(row, 'bye'),
    })),
  };
})"""
FOCUS = """() => {
  const element = document.activeElement, box = element.getBoundingClientRect(), style = getComputedStyle(element);
  return {name: element.tagName.toLowerCase(), text: element.textContent.trim().slice(0, 60), outline: style.outlineStyle,
    left: box.left, width: box.width, top: box.top, bottom: box.bottom, target: element.getAttribute('href')};
}"""


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_as_wide_as_its_window_and_every_text_can_be_read(windows: Windows, width: int, scheme: str) -> None:
    opened = windows.open(width, scheme)
    assert opened.run("document.documentElement.scrollWidth") <= width
    opened.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert opened.run("document.documentElement.scrollWidth") <= width, "with all that unfolds"
    count, poor = opened.run(CONTRASTS)
    assert count > 500 and poor == []
    ground = opened.run("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.parametrize("width", WIDTHS)
def test_labels_of_a_ladder_of_more_than_sixty_messages_do_not_overlap(windows: Windows, width: int) -> None:
    opened = windows.open(width)
    assert opened.run("document.querySelectorAll('#phone0 svg.ladder g[id]').length") > 60
    for labels in opened.run(LABELS):
        heights = [bottom - top for _, top, _, bottom, _ in labels]
        assert min(heights) >= 11, "letters of less than nine pixels"
        assert overlaps(labels) == []


def overlaps(labels: list[list[Any]]) -> list[tuple[str, str]]:
    """Return which texts lie on each other by more than the air around letters."""
    air = 2.0
    found = []
    ordered = sorted(labels, key=lambda label: label[1])
    for at, (left, _top, right, bottom, text) in enumerate(ordered):
        for other_left, other_top, other_right, _, other in ordered[at + 1 :]:
            if other_top >= bottom - air:
                break
            if min(right, other_right) - max(left, other_left) > air:
                found.append((text, other))
    return found


def test_the_axis_of_a_session_is_to_scale(windows: Windows) -> None:
    pictures = windows.open().run(TERMS)
    assert len(pictures) == 5
    for picture in pictures:
        (first, zero), (last, end) = picture["ticks"][0], picture["ticks"][-1]
        assert first == 0 and last > 0
        per_s = (end - zero) / last
        assert all(at == pytest.approx(zero + per_s * seconds, abs=1.0) for seconds, at in picture["ticks"])
        for row in picture["rows"]:
            assert row["left"] == pytest.approx(zero + per_s * row["after"], abs=1.0), "a term begins when it was agreed on"
            interval = int(re.findall(r": (\d+) s:", row["title"])[0])
            held = float(re.findall(r"after ([\d.]+) s", row["title"])[0])
            assert row["right"] == pytest.approx(row["left"] + per_s * held, abs=1.5)
            for mark, share in (("half", 1 / 2), ("given_up", 2 / 3), ("expiry", 1)):
                (at,) = row[mark]
                assert at == pytest.approx(row["left"] + per_s * interval * share, abs=1.0), mark
            ends = row["refresh"] if "renewed" in row["title"] else row["bye"]
            assert ends[-1] == pytest.approx(row["right"], abs=2.0), "what ended the term stands at its end"


def test_it_prints_on_a4_without_anything_cut(windows: Windows) -> None:
    opened = windows.open(A4_INNER_PX, media="print", anew=True)
    assert opened.run("document.documentElement.scrollWidth") <= A4_INNER_PX
    wide = opened.run(
        "[...document.querySelectorAll('table, svg, pre, h1, h2')].filter((one) => one.getBoundingClientRect().right > "
        f"{A4_INNER_PX} + 1).map((one) => one.outerHTML.slice(0, 80))"
    )
    assert wide == []
    taller = opened.run("[...document.querySelectorAll('svg')].filter((one) => one.getBoundingClientRect().height > 1017).length")
    assert taller == 0, "each drawing fits the height of a page"
    paper = opened.page.pdf(prefer_css_page_size=True)
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", paper))
    assert 4 <= pages <= MOST_PAGES
    boxes = {tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox\s*\[([^\]]*)\]", paper)}
    assert [tuple(round(side) for side in box[2:]) for box in boxes] == [A4_POINTS]


def test_it_asks_for_nothing_and_runs_no_script(windows: Windows) -> None:
    wide = windows.open(anew=True)
    assert wide.requests == [wide.page.url], "nothing but itself"
    assert wide.run("document.scripts.length") == 0
    assert wide.run("performance.getEntriesByType('resource').length") == 0


def test_everything_that_can_be_followed_or_unfolded_is_reached_by_the_keyboard(windows: Windows) -> None:
    opened = windows.open(anew=True)
    opened.page.keyboard.press("Tab")
    skip = opened.run(FOCUS)
    assert skip["text"] == "Skip to the phones" and skip["left"] >= 0 and skip["outline"] != "none"
    opened.page.keyboard.press("Enter")
    assert opened.page.url.endswith("#phones")
    reached = []
    for begin in (".skip", ".matrix tr:last-child td:last-child a"):  # the matrix has hundreds of links
        opened.page.locator(begin).focus()
        for _ in range(TABS):
            opened.page.keyboard.press("Tab")
            found = opened.run(FOCUS)
            assert found["outline"] != "none" and found["width"] > 0, found
            assert found["top"] < HEIGHT and found["bottom"] > 0, f"it comes into view: {found}"
            reached.append(found)
    assert {"a", "summary", "div"} <= {one["name"] for one in reached}
    assert all(one != other for one, other in pairwise(reached)), "nothing holds the focus"


def test_enter_unfolds_a_message_and_follows_a_finding_to_the_ladder(windows: Windows) -> None:
    opened = windows.open(anew=True)
    opened.page.locator(".card summary").first.focus()
    opened.page.keyboard.press("Enter")
    assert opened.run("document.querySelector('.card details').open")
    opened.page.locator(".card a").first.focus()
    opened.page.keyboard.press("Enter")
    target = opened.page.url.partition("#")[2]
    assert target.startswith("ladder0-m")
    box = opened.run(f"document.getElementById('{target}').getBoundingClientRect().toJSON()")
    assert 0 <= box["top"] < HEIGHT, "its arrow is in view"
