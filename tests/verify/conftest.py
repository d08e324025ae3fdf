"""`pytest tests/verify --update-matrix` writes the table of mutants and rules; read the diff before you commit it."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-matrix", action="store_true", help="write the table of mutants and rules")


@pytest.fixture(scope="session")
def updates_matrix(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-matrix", default=False))
