"""docs/reference/csv.md names every column, alias and problem code, and promises no other bounds than the code has."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from provisioner.inventory.importers import columns, csv_text
from provisioner.inventory.importers.columns import ALIASES, HEAD, ColumnNames
from provisioner.inventory.vocabulary import load_vocabulary
from provisioner.runtime.bundled import bundled

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/reference/csv.md").read_text("utf-8")
VOCABULARY = load_vocabulary(bundled("templates") / "yealink")
CODE = re.compile(r"[a-z]+(?:-[a-z]+)+")
FOLDER = ROOT / "provisioner/inventory/importers"


def test_every_column_and_alias_is_in_the_reference() -> None:
    names = [*HEAD, *VOCABULARY.phone, *VOCABULARY.line, *VOCABULARY.key, *" ".join(ALIASES.values()).split()]
    assert [name for name in names if f"`{name}`" not in TEXT] == []


def test_every_alias_means_what_the_table_says() -> None:
    known = ColumnNames(VOCABULARY, lambda name: False)
    for name, others in ALIASES.items():
        for other in others.split():
            assert known.find(other) == known.find(name), other


def test_every_code_of_the_importer_is_in_the_reference() -> None:
    found = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                found.add(node.value)
    assert len(found) > 25
    of_check = {"unknown-model", "out-of-scope", "wrong-type"}
    assert sorted(code for code in found - of_check if f"`{code}`" not in TEXT) == []


def test_every_code_of_the_corpus_has_a_place_in_the_reference_or_is_one_of_check() -> None:
    seen = set()
    for path in (Path(__file__).parent / "corpus").glob("*.json"):
        seen |= {code for _, _, code in json.loads(path.read_text("utf-8"))["problems"]}
    of_check = {"bad-value", "too-many-lines", "too-many-keys", "unknown-group", "unknown-model", "out-of-scope", "no-extension"}
    of_check |= {
        "unknown-word",
        "wrong-type",
        "not-a-host",
        "unknown-parameter",
        "control-character",
        "blank-edges",
        "reset-word",
    }
    assert sorted(code for code in seen - of_check if f"`{code}`" not in TEXT) == []


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"{csv_text.MAX_FILE_BYTES // 1024**2} MiB, {csv_text.MAX_ROWS:,} rows, {csv_text.MAX_COLUMNS:,} columns" in TEXT
    assert f"{csv_text.MAX_CELL:,} characters" in TEXT
    assert columns.MAX_LINE >= 16
