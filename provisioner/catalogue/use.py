"""Which template writes a parameter, and which file under devices/ names it, found in their text.

Limits: a template is not run.  An expression in a name stands for any index; a name begun by `{% set a = "account." ~ n %}`
is followed through that word in all templates.  Values are not returned, so no secret is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from provisioner.catalogue.catalogue import shape_of, shapes
from provisioner.catalogue.parameter import Parameter

MAX_USES = 200
MAX_FILES = 50_000
MAX_FILE_BYTES = 1_000_000
"Larger files are passed over."

MAX_VARIANTS = 16
"Meanings of one word in a template that are followed."

_SET = re.compile(r"\{%-?\s*set\s+(\w+)\s*=\s*([^%]*?)\s*-?%\}")
_EXPRESSION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_WORD = re.compile(r"\w+")
_STATEMENT = re.compile(r"\{%.*?%\}|\{#.*?#\}")
_LITERAL = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_QUOTED = re.compile(r"\"([A-Za-z][\w.]{2,200})\"|'([A-Za-z][\w.]{2,200})'")


@dataclass(frozen=True, slots=True)
class Use:
    """One line that sets a parameter."""

    kind: str
    "`template` or `device`."

    file: str
    line: int
    name: str
    "The name as written there: `{{ a }}.label`, `account.2.label`."

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def uses_of(parameter: Parameter, templates: Path, devices: Path | None) -> list[Use]:
    """Return the lines that set `parameter`, templates first, at most MAX_USES; folders that are not there have none."""
    wanted = frozenset(shapes(parameter))
    found: list[Use] = []
    for use in _all(wanted, templates, devices):
        found.append(use)
        if len(found) == MAX_USES:
            break
    return found


def _all(wanted: frozenset[str], templates: Path, devices: Path | None) -> Iterator[Use]:
    texts = list(_texts(templates, "*.cfg*"))
    meanings = _meanings(text for _, text in texts)
    for file, text in texts:
        for number, line in enumerate(text.splitlines(), 1):
            left, equals, _ = _STATEMENT.sub("", line).partition(" = " if " = " in line else "=")
            if equals and any(shape in wanted for shape in _shapes(left.strip(), meanings)):
                yield Use("template", str(file), number, left.strip())
    for file, text in _texts(devices, "*.toml") if devices is not None else ():
        for number, line in enumerate(text.splitlines(), 1):
            if line.lstrip().startswith("#"):
                continue
            for quoted in _QUOTED.finditer(line):
                name = quoted[1] or quoted[2]
                if shape_of(name) in wanted:
                    yield Use("device", str(file), number, name)


def _texts(folder: Path, pattern: str) -> Iterator[tuple[Path, str]]:
    for count, file in enumerate(sorted(folder.rglob(pattern))):
        if count == MAX_FILES:
            return
        try:
            if file.is_file() and file.stat().st_size <= MAX_FILE_BYTES:
                yield file, file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue


def _meanings(texts: Iterable[str]) -> Mapping[str, set[str]]:
    """Return what words set in templates stand for, with `#` for what is not a literal: a -> account.#"""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for text in texts:
        for word, expression in _SET.findall(text):
            parts = [part.strip() for part in expression.split("~")]
            literals = [_LITERAL.fullmatch(part) for part in parts]
            if literals[0] is not None and len(found[word]) < MAX_VARIANTS:
                found[word].add("".join("#" if match is None else match[1] or match[2] or "" for match in literals))
    return found


def _shapes(left: str, meanings: Mapping[str, set[str]]) -> list[str]:
    """Return what the left side of a template's line may be, as shapes."""
    variants = [left]
    for expression in _EXPRESSION.finditer(left):
        word = expression[1]
        stands_for = meanings.get(word) if _WORD.fullmatch(word) else None
        variants = [variant.replace(expression[0], text, 1) for variant in variants for text in sorted(stands_for or {"#"})]
        del variants[MAX_VARIANTS:]
    return [shape_of(variant) for variant in variants]
