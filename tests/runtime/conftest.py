"""Fixtures over runtime_folder.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from runtime_folder import Folder, Running, Session


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def session(folder: Folder) -> Iterator[Session]:
    opened = Session(folder)
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
