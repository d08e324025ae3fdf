"""What spreadsheets do to identifiers, recognised by name.

Only for cells that hold no free text: a MAC, an extension, a user name, a number.  Whoever means the odd text as it
stands writes a backslash before it (`\\03-Jan`), and nothing here looks at it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTHS = "jan feb mar mär mrz apr may mai jun jul aug sep sept oct okt nov dec dez janv févr avr juin juil août déc".split()
_MONTH = "(?:" + "|".join(_MONTHS) + r")[a-zäéû]{0,6}\.?"
_DATE = re.compile(
    rf"\d{{1,2}}[-. /]{{1,2}}{_MONTH}(?:[- /.]+\d{{2,4}})?"
    rf"|{_MONTH}[- /.]+\d{{2,4}}"
    r"|\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?"
    r"|\d{1,2}/\d{1,2}/\d{2,4}(?: \d{1,2}:\d{2}(?::\d{2})?)?"
    r"|\d{1,2}\.\d{1,2}\.\d{4}(?: \d{1,2}:\d{2}(?::\d{2})?)?",
    re.IGNORECASE,
)
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?e[+-]?\d{2,3}|[+-]?\d+[.,]\d+e[+-]?\d+", re.IGNORECASE)
_FLOAT = re.compile(r"[+-]?\d+[.,]0+")
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,'\u2019\u202f\xa0 ]\d{3})+")
_FORMULA_ERROR = re.compile(
    r"#(?:NAME\??|REF!?|VALUE!?|N/?A|DIV/0!?|NULL!?|NUM!?|SPILL!|CALC!|FIELD!|WERT!|BEZUG!|NV|ZAHL!|NOM\s?\?|VALEUR\s?!)|Err:5\d\d",
    re.IGNORECASE,
)
_NARROW = re.compile(r"#{4,}")
_TIME = re.compile(r"\d{1,3}:\d{2}(?::\d{2})?(?: [AP]M)?", re.IGNORECASE)
_SHORT_OCTETS = re.compile(r"[0-9a-f]{1,2}(?:[:-][0-9a-f]{1,2}){5}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)

TEXT_HINT = "format the column as text in the spreadsheet and enter it again"


@dataclass(frozen=True, slots=True)
class Damage:
    """One cell that is not what a person entered."""

    code: str
    "Stable word: `leading-zeros-lost`."

    message: str
    "What was seen."

    hint: str
    "What to do."


def formula_damage(text: str) -> Damage | None:
    """Return what happened to a cell of any column, or None."""
    if _FORMULA_ERROR.fullmatch(text):
        return Damage("formula-error", f"{text} is the error of a spreadsheet's formula", "enter the value itself")
    if _NARROW.fullmatch(text):
        return Damage("column-too-narrow", f"{text[:12]} is what a spreadsheet shows in a narrow column", "widen it, save again")
    if "\ufffd" in text:
        return Damage("lost-characters", "characters were lost when the file was converted (U+FFFD)", "save it as CSV UTF-8")
    return None


def identifier_damage(text: str, what: str) -> Damage | None:
    """Return what a spreadsheet did to a number, extension or user name, or None."""
    if _SCIENTIFIC.fullmatch(text):
        return Damage("scientific-notation", f"{what} {text} is a number in scientific notation: digits are lost", TEXT_HINT)
    if _DATE.fullmatch(text):
        return Damage("became-a-date", f"{what} {text} is a date: the spreadsheet took it for one", TEXT_HINT)
    if _FLOAT.fullmatch(text):
        return Damage("became-a-decimal", f"{what} {text} is a decimal number", TEXT_HINT)
    if _THOUSANDS.fullmatch(text):
        return Damage("thousands-separator", f"{what} {text} has a thousands separator", TEXT_HINT)
    return None


def mac_damage(text: str) -> Damage | None:
    """Return what happened to a text that should be a MAC address and is none, or None if it is just wrong."""
    damage = identifier_damage(text, "the MAC")
    if damage is not None and damage.code != "thousands-separator":
        return damage
    if _TIME.fullmatch(text):
        return Damage("became-a-time", f"the MAC {text} is a time of day: the spreadsheet took it for one", TEXT_HINT)
    if _SHORT_OCTETS.fullmatch(text):
        return Damage("leading-zeros-lost", f"the MAC {text} has parts of one digit: leading zeros lost", "write two per part")
    plain = re.sub(r"[:. -]", "", text)
    if re.search("[oO]", plain) and _HEX.fullmatch(plain.replace("o", "0").replace("O", "0")):
        return Damage("letter-o", f"the MAC {text[:24]} has the letter O in it", "write the digit 0")
    if _HEX.fullmatch(plain) and len(plain) in (8, 9, 10, 11):
        message = f"the MAC {text} has {len(plain)} digits, not 12: leading zeros lost"
        return Damage("leading-zeros-lost", message, "format the column as text, and enter it again")
    return None
