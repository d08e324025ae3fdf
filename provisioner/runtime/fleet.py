"""Templates and devices, loaded together: every phone's two files, fresh or last good, and all that is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.load import load_catalogue
from provisioner.catalogue.vendor import Vendor
from provisioner.errors import CatalogueError, Problem, Severity
from provisioner.inventory.folder import DeviceFolder, InventorySource, InventoryText
from provisioner.inventory.lab import Lab
from provisioner.inventory.lab_layer import lay_over
from provisioner.inventory.lab_words import LabWords, load_lab_words
from provisioner.inventory.load import Inventory, InventoryLoader
from provisioner.inventory.origin import Origin, Rank
from provisioner.inventory.phone import Phone
from provisioner.inventory.vocabulary import Vocabulary
from provisioner.rendering.context import Addresses
from provisioner.rendering.errors import TemplateProblem
from provisioner.rendering.lines import CfgLine
from provisioner.rendering.render import RenderedFile
from provisioner.rendering.template import fingerprint
from provisioner.runtime.lab_folder import Labs, LabSource
from provisioner.runtime.workshop import Workshop, load_workshops
from sipstub.phone.format.reading import read_file

VENDOR = "yealink"

NO_COMMON = RenderedFile()
"Beside the files of phones that ask for no common file."


@dataclass(frozen=True, slots=True)
class PhoneFiles:
    """What one phone would get now."""

    phone: Phone
    "As wanted."

    common_name: str
    "Name of its common file."

    common: RenderedFile
    "That file, as it is or will be published."

    mac: RenderedFile
    "Its own file as rendered now, good or not."

    is_blocked: bool
    "True if its last good file must stay, because it, a layer above it or its template has a problem."

    sha256: str
    "Hash of its own file as rendered now."

    is_new: bool
    "True if it was rendered in this build, False if nothing it depends on changed since the build before."

    @property
    def own_name(self) -> str:
        """The name of its own file: `001565aabbcc.cfg`."""
        return self.phone.model.vendor.file_name(self.phone.mac.plain)


@dataclass(frozen=True, slots=True)
class Build:
    """One load of everything."""

    inventory: Inventory
    "What is wanted."

    commons: Mapping[str, RenderedFile]
    "Common files by name; those that are not good carry their problems."

    phones: Mapping[str, PhoneFiles]
    "By MAC."

    problems: tuple[Problem, ...]
    "Everything wrong, sorted by file and line, each once."

    fingerprint: str
    "Of the templates."

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Return the problems that stop files."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


Bodies = Mapping[str, bytes | memoryview]
"Files that were published before, by canonical name."


@dataclass(slots=True)
class _Remembered:
    phone: Phone
    common: RenderedFile
    before: str
    after: str
    file: RenderedFile


class Fleet:
    """Loads again and again, doing only what edits make necessary."""

    def __init__(
        self,
        templates: Path,
        source: Path,
        addresses: Addresses,
        inventory: InventorySource | None = None,
        *,
        labs: LabSource | None = None,
        now: float = 0.0,
    ) -> None:
        """Read templates and facts; `now` is the time for those who look once and do not say when."""
        self.root = templates
        self.folder = templates / VENDOR if (templates / VENDOR).is_dir() else templates
        self._devices = source
        self._addresses = addresses
        self._given_source = inventory
        self._lab_source = labs
        self._now = now
        self._laid: dict[str, tuple[Phone, Lab, Phone]] = {}
        self.labs = Labs()
        "The lab layers, as last looked at."
        self._fingerprint = ""
        self._text: InventoryText | None = None
        self._remembered: dict[str, _Remembered] = {}
        self._commons: dict[str, RenderedFile] = {}
        self.catalogue: Catalogue
        self.vocabulary: Vocabulary
        "All that people may write, for phones of any vendor."
        self.workshops: Mapping[Vendor, Workshop]
        "What makes the files of each vendor."
        self._source: InventorySource
        self._loader: InventoryLoader
        self.lab_words: LabWords | None
        self.refresh_templates()

    def refresh_templates(self) -> bool:
        """Read templates and facts again if any changed; return whether.  Raises CatalogueError and keeps the old ones."""
        seen = fingerprint(self.root)
        if seen == self._fingerprint:
            return False
        if not self.folder.is_dir():
            raise CatalogueError(f"{self.folder} is not a folder", hint="give the folder with --templates")
        catalogue = load_catalogue(self.root)
        workshops = load_workshops(catalogue, self._addresses)
        vocabulary = workshops[0].spoken
        self.catalogue, self.vocabulary = catalogue, vocabulary
        self.lab_words = load_lab_words(self.folder)
        self.workshops = {shop.vendor: shop for shop in workshops}
        self._source = self._given_source or DeviceFolder(self._devices, vocabulary)
        self._loader = InventoryLoader(catalogue)
        self._remembered, self._commons, self._text, self._laid = {}, {}, None, {}
        self._fingerprint = seen
        return True

    def look(self, now: float | None = None) -> object:
        """Look at folder and lab layers; return something that equals the last answer if nothing changed."""
        self._text = self._source.read()
        self.look_at_labs(now)
        return self._text, self.labs

    @property
    def text(self) -> InventoryText:
        """What people wrote, as last looked at; looks only if nobody has yet."""
        if self._text is None:
            self.look()
        assert self._text is not None
        return self._text

    def look_at_labs(self, now: float | None = None) -> None:
        """See which lab layers hold now."""
        if self._lab_source is not None:
            self.labs = self._lab_source.at(self._now if now is None else now)

    def inventory(self) -> Inventory:
        """Return what is wanted, without rendering anything; looks only if nobody has yet."""
        return self._loader.load(self.text)

    def build(self, before: Bodies | None = None, only: Iterable[str] | None = None, labs: Labs | None = None) -> Build:
        """Return every file as it would be published over the files of `before`.

        `only` names MACs and leaves all other phones out; problems are then those of the inventory and of these phones.
        `labs` takes the place of the lab layers that were looked at.
        """
        before = before or {}
        inventory = self.inventory()
        labs = self.labs if labs is None else labs
        problems = [*inventory.problems, *labs.problems]
        commons, bases = self._build_commons(inventory, before)
        for common in commons.values():
            problems.extend(common.problems)
        wanted = inventory.phones if only is None else {mac: inventory.phones[mac] for mac in only if mac in inventory.phones}
        phones: dict[str, PhoneFiles] = {}
        remembered: dict[str, _Remembered] = {}
        nothing_is_new = inventory.stops_everything
        for mac, wanted_phone in wanted.items():
            phone = self._under_lab(wanted_phone, labs.on.get(mac))
            common_name = phone.model.common_name
            base = bases[common_name] if common_name else NO_COMMON
            found = self._build_phone(phone, base, before.get(phone.model.vendor.file_name(mac)))
            is_new = found is not self._remembered.get(mac)
            remembered[mac] = found
            problems.extend(found.file.problems)
            is_blocked = mac in inventory.blocked or not found.file.is_good or nothing_is_new
            phones[mac] = PhoneFiles(phone, common_name, base, found.file, is_blocked, found.after, is_new)
        if only is None:
            self._remembered = remembered
            problems.extend(self._check_unused_templates(phones.values(), problems))
        ordered = sorted(
            _once(problems), key=lambda problem: (problem.file, problem.line or 0, problem.code, problem.phone or "")
        )
        return Build(inventory, commons, phones, tuple(ordered), self._fingerprint)

    def _under_lab(self, phone: Phone, lab: Lab | None) -> Phone:
        """Return the phone with its lab layer; the same object as in the last build if neither changed."""
        mac = phone.mac.plain
        if lab is None or self.lab_words is None:
            self._laid.pop(mac, None)
            return phone
        known = self._laid.get(mac)
        if known is None or known[0] is not phone or known[1] != lab:
            addresses = self._addresses
            under = lay_over(phone, lab, self.lab_words, addresses.host, addresses.sip_port, addresses.sips_port)
            known = self._laid[mac] = (phone, lab, under)
        return known[2]

    def _build_commons(self, inventory: Inventory, before: Bodies) -> tuple[dict[str, RenderedFile], dict[str, RenderedFile]]:
        """Return the common files as rendered now, and those that phones build upon (the last good where the new is not)."""
        defaults = next(iter(inventory.layers.get(Rank.DEFAULTS, {}).values()), None)
        commons: dict[str, RenderedFile] = {}
        bases: dict[str, RenderedFile] = {}
        names = sorted({model.common_name for model in self.catalogue.models.values() if model.is_in_scope and model.common_name})
        for name in names:
            models = [model for model in self.catalogue.models_of_common_file(name) if model.is_in_scope]
            body = before.get(name)
            file = self.workshops[models[0].vendor].renderer.common(models, defaults, _values(body))
            known = self._commons.get(name)
            if known is not None and known.body == file.body and known.problems == file.problems:
                file = known  # the same object, so that the phones above it need no new rendering
            commons[name] = file
            bases[name] = file if file.is_good and not inventory.stops_everything else _as_base(body)
        self._commons = commons
        return commons, bases

    def _build_phone(self, phone: Phone, common: RenderedFile, body: bytes | memoryview | None) -> _Remembered:
        before = _hash(body)
        known = self._remembered.get(phone.mac.plain)
        if known is not None and known.phone is phone and known.common is common and before in (known.before, known.after):
            return known
        file = self.workshops[phone.model.vendor].renderer.phone(phone, common, _values(body))
        return _Remembered(phone, common, before, _hash(file.body), file)

    def _check_unused_templates(self, phones: Iterable[PhoneFiles], problems: list[Problem]) -> list[Problem]:
        """Compile the custom templates that no phone uses yet: their author wants to know before anyone gets them."""
        reported = {problem.file for problem in problems}
        found = []
        for templates in (shop.templates for shop in self.workshops.values()):
            for name in templates.names():
                if "templates/" + name in reported:
                    continue
                try:
                    templates.check(name)
                except TemplateProblem as problem:
                    where = "templates/" + problem.file
                    if where not in reported:
                        found.append(Problem(where, problem.line, problem.code, problem.message, problem.hint))
        return found


def _once(problems: Iterable[Problem]) -> list[Problem]:
    """Return each problem once; one that a group, the defaults or a template gives to many phones names none of them."""
    found: dict[tuple[str, int | None, str, str, str | None], Problem] = {}
    for problem in problems:
        key = (problem.file, problem.line, problem.code, problem.message, problem.key)
        first = found.setdefault(key, problem)
        if first.phone != problem.phone and first.phone is not None:
            found[key] = replace(first, phone=None)
    return list(found.values())


def _values(body: bytes | memoryview | None) -> dict[str, str]:
    return dict(read_file(bytes(body)).values()) if body else {}


def _as_base(body: bytes | memoryview | None) -> RenderedFile:
    """Return the last good common file as something that phones can be rendered beside."""
    if not body:
        return RenderedFile()
    origin = Origin("", 0, "last good common file", Rank.TEMPLATE)
    lines = {name: CfgLine(name, value, origin, None, False) for name, value in _values(body).items()}
    return RenderedFile(bytes(body), (), lines, ())


def _hash(body: bytes | memoryview | None) -> str:
    return hashlib.sha256(body).hexdigest() if body else ""
