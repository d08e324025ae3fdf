"""Everything that exists, looked up by name.

Names of parameters are matched segment by segment: a segment of digits only stands for a placeholder (X, Y, Z, M), so
`account.X.100rel_enable` and `network.802_1x.mode` are never mistaken.  Answers are remembered, bounded.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from provisioner.catalogue.agent import AgentReader
from provisioner.catalogue.generation import Generation, minor_version
from provisioner.catalogue.model import Model
from provisioner.catalogue.parameter import Parameter
from provisioner.catalogue.vendor import Vendor

MAX_REMEMBERED = 40_000
"Concrete names whose answer is kept; a fleet uses a few thousand."

MAX_NAME_LENGTH = 200
MAX_INDEX_DIGITS = 6
MIN_LIKENESS = 0.6
"How alike (difflib, 0..1) a name must be to be suggested."

LETTERS = frozenset("XYZM")
"Segments that stand for a number in a pattern."

NO_INDEXES: Mapping[str, int | str] = MappingProxyType({})
Found = tuple[Parameter | None, Mapping[str, int | str]]
UNKNOWN: Found = (None, NO_INDEXES)


class Catalogue:
    """Models, parameters, agents, generations and sources of one vendor or of several; read-only after load."""

    def __init__(
        self,
        *,
        folder: Path,
        models: Mapping[str, Model],
        parameters: Mapping[str, Parameter],
        agents: AgentReader,
        generations: Mapping[str, Generation],
        sources: Mapping[str, str],
        ouis: Mapping[str, str],
        vendors: tuple[Vendor, ...] = (Vendor(),),
    ) -> None:
        self.folder = folder
        "Where it was loaded from."
        self.vendors = vendors
        "Whose facts these are."
        self.models = MappingProxyType(dict(models))
        "By canonical name."
        self.parameters = MappingProxyType(dict(parameters))
        "By pattern name."
        self.agents = agents
        self.generations = MappingProxyType(dict(generations))
        self.sources = MappingProxyType(dict(sources))
        "What each source key stands for."
        self.ouis = MappingProxyType(dict(ouis))
        "Vendor prefix `00:15:65` and when it was in use: a hint, never a gate."
        self._by_folded = {_folded(text): model for model in models.values() for text in model.names}
        self._by_shape: dict[str, Parameter] = {}
        self.collisions: list[tuple[Parameter, Parameter]] = []
        "Pairs of parameters whose concrete names cannot be told apart; a loaded catalogue has none."
        for parameter in parameters.values():
            for shape in shapes(parameter):
                first = self._by_shape.setdefault(shape, parameter)
                if first is not parameter:
                    self.collisions.append((first, parameter))
        self.remembered: dict[str, Found] = {}
        "Answers by concrete name, at most MAX_REMEMBERED."
        self.suggested: dict[str, str | None] = {}
        "Suggestions by slip, at most MAX_REMEMBERED."

    def find_model(self, text: str) -> Model | None:
        """Return the model meant by `T46G`, `SIP-T46G`, `t46g`, `T21P_E2`, `sip-t21p e2`; None if there is none."""
        if len(text) > MAX_NAME_LENGTH:
            return None
        folded = _folded(text)
        return self._by_folded.get(folded) or self._by_folded.get(folded.removeprefix("yealink").removeprefix("sip"))

    def nearest_model(self, text: str) -> str | None:
        """Return the name of the model that `text` may be a slip of, or None."""
        near = difflib.get_close_matches(_folded(text[:MAX_NAME_LENGTH]), self._by_folded, 1, MIN_LIKENESS)
        return self._by_folded[near[0]].name if near else None

    def models_of_common_file(self, name: str) -> tuple[Model, ...]:
        """Return the models whose common file is called `name`: two for `y000000000044.cfg`."""
        return tuple(model for model in self.models.values() if model.common_name == name)

    def vendor_of(self, parameter: Parameter) -> Vendor:
        """Return whose parameter it is: that of its models."""
        return next((model.vendor for name, model in self.models.items() if name in parameter.models), self.vendors[0])

    def models_of_prefix(self, prefix: int) -> tuple[Model, ...]:
        """Return the models whose firmware versions begin with `prefix`."""
        return tuple(model for model in self.models.values() if model.prefix == prefix)

    def generation_of(self, firmware: str) -> Generation | None:
        """Return the generation of a firmware version such as `28.80.0.60`, or None if it is none we know."""
        minor = minor_version(firmware)
        return next((found for found in self.generations.values() if minor is not None and minor in found.minor_versions), None)

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter that a file's line `name` sets: `account.3.label` gives `account.X.label`."""
        found = self.remembered.get(name)
        return (found if found is not None else self._remember(name))[0]

    def indexes(self, name: str) -> Mapping[str, int | str]:
        """Return the placeholders of a concrete name and what stands for them: `{"X": 3}`; empty for an unknown name."""
        found = self.remembered.get(name)
        return (found if found is not None else self._remember(name))[1]

    def find_parameter(self, text: str) -> Parameter | None:
        """Return the parameter meant by a pattern, a concrete name or a mixture: `account.X.sip_server.1.port`."""
        found = self.parameters.get(text) or self.parameter(text)
        if found is None and len(text) <= MAX_NAME_LENGTH:
            found = self._by_shape.get(shape_of(text))
        return found

    def nearest(self, name: str) -> str | None:
        """Return the name that `name` may be a slip of, with the same indexes put in, or None."""
        if name not in self.suggested:
            if len(self.suggested) >= MAX_REMEMBERED:
                self.suggested.clear()
            near = self.nearest_names(name, 1)
            self.suggested[name] = near[0] if near else None
        return self.suggested[name]

    def nearest_names(self, name: str, count: int = 3) -> tuple[str, ...]:
        """Return up to `count` names like `name`, best first."""
        shape, numbers = _shape_and_numbers(name[:MAX_NAME_LENGTH])
        near = difflib.get_close_matches(shape.lower(), self._by_shape, count, MIN_LIKENESS)
        return tuple(_refilled(self._by_shape[found].name, numbers) for found in near)

    def _remember(self, name: str) -> Found:
        if len(self.remembered) >= MAX_REMEMBERED:
            self.remembered.clear()
        found = self._look_up(name)
        self.remembered[name] = found
        return found

    def _look_up(self, name: str) -> Found:
        if len(name) > MAX_NAME_LENGTH:
            return UNKNOWN
        shape, _ = _shape_and_numbers(name)
        parameter = self._by_shape.get(shape)
        if parameter is None:
            return UNKNOWN
        indexes: dict[str, int | str] = {}
        for letter, seen in zip(parameter.name.split("."), name.split("."), strict=True):
            if letter in parameter.indexes:
                indexes[letter] = int(seen) if _is_index(seen) else seen
        return parameter, MappingProxyType(indexes)


