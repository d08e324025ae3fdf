"""Tests of faults use what other folders of tests have, and the generator that `make fuzz` uses too."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

for folder in (TESTS.parent, *(TESTS / name for name in ("net", "runtime", "phone_agent"))):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
