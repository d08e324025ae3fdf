"""docs/reference/benchmarks.md names the benchmarks that there are."""

from __future__ import annotations

import re
from pathlib import Path

from bench.__main__ import BENCHES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks.md"


def test_each_benchmark_has_a_row_of_its_own() -> None:
    rows = re.findall(r"(?m)^\| `([a-z_]+)` \|", PAGE.read_text("utf-8"))
    assert sorted(rows) == sorted(BENCHES)