def shapes(parameter: Parameter) -> Iterable[str]:
    """Return the texts that concrete names of `parameter` have once their numbers are replaced by `#`."""
    if not parameter.indexes:
        return (parameter.name,)
    found = [""]
    for segment in parameter.name.split("."):
        rule = parameter.indexes.get(segment)
        words = ["#"] if rule is not None and rule.counts != "words" else sorted(rule.words) if rule is not None else [segment]
        found = [f"{before}.{word}" if before else word for before in found for word in words]
    return found


def shape_of(name: str) -> str:
    """Return `name` with `#` for every index, be it a number or a placeholder: `linekey.#.type`."""
    return ".".join("#" if segment in LETTERS or _is_index(segment) else segment for segment in name.split("."))


def _is_index(segment: str) -> bool:
    return (
        segment.isdecimal() and segment.isascii() and len(segment) <= MAX_INDEX_DIGITS and (segment[0] != "0" or segment == "0")
    )


def _shape_and_numbers(name: str) -> tuple[str, list[str]]:
    segments = name.split(".")
    numbers = [segment for segment in segments if _is_index(segment)]
    return ".".join("#" if _is_index(segment) else segment for segment in segments), numbers


def _refilled(pattern: str, numbers: list[str]) -> str:
    left = iter(numbers)
    return ".".join(next(left, "1") if segment in LETTERS else segment for segment in pattern.split("."))


def _folded(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())
