"""The facts of the project, loaded once, and a copy of them that a test may spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from provisioner.catalogue import Catalogue, load_catalogue

FACTS = Path(__file__).parents[2] / "templates" / "yealink"


@pytest.fixture(scope="session")
def facts() -> Path:
    return FACTS


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(FACTS)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "yealink"
    (folder / "parameters").mkdir(parents=True)
    for file in FACTS.rglob("*.toml"):
        if file.name != "vocabulary.toml":
            shutil.copyfile(file, folder / file.relative_to(FACTS))
    return folder
