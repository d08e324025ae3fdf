"""Which IP Group of an SBC the phones are in, and which one is behind it."""

from __future__ import annotations

from sipstub.sbc.settings.problem import SettingsError
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.settings import SbcSettings

USER = 1


class SideProblem(SettingsError):
    """An IP Group that is not there, or that nobody can tell."""

    code = "bad-ip-group"


def sides(settings: SbcSettings, phones: str | None = None, far: str | None = None) -> tuple[Row | None, Row | None]:
    """Return the group of the phones and the group that their requests go to; None where the settings have no group at all.

    Where none is named: the first group of type User; and where the first route of that group leads, else the first Server.
    """
    groups = settings.ip_groups
    one = _named(settings, phones) if phones else next((row for row in groups if row.number("Type") == USER), None)
    if far:
        return one, _named(settings, far)
    for route in settings.routes if one is not None else ():
        source, target = route.text("SrcIPGroupName"), settings.row("IPGroup", route.text("DestIPGroupName"))
        if target is not None and target != one and (not source or settings.row("IPGroup", source) == one):
            return one, target
    return one, next((row for row in groups if row.number("Type") != USER and row != one), None)


def _named(settings: SbcSettings, name: str) -> Row:
    found = settings.row("IPGroup", name)
    if found is None:
        names = ", ".join(row.name or str(row.index) for row in settings.ip_groups)
        raise SideProblem(f"there is no IP Group {name!r}", hint=f"the file has {names or 'none'}")
    return found
