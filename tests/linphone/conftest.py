"""A server as users start it, and linphone beside it, which knows nothing but one address."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

RUNTIME = str(Path(__file__).parents[1] / "runtime")
if RUNTIME not in sys.path:
    sys.path.append(RUNTIME)

from linphone_lab import Lab  # noqa: E402


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Callable[[], Lab]]:
    made: list[Lab] = []

    def make() -> Lab:
        made.append(Lab(tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.close()
