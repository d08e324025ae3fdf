"""The filters of templates: Jinja's own where they cannot grow, ours where they could, each one's work counted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

from jinja2.filters import FILTERS
from markupsafe import Markup

from provisioner.rendering.errors import BudgetSpent
from provisioner.rendering.text import because, fallback, guarded, like, plain
from provisioner.rendering.value import Unset

MAX_TEXT = 65_536
"Longest text that an expression may build."
MAX_DIGITS = 10
"Most digits that `round` keeps."

_TEXT = ("capitalize", "lower", "string", "title", "trim", "upper")
_OTHERS = (
    "abs count d default dictsort first float int items last length list map max min reject rejectattr "
    "reverse select selectattr sort unique"
).split()
_PASS_THROUGH = frozenset({"d", "default"})

Filter = Callable[..., Any]


class Budget(Protocol):
    """Who counts the work: the environment."""

    def charge(self, value: Any) -> Any:
        """Count the size of a text or list and return it."""

    def unmark(self, value: Any) -> Any:
        """Return text built by the template without its marks; anything else as it is."""


def make_filters(budget: Budget) -> dict[str, Filter]:
    """Return every filter that a template may use, by name."""
    found: dict[str, Filter] = {name: _counted(FILTERS[name], budget, name in _PASS_THROUGH) for name in _OTHERS}
    found.update({name: _text_filter(name, budget) for name in _TEXT})
    found.update(
        join=functools.partial(_join, budget),
        replace=functools.partial(_replace, budget),
        round=_round,
        sum=functools.partial(_sum, budget),
        reset=_reset,
        because=because,
        fallback=fallback,
    )
    return found


def _counted(function: Filter, budget: Budget, passes_through: bool) -> Filter:
    first = 1 if hasattr(function, "jinja_pass_arg") else 0

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if passes_through:
            return function(*args, **kwargs)
        value = budget.unmark(budget.charge(args[first]))
        result = function(*args[:first], value, *args[first + 1 :], **kwargs)
        return like(result, [value]) if type(result) is str else result

    return call


def _text_filter(name: str, budget: Budget) -> Filter:
    method = {"string": "__str__", "trim": "strip"}.get(name, name)

    def call(value: Any) -> Any:
        if isinstance(value, Unset):
            return value
        budget.charge(value)
        if isinstance(value, Markup) and name in ("trim", "string"):
            return Markup(str(value).strip() if name == "trim" else str(value))  # noqa: S704 (it was guarded when it was built)
        text = budget.unmark(value)
        text = text if isinstance(text, str) else plain(text)
        return like(getattr(str(text), method)(), [text, value])

    return call


def _join(budget: Budget, values: Any, separator: str = "") -> Any:
    if isinstance(values, str):
        budget.charge(values)
    parts: list[str] = []
    sources: list[Any] = []
    size = 0
    for value in values:
        value = budget.unmark(value)
        text = plain(value)
        size += len(text) + len(separator)
        if size > MAX_TEXT:
            raise BudgetSpent(f"text of more than {MAX_TEXT} characters")
        parts.append(text)
        sources.append(value)
    joined = guarded(str(separator).join(parts))
    budget.charge(joined)
    return like(joined, sources)


def _replace(budget: Budget, text: Any, old: str, new: str) -> Any:
    value = budget.unmark(text)
    if isinstance(value, Unset):
        return value
    before = plain(value)
    budget.charge(before)
    if not old or len(before) * max(len(new), 1) > MAX_TEXT:
        raise BudgetSpent("a replacement that is too long; replace is for short values only")
    return like(guarded(before.replace(str(old), str(new))), [value])


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    if not isinstance(value, int | float) or not 0 <= precision <= MAX_DIGITS:
        raise BudgetSpent(f"a rounding to other than 0 to {MAX_DIGITS} digits of a number")
    return FILTERS["round"](value, int(precision), method)


def _sum(budget: Budget, values: Any) -> int | float:
    total: int | float = 0
    for value in budget.charge(values):
        if not isinstance(value, int | float):
            raise BudgetSpent("a sum of something else than numbers")
        total += value
    return total


def _reset(value: Any) -> Any:
    """Return the value, or the word that puts the parameter back to its factory value when no layer gives one."""
    return "%NULL%" if value is None or isinstance(value, Unset) else value
