"""One parameter of the phone's files: what it means, what it takes, where it may stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.catalogue.generation import minor_of
from provisioner.catalogue.model import Model
from provisioner.catalogue.permitted import Permitted

RENDERED_MINOR = 80
"The firmware generation that checks are made for unless another is named."

COUNTED_BY = {
    "account": "accounts",
    "line-key": "line_keys",
    "memory-key": "memory_keys",
    "programmable-key": "programmable_keys",
    "codec-slot": "codec_slots",
    "module": "expansion",
    "module-key": "expansion",
}
"The field of a model that says how many there are of what an index counts."


@dataclass(frozen=True, slots=True)
class Caution:
    """A permitted value that is known to make trouble: a warning, never an error."""

    low: float
    high: float
    text: str


@dataclass(frozen=True, slots=True)
class IndexRule:
    """What one placeholder of a parameter name may be."""

    counts: str
    "`range`, `words`, `unknown`, or the thing a model has so many of: `account`, `line-key` ..."

    low: int = 1
    high: int | None = None
    words: frozenset[str] = frozenset()

    def fault(self, index: int | str, model: Model | None) -> str | None:
        """Return why `index` does not exist (on `model`), or None if it does or nobody knows."""
        if self.counts == "words":
            return None if index in self.words else f"{index} is none of {', '.join(sorted(self.words))}"
        if not isinstance(index, int):
            return f"{index} is not a number"
        if self.counts == "range":
            high = self.high
            what = f"{self.low}..{high}"
            return None if index >= self.low and (high is None or index <= high) else f"{index} is outside {what}"
        if self.counts != "unknown" and index < 1:
            return f"{index} is below 1"
        return None if model is None else _model_fault(self.counts, index, model)

    def __str__(self) -> str:
        if self.counts == "range":
            return f"{self.low}..{self.high}"
        if self.counts == "words":
            return ", ".join(sorted(self.words))
        return "range unknown" if self.counts == "unknown" else self.counts.replace("-", " ")


def _model_fault(counts: str, index: int, model: Model) -> str | None:
    module = model.expansion
    if counts == "account":
        return _up_to(index, model.accounts, "account", model)
    if counts == "line-key":
        return _up_to(index, model.line_keys, "line key", model)
    if counts == "memory-key":
        return _up_to(index, model.memory_keys, "memory key", model)
    if counts == "codec-slot":
        return _up_to(index, model.codec_slots, "codec slot", model)
    if counts == "programmable-key":
        keys = model.programmable_keys
        return (
            None
            if keys is None or index in keys
            else f"{model} has no programmable key {index} (it has {model.programmable_key_text})"
        )
    if counts in ("module", "module-key"):
        if module is None:
            return f"{model} takes no expansion module"
        if counts == "module":
            return _up_to(index, module.modules, "expansion module", model)
        if index in module.reserved_keys:
            return f"key {index} of {module.module} is reserved"
        return _up_to(index, module.keys, "expansion key", model)
    return None


def _up_to(index: int, count: int | None, what: str, model: Model) -> str | None:
    if count is None or index <= count:
        return None
    return f"{model} has no {what}s" if count == 0 else f"{what} {index} does not exist on {model} (it has {count})"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the catalogue, named by its pattern."""

    name: str
    "Pattern: `account.X.sip_server.Y.address`."

    type: str
    permitted: Permitted
    default: str | None
    "The phone's own value; empty means blank, None means unknown."

    default_note: str
    presets: Mapping[str, str]
    "What another product sets (by source key); not the phone's default."

    scope: str
    "`global`, `account`, `server`, `line key` ...: a key of scopes.toml."

    indexes: Mapping[str, IndexRule]
    "Rules of the placeholders, by letter."

    models: frozenset[str]
    models_are_exact: bool
    "False where sources only list models: a model that is missing may have the parameter all the same."

    models_note: str
    since: str | None
    "First generation: `v81`.  None means: as old as the oldest we know."

    since_note: str
    until: str | None
    "Last generation, or None."

    reboot: str
    "`yes`, `no` or `unknown`: whether the phone restarts for it."

    reboot_note: str
    area: str
    file: str
    "`common`, `mac` or `both`: where it belongs."

    summary: str
    note: str
    source: tuple[str, ...]
    confidence: str
    origin: str
    "`curated`: checked one by one; `auto`: derived by script from templates."

    recall: frozenset[str]
    "Fields that rest on recall."

    cautions: tuple[Caution, ...]
    is_secret: bool
    may_repeat: bool
    "Whether the line may stand several times in one file."

    is_legacy: bool
    "An older name of something else."

    where: str = ""
    "The file that says so: `parameters/account.toml`."

    @property
    def is_checkable(self) -> bool:
        """Whether more than the type of a value can be checked."""
        return self.permitted.is_checkable

    @property
    def can_block(self) -> bool:
        """Whether a fault may stop a file: only rows checked one by one, with medium or high confidence."""
        return self.origin == "curated" and self.confidence != "low"

    @property
    def permitted_is_certain(self) -> bool:
        """Whether the permitted values were read in a source."""
        return not self.recall & {"range", "values", "max_length", "pattern"}

    def check(self, value: str, model: Model | None = None, *, minor: int = RENDERED_MINOR) -> str | None:
        """Return what is wrong with `value`, or None.  Never shows a secret, never raises."""
        shown = "the value" if self.is_secret else None
        return self.permitted.check(value, minor=minor, accounts=None if model is None else model.accounts, shown=shown)

    def caution(self, value: str) -> str | None:
        """Return why a permitted `value` may make trouble, or None."""
        for caution in self.cautions:
            try:
                number = float(value)
            except ValueError:
                return None
            if caution.low <= number <= caution.high:
                return caution.text
        return None

    def index_fault(self, indexes: Mapping[str, int | str], model: Model | None) -> str | None:
        """Return which index of a concrete name does not exist on `model`, or None."""
        for letter, index in indexes.items():
            rule = self.indexes.get(letter)
            fault = rule.fault(index, model) if rule is not None else None
            if fault is not None:
                return fault
        return None

    def index_is_certain(self, model: Model) -> bool:
        """Return whether the counts of `model` behind an index fault were read in a source, not inferred or recalled."""
        fields = {COUNTED_BY.get(rule.counts, "") for rule in self.indexes.values()}
        return not fields & (model.recall | model.inferred.keys())

    def applies_to(self, model: Model) -> bool | None:
        """Return whether `model` has this parameter; None where sources do not say."""
        if model.name in self.models:
            return True
        return False if self.models_are_exact else None

    def generation_fault(self, minor: int = RENDERED_MINOR) -> str | None:
        """Return that firmware x.`minor` is too old or too new for this parameter, or None."""
        if self.since is not None and minor < minor_of(self.since):
            return f"known from {self.since.upper()} on"
        if self.until is not None and minor > minor_of(self.until):
            return f"known up to {self.until.upper()}"
        return None

    def as_json(self) -> dict[str, Any]:
        """Return every fact under the names that --json and the API use."""
        return {
            "name": self.name,
            "type": self.type,
            "summary": self.summary,
            "area": self.area,
            "permitted": self.permitted.describe(RENDERED_MINOR),
            "permitted_data": self.permitted.as_json(),
            "default": self.default,
            "default_note": self.default_note,
            "presets": dict(self.presets),
            "scope": self.scope,
            "indexes": {letter: str(rule) for letter, rule in self.indexes.items()},
            "models": sorted(self.models),
            "models_exact": self.models_are_exact,
            "models_note": self.models_note,
            "since": self.since,
            "since_note": self.since_note,
            "until": self.until,
            "reboot": self.reboot,
            "reboot_note": self.reboot_note,
            "file": self.file,
            "secret": self.is_secret,
            "may_repeat": self.may_repeat,
            "legacy": self.is_legacy,
            "checkable": self.is_checkable,
            "cautions": [{"low": c.low, "high": c.high, "text": c.text} for c in self.cautions],
            "note": self.note,
            "recall": sorted(self.recall),
            "source": list(self.source),
            "confidence": self.confidence,
            "origin": self.origin,
        }

    def __str__(self) -> str:
        return self.name
