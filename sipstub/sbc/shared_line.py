"""Shared lines: which number is the primary one of a secondary, by inbound manipulation of purpose shared-line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.matching import is_fitting
from sipstub.sip.uri import SipUri, Uri

SHARED_LINE = 2
"Of ManipulationPurpose."


@dataclass(frozen=True, slots=True)
class SharedLineRule:
    """One row."""

    group: IpGroup | None
    "Of the phones; None is any."
    prefix: str
    cut_before: int
    cut_behind: int
    put_before: str
    put_behind: str

    def primary(self, number: str) -> str:
        """Return the number that a number is changed to."""
        kept = number[self.cut_before : len(number) - self.cut_behind if self.cut_behind else None]
        return f"{self.put_before}{kept}{self.put_behind}"


def primary_of(rules: Iterable[SharedLineRule], uri: Uri, group: IpGroup) -> Uri | None:
    """Return the address of the primary line of a secondary one; None for all others, the primary itself among them."""
    if not isinstance(uri, SipUri) or not uri.user:
        return None
    for rule in rules:
        if (rule.group is None or rule.group is group) and is_fitting(uri, rule.prefix, ""):
            primary = rule.primary(uri.user)
            return replace(uri, user=primary) if primary and primary != uri.user else None
    return None
