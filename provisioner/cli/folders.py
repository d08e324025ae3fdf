"""Where a command finds templates/ and devices/: named by option, else here, else beside the installed package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

import provisioner
from provisioner.errors import EnvironmentProblem

VENDOR = "yealink"

Command = TypeVar("Command", bound=Callable[..., Any])


def find_folder(name: str, given: Path | None = None) -> Path | None:
    """Return the folder `given`, or `name` in the current folder, or the one beside the package; None if there is none."""
    if given is not None:
        return given if given.is_dir() else None
    for place in (Path(name), Path(provisioner.__file__).parent.parent / name):
        if place.is_dir():
            return place
    return None


def templates_folder(given: Path | None = None) -> Path:
    """Return the folder of templates and facts, or say that there is none."""
    found = find_folder("templates", given)
    if found is None:
        raise EnvironmentProblem(
            f"there is no folder {given if given is not None else 'templates'}", hint="name it with --templates", code="no-folder"
        )
    return found


def folder_options(function: Command) -> Command:
    """Add --templates and --devices, each a path or None."""
    options: Any = click.option("--devices", type=click.Path(path_type=Path), metavar="DIR", help="The folder of phones.")(
        function
    )
    options = click.option(
        "--templates", type=click.Path(path_type=Path), metavar="DIR", help="The folder of templates and facts."
    )(options)
    result: Command = options
    return result
