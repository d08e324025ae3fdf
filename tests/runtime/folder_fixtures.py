"""Fixtures over runtime_folder.py: a fleet of a test's own, a loader of it, servers; tests/lab takes them too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runtime_folder import Folder, Running, Session


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def kind_of_session() -> Callable[[Folder], Any]:
    """What `session` opens."""
    return Session


@pytest.fixture
def session(folder: Folder, kind_of_session: Callable[[Folder], Any]) -> Iterator[Any]:
    opened = kind_of_session(folder)
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
