"""Any TOML at all is read without an exception, and the scanner finds every key where it stands."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inventory_builders import facts

from provisioner.inventory.folder import InventoryText
from provisioner.inventory.load import InventoryLoader
from provisioner.inventory.origin import Rank
from provisioner.inventory.reading import FileText, read_file
from provisioner.inventory.toml_text import TomlError, read_toml
from provisioner.inventory.value import ValueProblem

CATALOGUE, VOCABULARY = facts()
WORDS = (
    "name",
    "mac",
    "model",
    "group",
    "site",
    "line",
    "key",
    "phone",
    "settings",
    "reset",
    "template",
    "number",
    "kind",
    "module",
)
NAMES = st.sampled_from([*WORDS, *VOCABULARY.phone, *VOCABULARY.line, *VOCABULARY.key, "password_file"]) | st.text(max_size=4)
SCALARS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["001565aabbcc", "T46G", "CP860", "blf", "tls", "%NULL%", "g", "line"])
    | st.dates()
    | st.datetimes()
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


def toml_key(name: str) -> str:
    return (
        '"' + "".join(f"\\U{ord(letter):08X}" if ord(letter) < 0xD800 or ord(letter) > 0xDFFF else "?" for letter in name) + '"'
    )


def toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return toml_key(value)
    if isinstance(value, float):
        return (
            repr(value)
            if value == value and abs(value) != float("inf")
            else {"inf": "inf", "-inf": "-inf"}.get(str(value), "nan")
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_key(name)} = {toml_value(item)}" for name, item in value.items()) + "}"
    return str(value) if isinstance(value, int) else value.isoformat()


def no_secret(name: str) -> str:
    raise ValueProblem("no-secret-file", f"there is no file {name[:80]}")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, TREES, max_size=8), st.sampled_from([Rank.PHONE, Rank.GROUP, Rank.SITE, Rank.DEFAULTS]))
def test_any_tree_gives_phones_layers_or_problems_and_never_an_exception(tree: dict[str, Any], rank: Rank) -> None:
    text = "".join(f"{toml_key(name)} = {toml_value(value)}\n" for name, value in tree.items())
    file = {Rank.PHONE: "a.toml", Rank.GROUP: "groups/g.toml", Rank.SITE: "sites/s.toml", Rank.DEFAULTS: "defaults.toml"}[rank]
    read = read_file(file, text.encode("utf-8", "replace"), rank, VOCABULARY, no_secret)
    assert isinstance(read, FileText)
    group = b"" if rank is Rank.PHONE else b'group = "g"\n'
    phone = read_file("p.toml", b'mac = "001565aabbdd"\nmodel = "T46G"\n' + group, Rank.PHONE, VOCABULARY, no_secret)
    inventory = InventoryLoader(CATALOGUE).load(InventoryText({file: read, "p.toml": phone}))
    for problem in inventory.problems:
        assert problem.code
        assert problem.line is None or problem.line >= 1
        assert len(problem.message) < 500
    if rank is Rank.PHONE:
        assert "001565aabbdd" in inventory.phones
        assert "001565aabbdd" not in inventory.blocked or "duplicate" in str(inventory.blocked)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_toml_or_a_problem_with_a_place(raw: bytes) -> None:
    try:
        document = read_toml(raw)
    except TomlError as error:
        assert error.message
        return
    assert document.data == tomllib.loads(raw.removeprefix(b"\xef\xbb\xbf").decode())


# -- positions: documents built with the places of their keys known

BARE = st.text("abcdefgh_-0123456789", min_size=1, max_size=6)
KEY = BARE.map(lambda name: (name, name)) | st.text("ab .=[]#'\\üé", min_size=1, max_size=6).map(
    lambda name: (name, '"' + name.replace("\\", "\\\\") + '"')
)
LITERAL = BARE.filter(lambda name: "'" not in name).map(lambda name: (name + " x", f"'{name} x'"))
VALUE = st.sampled_from(
    [
        "1",
        "true",
        "1.5",
        '"text # no comment"',
        "'[not a table]'",
        '"a = b"',
        '"""\nx = 1\n[y]\n"""',
        "'''\nx = 1\n''''",
        '"""a\\"""" + """',
        "[1, 2]",
        "[\n  1, # x = 1\n  2,\n]",
        "[\n\"a]\", 'b[',\n]",
        "{a = 1, b = {c = 2}}",
        '"\\\\"',
        '"""""two quotes"""',
        '"""\\\\"""',
        "1979-05-27T07:32:00Z",
        "[[1], [\n2]]",
    ]
).filter(lambda text: text != '"""a\\"""" + """')
BLANKS = st.sampled_from(["", " ", "\t", "  "])
NOISE = st.sampled_from(["", "\n", "# comment = 1\n", "   # [table]\n", "\n\n"])


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str | int, ...], tuple[int, int]]]:
    text, places = "", {}
    counts: dict[str, int] = {}
    for _ in range(draw(st.integers(0, 4))):
        text += draw(NOISE)
        path: tuple[str | int, ...] = ()
        used: set[str] = set()
        if draw(st.booleans()) or places:
            name, written = draw(KEY | LITERAL)
            header = draw(st.sampled_from(["[", "[["]))
            if header == "[" and (name in counts or any(place[0] == name for place in places)):
                header = "[["
            if header == "[[" and any(place[0] == name for place in places) and name not in counts:
                continue
            indent = draw(BLANKS)
            line = text.count("\n") + 1
            text += f"{indent}{header}{draw(BLANKS)}{written}{draw(BLANKS)}{']' * len(header)} # end\n"
            path = (name,)
            if header == "[[":
                counts[name] = counts.get(name, -1) + 1
                path = (name, counts[name])
            places[path] = (line, len(indent) + 1)
        for _ in range(draw(st.integers(0, 4))):
            text += draw(NOISE)
            parts = draw(st.lists(KEY | LITERAL, min_size=1, max_size=3))
            if parts[0][0] in used or (not path and any(place[0] == parts[0][0] for place in places)):
                continue
            used.add(parts[0][0])
            indent = draw(BLANKS)
            line = text.count("\n") + 1
            dot = draw(BLANKS) + "." + draw(BLANKS)
            text += indent + dot.join(written for _, written in parts) + draw(BLANKS) + "=" + draw(BLANKS) + draw(VALUE)
            text += draw(st.sampled_from(["\n", " # x = 1\n", "\r\n"]))
            at = path
            for name, _ in parts:
                at = (*at, name)
                places[at] = (line, len(indent) + 1)
    return text, places


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(documents())
def test_every_key_is_found_at_its_line_and_column(document: tuple[str, dict[tuple[str | int, ...], tuple[int, int]]]) -> None:
    text, places = document
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    read = read_toml(text.encode())
    assert {path: read.place(path) for path in places} == places


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("a = 1\n[[b]]\nc = 1\n[[b]]\n  c = 2\n", ("b", 1, "c"), (5, 3)),
        ("[[a]]\n[[a.b]]\nx = 1\n[[a.b]]\nx = 1\n[[a]]\n[[a.b]]\nx = 1\n", ("a", 1, "b", 0, "x"), (8, 1)),
        ("[[a]]\n[a.b]\nx = 1\n[[a]]\n[a.b]\nx = 1\n", ("a", 1, "b", "x"), (6, 1)),
        ("a = {x = 1}\n", ("a", "x"), (1, 1)),
        ("\ufeffa = 1\n", ("a",), (1, 1)),
        ('x = """\na = 1\n"""\na = 2\n', ("a",), (4, 1)),
        ("x = ['''\n]''',\n]\na = 2\n", ("a",), (4, 1)),
        ('x = """a\\"""\na = 9\n"""\na = 2\n', ("a",), (4, 1)),
        ('x = """a\\\\"""\na = 9\ny = """\n"""\n', ("a",), (2, 1)),
        ("a.b = 1\na.c = 2\n", ("a", "c"), (2, 1)),
        ("a = 1\r\nb = 2\r\n", ("b",), (2, 1)),
        ("", ("nobody",), (1, 1)),
    ],
)
def test_keys_of_awkward_documents_are_found(text: str, path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert read_toml(text.encode()).place(path) == place
