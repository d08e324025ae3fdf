"""Each contradiction, made in a copy of the facts, is found and names file, line and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.catalogue import load_catalogue
from provisioner.errors import CatalogueError


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text()
    assert old in text, f"{old!r} is not in {file}"
    path.write_text(text.replace(old, new, 1))


def append(folder: Path, file: str, text: str) -> None:
    with (folder / file).open("a") as stream:
        stream.write("\n" + text)


COLLIDING = """["account.X.codec.Z.enable"]
type = "bool"
scope = "index"
indexes = { X = "account", Z = "line-key" }
source = ["R"]
"""

CASES: list[tuple[str, Callable[[Path], None], tuple[str, ...]]] = [
    (
        "prefix",
        lambda f: spoil(f, "models.toml", "prefix = 28\n", "prefix = 29\n"),
        ("models.toml:", "T46G", "common_name", "29"),
    ),
    (
        "common number in scope",
        lambda f: spoil(f, "models.toml", "prefix = 28\n", "prefix = 29\ncommon_number = 28\n"),
        ("T46G", "y000000000028.cfg does not carry the firmware prefix 29"),
    ),
    (
        "two prefixes, one file",
        lambda f: spoil(
            f,
            "models.toml",
            'common_number = 4\ncommon_name = "y000000000004.cfg"',
            'common_number = 5\ncommon_name = "y000000000005.cfg"',
        ),
        ("T22P", "another firmware prefix"),
    ),
    ("common name", lambda f: spoil(f, "models.toml", "y000000000028.cfg", "y28.cfg"), ("T46G", "common_name")),
    (
        "sample of another model",
        lambda f: spoil(
            f, "models.toml", "Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc", "Yealink SIP-T48G 28.80.0.60 00:15:65:aa:bb:cc"
        ),
        ("T46G", "http_agent_sample", "is read as T48G"),
    ),
    (
        "sample of another prefix",
        lambda f: spoil(f, "models.toml", 'sip_agent_sample = "Yealink SIP-T46G 28.', 'sip_agent_sample = "Yealink SIP-T46G 35.'),
        ("T46G", "sip_agent_sample", "does not begin with 28"),
    ),
    (
        "sample without a MAC",
        lambda f: spoil(f, "models.toml", "SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc", "SIP-T46G 28.80.0.60"),
        ("T46G", "http_agent_sample", "no MAC"),
    ),
    (
        "agent sample",
        lambda f: spoil(f, "agents.toml", 'model = "CP860"', 'model = "T46G"'),
        ("agents.toml:", "is read as CP860, the sample says T46G"),
    ),
    ("agent form", lambda f: spoil(f, "agents.toml", "[Yy]ealink {1,2}", "[Yy]ealink ("), ("agents.toml:", "phone", "form")),
    ("agent form without groups", lambda f: spoil(f, "agents.toml", "?P<firmware>", "?P<version>"), ("phone", "firmware")),
    (
        "same agent name",
        lambda f: spoil(f, "models.toml", 'user_agent_name = "SIP-T48G"', 'user_agent_name = "SIP-T46G"'),
        ("means T48G already",),
    ),
    (
        "example firmware",
        lambda f: spoil(f, "models.toml", 'example_firmware = "28.', 'example_firmware = "29.'),
        ("example_firmware", "T46G"),
    ),
    (
        "scope without reason",
        lambda f: spoil(f, "models.toml", 'scope = "rendered"', 'scope = "recognised"'),
        ("T48G", "scope_reason"),
    ),
    ("scope word", lambda f: spoil(f, "models.toml", 'scope = "rendered"', 'scope = "maybe"'), ("T48G", "scope", "maybe")),
    (
        "accounts as text",
        lambda f: spoil(f, "models.toml", "accounts = 16", 'accounts = "16"'),
        ("T48G", "accounts", "whole number"),
    ),
    ("misspelled field", lambda f: spoil(f, "models.toml", "line_keys = 29", "lin_keys = 29"), ("T48G", "lin_keys")),
    ("key ranges", lambda f: spoil(f, "models.toml", "[[1, 10], [12, 14]]", "[[10, 1]]"), ("T48G", "programmable_keys")),
    (
        "source of a model",
        lambda f: spoil(f, "models.toml", '"XMLOBJ p.65"', '"NOBODY p.65"'),
        ("T48G", "'NOBODY' is not in sources.toml"),
    ),
    ("source of a parameter", lambda f: spoil(f, "parameters/codec.toml", '"G81 p.838/900"', '"G99"'), ("codec.toml:", "'G99'")),
    ("source of a prefix", lambda f: spoil(f, "ouis.toml", '"ISSABEL"', '"ELSE"'), ("ouis.toml:", "'ELSE'")),
    (
        "no source",
        lambda f: spoil(f, "parameters/codec.toml", 'source = ["G81 p.838/900", "FPBX"]', "source = []"),
        ("names its source",),
    ),
    (
        "unknown model",
        lambda f: spoil(f, "parameters/session-timer.toml", '"@v80-guide"', '"T99X"'),
        ("session-timer.toml", "there is no model 'T99X'"),
    ),
    (
        "unknown set",
        lambda f: spoil(f, "parameters/session-timer.toml", '"@v80-guide"', '"@v99"'),
        ("session-timer.toml", "@v99"),
    ),
    ("unknown model in a set", lambda f: spoil(f, "sets.toml", '"T19P", "T20P"', '"T19X", "T20P"'), ("sets.toml:", "T19X")),
    (
        "unknown field in a set",
        lambda f: spoil(f, "sets.toml", 'have = "line_keys"', 'have = "line_key"'),
        ("sets.toml:", "line_key"),
    ),
    (
        "duplicate name in one file",
        lambda f: append(f, "parameters/codec.toml", '["account.X.ptime"]\ntype = "int"\n'),
        ("codec.toml", "line"),
    ),
    (
        "duplicate name in two files",
        lambda f: append(f, "parameters/hold.toml", '["account.X.ptime"]\ntype = "int"\n'),
        ("hold.toml:", "account.X.ptime", "codec.toml already"),
    ),
    (
        "two patterns for one name",
        lambda f: append(
            f,
            "parameters/codec.toml",
            COLLIDING,
        ),
        ("codec.toml:", "cannot be told from account.X.codec.Y.enable"),
    ),
    (
        "default out of range",
        lambda f: spoil(f, "parameters/session-timer.toml", 'default = "1800"', 'default = "9"'),
        ("default", "'9' is outside"),
    ),
    (
        "default of no value",
        lambda f: spoil(f, "parameters/session-timer.toml", 'default = "0"', 'default = "yes"'),
        ("session_timer.enable", "default"),
    ),
    ("type", lambda f: spoil(f, "parameters/session-timer.toml", 'type = "bool"', 'type = "boolean"'), ("type", "boolean")),
    (
        "enum without values",
        lambda f: spoil(f, "parameters/session-timer.toml", 'values = { 0 = "UAC", 1 = "UAS" }', ""),
        ("values",),
    ),
    ("range upside down", lambda f: spoil(f, "parameters/session-timer.toml", "[[30, 7200]]", "[[7200, 30]]"), ("range_from",)),
    ("generation", lambda f: spoil(f, "parameters/session-timer.toml", "v81 =", "new ="), ("range_from", "v80")),
    (
        "form",
        lambda f: spoil(f, "parameters/auto-provision.toml", 'pattern = "aes-key"', 'pattern = "aes"'),
        ("pattern", "'aes'"),
    ),
    ("expression", lambda f: spoil(f, "patterns.toml", "form = '''\\S+\\.dob'''", "form = '''('''"), ("patterns.toml:", "form")),
    (
        "placeholders",
        lambda f: spoil(f, "parameters/session-timer.toml", 'scope = "account"', 'scope = "server"'),
        ("scope", "placeholders"),
    ),
    ("caution", lambda f: spoil(f, "parameters/session-timer.toml", "min = 30, max = 89", "low = 30, max = 89"), ("caution",)),
    (
        "borrowed values",
        lambda f: spoil(f, "parameters/dsskey.toml", 'values_as = "linekey.Z.type"', 'values_as = "linekey.Z.kind"'),
        ("values_as",),
    ),
    (
        "overlapping generations",
        lambda f: spoil(f, "generations.toml", "minor_versions = [81, 89]", "minor_versions = [80, 89]"),
        ("generations.toml:", "80 belongs to v80 already"),
    ),
    ("vendor prefix", lambda f: spoil(f, "ouis.toml", '["00:15:65"]', '["001565"]'), ("ouis.toml", "001565")),
    ("broken TOML", lambda f: spoil(f, "parameters/hold.toml", 'area = "hold"', 'area = "hold'), ("hold.toml", "line")),
    ("no TOML at all", lambda f: (f / "sets.toml").write_bytes(b"\xff\xfe\x00") and None, ("sets.toml", "UTF-8")),
    ("missing file", lambda f: (f / "sources.toml").unlink(), ("sources.toml", "No such file")),
    ("no area", lambda f: spoil(f, "parameters/hold.toml", 'area = "hold"\n', ""), ("hold.toml", "area")),
    (
        "stray value",
        lambda f: spoil(f, "parameters/hold.toml", 'area = "hold"\n', 'area = "hold"\nkind = 1\n'),
        ("hold.toml", "kind"),
    ),
]


def test_an_unspoiled_copy_loads(copy: Path) -> None:
    assert len(load_catalogue(copy).parameters) == 785


@pytest.mark.parametrize(("make", "words"), [pytest.param(make, words, id=name) for name, make, words in CASES])
def test_a_contradiction_is_found_and_located(copy: Path, make: Callable[[Path], None], words: tuple[str, ...]) -> None:
    make(copy)
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(copy)
    for word in words:
        assert word in caught.value.message


def test_several_contradictions_are_told_at_once(copy: Path) -> None:
    spoil(copy, "models.toml", 'example_firmware = "28.', 'example_firmware = "29.')
    spoil(copy, "agents.toml", 'model = "CP860"', 'model = "T46G"')
    spoil(copy, "parameters/codec.toml", '"G81 p.838/900"', '"G99"')
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(copy)
    assert len(caught.value.message.splitlines()) == 3


def test_the_line_of_a_wrong_key_is_the_line_it_stands_in(copy: Path) -> None:
    spoil(copy, "models.toml", 'example_firmware = "28.', 'example_firmware = "29.')
    lines = (copy / "models.toml").read_text().splitlines()
    wanted = next(at for at, line in enumerate(lines, 1) if line.startswith('example_firmware = "29.80'))
    with pytest.raises(CatalogueError, match=rf"models\.toml:{wanted} "):
        load_catalogue(copy)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such folder"):
        load_catalogue(tmp_path / "nowhere")


def test_a_model_is_added_by_data_alone(copy: Path) -> None:
    append(
        copy,
        "models.toml",
        """[T99G]
