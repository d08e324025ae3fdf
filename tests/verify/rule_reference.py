"""docs/reference/rules.md from the code; run as a script it writes the sections anew, what stands before them is kept."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import test_rules_call
import test_rules_register
import test_rules_session
from verify_builders import OBSERVABLES, ROOT, Talk, ask

from sipstub.verify.finding import Finding
from sipstub.verify.rule import Rule
from sipstub.verify.rules import RULES
from sipstub.verify.setting import SETTINGS
from sipstub.verify.stimulus import EVERY, Stimulus

PAGE = ROOT / "docs" / "reference" / "rules.md"
BEGIN = "<!-- from here on written by tests/verify/rule_reference.py -->"


def reference() -> str:
    """Return everything behind BEGIN."""
    parts = [f"{BEGIN}\n", "## The rules\n", *(section(rule) for rule in RULES.values()), "## The settings\n", settings()]
    return "\n".join(parts)


def section(rule: Rule) -> str:
    """Return the section of one rule."""
    disturbs = "; disturbs the phone's user" if rule.stimulus.is_disturbing else ""
    other = f", or `{rule.or_stimulus}`" if rule.or_stimulus is not None else ""
    what = " ".join((rule.check.__doc__ or "").split())
    lines = [
        f"### {rule.name}\n",
        f"{what}\n",
        f"- Settings: {', '.join(f'`{name}`' for name in rule.settings)}",
        f"- Yealink: {', '.join(f'`{name}`' for name in parameters(rule))}",
        f"- Stimulus: `{rule.stimulus}`{other}{disturbs}",
        f"- Source: {rule.source} ({rule.certainty})",
        f"- Row: {', '.join(map(str, rule.rows)) or 'none'}\n",
        *example(rule),
    ]
    return "\n".join(lines)


def parameters(rule: Rule) -> list[str]:
    """Return the vendor's parameters that the rule judges or reads."""
    return [item.parameter for name in rule.settings for item in OBSERVABLES.items if item.setting == name]


def example(rule: Rule) -> list[str]:
    """Return one finding that is not as told, as the text report shows it."""
    found = finding(rule.name)
    width = max(len(found.expected), len(found.seen))
    return [
        "```",
        f"{found.verdict} {found.rule}",
        f"  expected  {found.expected:<{width}}   {found.place}",
        f"  seen      {found.seen:<{width}}   {found.label} #{found.number}" if found.number else f"  seen      {found.seen}",
        "```\n",
    ]


def finding(name: str) -> Finding:
    """Return what the rule says of the first conversation of the tests that is not as told."""
    if name == "session-timer-register":
        return ask(name, Talk().register(headers={"Supported": "timer"}), ("session-timer", "on"))
    for case in test_rules_register.CASES:
        if case.rule == name:
            return ask(name, case.bad(), *case.items)
    rows: list[tuple[str, tuple[tuple[str, str], ...], Callable[[], Talk] | None]] = [
        (row[0], row[1], row[3]) for row in (*test_rules_call.CASES, *test_rules_session.CASES)
    ]
    rule, items, bad = next(row for row in rows if row[0] == name and row[2] is not None)
    assert bad is not None
    return ask(rule, bad(), *items, stimuli=EVERY | {Stimulus.SESSION})


def settings() -> str:
    """Return the table of settings."""
    rows = ["| setting | meaning | values |", "|---|---|---|"]
    for setting in SETTINGS.values():
        values = ", ".join(f"`{word}`" for word in setting.words) or (f"number ({setting.unit})" if setting.unit else "text")
        rows.append(f"| `{setting.name}` | {setting.summary} | {values} |")
    return "\n".join(rows) + "\n"


def stimuli() -> list[Stimulus]:
    return list(Stimulus)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    head = PAGE.read_text("utf-8").partition(BEGIN)[0]
    PAGE.write_text(head + reference(), "utf-8")
