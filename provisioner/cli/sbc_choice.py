"""Options that say which side of an SBC's settings is which, for every command that stands such an SBC before the phones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from provisioner.runtime.sip_sbc import SbcChoice

phone_group_option = click.option(
    "--phone-group", metavar="NAME", help="IP Group of the phones in the SBC's settings; else the first of type User."
)
far_group_option = click.option(
    "--far-group", metavar="NAME", help="IP Group that the registrar stands for; else where the phones' route leads."
)


def sbc_choice(file: Path | None, phone_group: str | None, far_group: str | None) -> SbcChoice | None:
    """Return the SBC that is wanted; None for none."""
    from provisioner.runtime.sip_sbc import SbcChoice

    if file is None:
        if phone_group or far_group:
            raise click.UsageError("--phone-group and --far-group say which groups of an SBC's settings are meant: name its file")
        return None
    return SbcChoice(file, phone_group, far_group)
