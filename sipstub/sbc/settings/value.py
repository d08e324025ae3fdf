"""Text to value and back: what may stand in a setting, and what is said when something else does.  Pure."""

from __future__ import annotations

import re

from sipstub.sbc.settings.parameter import Kind, Parameter, Value
from sipstub.sbc.settings.problem import SettingsError
from sipstub.sbc.settings.secret import Secret

MAX_TEXT = 1024
"Characters of a text."
MAX_SHOWN = 60
"Characters of a bad value that a message repeats."
MAX_DIGITS = 12
SWITCHES = {"on": "enable", "enabled": "enable", "off": "disable", "disabled": "disable"}
"Words for a choice of enable and disable."
KEYWORDS = {"all": "All", "none": "None", "port": "Port"}

_NUMBER = re.compile(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}")
_FORBIDDEN = re.compile('["\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')
_NAME = re.compile(r"[A-Za-z0-9._~+!*'%-]{1,64}")
_WORD = re.compile(r"[\w.-]+")
_METHOD = re.compile(r"[A-Za-z]{1,32}|setup-invite", re.IGNORECASE)
"Of a SIP method, or the one word of MethodList for INVITE outside of dialogs."


class BadValue(SettingsError):
    """A value that a setting cannot have; the message has what was seen, the hint what is allowed."""

    code = "bad-value"


def read_value(parameter: Parameter, text: str) -> Value:
    """Return the value that the text stands for: a number, a word of a choice, a text without its quotes.

    Raises BadValue.  A bad secret is not repeated.
    """
    if parameter.kind is Kind.CHOICE:
        return _choice(parameter, text)
    if parameter.kind is Kind.NUMBER:
        return _number(parameter, text)
    return check_value(parameter, text)


def check_value(parameter: Parameter, value: Value) -> Value:
    """Return the value in its usual form if the setting can have it; raise BadValue if not."""
    if isinstance(value, bool):
        raise _bad(parameter, str(value))
    if isinstance(value, int):
        return _checked_number(parameter, value)
    if parameter.kind in (Kind.CHOICE, Kind.NUMBER):
        raise _bad(parameter, "a text")
    text = value.reveal() if isinstance(value, Secret) else value
    seen = "a text with a double quote or a control character" if _FORBIDDEN.search(text) else ""
    if len(text) > MAX_TEXT:
        seen = f"{len(text)} characters"
    if seen:
        raise BadValue(f"{parameter.name} cannot be {seen}", hint=f"allowed: {parameter.allowed}, at most {MAX_TEXT} characters")
    if parameter.kind is Kind.SECRET:
        return Secret(text)
    if parameter.kind is Kind.URI_PARTS:
        return _uri_parts(parameter, text)
    if parameter.kind is Kind.METHODS:
        return _methods(parameter, text)
    return text


def word_for_web(text: str) -> str:
    """Return a word as the CLI would have it: lower case, hyphens for everything between letters and digits."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower().replace("'", "")).strip("-")


def _choice(parameter: Parameter, text: str) -> int:
    if _NUMBER.fullmatch(text):
        return _checked_number(parameter, int(text))
    word = word_for_web(text)
    for choice in parameter.choices:
        if word == choice.word:
            return _checked_number(parameter, choice.number)
    if word in (spelt := dict(parameter.cli_words)):
        return spelt[word]
    if word in SWITCHES and (switch := next((one for one in parameter.choices if one.word == SWITCHES[word]), None)):
        return switch.number
    raise _bad(parameter, shown(text))


def _number(parameter: Parameter, text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise _bad(parameter, shown(text))
    return _checked_number(parameter, int(text))


def _checked_number(parameter: Parameter, number: int) -> int:
    if parameter.kind is Kind.CHOICE:
        if why := dict(parameter.refused).get(number):
            raise BadValue(f"{parameter.name} cannot be {number}", hint=why)
        if parameter.choice(number) is None:
            raise _bad(parameter, str(number))
    elif parameter.kind is Kind.NUMBER:
        if not parameter.low <= number <= parameter.high:
            raise _bad(parameter, str(number))
    else:
        raise _bad(parameter, "a number")
    return number


def _uri_parts(parameter: Parameter, text: str) -> str:
    if keyword := KEYWORDS.get(text.strip().lower()):
        return keyword
    names = [name.strip() for name in text.split(",")]
    if not all(map(_NAME.fullmatch, names)):
        raise _bad(parameter, shown(text))
    if any(name.lower() in ("all", "none") for name in names):
        raise BadValue(f"{parameter.name} cannot be {shown(text)}", hint="All and None stand alone")
    return ",".join(names)


def _methods(parameter: Parameter, text: str) -> str:
    names = [name.strip() for name in text.split("\\")] if text.strip() else []
    if not all(map(_METHOD.fullmatch, names)):
        raise _bad(parameter, shown(text))
    return "\\".join(name.upper() for name in names)


def shown(text: str) -> str:
    """Return a text as a message may repeat it: in quotes, cut, nothing that a terminal would act on."""
    cut = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."
    return ascii(cut) if not cut.isprintable() else f'"{cut}"'


def first_word(line: str) -> str:
    """Return what a message may repeat of a line that was not understood: its first word, since a password may follow."""
    found = _WORD.search(line)
    return shown(found[0]) if found else "this line"


def _bad(parameter: Parameter, seen: str) -> BadValue:
    return BadValue(f"{parameter.name} cannot be {seen or 'empty'}", hint=f"allowed: {parameter.allowed}")
