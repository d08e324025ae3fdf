"""The lines of a rendering: what a template wrote, laid under the settings that people gave by parameter name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from provisioner.errors import Problem
from provisioner.inventory.layer import RESET as RESET
from provisioner.inventory.layer import Setting
from provisioner.inventory.origin import Origin, Rank
from provisioner.rendering import mark
from provisioner.rendering.errors import TemplateProblem
from provisioner.rendering.value import Standing

VERSION_LINE = "#!version:1.0.0.1"
USER_PASSWORD = "security.user_password"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.<>-]*", re.ASCII)
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class CfgLine:
    """One assignment of a file."""

    name: str
    "The parameter: `account.1.label`."

    value: str
    "Its text; `%NULL%` puts the parameter back."

    origin: Origin
    "The place that gave the value: a person's file, or the template itself."

    template: Origin | None
    "The line of the template that wrote it; None for settings by parameter name."

    is_secret: bool
    "True if the value came from a secret."

    heading: str = ""
    "The comment above its part of the template; written once, before the first line of the part."

    standing: Standing = Standing.GIVEN
    "How it stands against a setting by parameter name."

    @property
    def identity(self) -> str:
        """What a phone keeps apart: the name, and for user passwords also the user."""
        return f"{self.name}:{self.value.partition(':')[0]}" if self.name == USER_PASSWORD else self.name


def read_lines(
    text: str, template_names: list[str], origins: list[Origin], secrets: set[int], standings: Mapping[int, Standing]
) -> dict[str, CfgLine]:
    """Return the assignments of a rendered text by identity, in their order; raise TemplateProblem for any other text."""
    found: dict[str, CfgLine] = {}
    heading = ""
    for marked in text.split("\n"):
        if not marked or mark.DROP in marked:
            continue
        line, numbers, place = mark.strip(marked)
        line = line.strip(" \t\r")
        if not line:
            continue
        file, number = (template_names[place[0]], place[1]) if place is not None else ("", 0)
        if not mark.BROKEN.isdisjoint(line):
            raise TemplateProblem(
                file,
                number,
                "broken-text",
                "the template takes text apart that it built itself",
                "build it from settings instead of from macros and set blocks",
            )
        if line.startswith("#"):
            if any(at in secrets for at in numbers):
                raise TemplateProblem(file, number, "secret-in-comment", "a comment holds a secret", "remove it")
            if line != VERSION_LINE:
                heading = line
            continue
        name, equals, value = (part.strip(" \t") for part in line.partition("="))
        if not equals or not _NAME.fullmatch(name):
            shown = line.partition("=")[0][:60].strip()
            raise TemplateProblem(
                file,
                number,
                "not-an-assignment",
                f'the template writes "{shown}", which is not `name = value`',
                "correct the line",
            )
        template = Origin(file, number, f"template {file}", Rank.TEMPLATE)
        given = [origins[at] for at in numbers]
        origin = given[0] if len(given) == 1 else max(given, key=lambda origin: origin.rank, default=template)
        is_secret = not secrets.isdisjoint(numbers)
        standing = max(standings.get(at, Standing.GIVEN) for at in numbers) if standings and numbers else Standing.GIVEN
        entry = CfgLine(name, value, origin, template, is_secret, heading, standing)
        before = found.get(entry.identity)
        if before is not None and before.value != value:
            first = before.template.line if before.template else 0
            raise TemplateProblem(
                file, number, "written-twice", f"{name} is written twice with two values, first at line {first}", "keep one"
            )
        found.setdefault(entry.identity, entry)
    return found


def overlay(
    lines: dict[str, CfgLine], settings: Mapping[str, Setting], phone: str | None
) -> tuple[dict[str, CfgLine], list[Problem]]:
    """Return the lines with `settings` laid over them by rank; two different values at one rank are a problem."""
    problems: list[Problem] = []
    merged = dict(lines)
    extra: dict[str, CfgLine] = {}
    for name, setting in settings.items():
        value = str(setting.value)
        identity = CfgLine(name, value, setting.origin, None, False).identity
        below = merged.get(identity)
        if below is None:
            extra[identity] = CfgLine(name, value, setting.origin, None, False)
        elif _wins(setting, below):
            merged[identity] = CfgLine(name, value, setting.origin, below.template, False, below.heading)
        elif setting.origin.rank == below.origin.rank and value != below.value:
            problems.append(
                Problem(
                    setting.origin.file,
                    setting.origin.line,
                    "two-values",
                    f"{name} is also given at {below.origin}, with another value and the same rank",
                    "keep one",
                    key=f"settings.{name}",
                    phone=phone,
                )
            )
    for identity in sorted(extra, key=natural):
        merged[identity] = extra[identity]
    return merged, problems


def _wins(setting: Setting, line: CfgLine) -> bool:
    if line.standing is Standing.FALLBACK:
        return True
    return setting.origin.rank > line.origin.rank or (line.standing > Standing.GIVEN and setting.origin.rank == line.origin.rank)


def natural(name: str) -> list[tuple[int, int | str]]:
    """Return a sort key that puts account.2 before account.10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in _DIGITS.split(name) if part]


def encode(lines: Iterable[CfgLine], settings_heading: str = "# settings by parameter name") -> tuple[bytes, list[Origin | None]]:
    """Return the file's bytes, and for each of its lines the origin (None for comments): same lines, same bytes."""
    text = [VERSION_LINE]
    origins: list[Origin | None] = [None]
    last = ""
    for line in lines:
        heading = line.heading or (settings_heading if line.template is None else "")
        if heading and heading != last:
            text += ["", heading]
            origins += [None, None]
            last = heading
        text.append(f"{line.name} = {line.value}")
        origins.append(line.origin)
    return ("\n".join(text) + "\n").encode("utf-8"), origins
