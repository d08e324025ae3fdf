"""A vendor: how its files are written, what they are called, and how its phones begin to name themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provisioner.catalogue.table import Table, read_toml

FILE = "vendor.toml"
FORMATS = ("cfg", "lpconfig")
"The forms of files that there is Python for; provisioner.rendering.format has the writers, sipstub.phone.format the readers."

MAC = "{mac}"
_FIELDS = frozenset({"name", "format", "own_file", "has_common_file", "agents_begin", "first_account", "base", "source"})


@dataclass(frozen=True, slots=True)
class Vendor:
    """What holds for every model in one folder of templates/."""

    folder: Path = Path("yealink")
    "Where its facts are."

    name: str = "Yealink"
    "For people."

    format: str = "cfg"
    "How its files are written: `cfg` or `lpconfig`."

    own_file: str = "{mac}.cfg"
    "Name of a phone's own file."

    has_common_file: bool = True
    "Whether phones of a model ask for a file that they share."

    agents_begin: tuple[str, ...] = ("yealink",)
    "What its User-Agents begin with, in lower case."

    first_account: int = 1
    "Number of the first account in names of parameters; people always count from 1."

    base: str = ""
    "Where its templates are, below the folder above its own; empty where a firmware generation says it."

    @property
    def suffix(self) -> str:
        """What a phone's own file is called behind its MAC: `.cfg`."""
        return self.own_file.removeprefix(MAC)

    def file_name(self, mac: str) -> str:
        """Return the name of the own file of the phone with that MAC (12 hex digits)."""
        return mac + self.suffix

    def __str__(self) -> str:
        return self.name


def load_vendor(folder: Path) -> Vendor:
    """Return what vendor.toml of a vendor's folder says; the defaults of Vendor where a folder has none."""
    file = folder / FILE
    if not file.is_file():
        return Vendor(folder)
    row = Table(file, FILE, read_toml(file))
    row.only(_FIELDS)
    own_file = row.text("own_file")
    if not own_file.startswith(MAC + ".") or len(own_file) > len(MAC) + 8:
        raise row.fault("a phone's own file is called {mac} and a short ending: {mac}.cfg", "own_file")
    return Vendor(
        folder=folder,
        name=row.text("name"),
        format=row.one_of("format", FORMATS),
        own_file=own_file,
        has_common_file=row.flag("has_common_file", True),
        agents_begin=tuple(text.lower() for text in row.texts("agents_begin")),
        first_account=row.integer("first_account") if "first_account" in row.values else 1,
        base=row.text("base", ""),
    )
