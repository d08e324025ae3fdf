"""Values as templates see them: text, numbers and words that remember where they were written."""

from __future__ import annotations

import enum
from typing import Any

from jinja2 import Undefined

from provisioner.inventory.origin import Origin
from provisioner.rendering import mark


class Standing(enum.IntEnum):
    """How a value stands against a setting by parameter name."""

    GIVEN = 0
    "The stronger layer wins; two values at one rank are a problem."

    IMPLIED = 1
    "It follows from another setting: at one rank the setting by parameter name wins."

    FALLBACK = 2
    "It only fills a gap: every setting by parameter name wins."


class TextValue(str):
    """Text; a secret is text too, because the phone's file must hold it."""

    origin: Origin
    wire: str
    is_secret: bool
    standing: Standing

    def __new__(
        cls,
        text: str,
        origin: Origin,
        *,
        wire: str | None = None,
        is_secret: bool = False,
        standing: Standing = Standing.GIVEN,
    ) -> TextValue:
        self = super().__new__(cls, text)
        self.origin = origin
        self.wire = text if wire is None else wire
        self.is_secret = is_secret
        self.standing = standing
        return self


class NumberValue(int):
    """A whole number, or a flag: true is 1, false is 0."""

    origin: Origin
    wire: str
    is_secret = False
    standing: Standing

    def __new__(cls, number: int, origin: Origin, *, standing: Standing = Standing.GIVEN) -> NumberValue:
        self = super().__new__(cls, number)
        self.origin = origin
        self.wire = str(int(number))
        self.standing = standing
        return self


Value = TextValue | NumberValue


class Unset(Undefined):
    """A setting that exists but that no layer gives: false in a condition, and its line is left out."""

    __slots__ = ()

    def __str__(self) -> str:
        return mark.DROP

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Unset)

    __hash__ = Undefined.__hash__


UNSET = Unset()


class Record:
    """Named settings: `line.transport`.  A name that the vocabulary does not have is an error in the template."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]
