"""The facts of templates/ are parsed hundreds of times in a run of the tests: the same text is parsed once in a process.

Only two functions are remembered, and both give the same for the same text: TOML to values (each caller gets values of its own)
and Jinja's Python text to code.
"""

from __future__ import annotations

import functools
import pickle
import tomllib
from types import CodeType
from typing import Any

from jinja2 import Environment

LEAST_CHARACTERS = 400
"Shorter texts are parsed as fast as they are looked up."
MOST_TEXTS = 512

_loads, _compile = tomllib.loads, Environment._compile


@functools.lru_cache(MOST_TEXTS)
def _packed(text: str) -> bytes:
    return pickle.dumps(_loads(text), pickle.HIGHEST_PROTOCOL)


def loads(text: str, /, *, parse_float: Any = float) -> dict[str, Any]:
    """Return what tomllib.loads returns, or raise what it raises."""
    if parse_float is not float or type(text) is not str or len(text) < LEAST_CHARACTERS:
        return _loads(text, parse_float=parse_float)
    return pickle.loads(_packed(text))


@functools.lru_cache(MOST_TEXTS)
def _code(source: str, filename: str) -> CodeType:
    return _compile(None, source, filename)  # type: ignore[arg-type]  # uses nothing of the environment


def remember() -> None:
    """Let this process remember what it parsed."""
    tomllib.loads = loads
    Environment._compile = lambda self, source, filename: _code(source, filename)  # type: ignore[method-assign]
