"""Folder and servers are those of tests/runtime, Kamailio is that of tests/phone_agent, sessions are those of lab_fleet.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

for name in ("runtime", "phone_agent"):
    found = str(Path(__file__).parents[1] / name)
    if found not in sys.path:
        sys.path.append(found)

from folder_fixtures import folder, serve, session  # noqa: E402
from lab_fleet import LabSession  # noqa: E402

__all__ = ["folder", "kind_of_session", "serve", "session"]


@pytest.fixture
def kind_of_session() -> type[LabSession]:
    return LabSession
