"""Jinja as phones' files need it: sandboxed, strict about names, bounded in work, and marking where lines come from.

A template may be written by somebody who is not trusted with the server: it reaches no Python, it cannot run for
ever, and it cannot fill the memory.  Every loop turn, macro call, statement and long text is counted before it is done.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Template, TemplateNotFound, TemplateSyntaxError, nodes, pass_context
from jinja2.loaders import split_template_path
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from provisioner.rendering import mark, rewrite
from provisioner.rendering.errors import BudgetSpent, TemplateTooLarge
from provisioner.rendering.filters import MAX_TEXT as MAX_TEXT
from provisioner.rendering.filters import make_filters
from provisioner.rendering.text import guarded, like, plain, unmarked
from provisioner.rendering.value import NumberValue, Standing, TextValue, Unset

MAX_TEMPLATE_BYTES = 65_536
"Largest template; compiling one takes about 20 microseconds a byte."
MAX_TURNS = 20_000
"Loop turns, macro calls and included files of one rendering."
MAX_CHARACTERS = 1_000_000
"Characters and statements that one rendering may work on; a phone's file has about 4,000."
CALL = 8
"Characters that a filter or method counts as."
MAX_NUMBER = 2**53
MAX_RANGE = 1_000
MAX_ITEMS = 1_000
"Items of a list that a template writes, those of lists inside it included."
MAX_POWER = 32

_TEXT_METHODS = frozenset(
    {"upper", "lower", "strip", "lstrip", "rstrip", "split", "startswith", "endswith", "removeprefix", "removesuffix"}
)


class FolderLoader(BaseLoader):
    """Templates of one folder, by path below it; nothing outside, and nothing that is too large."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_source(self, environment: Any, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return text and file name; TemplateNotFound, TemplateTooLarge or TemplateSyntaxError say what is wrong."""
        path = os.path.join(self._folder, *split_template_path(template))  # noqa: PTH118 (Jinja wants text)
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                raw = file.read(MAX_TEMPLATE_BYTES + 1)
        except OSError:
            raise TemplateNotFound(template) from None
        if len(raw) > MAX_TEMPLATE_BYTES:
            raise TemplateTooLarge(template)
        try:
            return raw.decode("utf-8"), path, lambda: True
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise TemplateSyntaxError("the template is not UTF-8 text", line, template, path) from None


