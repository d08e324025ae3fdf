"""URIs that lead back to the SBC: a mark and a key in the user part, and the place that the key stands for.

Written by Database URL (1) of Remote 3xx Mode and Remote REFER Mode.  One entry for each host, port and transport, which dies two
hours after it was used last; at most 50, then the oldest makes room.  Printed forms of the mark differ: T~&R- is written,
T~&R_ is taken too [choice].
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import replace

from sipstub.sip.uri import SipUri, Uri

MARK = "T~&R-"
TAKEN = ("T~&R-", "T~&R_")
MAX_ENTRIES = 50
LIFE_S = 7200.0
_KEYED = re.compile(r"T~&R[-_]_(k[0-9]+)_(.*)\Z", re.DOTALL)

Place = tuple[str, int | None, str | None]


class Marks:
    """The entries."""

    def __init__(self) -> None:
        self._places: OrderedDict[Place, tuple[str, float, SipUri]] = OrderedDict()
        self._number = 0

    def __len__(self) -> int:
        return len(self._places)

    def marked(self, uri: Uri, own: SipUri, now: float) -> Uri:
        """Return a URI at our own address that stands for another one; what is no SIP URI is left alone."""
        if not isinstance(uri, SipUri):
            return uri
        self._forget(now)
        place = (uri.host.lower(), uri.port, uri.transport)
        known = self._places.pop(place, None)
        if known is None:
            self._number += 1
            known = (f"k{self._number}", now, uri)
        self._places[place] = (known[0], now, uri)
        while len(self._places) > MAX_ENTRIES:
            self._places.popitem(last=False)
        return SipUri(own.host, f"{MARK}_{known[0]}_{uri.user or ''}", port=own.port, params=own.params, headers=uri.headers)

    def restored(self, uri: Uri, prefix: str, now: float) -> Uri:
        """Return where a marked URI leads, its mark still there, or `prefix` in the place of the mark; others as they are."""
        if not isinstance(uri, SipUri):
            return uri
        match = _KEYED.match(uri.user or "")
        if match is None:
            return uri
        self._forget(now)
        for place, (key, _, found) in list(self._places.items()):
            if key == match[1]:
                self._places[place] = (key, now, found)
                self._places.move_to_end(place)
                user = f"{prefix}{match[2]}" if prefix else f"{MARK}{match[2]}"
                return replace(found, user=user, headers=uri.headers)
        return uri

    def is_lost(self, uri: Uri, now: float) -> bool:
        """Return whether a URI has a mark with a key that nothing is remembered of any more."""
        self._forget(now)
        match = _KEYED.match(uri.user or "") if isinstance(uri, SipUri) else None
        return match is not None and all(key != match[1] for key, _, _ in self._places.values())

    def _forget(self, now: float) -> None:
        for place, (_, used_at, _) in list(self._places.items()):
            if used_at + LIFE_S > now:
                return
            del self._places[place]


def without_mark(uri: Uri) -> Uri:
    """Return a URI as it leaves the SBC."""
    if isinstance(uri, SipUri) and uri.user is not None:
        for mark in TAKEN:
            if uri.user.startswith(mark) and not _KEYED.match(uri.user):
                return replace(uri, user=uri.user[len(mark) :])
    return uri