user_agent_name = "SIP-T99G"
series = "T9"
scope = "rendered"
prefix = 99
common_name = "y000000000099.cfg"
accounts = 4
http_agent_sample = "Yealink SIP-T99G 99.80.0.1 00:15:65:aa:bb:cc"
sip_agent_sample = "Yealink SIP-T99G 99.80.0.1"
example_firmware = "99.80.0.1"
source = ["R"]
confidence = "low"
""",
    )
    catalogue = load_catalogue(copy)
    assert catalogue.models["T99G"].is_in_scope
    assert catalogue.agents.read("Yealink SIP-T99G 99.80.0.1 00:15:65:aa:bb:cc").model == "T99G"
    assert "T99G" in catalogue.parameters["account.X.sip_trust_ctrl"].models  # the set of all models grows by itself


def test_a_parameter_is_added_by_data_alone(copy: Path) -> None:
    append(
        copy,
        "parameters/hold.toml",
        """["account.X.hold_song"]
type = "int"
range = [[1, 3]]
scope = "account"
models = ["@all"]
reboot = "no"
file = "mac"
source = ["R"]
confidence = "medium"
origin = "curated"
""",
    )
    catalogue = load_catalogue(copy)
    parameter = catalogue.parameter("account.2.hold_song")
    assert parameter is not None
    assert parameter.check("4") == "'4' is outside 1..3"
