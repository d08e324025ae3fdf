"""The reference pages say what the code does: every problem, reason, setting, filter and limit has its place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from rendering_builders import TEMPLATES, Bench, facts

from provisioner.delivery.reason import HINTS, Reason
from provisioner.rendering import environment, filters, render, rewrite

ROOT = TEMPLATES.parent.parent
REFERENCE = ROOT / "docs" / "reference"
OTHERS = {"edit.py", "change_set.py", "spot.py", "toml_writer.py", "redact.py", "diff.py"}
"Modules whose problems are told elsewhere."
NOT_CODES = {"utf-8"}
ONE_WORD = {"caution", "misplaced", "unreadable"}
BUILT = {"unknown-group", "unknown-site", "duplicate-group", "duplicate-site", "too-many-lines", "too-many-keys"}
"Codes that the source puts together."


def headings(page: str, level: str) -> list[str]:
    return re.findall(rf"^{level} (\S.*)$", (REFERENCE / page).read_text("utf-8"), re.MULTILINE)


def codes_in_source() -> set[str]:
    found: set[str] = set()
    for package in ("inventory", "rendering"):
        for file in (ROOT / "provisioner" / package).glob("*.py"):
            if file.name in OTHERS:
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                value = node.value if isinstance(node, ast.Constant) else None
                if isinstance(value, str) and (re.fullmatch(r"[a-z]+(-[a-z]+)+", value) or value in ONE_WORD):
                    found.add(value)
    return (found | BUILT) - NOT_CODES


def test_every_problem_has_a_heading_and_every_heading_is_a_problem() -> None:
    assert set(headings("problems.md", "###")) == codes_in_source()


def test_every_reason_has_a_heading_in_the_order_of_the_checks_with_its_hint() -> None:
    assert headings("reasons.md", "##") == [str(reason) for reason in Reason]
    text = (REFERENCE / "reasons.md").read_text("utf-8")
    assert all(hint in text for hint in HINTS.values())
    assert set(HINTS) == set(Reason)


def test_every_setting_of_devices_is_described_as_the_vocabulary_has_it() -> None:
    text = (REFERENCE / "devices.md").read_text("utf-8")
    for scope in ("phone", "line", "key"):
        part = text.split(f"## Settings of {'the phone' if scope == 'phone' else 'a ' + scope}\n")[1].split("\n## ")[0]
        rows = {row[0]: row for row in re.findall(r"^\| `([^`]+)` \| ([^|]+) \| `([^`]+)` \| (.+) \|$", part, re.MULTILINE)}
        fields = facts()[1].of(scope)
        assert list(rows) == list(fields)
        for name, field in fields.items():
            assert rows[name][1].split(":")[0] == str(field.type)
            assert rows[name][2:] == (field.parameter, field.summary)
    for word in facts()[1].key["type"].words:
        assert f"`{word}`" in text


def test_every_parameter_of_the_vocabulary_exists() -> None:
    catalogue, vocabulary = facts()
    for scope in ("phone", "line", "key"):
        for field in vocabulary.of(scope).values():
            assert catalogue.find_parameter(field.parameter) is not None, field


def test_every_filter_and_method_is_named_and_every_limit_is_the_one_in_the_code() -> None:
    text = (REFERENCE / "templates.md").read_text("utf-8")
    named = re.split(r",\s+", text.split("## Filters\n\n")[1].split("\n\n")[0])
    assert sorted(named) == sorted(environment.CfgEnvironment(TEMPLATES).filters)
    methods = text.split("Methods of text: ")[1].split(".")[0].split(", ")
    assert set(methods) == environment._TEXT_METHODS
    limits = re.findall(r"^\| [^|]+ \| ([\d,^]+)", text.split("## Limits")[1], re.MULTILINE)
    assert [limit.replace(",", "") for limit in limits] == [
        str(environment.MAX_TEMPLATE_BYTES),
        str(environment.MAX_TURNS),
        str(environment.MAX_CHARACTERS),
        str(filters.MAX_TEXT),
        str(environment.MAX_ITEMS),
        str(environment.MAX_RANGE),
        "2^53",
        str(environment.MAX_POWER),
        str(rewrite.MAX_DEPTH),
        str(render.MAX_FILE_BYTES),
    ]


def test_every_block_of_the_base_is_named() -> None:
    base = (TEMPLATES / "v80" / "base.cfg").read_text("utf-8")
    text = (REFERENCE / "templates.md").read_text("utf-8")
    for block in re.findall(r"{% block (\w+) %}", base):
        assert f"`{block}`" in text


def test_the_example_phone_of_the_page_is_a_phone_without_problems(tmp_path: Path) -> None:
    text = (REFERENCE / "devices.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
    bench = Bench(tmp_path).write({"lobby.toml": text, "groups/reception.toml": "", "secrets/101": "geheim\n"})
    assert not bench.inventory().problems
    assert not bench.render().problems
    example = (REFERENCE / "templates.md").read_text("utf-8").split("```jinja\n")[1].split("```")[0]
    bench.template("mine", example).write({"groups/reception.toml": 'template = "mine"\n'})
    assert b"# our own\naccount.1.auto_answer = 0\n" in bench.render().body
