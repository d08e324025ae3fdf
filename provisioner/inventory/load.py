"""All phones, resolved, and everything that is wrong with them.  One phone's mistake never touches another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.catalogue.catalogue import Catalogue
from provisioner.errors import Problem, Severity
from provisioner.inventory.folder import InventoryText, layers_of, rank_of
from provisioner.inventory.layer import Layer, PhoneText
from provisioner.inventory.origin import Rank
from provisioner.inventory.phone import Phone
from provisioner.inventory.resolve import resolve
from provisioner.inventory.static_file import StaticFile


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is wanted, as far as it can be understood."""

    phones: Mapping[str, Phone] = field(default_factory=dict)
    "By MAC, 12 hex digits; also phones with problems, as far as they could be read."

    layers: Mapping[Rank, Mapping[str, Layer]] = field(default_factory=dict)
    "Groups, sites and defaults by name."

    problems: tuple[Problem, ...] = ()
    "Everything wrong, in order of file and line."

    blocked: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    "Phones that must keep their last good file, by MAC, with the errors that hold them up."

    unreadable: frozenset[str] = frozenset()
    "Files that are not TOML: the phones last seen in them keep their last good file too."

    static: Mapping[str, StaticFile] = field(default_factory=dict)
    "Files that are served as they are."

    @property
    def stops_everything(self) -> bool:
        """True when the defaults or the folder cannot be read: then no phone's new text can be trusted."""
        return any(problem.severity is Severity.ERROR and problem.file in ("defaults.toml", ".") for problem in self.problems)


class InventoryLoader:
    """Resolves what changed since the last time and reuses the rest."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[str, tuple[tuple[object, ...], Phone | None, tuple[Problem, ...]]] = {}

    def load(self, text: InventoryText) -> Inventory:
        """Return the inventory; unchanged phones are the same objects as in the last one."""
        layers = layers_of(text)
        problems = list(text.problems)
        layer_errors: dict[str, list[Problem]] = {}
        for file, content in text.files.items():
            problems.extend(content.problems)
            if rank_of(file) is not Rank.PHONE:
                errors = [problem for problem in content.problems if problem.severity is Severity.ERROR]
                if errors:
                    layer_errors[file] = errors
        problems.extend(_twins(text, layers, layer_errors))
        texts = [phone for content in text.files.values() for phone in content.phones]
        own = _own_errors(text)
        for problem in _duplicates(texts):
            problems.append(problem)
            own.setdefault(problem.phone or "", []).append(problem)
        phones: dict[str, Phone] = {}
        blocked: dict[str, tuple[Problem, ...]] = {}
        known: dict[str, tuple[tuple[object, ...], Phone | None, tuple[Problem, ...]]] = {}
        inputs_of_all = tuple(id(layer) for rank in sorted(layers) for layer in layers[rank].values())
        for phone_text in texts:
            mac = phone_text.mac.plain
            if mac in known:
                continue  # a duplicate MAC: reported above, and neither text is taken
            resolved, found = self._resolve(mac, phone_text, layers, inputs_of_all, known)
            problems.extend(found)
            errors = [*own.get(mac, ()), *(problem for problem in found if problem.severity is Severity.ERROR)]
            if resolved is not None:
                phones[mac] = resolved
                for layer in resolved.layers[1:]:
                    errors.extend(layer_errors.get(layer.origin.file, ()))
            if errors:
                blocked[mac] = tuple(errors)
        self._known = known
        unreadable = frozenset(file for file, content in text.files.items() if not content.is_readable)
        ordered = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line or 0, problem.column or 0)))
        return Inventory(phones, layers, ordered, blocked, unreadable, text.static)

    def _resolve(
        self, mac: str, text: PhoneText, layers: Mapping[Rank, Mapping[str, Layer]], inputs_of_all: tuple[int, ...], known: _Known
    ) -> tuple[Phone | None, tuple[Problem, ...]]:
        last = self._known.get(mac)
        if last is not None and last[0][0] is text:
            # Same text over the same layers gives the same phone; ids are safe because the last phone holds its layers.
            if last[0][1] == inputs_of_all:
                known[mac] = last
                return last[1], last[2]
            resolved, found = resolve(text, layers, self._catalogue)
            before = last[1]
            if resolved is not None and before is not None and _same_layers(resolved, before) and found == last[2]:
                resolved = before
        else:
            resolved, found = resolve(text, layers, self._catalogue)
        known[mac] = ((text, inputs_of_all, layers), resolved, found)
        return resolved, found


_Known = dict[str, tuple[tuple[object, ...], Phone | None, tuple[Problem, ...]]]


def _same_layers(one: Phone, other: Phone) -> bool:
    return len(one.layers) == len(other.layers) and all(a is b for a, b in zip(one.layers, other.layers, strict=True))


def _own_errors(text: InventoryText) -> dict[str, list[Problem]]:
    own: dict[str, list[Problem]] = {}
    for content in text.files.values():
        for problem in content.problems:
            if problem.severity is not Severity.ERROR:
                continue
            if problem.phone is not None:
                own.setdefault(problem.phone, []).append(problem)
            elif not (problem.key or "phone").startswith("phone"):
                # It stands beside the phones of the file, and somebody meant it for all of them.
                for phone in content.phones:
                    own.setdefault(phone.mac.plain, []).append(problem)
    return own


def _duplicates(texts: list[PhoneText]) -> list[Problem]:
    problems: list[Problem] = []
    for what, code in (("mac", "duplicate-mac"), ("name", "duplicate-name")):
        first: dict[str, list[PhoneText]] = {}
        for phone in texts:
            first.setdefault(phone.mac.plain if what == "mac" else phone.layer.name, []).append(phone)
        for value, sharing in first.items():
            if len(sharing) < 2 or (what == "name" and len({phone.mac for phone in sharing}) == 1):
                continue
            shown = sharing[0].mac.colons if what == "mac" else f'the name "{value}"'
            for phone in sharing:
                others = ", ".join(str(other.layer.origin) for other in sharing[:4] if other is not phone)
                origin = phone.layer.origin
                message = f"{shown} is also at {others}"
                problems.append(
                    Problem(origin.file, origin.line, code, message, "keep one of them", key=what, phone=phone.mac.plain)
                )
    return problems


def _twins(text: InventoryText, layers: Mapping[Rank, Mapping[str, Layer]], errors: dict[str, list[Problem]]) -> list[Problem]:
    """Two groups or sites of one name: nobody can say which is meant, so both are held up."""
    found = []
    for file, content in text.files.items():
        layer = content.layer
        if layer is None:
            continue
        winner = layers[rank_of(file)][layer.name]
        if winner is not layer:
            word = rank_of(file).name.lower()
            for here, there in ((layer, winner), (winner, layer)):
                problem = Problem(
                    here.origin.file,
                    here.origin.line,
                    f"duplicate-{word}",
                    f'{word} "{layer.name}" is also at {there.origin}',
                    "rename one",
                    key="name",
                )
                found.append(problem)
                errors.setdefault(here.origin.file, []).append(problem)
    return found
