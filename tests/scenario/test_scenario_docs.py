"""The howto lists every scenario as it is; run as a script this writes the table."""

from __future__ import annotations

from pathlib import Path

from sipstub.scenario.all import SCENARIOS
from sipstub.scenario.scenario import PhoneTimer, Scenario

PAGE = Path(__file__).parent.parent.parent / "docs" / "howto" / "verify-session-timers.md"
BEGIN = "<!-- table: held by tests/scenario/test_scenario_docs.py -->\n"
KINDS = {
    "on, uac": PhoneTimer(True, 1800, "uac"),
    "on, uas": PhoneTimer(True, 1800, "uas"),
    "off": PhoneTimer(False, 1800, "uac"),
}


def table() -> str:
    rows = [f"| {_name(one)} | {one.what} | {_when(one)} | {one.longest_s:.0f} s |" for one in SCENARIOS.values()]
    return "\n".join(["| scenario | what the stub does | timer of the file | at most about |", "|---|---|---|---|", *rows]) + "\n"


def _name(scenario: Scenario) -> str:
    return f"`{scenario.name}`{' ✋' if scenario.wants_person else ''}"


def _when(scenario: Scenario) -> str:
    fits = [name for name, kind in KINDS.items() if scenario.wants(kind)]
    if len(fits) == len(KINDS):
        return "any"
    return "on" if fits == ["on, uac", "on, uas"] else ", ".join(fits)


def test_the_howto_lists_every_scenario() -> None:
    text = PAGE.read_text("utf-8").partition(BEGIN)[2]
    assert text.startswith(table()), "run python tests/scenario/test_scenario_docs.py"


def test_the_sample_in_the_howto_is_the_one_that_is_played() -> None:
    sample = PAGE.read_text("utf-8").partition("```python\n")[2].partition("```")[0]
    source = (Path(__file__).parent.parent.parent / "sipstub" / "scenario" / "failing.py").read_text("utf-8")
    assert sample in source


if __name__ == "__main__":
    head, begin, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition("\n\n")
    PAGE.write_text(head + begin + table() + "\n" + after, "utf-8")
