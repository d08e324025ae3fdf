"""SBCEnforceMediaOrder: a line of the session keeps its place in later offers.  RFC 3264 section 8.

What the side that offers has left out is put in with port 0; `Layout` says which line of it is which of the other side's, so that
the answer can be told without them.
"""

from __future__ import annotations

from dataclasses import replace

from sipstub.sip.sdp import Media

Layout = tuple[int | None, ...]
"For each line that went out, the line that it came from; None for one that was put in."


def straight(count: int) -> Layout:
    """Return the layout in which nothing is put in."""
    return tuple(range(count))


def kept_order(media: tuple[Media, ...], before: tuple[Media, ...]) -> tuple[tuple[Media, ...], Layout]:
    """Return the lines of an offer with those of the session at their places, and the layout."""
    found: list[Media] = []
    layout: list[int | None] = []
    left = list(enumerate(media))
    for old in before:
        at = next((entry for entry in left if entry[1].kind == old.kind and entry[1].protocol == old.protocol), None)
        if at is None:
            found.append(replace(old, port=0, port_count=None, lines=()))
            layout.append(None)
        else:
            left.remove(at)
            found.append(at[1])
            layout.append(at[0])
    for number, one in left:
        found.append(one)
        layout.append(number)
    return tuple(found), tuple(layout)


def without_added(media: tuple[Media, ...], layout: Layout) -> tuple[tuple[int, Media], ...]:
    """Return the lines of an answer by their numbers in the offer that it answers, in its order."""
    pairs = [(place, one) for place, one in zip(layout, media, strict=False) if place is not None]
    return tuple(sorted(pairs, key=lambda pair: pair[0]))
