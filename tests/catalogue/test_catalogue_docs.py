"""The reference names every field that a fact may have, and the how-tos name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

from provisioner.catalogue.load_model import FIELDS as MODEL_FIELDS
from provisioner.catalogue.load_parameter import COUNTED
from provisioner.catalogue.load_parameter import FIELDS as PARAMETER_FIELDS
from provisioner.catalogue.permitted import TYPES

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "catalogue.md").read_text()


def test_every_field_is_in_the_reference() -> None:
    missing = [word for word in sorted(MODEL_FIELDS | PARAMETER_FIELDS | set(TYPES) | set(COUNTED)) if f"{word}" not in REFERENCE]
    assert missing == []


def test_every_fact_file_is_in_the_reference() -> None:
    files = {file.name for file in (ROOT / "templates" / "yealink").glob("*.toml")} - {"vocabulary.toml"}
    assert [name for name in sorted(files) if f"`{name}`" not in REFERENCE] == []


def test_files_named_in_the_howtos_exist() -> None:
    for page in ("add-a-model.md", "add-a-parameter.md", "add-a-vendor.md"):
        text = (ROOT / "docs" / "howto" / page).read_text()
        for name in re.findall(r"`((?:templates|tests)/[\w./-]+)`", text):
            assert (ROOT / name).exists(), name
        for link in re.findall(r"\]\(([^)#]+)", text):
            assert (ROOT / "docs" / "howto" / link).exists(), link
