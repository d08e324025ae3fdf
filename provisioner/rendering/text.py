"""The guard: what an expression of a template may write, and how text keeps its origin through filters and joins.

Values reach a file only through `guarded`, which refuses everything that could end a line or forge a mark.  Text that a
template built itself (macros, set blocks) is Markup with marks inside; `unmarked` gives the plain text of it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import Undefined
from markupsafe import Markup

from provisioner.inventory.origin import Origin
from provisioner.rendering import mark
from provisioner.rendering.value import NumberValue, Standing, TextValue, Unset

_REFUSED = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{mark.VALUE}{mark.PLACE}{mark.END}]")


def plain(value: Any) -> str:
    """Return the text that a value has in a file; raise TypeError for what is no value (a list, a record, a macro)."""
    if isinstance(value, TextValue | NumberValue):
        return value.wire
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str | int | float | Unset):
        return str(value)
    if value is None:
        return mark.DROP
    if isinstance(value, Undefined):
        return str(value)  # StrictUndefined raises here by itself, with the name that is missing
    raise TypeError(f"a {type(value).__name__} cannot be written into a line; pick one of its parts")


def guarded(text: str) -> str:
    """Return the text, or raise ValueError if it could make a line of its own."""
    if text.isascii() and text.isprintable():
        return text  # nearly always
    found = _REFUSED.search(text)
    if found is not None:
        raise ValueError(f"a value has the character U+{ord(found[0]):04X}, which could make a line of its own")
    return text


def like(text: str, sources: Iterable[Any]) -> str:
    """Return `text` with the strongest origin among `sources`, secret if any of them is."""
    origin: Origin | None = None
    is_secret = False
    for source in sources:
        if isinstance(source, TextValue | NumberValue):
            is_secret = is_secret or source.is_secret
            if origin is None or source.origin.rank > origin.rank:
                origin = source.origin
    return TextValue(text, origin, is_secret=is_secret) if origin is not None else text


def because(value: Any, cause: Any) -> Any:
    """Return `value` as if it had been written where `cause` was; nothing if no layer gives `cause`."""
    if isinstance(cause, Unset):
        return cause
    return _standing(value, cause, Standing.IMPLIED) if isinstance(cause, TextValue | NumberValue) else value


def fallback(value: Any) -> Any:
    """Return `value` as one that only fills a gap: a setting by parameter name of any layer is stronger."""
    return _standing(value, value, Standing.FALLBACK) if isinstance(value, TextValue | NumberValue) else value


def _standing(value: Any, cause: TextValue | NumberValue, standing: Standing) -> Any:
    if isinstance(value, int):
        return NumberValue(int(value), cause.origin, standing=standing)
    is_secret = cause.is_secret or getattr(value, "is_secret", False)
    return TextValue(str(value), cause.origin, wire=plain(value), is_secret=is_secret, standing=standing)


def unmarked(text: Markup, origins: Sequence[Origin], secrets: set[int]) -> str:
    """Return what a macro or set block wrote as a plain value: without marks, with the strongest origin in it."""
    stripped, numbers, _ = mark.strip(str(text))
    sources = [TextValue("", origins[at], is_secret=at in secrets) for at in numbers]
    return like(stripped, sources)
