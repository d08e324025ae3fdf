"""What gives a Yealink phone away comes from the catalogue, and low confidence is not enough."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from provisioner.catalogue import load_catalogue
from provisioner.errors import CatalogueError
from provisioner.runtime.dhcp.match import load_match

FACTS = Path(__file__).parent.parent.parent / "templates" / "yealink"


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FACTS, tmp_path / "yealink"))


def test_all_prefixes_of_high_and_medium_confidence_are_matched() -> None:
    rows = tomllib.loads((FACTS / "ouis.toml").read_text("utf-8"))
    match = load_match(load_catalogue(FACTS))
    assert set(match.prefixes) == {name.lower() for name, row in rows.items() if row["confidence"] != "low"}
    assert list(match.prefixes) == sorted(match.prefixes)


def test_a_prefix_of_low_confidence_is_left_out(facts: Path) -> None:
    file = facts / "ouis.toml"
    text = file.read_text("utf-8") + '\n["AA:BB:CC"]\nwhen = "never"\nsource = ["WAZO"]\nconfidence = "low"\n'
    file.write_text(text, "utf-8")
    assert "aa:bb:cc" not in load_match(load_catalogue(facts)).prefixes


def test_a_vendor_class_that_is_no_plain_word_is_refused(facts: Path) -> None:
    file = facts / "parameters" / "auto-provision.toml"
    text = file.read_text("utf-8")
    assert 'default = "yealink"' in text
    file.write_text(text.replace('default = "yealink"', 'default = "yea\\"link"'), "utf-8")
    with pytest.raises(CatalogueError, match="no default that can be matched"):
        load_match(load_catalogue(facts))


def test_the_vendor_class_is_the_default_of_the_phones_own_parameter(facts: Path) -> None:
    file = facts / "parameters" / "auto-provision.toml"
    file.write_text(file.read_text("utf-8").replace('default = "yealink"', 'default = "acme"'), "utf-8")
    assert load_match(load_catalogue(facts)).vendor_class == "acme"
