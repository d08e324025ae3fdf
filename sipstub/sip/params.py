"""Parameters: `;name`, `;name=value`, `;name="quoted value"`.  Names compare without case; order and spelling are kept.

At most MAX_VALUES of them, each name once (RFC 3261 section 7.3.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.scanner import MAX_VALUES, QUOTED, TOKEN_CLASS, is_token, quote, unquote

_ONE = rf"[ \t]*+;[ \t]*+([{TOKEN_CLASS}]++)(?:[ \t]*+=[ \t]*+({QUOTED}|[^\s;,\"<>\x00-\x20\x7f]++))?[ \t]*+"
_PARAM = re.compile(_ONE, re.DOTALL)
_ALL = re.compile(rf"(?:{_ONE})*+\Z", re.DOTALL)
_BARE = re.compile(r"[^\s;,\"<>\\\x00-\x20\x7f]+\Z")


@dataclass(frozen=True, slots=True)
class Params:
    """An ordered set of parameters; `set` and `without` give a new one."""

    items: tuple[tuple[str, str | None], ...] = ()
    "Name and value as written, quotes included; None where there is no `=`."

    @classmethod
    def parse(cls, text: str) -> Params:
        """Return the parameters of `;a=1;b`, or of nothing at all."""
        if not text:
            return NO_PARAMS
        if not _ALL.match(text):  # then findall leaves nothing out
            raise SipError(f"not parameters: {text!r}")
        items = [(name, value or None) for name, value in _PARAM.findall(text)]
        if len(items) > 1:
            refuse_doubles(items)
        return cls(tuple(items))

    def __str__(self) -> str:
        return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.items)

    def __contains__(self, name: str) -> bool:
        return self.raw(name, "") is None or bool(self.raw(name))

    def __bool__(self) -> bool:
        return bool(self.items)

    def raw(self, name: str, missing: str | None = None) -> str | None:
        """Return the value as written; None for a parameter without one."""
        for found, value in self.items:
            if found == name or found.lower() == name.lower():
                return value
        return missing

    def get(self, name: str) -> str | None:
        """Return the value without its quotes, or None if the parameter or its value is missing."""
        value = self.raw(name)
        return unquote(value) if value else value

    def set(self, name: str, value: str | None = None) -> Params:
        """Return these with that parameter, in its old place or at the end; a value that needs quotes gets them."""
        if not is_token(name):
            raise SipError(f"not a parameter name: {name!r}")
        if value is not None and not _BARE.match(value):
            value = quote(value)
        if name not in self:
            return Params((*self.items, (name, value)))
        return Params(tuple((found, value) if found.lower() == name.lower() else (found, old) for found, old in self.items))

    def without(self, name: str) -> Params:
        """Return these without that parameter."""
        return Params(tuple(item for item in self.items if item[0].lower() != name.lower()))

    def as_dict(self) -> dict[str, str | None]:
        """Return names in lower case with values without quotes."""
        return {name.lower(): unquote(value) if value else value for name, value in self.items}


NO_PARAMS = Params()


def refuse_doubles(items: list[tuple[str, str | None]]) -> None:
    """Raise SipError if a name comes twice or there are more than MAX_VALUES."""
    if len(items) > MAX_VALUES:
        raise SipError(f"{len(items)} parameters, at most {MAX_VALUES} are taken")
    names = {name.lower() for name, _ in items}
    if len(names) != len(items):
        raise SipError(f"a parameter comes twice: {''.join(';' + name for name, _ in items)}")