class CfgEnvironment(SandboxedEnvironment):
    """One folder of templates; one rendering at a time."""

    intercepted_binops = frozenset({"*", "**", "%", "+", "//", "/", "-"})

    def __init__(self, folder: Path) -> None:
        super().__init__(
            loader=FolderLoader(folder),
            undefined=StrictUndefined,
            autoescape=True,  # so that macros and blocks give Markup, which tells template text from values
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            optimized=False,
            auto_reload=False,
            cache_size=-1,
        )
        self.filters = dict(make_filters(self))
        self.globals = {"range": self._range, "reset": "%NULL%"}
        self.template_names: list[str] = []
        self.origins: list[Any] = []
        self.secrets: set[int] = set()
        self.standings: dict[int, Standing] = {}
        self._numbers: dict[str, int] = {}
        self._broken: dict[str, Exception] = {}
        self._turns = 0
        self._characters = 0

    def start(self) -> None:
        """Forget the last rendering and give the next one a whole budget."""
        self.origins = []
        self.secrets = set()
        self.standings = {}
        self._turns = 0
        self._characters = 0

    def tick(self, characters: int = 0, turns: int = 1) -> str:
        """Count work that is about to be done; raise BudgetSpent when it is more than any file needs."""
        self._turns += turns
        self._characters += characters
        if self._turns > MAX_TURNS:
            raise BudgetSpent(f"more than {MAX_TURNS} turns of its loops")
        if self._characters > MAX_CHARACTERS:
            raise BudgetSpent(f"more than {MAX_CHARACTERS} characters")
        return ""

    def charge(self, value: Any) -> Any:
        """Count a call and the size of the text or list it works on; return that."""
        self.tick(len(value) + CALL if isinstance(value, str | list | tuple | dict | range) else CALL, 0)
        return value

    def unmark(self, value: Any) -> Any:
        """Return text built by the template without its marks; anything else as it is."""
        return unmarked(value, self.origins, self.secrets) if isinstance(value, Markup) else value

    # -- what templates' expressions are rewritten to (see rewrite.py)

    def concat_bounded(self, *parts: Any) -> Any:
        """Return `a ~ b`; text of the template stays text of the template, values stay guarded."""
        texts = [part if isinstance(part, Markup) else plain(part) for part in parts]
        size = sum(map(len, texts))
        if size > MAX_TEXT:
            raise BudgetSpent(f"text of more than {MAX_TEXT} characters")
        if size > rewrite.SHORT:
            self.tick(size, 0)
        joined = "".join(text if isinstance(text, Markup) else guarded(text) for text in texts)
        if any(isinstance(part, Markup) for part in parts):
            return Markup(joined)  # noqa: S704 (guarded above)
        return like(joined, parts)

    def compared(self, value: Any) -> Any:
        """Return the operand of a comparison: text of set blocks and macros compares by what it says."""
        if isinstance(value, str) and len(value) > rewrite.SHORT:
            self.tick(len(value), 0)
        return self.unmark(value)

    def measured(self, value: Any) -> Any:
        """Return a list that the template wrote; raise BudgetSpent if there is too much in it."""
        self.tick(_count(value, MAX_ITEMS), 0)
        return value

    def sliced(self, value: Any, start: Any, stop: Any, step: Any) -> Any:
        """Return `value[start:stop:step]`; text keeps its origin."""
        value = self.charge(self.unmark(value))
        if not isinstance(value, str | list | tuple):
            raise TypeError(f"a {type(value).__name__} has no parts")
        part = value[start:stop:step]
        return like(part, [value]) if isinstance(part, str) else part

    # -- Jinja's own hooks

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse arithmetic on text and lists (`"x" * 10**9`) and numbers that grow without end."""
        if operator == "+" and isinstance(left, list | tuple) and isinstance(right, list | tuple):
            return self.measured([*left, *right])
        for side in (left, right):
            if isinstance(side, Unset) or not isinstance(side, int | float):
                raise BudgetSpent(f"the operator {operator} work on something that is no number; join text with ~")
            if abs(side) > MAX_NUMBER:
                raise BudgetSpent("numbers larger than any phone can have")
        if operator == "**" and abs(right) > MAX_POWER:
            raise BudgetSpent(f"a power above {MAX_POWER}")
        result = super().call_binop(context, operator, left, right)
        if type(result) is int and abs(result) <= MAX_NUMBER:
            source = like("", [left, right])
            return NumberValue(result, source.origin) if isinstance(source, TextValue) else result
        return result

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 (as the class above)
        """Count what a method of text works on, and keep the text's origin."""
        owner = getattr(__obj, "__self__", None)
        if not isinstance(owner, str):
            return super().call(__context, __obj, *args, **kwargs)
        __self.charge(owner)
        result = super().call(__context, __obj, *args, **kwargs)
        if isinstance(result, list):
            return [like(part, [owner]) for part in result]
        return like(result, [owner]) if isinstance(result, str) else result

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return `obj.attribute`; text built by the template is taken as what it says."""
        return super().getattr(self.unmark(obj), attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return `obj[argument]`; text built by the template is taken as what it says."""
        source = self.unmark(obj)
        found = super().getitem(source, argument)
        return like(found, [source]) if type(found) is str else found

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow the few methods of text that cannot grow it, and nothing that Python's objects have besides."""
        if isinstance(obj, str):
            return attr in _TEXT_METHODS
        return not isinstance(obj, dict | list | tuple | int | float | range) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Return nothing, so that str.format is refused like any other method: its widths grow text without end."""

    def _load_template(self, name: str, globals: Any) -> Template:
        """Return the compiled template; one that does not compile is not compiled again for the next phone."""
        known = self._broken.get(name)
        if known is not None:
            raise known.with_traceback(None)
        try:
            return super()._load_template(name, globals)
        except TemplateNotFound:
            raise
        except Exception as error:
            self._broken[name] = error
            raise

    def _range(self, *args: int) -> range:
        found = range(*(int(arg) for arg in args))
        if len(found) > MAX_RANGE:
            raise BudgetSpent(f"a range of more than {MAX_RANGE}")
        self.tick(turns=len(found))
        return found

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        for line, text in enumerate(source.split("\n"), 1):
            if not mark.ALL.isdisjoint(text):
                raise TemplateSyntaxError("a character of Unicode's private use area", line, name, filename)
        tree = super()._parse(source, name, filename)
        shown = name or "<text>"
        number = self._numbers.setdefault(shown, len(self._numbers))
        if number == len(self.template_names):
            self.template_names.append(shown)
        return rewrite.rewrite(tree, number, name)


def _count(value: Any, limit: int) -> int:
    """Return how many items there are in a list and the lists in it, or raise BudgetSpent past `limit`."""
    pending, found = [value], 0
    while pending:
        items = pending.pop()
        found += len(items)
        if found > limit:
            raise BudgetSpent(f"a list of more than {limit} items")
        if isinstance(items, dict):
            items = [*items.keys(), *items.values()]
        pending.extend(item for item in items if isinstance(item, list | tuple | dict))
    return found


@pass_context
def _finalize(context: Context, value: Any) -> Any:
    """Return what an expression writes; the guard against values that would make a line of their own."""
    environment: Any = context.environment
    if isinstance(value, Markup):
        environment.tick(len(value), 0)
        return value
    text = guarded(value if type(value) is str else plain(value))
    if type(value) is TextValue or type(value) is NumberValue:
        number = len(environment.origins)
        environment.origins.append(value.origin)
        if value.is_secret:
            environment.secrets.add(number)
        if value.standing is not Standing.GIVEN:
            environment.standings[number] = value.standing
        text = mark.value_mark(number) + text
    environment.tick(len(text), 0)
    return str.__new__(Markup, text)  # what Markup(text) does, faster (cfg files know no markup; the guard above is the escaping)
