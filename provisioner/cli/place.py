"""Places in a person's files, as the person would type them here: `devices/phones/lobby.toml:9:14`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from provisioner.catalogue.load import MODELS
from provisioner.cli.session import templates_folder
from provisioner.errors import Problem
from provisioner.inventory.lab import PLACE
from provisioner.inventory.origin import Origin, Rank
from provisioner.settings import Settings

TEMPLATES = "templates/"
VENDOR = "yealink"


class Places:
    """The folders that places are relative to."""

    def __init__(self, settings: Settings) -> None:
        self._devices = settings.path("devices")
        templates = templates_folder(settings)
        self._templates = templates / VENDOR if (templates / VENDOR).is_dir() else templates
        self._labs = settings.path("state") / "lab"

    def file(self, file: str) -> str:
        """Return the path of a problem's file: those of templates begin with `templates/` and end as templates do."""
        if file == "templates":
            return _typed(self._templates)
        if file.startswith(TEMPLATES) and not file.endswith(".toml"):
            return _typed(self._template(file.removeprefix(TEMPLATES)))
        if file.startswith(PLACE):
            return _typed(self._labs / file.removeprefix(PLACE))
        return _typed(self._devices / file if file != "." else self._devices)

    def problem(self, problem: Problem) -> str:
        """Return `file:line:column` of a problem."""
        return ":".join(str(part) for part in (self.file(problem.file), problem.line, problem.column) if part is not None)

    def origin(self, origin: Origin) -> str:
        """Return `file:line` of an origin; empty if it has no file."""
        return self._kept(origin.file, origin.line, origin.rank)

    def kept(self, kept: Any) -> str:
        """Return `file:line` of an origin in its stored form [file, line, layer, rank]."""
        return self._kept(str(kept[0]), int(kept[1]), Rank(kept[3])) if kept else ""

    def _template(self, file: str) -> Path:
        """Return the path of a template: those of other vendors begin with the vendor's folder."""
        is_other = (self._templates.parent / file.partition("/")[0] / MODELS).is_file()
        return (self._templates.parent if is_other else self._templates) / file

    def _kept(self, file: str, line: int, rank: Rank) -> str:
        if not file:
            return ""
        if rank is Rank.LAB:
            return f"{self.file(file)}:{line}" if line else self.file(file)
        shown = _typed(self._template(file) if rank is Rank.TEMPLATE else self._devices / file)
        return f"{shown}:{line}" if line else shown


def _typed(path: Path) -> str:
    """Return the path relative to the current folder if it lies below, else as it was given."""
    if not path.is_absolute():
        return path.as_posix()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else os.fspath(path)
