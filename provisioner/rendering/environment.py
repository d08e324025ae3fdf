"""Jinja as phones' files need it: sandboxed, strict about names, bounded in work, and marking where lines come from.

A template may be written by somebody who is not trusted with the server: it reaches no Python, it cannot run for
ever, and it cannot fill the memory (every loop turn, macro call and long text is counted in advance).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, nodes, pass_context
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from provisioner.rendering import mark
from provisioner.rendering.errors import BudgetSpent
from provisioner.rendering.value import UNSET, NumberValue, TextValue, Unset

MAX_TURNS = 20_000
"Loop turns, macro calls and included files of one rendering."
MAX_CHARACTERS = 1_000_000
"Characters that one rendering may produce on its way; a phone's file has about 4,000."
MAX_TEXT = 65_536
"Longest text that an expression may build."
MAX_NUMBER = 2**53
MAX_RANGE = 1_000

_FILTERS = (
    "abs capitalize count d default dictsort first float int items last length list lower map max min reject rejectattr "
    "reverse round select selectattr sort string title trim unique upper"
).split()
_TEXT_METHODS = frozenset(
    {"upper", "lower", "strip", "lstrip", "rstrip", "split", "startswith", "endswith", "removeprefix", "removesuffix"}
)


class CfgEnvironment(SandboxedEnvironment):
    """One folder of templates; one rendering at a time."""

    intercepted_binops = frozenset({"*", "**", "%", "+", "//", "/", "-"})

    def __init__(self, folder: Path) -> None:
        super().__init__(
            loader=FileSystemLoader(folder, followlinks=False),
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
        self.filters = {name: FILTERS[name] for name in _FILTERS}
        self.filters.update(join=_join, replace=_replace, reset=_reset)
        self.globals = {"range": self._range, "reset": "%NULL%"}
        self.template_names: list[str] = []
        self.origins: list[Any] = []
        self.secrets: set[int] = set()
        self._turns = 0
        self._characters = 0

    def start(self) -> None:
        """Forget the last rendering and give the next one a whole budget."""
        self.origins = []
        self.secrets = set()
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

    def concat_bounded(self, *parts: Any) -> Any:
        """Return `a ~ b`; text of the template stays text of the template, values stay guarded."""
        texts = [part if isinstance(part, Markup) else _guarded(_plain(part)) for part in parts]
        if sum(map(len, texts)) > MAX_TEXT:
            raise BudgetSpent(f"text of more than {MAX_TEXT} characters")
        joined = "".join(texts)
        return Markup(joined) if any(isinstance(part, Markup) for part in parts) else joined  # noqa: S704 (guarded above)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse arithmetic on text and lists (`"x" * 10**9`) and numbers that grow without end."""
        if (
            operator == "+"
            and isinstance(left, list | tuple)
            and isinstance(right, list | tuple)
            and len(left) + len(right) <= MAX_RANGE
        ):
            return [*left, *right]
        for side in (left, right):
            if isinstance(side, Unset) or not isinstance(side, int | float) or abs(side) > MAX_NUMBER:
                raise BudgetSpent(f"the operator {operator} is for numbers of ordinary size; join text with ~")
        if operator == "**" and abs(right) > 32:
            raise BudgetSpent("a power above 32")
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow the few methods of text that cannot grow it, and nothing that Python's objects have besides."""
        if isinstance(obj, str):
            return attr in _TEXT_METHODS
        return not isinstance(obj, dict | list | tuple | int) and super().is_safe_attribute(obj, attr, value)

    def _range(self, *args: int) -> range:
        found = range(*(int(arg) for arg in args))
        if len(found) > MAX_RANGE:
            raise BudgetSpent(f"a range of more than {MAX_RANGE}")
        self.tick(turns=len(found))
        return found

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        shown = name or "<text>"
        if shown not in self.template_names:
            self.template_names.append(shown)
        number = self.template_names.index(shown)
        for data in list(tree.find_all(nodes.TemplateData)):
            data.data = _with_places(data.data, number, data.lineno)
        for kind in (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block, nodes.Template):
            found: list[Any] = list(tree.find_all(kind))
            if kind is nodes.Template:
                found = [tree]
            for node in found:
                node.body.insert(0, _tick_node(node))
        _replace_concat(tree)
        return tree


