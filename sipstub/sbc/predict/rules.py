"""The settings of an SBC that decide about session timers, for one leg and for all of it, with the place of each."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sipstub.sbc.predict.end import LEAST_S
from sipstub.sbc.predict.mark import Mark, Why
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.vocabulary import the_vocabulary


class Mode(enum.IntEnum):
    """SBCSessionExpiresMode."""

    TRANSPARENT = 0
    OBSERVER = 1
    NOT_SUPPORTED = 2
    SUPPORTED = 3

    @property
    def is_carried(self) -> bool:
        """Return whether the ends negotiate, not the SBC."""
        return self in (Mode.TRANSPARENT, Mode.OBSERVER)


@dataclass(frozen=True, slots=True)
class LegRules:
    """What holds on one leg."""

    group: str
    mode: Mode
    update_support: int
    reinvite_support: int
    row: Row

    @classmethod
    def of(cls, settings: SbcSettings, group: Row | None) -> LegRules:
        """Return the rules of the leg of an IP Group; of the globals alone where there is none."""
        row = settings.leg(group)
        name = "globals" if group is None else group.name or str(group.index)
        mode = Mode(row.number("SBCSessionExpiresMode"))
        return cls(name, mode, row.number("SBCRemoteUpdateSupport"), row.number("SBCRemoteReinviteSupport"), row)

    def named(self, column: str) -> str:
        """Return a column with its value and place."""
        value = self.row.table.column(column).word_of(self.row.value(column))
        return f"{column}={value} ({self.row.origin_of(column) or 'default'})"

    def why(self, text: str, mark: Mark, *columns: str) -> Why:
        """Return a reason that rests on columns of this leg's profile; without any, on its Session Expires Mode."""
        return Why(text, mark, tuple(self.named(column) for column in columns or ("SBCSessionExpiresMode",)))

    @property
    def may_refresh(self) -> bool:
        """Return whether the SBC offers to refresh this side before it knows its Allow."""
        return self.reinvite_support > 0 or self.update_support in (1, 2)

    def refresh_method(self, *, takes_update: bool) -> str:
        """Return what the SBC refreshes by on this leg; empty where this side takes nothing.

        re-INVITE, unless it goes by Allow and that names UPDATE, or the side takes no re-INVITE.
        """
        if self.update_support == 3 and takes_update:
            return "UPDATE"
        if self.reinvite_support > 0:
            return "INVITE"
        return "UPDATE" if self.update_support in (1, 2) else ""

    def relayed_as(self, method: str) -> str | None:
        """Return how a refresh of the other end goes out on this leg; None where this end takes neither method.

        A re-INVITE has a description, an UPDATE has none; the one becomes the other where that is all this end takes.
        """
        takes = {"UPDATE": self.update_support > 0, "INVITE": self.reinvite_support > 0}
        other = "INVITE" if method == "UPDATE" else "UPDATE"
        return method if takes[method] else other if takes[other] else None


@dataclass(frozen=True, slots=True)
class TimerRules:
    """What holds for every leg in mode Supported."""

    settings: SbcSettings

    @property
    def min_se_s(self) -> int:
        """Return SBCMinSE as it can be said, 0 for no limit: 1 to 89 goes out as 90."""
        configured = self.settings.number("SBCMinSE")
        return max(configured, LEAST_S) if configured else 0

    @property
    def interval_s(self) -> int:
        """Return what the SBC writes by itself: never under its own minimum."""
        return max(self.settings.number("SBCSessionExpires"), self.min_se_s)

    @property
    def is_ours(self) -> bool:
        """Return whether the SBC wants to refresh."""
        return self.settings.number("SBCSessionRefreshingPolicy") == 1

    def named(self, name: str) -> str:
        """Return a setting with its value and place."""
        word = the_vocabulary().parameter(name).word_of(self.settings.value(name))
        return f"{name}={word} ({self.settings.origin(name) or 'default'})"

    def why(self, text: str, mark: Mark, *names: str) -> Why:
        """Return a reason that rests on global settings."""
        return Why(text, mark, tuple(self.named(name) for name in names))
