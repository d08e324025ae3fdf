"""Fixtures over lab_fleet.py; the folder and the servers are those of tests/runtime, Kamailio is that of tests/phone_agent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

for name in ("runtime", "phone_agent"):
    found = str(Path(__file__).parents[1] / name)
    if found not in sys.path:
        sys.path.append(found)

from lab_fleet import LabSession  # noqa: E402
from runtime_folder import Folder, Running  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def session(folder: Folder) -> Iterator[LabSession]:
    opened = LabSession(folder)
    yield opened
    opened.close()


@pytest.fixture
def serve(folder: Folder) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*options: str) -> Running:
        started.append(Running(folder, *options))
        return started[-1]

    yield start
    for server in started:
        server.kill()
