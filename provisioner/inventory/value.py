"""Turn what stands in a TOML file into a value that is safe to hand on, or say what is wrong with it."""

from __future__ import annotations

import difflib
import functools
import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from provisioner.inventory.layer import RESET, Plain
from provisioner.inventory.vocabulary import Field, FieldType
from provisioner.secret import Secret

MAX_TEXT = 511
"Longest value that any parameter takes (the guides give 511 characters for URLs)."

MAX_HOST = 253
MAX_WORD = 80
"Longest slip that a near word is looked for; finding one costs time with its length."
STUB = "@stub"
"As a server: this server's own SIP side, wherever it listens."

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?", re.ASCII)
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Zl", "Zp", "Cs", "Co", "Cn"})


class ValueProblem(Exception):
    """What is wrong with a value, without the value where it may be secret."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def nearest(word: str, words: Iterable[Any]) -> str:
    """Return a hint `did you mean "transport"?`, or nothing if no word is near."""
    return _nearest(word, tuple(map(str, words))) if len(word) <= MAX_WORD else ""


@functools.lru_cache(4_096)  # a slip is often repeated in thousands of phones
def _nearest(word: str, words: tuple[str, ...]) -> str:
    originals = {name.lower(): name for name in words}
    found = difflib.get_close_matches(word.lower(), originals, 1, 0.6)
    return f'did you mean "{originals[found[0]]}"?' if found else ""


def check_text(text: str, *, is_secret: bool = False) -> str:
    """Return `text` if a phone's file can carry it and give it back unchanged; else raise ValueProblem.

    Refused are characters that could end the line or hide in it, blanks at the ends (phones cut them off) and the
    word for reset.
    """
    if len(text) > MAX_TEXT:
        raise ValueProblem("too-long", f"has {len(text)} characters, more than {MAX_TEXT}", "shorten it")
    if not text.isascii() or not text.isprintable():
        for at, character in enumerate(text):
            if unicodedata.category(character) in _FORBIDDEN_CATEGORIES:
                raise ValueProblem(
                    "control-character",
                    f"has the character U+{ord(character):04X} at position {at + 1}",
                    "remove it; it could end the line in the phone's file",
                )
    if text != text.strip():
        raise ValueProblem("blank-edges", "begins or ends with a blank", "remove it; phones cut it off")
    if text.upper() in (RESET, "%EMPTY%"):
        raise ValueProblem("reset-word", f"is the word {text}", "use reset = [names] to put a parameter back")
    if is_secret and not text:
        raise ValueProblem("empty-secret", "is empty", "give the password, or remove the key")
    return text


def read_value(field: Field, raw: Any) -> Plain:
    """Return the checked value of a typed setting; raise ValueProblem with a stable code and a hint."""
    if field.type is FieldType.FLAG:
        if not isinstance(raw, bool):
            raise ValueProblem("wrong-type", f"{field.name} is {_shown(raw, field)}, not true or false", "write true or false")
        return raw
    if field.type is FieldType.NUMBER:
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise ValueProblem(
                "wrong-type", f"{field.name} is {_shown(raw, field)}, not a whole number", "write it without quotes"
            )
        if abs(raw) > 2**53:
            raise ValueProblem("out-of-range", f"{field.name} is {raw}, too large for any phone")
        return raw
    if field.type is FieldType.WORDS:
        if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
            raise ValueProblem(
                "wrong-type", f"{field.name} is {_shown(raw, field)}, not a list of words", 'write ["PCMA", "G722"]'
            )
        chosen = tuple(_word(field, item) for item in raw)
        if not chosen:
            raise ValueProblem("empty-list", f"{field.name} is an empty list", "name at least one, or remove the key")
        if len(set(chosen)) < len(chosen):
            raise ValueProblem("repeated-word", f"{field.name} names one word twice", "name each once")
        return chosen
    if not isinstance(raw, str):
        quoted = "" if field.type is FieldType.SECRET else f': {field.name} = "{raw}"' if isinstance(raw, int) else ""
        raise ValueProblem("wrong-type", f"{field.name} is {_shown(raw, field)}, not text", f"put it in quotes{quoted}")
    if field.type is FieldType.WORD:
        return _word(field, raw)
    try:
        text = check_text(raw, is_secret=field.type is FieldType.SECRET)
    except ValueProblem as problem:
        raise ValueProblem(problem.code, f"{field.name} {problem.message}", problem.hint) from None
    if field.type is FieldType.SECRET:
        return Secret(text)
    if field.type is FieldType.HOST and text and not _is_host(text) and not (text == STUB and field.takes_stub):
        raise ValueProblem(
            "not-a-host", f'{field.name} is "{text[:80]}", not an address or name', "write sip.example.com or 10.1.0.9"
        )
    return text


def read_raw_setting(name: str, raw: Any) -> str:
    """Return the text of `settings."name" = raw`: text as it is, numbers in digits, true and false as 1 and 0, "" as reset."""
    if isinstance(raw, bool):
        return "1" if raw else "0"
    if isinstance(raw, int) and abs(raw) < 2**53:
        return str(raw)
    if isinstance(raw, float) and (raw == 0 or 1e-4 <= abs(raw) < 1e15):  # where Python writes plain digits
        return repr(raw)
    if not isinstance(raw, str):
        raise ValueProblem("wrong-type", f"{name} is {_kind(raw)}, not text", "put it in quotes")
    try:
        return check_text(raw) or RESET  # releases differ on what `name =` means; the word for reset is what all know
    except ValueProblem as problem:
        raise ValueProblem(problem.code, f"{name} {problem.message}", problem.hint) from None


def _word(field: Field, raw: str) -> str:
    if raw in field.words:
        return raw
    for word in field.words:
        if word.lower() == raw.lower():
            return word
    hint = nearest(raw, field.words) or "one of: " + ", ".join(field.words)
    raise ValueProblem("unknown-word", f'{field.name} is "{raw[:80]}", which is not one of its words', hint)


def _is_host(text: str) -> bool:
    if ":" not in text:
        return len(text) <= MAX_HOST and _HOST.fullmatch(text) is not None
    try:
        return ipaddress.ip_address(text[1:-1] if text[0] == "[" and text[-1] == "]" else text).version == 6
    except ValueError:
        return False


def _shown(raw: Any, field: Field) -> str:
    if field.type is FieldType.SECRET or not isinstance(raw, str | int | float):
        return _kind(raw)
    return f'"{raw[:80]}"' if isinstance(raw, str) else str(raw).lower()[:80]


def _kind(raw: Any) -> str:
    names = {dict: "a table", list: "a list", bool: "true or false", int: "a number", float: "a number", str: "text"}
    return names.get(type(raw), "a date or time")
