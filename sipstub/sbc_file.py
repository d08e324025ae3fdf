"""A settings file of an SBC on disk, with the files that it names for passwords."""

from __future__ import annotations

from pathlib import Path

from sipstub.sbc.settings.decode import MAX_FILE_BYTES
from sipstub.sbc.settings.draft import Reading
from sipstub.sbc.settings.problem import SettingsError
from sipstub.sbc.settings.reading import Form, read_settings
from sipstub.sbc.settings.secret import Secret

MAX_SECRET_BYTES = 4096


class SettingsFileError(SettingsError):
    """A settings file that cannot be read, written or used, or a name that no setting has."""

    code = "bad-sbc-settings"


def read_settings_file(file: Path, form: Form | None = None) -> Reading:
    """Return what a settings file says, with all problems; SettingsFileError if it cannot be read at all.

    Files of passwords are looked for beside it: the first line is the password.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsFileError(f"{file}: {error.strerror}") from None
    return read_settings(data, str(file), form, secret_of=lambda name: _secret(file.parent / name))


def _secret(file: Path) -> Secret:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_SECRET_BYTES + 1)
        line = data.decode().partition("\n")[0].removesuffix("\r")
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be read", hint=getattr(error, "strerror", None) or "it is not UTF-8 text") from None
    if not line or len(data) > MAX_SECRET_BYTES:
        raise SettingsError(f"{file} has no password", hint=f"the first line is one; at most {MAX_SECRET_BYTES} bytes are read")
    return Secret(line)
