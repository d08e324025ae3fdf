"""A phone model as the catalogue knows it.  None always means unknown, 0 means there is none."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.catalogue.vendor import Vendor


class Scope(enum.StrEnum):
    """Whether files are made for a model."""

    RENDERED = "rendered"
    SIBLING = "sibling"
    RECOGNISED = "recognised"


@dataclass(frozen=True, slots=True)
class Expansion:
    """The key modules that can be plugged into a model."""

    module: str
    "Name of the module: `EXP40`."

    modules: int | None
    "How many at most."

    keys: int | None
    "Keys per module."

    reserved_keys: frozenset[int]
    "Keys that cannot be configured."

    note: str


@dataclass(frozen=True, slots=True)
class Model:
    """One phone model."""

    name: str
    "Canonical name: `T46G`, `T21P E2`, `CP860`."

    user_agent_name: str
    "How the phone names itself: `SIP-T46G`; empty if it does not."

    aliases: tuple[str, ...]
    "Other names that mean this model: `SIP-T21_E2`."

    series: str
    scope: Scope
    scope_reason: str
    "Why no file is made, or what is special about a sibling; empty otherwise."

    prefix: int
    "First number of its firmware versions: 28; 0 for a vendor whose phones have no such thing."

    common_number: int
    "Number in the name of its common file; differs from the prefix on a few old models only."

    common_name: str
    "Name of its common file: `y000000000028.cfg`; empty for a vendor that has none."

    accounts: int
    line_keys: int | None
    memory_keys: int | None
    programmable_keys: frozenset[int] | None
    codec_slots: int | None
    "Numbered codec slots per account."

    expansion: Expansion | None
    screen: str | None
    colour: str | None
    "`colour` or `black-white`."

    http_agent_sample: str
    sip_agent_sample: str
    example_firmware: str
    recall: frozenset[str]
    "Fields that rest on recall, without a source."

    inferred: Mapping[str, str]
    "Fields that were inferred, and from what."

    note: str
    source: tuple[str, ...]
    confidence: str
    "`high`, `medium` or `low`."

    vendor: Vendor
    "Who makes it."

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that means this model."""
        return tuple(filter(None, (self.name, self.user_agent_name, *self.aliases)))

    @property
    def is_in_scope(self) -> bool:
        """Whether phones of this model get files."""
        return self.scope is not Scope.RECOGNISED

    @property
    def is_sibling(self) -> bool:
        """Whether its firmware starts later than the generation we render for."""
        return self.scope is Scope.SIBLING

    @property
    def programmable_key_text(self) -> str:
        """The numbers of the programmable keys as people write them: `1-10,13`; empty if unknown."""
        return _spans(sorted(self.programmable_keys or ()))

    def as_json(self) -> dict[str, Any]:
        """Return every fact under the names that --json and the API use."""
        module = self.expansion
        return {
            "model": self.name,
            "vendor": self.vendor.name,
            "user_agent_name": self.user_agent_name,
            "aliases": list(self.aliases),
            "series": self.series,
            "scope": str(self.scope),
            "scope_reason": self.scope_reason,
            "prefix": self.prefix if self.vendor.has_common_file else None,
            "common_file": self.common_name,
            "own_file": self.vendor.own_file,
            "accounts": self.accounts,
            "line_keys": self.line_keys,
            "memory_keys": self.memory_keys,
            "programmable_keys": None if self.programmable_keys is None else self.programmable_key_text,
            "codec_slots": self.codec_slots,
            "expansion": None if module is None else {"module": module.module, "modules": module.modules, "keys": module.keys},
            "screen": self.screen,
            "colour": self.colour,
            "http_agent": self.http_agent_sample,
            "sip_agent": self.sip_agent_sample,
            "example_firmware": self.example_firmware,
            "recall": sorted(self.recall),
            "inferred": dict(self.inferred),
            "note": self.note,
            "source": list(self.source),
            "confidence": self.confidence,
        }

    def __str__(self) -> str:
        return self.name


def _spans(numbers: list[int]) -> str:
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)
