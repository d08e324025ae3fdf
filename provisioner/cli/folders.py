"""The folders of facts and of phones that a command's settings name, for commands that load no fleet."""

from __future__ import annotations

from pathlib import Path

from provisioner.cli.session import templates_folder
from provisioner.errors import EnvironmentProblem
from provisioner.settings import Settings

VENDOR = "yealink"


def vendor_folder(settings: Settings) -> Path:
    """Return templates/yealink, or the folder named if it is that already; EnvironmentProblem if there is none."""
    folder = facts_folder(settings)
    return folder / VENDOR if (folder / VENDOR).is_dir() else folder


def facts_folder(settings: Settings) -> Path:
    """Return the folder that has a folder for each vendor, or is one itself; EnvironmentProblem if there is none."""
    folder = templates_folder(settings)
    if not folder.is_dir():
        raise EnvironmentProblem(f"there is no folder {folder}", hint="name it with --templates", code="no-folder")
    return folder


def devices_folder(settings: Settings) -> Path | None:
    """Return the folder of phones; None if there is none, since facts about models need no phone."""
    folder = settings.path("devices")
    return folder if folder.is_dir() else None