def _with_places(data: str, template: int, line: int) -> str:
    pieces = data.split("\n")
    marked = [mark.place_mark(template, line + at) + piece if piece.strip() else piece for at, piece in enumerate(pieces)]
    return "\n".join(marked)


def _tick_node(around: Any) -> nodes.ExprStmt:
    size = sum(len(data.data) for child in around.body for data in _data_in(child))
    call = nodes.Call(nodes.EnvironmentAttribute("tick"), [nodes.Const(size)], [], None, None)
    return nodes.ExprStmt(call, lineno=around.lineno).set_lineno(around.lineno)  # type: ignore[return-value]


def _data_in(node: Any) -> Any:
    if isinstance(node, nodes.TemplateData):
        return [node]
    return node.find_all(nodes.TemplateData)


def _replace_concat(tree: nodes.Node) -> None:
    for parent in [tree, *tree.find_all(nodes.Node)]:
        for name, value in parent.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(parent, name, _concat_node(value))
            elif isinstance(value, list):
                value[:] = [_concat_node(item) if isinstance(item, nodes.Concat) else item for item in value]


def _concat_node(node: nodes.Concat) -> nodes.Call:
    call = nodes.Call(nodes.EnvironmentAttribute("concat_bounded"), node.nodes, [], None, None, lineno=node.lineno)
    assert node.environment is not None
    return call.set_environment(node.environment)  # type: ignore[return-value]


@pass_context
def _finalize(context: Context, value: Any) -> Any:
    """Return what an expression writes; the guard against values that would make a line of their own."""
    environment: Any = context.environment
    if isinstance(value, Markup):
        environment.tick(len(value), 0)
        return value
    if isinstance(value, TextValue | NumberValue):
        number = len(environment.origins)
        environment.origins.append(value.origin)
        if value.is_secret:
            environment.secrets.add(number)
        text = mark.value_mark(number) + _guarded(value.wire)
    else:
        text = _guarded(_plain(value))
    environment.tick(len(text), 0)
    return Markup(text)  # noqa: S704 (cfg files know no markup; the guard above is the escaping)


def _plain(value: Any) -> str:
    if isinstance(value, TextValue | NumberValue):
        return value.wire
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str | int | float | Unset):
        return str(value)
    if value is None:
        return mark.DROP
    # StrictUndefined raises here by itself, with the name that is missing.
    text = str(value) if not isinstance(value, list | tuple | dict) and not callable(value) else None
    if text is None or text.startswith("<"):
        raise TypeError(f"a {type(value).__name__} cannot be written into a line; pick one of its parts")
    return text


def _guarded(text: str) -> str:
    for character in text:
        if (character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029") or (
            character in mark.ALL and character != mark.DROP
        ):
            raise ValueError(f"a value has the character U+{ord(character):04X}, which could make a line of its own")
    return text


def _join(values: Any, separator: str = "") -> str:
    parts = [_guarded(_plain(value)) for value in values]
    joined = str(separator).join(parts)
    if len(joined) > MAX_TEXT:
        raise BudgetSpent(f"text of more than {MAX_TEXT} characters")
    return joined


def _replace(text: Any, old: str, new: str) -> str:
    plain = _guarded(_plain(text))
    if isinstance(text, Markup) or not old or len(plain) * max(len(new), 1) > MAX_TEXT:
        raise BudgetSpent("replace is for short values only")
    return plain.replace(old, new)


def _reset(value: Any) -> Any:
    """Return the value, or the word that puts the parameter back to its factory value when no layer gives one."""
    return "%NULL%" if value is UNSET or value is None or isinstance(value, Unset) else value
