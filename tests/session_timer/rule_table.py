"""The table of docs/reference/session-timer-rules.md: its rows, and its last column as the tests make it.

`python tests/session_timer/rule_table.py` writes that column anew.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/session-timer-rules.md"
FOLDERS = (ROOT / "tests/session_timer", ROOT / "tests/phone_agent")
ID = re.compile(r"(?<=_)t_(\d{2,3})(?=_)")
NONE = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """One rule."""

    id: str
    section: str
    who: str
    level: str
    rule: str
    status: str
    tests: str

    def __str__(self) -> str:
        return f"| {self.id} | {self.section} | {self.who} | {self.level} | {self.rule} | {self.status} | {self.tests} |"


def rows() -> list[Row]:
    """Return the rows of the page."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| T-")]
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


def rule_tests() -> dict[str, list[str]]:
    """Return the tests that carry the number of a rule in their names, by rule."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for folder in FOLDERS for path in folder.glob("test_*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in ID.findall(node.name):
                    found.setdefault(f"T-{number}", []).append(node.name)
    return found


def column(names: list[str]) -> str:
    """Return the last cell of a row."""
    return "<br>".join(f"`{name}`" for name in names) or NONE


def write() -> None:
    """Write the last column of the page anew."""
    tests = rule_tests()
    lines = PAGE.read_text("utf-8").splitlines()
    for at, line in enumerate(lines):
        if line.startswith("| T-"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            lines[at] = str(Row(*cells[:6], column(tests.get(cells[0], []))))
    PAGE.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    write()
