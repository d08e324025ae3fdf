"""A settings file in any of its three forms, told apart by its name or by what stands in it."""

from __future__ import annotations

import enum
import re
from pathlib import PurePath

from sipstub.sbc.settings.cli_reader import read_cli
from sipstub.sbc.settings.decode import Text, decode
from sipstub.sbc.settings.draft import Reading
from sipstub.sbc.settings.ini_reader import read_ini
from sipstub.sbc.settings.toml_reader import FileOfSecret, read_toml

MAX_LOOKED_AT = 2000
"Lines from which the form is guessed."


class Form(enum.StrEnum):
    """How settings are written."""

    INI = "ini"
    CLI = "cli"
    TOML = "toml"


_BY_SUFFIX = {".ini": Form.INI, ".toml": Form.TOML, ".cli": Form.CLI}
_SIGNS = (
    (re.compile(r"\s*(?:configure?[ -]\w+|exit|activate)\s*", re.IGNORECASE), Form.CLI),
    (re.compile(r"\s*(?:\[\[\s*[\w-]+\s*\]\]|\[settings\]).*"), Form.TOML),
    (re.compile(r"\s*(?:\[\s*\\?[^\[\]]+\]|FORMAT\s.*|;.*|\w+\s*=.*)", re.IGNORECASE), Form.INI),
)


def read_settings(data: bytes, file: str, form: Form | None = None, *, secret_of: FileOfSecret | None = None) -> Reading:
    """Return what a settings file says, with all problems; never raises.

    Without a form it is told by the suffix (.ini, .cli, .toml), else by the first line that shows it, else it is ini.
    `secret_of` reads the files that TOML names for passwords.
    """
    text = decode(data, file)
    form = form or form_of(file, text)
    if form is Form.TOML:
        return read_toml(text, file, secret_of)
    return read_ini(text, file) if form is Form.INI else read_cli(text, file)


def form_of(file: str, text: Text) -> Form:
    """Return the form of a file."""
    if found := _BY_SUFFIX.get(PurePath(file).suffix.lower()):
        return found
    for line in text.lines[:MAX_LOOKED_AT]:
        for sign, form in _SIGNS:
            if sign.fullmatch(line):
                return form
    return Form.INI
