"""What `provisioner init` writes: a folder that checks without an error and explains itself."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

from provisioner.errors import EnvironmentProblem, ProvisionerError
from provisioner.inventory.importers.staging import generate_password
from provisioner.inventory.toml_writer import toml_value
from provisioner.runtime.bundled import bundled
from provisioner.settings import FILE_NAME, SETTINGS

PRIVATE = ("devices/secrets", "state")
PRIVATE_MODE = 0o700
SECRET_MODE = 0o600

PLACEHOLDER = "devices/secrets/example-101"

GITIGNORE = """\
# What happened belongs to this machine, passwords to nobody's history.
/state/
/devices/secrets/
/devices/.undo/
*.tmp
"""

DEFAULTS = """\
# For every phone; a site, a group and the phone itself may say otherwise (in that order, the phone wins).
# All words: provisioner parameters, docs/reference/devices.md
time_zone   = "+1"
summer_time = "automatic"
ntp_server  = "pool.ntp.org"

[line]
session_timer   = true
session_expires = 1800
codecs          = ["PCMA", "G722", "PCMU"]
"""

GROUP = """\
# A phone belongs here with group = "office".
description = "phones in the office"

# For every line of every phone of the group.
[line]
server    = "@stub"     # this server's own SIP side; write the address of your PBX here
transport = "udp"
expires   = 3600
"""

PHONE = """\
# One phone, as small as it can be.  Its MAC stands on the label at its back.
# A file may also hold many phones: write [[phone]] above each, and [[phone.line]], [[phone.key]] below it.
name  = "example"
mac   = "00:15:65:00:00:01"
model = "T46G"
group = "office"

[[line]]
extension     = "101"
display_name  = "Example"
password_file = "secrets/example-101"   # one line of text, readable by its owner alone

[[key]]
type  = "blf"
value = "102"
label = "Colleague"
"""


class NotEmpty(ProvisionerError):
    """The folder has something in it."""

    code = "not-empty"


def settings_text() -> str:
    """Return provisioner.toml with every setting explained and commented out: as it stands, it changes nothing."""
    parts = [
        "# The settings of the server.  A line counts once its # is gone.",
        "# Order: flag > PROVISIONER_NAME > this file > default.  See them all: provisioner settings",
    ]
    for spec in SETTINGS:
        default = tuple(spec.default) if isinstance(spec.default, list) else spec.default
        shown = toml_value(default) if not isinstance(default, float) else str(default)
        parts += ["", f"# {spec.summary[0].upper()}{spec.summary[1:]}.", f"# Example: {spec.example}", f"# {spec.name} = {shown}"]
    text = "\n".join(parts) + "\n"
    assert tomllib.loads(text) == {}
    return text


def write_start_folder(folder: Path, *, with_templates: bool = False, force: bool = False) -> tuple[list[str], list[str]]:
    """Return the names written and those left alone because they are there already.

    Raises NotEmpty for a folder with something in it unless `force`; a file that exists is never overwritten.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise NotEmpty(f"{folder} is a file", hint="name a folder")
        if not force and folder.is_dir() and any(folder.iterdir()):
            raise NotEmpty(f"{folder} is not empty", hint="name another folder, or add what is missing with --force")
        written: list[str] = []
        kept: list[str] = []
        for name in PRIVATE:
            private = folder / name
            if not private.exists():
                private.mkdir(parents=True, mode=PRIVATE_MODE)
        for name, raw in _files(with_templates):
            (written if _write(folder / name, raw, SECRET_MODE if name == PLACEHOLDER else 0o644) else kept).append(name)
        return written, kept
    except OSError as error:
        raise EnvironmentProblem(
            f"{error.filename or folder}: {error.strerror}", hint="choose a folder that you may write to"
        ) from None


def _files(with_templates: bool) -> Iterator[tuple[str, bytes]]:
    yield FILE_NAME, settings_text().encode()
    yield ".gitignore", GITIGNORE.encode()
    yield "devices/defaults.toml", DEFAULTS.encode()
    yield "devices/groups/office.toml", GROUP.encode()
    yield PLACEHOLDER, (generate_password().reveal() + "\n").encode()
    yield "devices/phones/example.toml", PHONE.encode()
    if with_templates:
        source = bundled("templates")
        for path in sorted(source.rglob("*")):
            if path.is_file() and not path.name.startswith(".") and not path.name.endswith((".pyc", "~")):
                yield f"templates/{path.relative_to(source).as_posix()}", path.read_bytes()


def _write(path: Path, raw: bytes, mode: int) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    return True
