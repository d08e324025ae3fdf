"""`provisioner verify --expectations`: what the last files of phones say, for a `sipstub verify` elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.outcome import Exit
from provisioner.errors import ProvisionerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.runtime.verify_subject import Tested


class ExpectationsProblem(ProvisionerError):
    """A file that cannot be written."""

    code = "file"


def write_expectations(phones: Sequence[Tested], path: Path) -> int:
    """Write a list of phones as JSON, `-` to standard output; return 4 if one of them has no file to go by, else 0.

    Passwords stay out: whoever judges elsewhere cannot check a digest.
    """
    for phone in phones:
        if phone.expectations is None:
            click.echo(f"note: {phone.name}: {phone.missing}: nothing is expected of it", err=True)
    known = [phone.expectations for phone in phones if phone.expectations is not None]
    text = json.dumps([one.as_json() for one in known], indent=2, ensure_ascii=False) + "\n"
    if str(path) == "-":
        click.echo(text, nl=False)
    else:
        try:
            path.write_text(text, "utf-8")
        except OSError as error:
            raise ExpectationsProblem(f"{path}: {error.strerror}") from None
    return Exit.DONE if len(known) == len(phones) else Exit.INCONCLUSIVE
