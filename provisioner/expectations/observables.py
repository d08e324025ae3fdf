"""Which parameter of a vendor is which setting: reads `templates/<vendor>/observables.toml`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provisioner.catalogue.load import vendor_folders
from provisioner.errors import CatalogueError
from sipstub.verify.setting import OFF, ON, SETTINGS

FILE = "observables.toml"
MAX_VALUE = 512
"A longer value is looked at by no `extract`, so that no expression can be made to work for long."

_PLACE = re.compile(r"\{(account|server|slot|key|module)\}")
_FIELDS = {"setting", "parameter", "values", "flag", "otherwise", "extract", "default", "index"}
_VENDOR_FIELDS = {"name", "first_account", "reset"}
_FLAG = {"0": OFF, "1": ON}


@dataclass(frozen=True, slots=True)
class Observable:
    """One parameter that shows on the wire."""

    setting: str
    "In sipstub's vocabulary."
    parameter: str
    "The key as a pattern: `account.{account}.label`."
    values: dict[str, str] = field(default_factory=dict)
    "Wire value to word; empty where the value is taken as it is."
    otherwise: str | None = None
    extract: re.Pattern[str] | None = None
    default: str | None = None
    "Factory value as a file would write it."
    index: str = ""
    "Which of several it is about where the key does not say: `1` for the only server of an account."
    first_account: int = 1
    "Number of the first account in keys; ours is always 1."
    reset: str | None = None
    "The value that means the factory value."
    vendor: str = ""
    "Whose parameter it is."

    @property
    def shape(self) -> re.Pattern[str]:
        """Return the expression that keys of this pattern match."""
        parts = _PLACE.split(self.parameter)
        text = "".join(f"(?P<{part}>[0-9]{{1,4}})" if at % 2 else re.escape(part) for at, part in enumerate(parts))
        return re.compile(text, re.ASCII)

    def name_for(self, account: int) -> str:
        """Return the key of one account, where only the account is open."""
        return self.parameter.replace("{account}", str(account))

    @property
    def places(self) -> tuple[str, ...]:
        """Return what is open in the pattern."""
        return tuple(_PLACE.findall(self.parameter))

    def word(self, value: str) -> str | None:
        """Return a wire value in the words of the vocabulary; None if it says nothing that a rule could check."""
        if self.extract is not None:
            found = self.extract.search(value[:MAX_VALUE])
            if found is None:
                return self.otherwise
            value = found[1] or ""
        return self.values.get(value, self.otherwise) if self.values else value


@dataclass(frozen=True, slots=True)
class Observables:
    """The mapping of one vendor, or of several whose keys differ."""

    items: tuple[Observable, ...]


def load_observables(folder: Path) -> Observables:
    """Return the mapping of the vendor whose folder this is, or of every vendor below it; CatalogueError names what is wrong."""
    return Observables(tuple(item for each in vendor_folders(folder) for item in _load_vendor(each)))


def _load_vendor(folder: Path) -> tuple[Observable, ...]:
    path = folder / FILE
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{path}: {error.strerror}", hint="copy it from another vendor and change it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path} is not TOML: {error}") from None
    unknown = sorted(set(tables) - {"vendor", "observable"})
    vendor = tables.get("vendor", {})
    if unknown or set(vendor) - _VENDOR_FIELDS:
        raise CatalogueError(f"{path}: unknown {', '.join([*unknown, *sorted(set(vendor) - _VENDOR_FIELDS)])}")
    name, first, reset = str(vendor.get("name", folder.name)), int(vendor.get("first_account", 1)), vendor.get("reset")
    items = (_observable(path, table) for table in tables.get("observable", []))
    return tuple(replace(item, vendor=name, first_account=first, reset=reset) for item in items)


def _observable(path: Path, table: dict[str, Any]) -> Observable:
    setting, parameter = table.get("setting"), table.get("parameter")
    where = f"{path}: {parameter or setting or 'an observable'}"
    if not isinstance(setting, str) or setting not in SETTINGS:
        raise CatalogueError(f"{where}: no setting is called {setting!r}", hint="docs/reference/rules.md lists them")
    if not isinstance(parameter, str) or not parameter:
        raise CatalogueError(f"{where}: no parameter")
    unknown = sorted(set(table) - _FIELDS)
    if unknown:
        raise CatalogueError(f"{where}: unknown field {unknown[0]}", hint=f"known: {', '.join(sorted(_FIELDS))}")
    values = dict(_FLAG) if table.get("flag") else {str(wire): str(word) for wire, word in table.get("values", {}).items()}
    words = SETTINGS[setting].words
    wrong = [word for word in [*values.values(), *filter(None, [table.get("otherwise")])] if words and word not in words]
    if wrong or (words and not values and "extract" not in table):
        raise CatalogueError(f"{where}: {setting} is one of {', '.join(words)}", hint="map each wire value to one of them")
    try:
        extract = re.compile(table["extract"]) if "extract" in table else None
    except re.error as error:
        raise CatalogueError(f"{where}: extract is no expression: {error}") from None
    if extract is not None and extract.groups != 1:
        raise CatalogueError(f"{where}: extract wants one group, not {extract.groups}")
    index = str(table.get("index", ""))
    return Observable(setting, parameter, values, table.get("otherwise"), extract, table.get("default"), index)
