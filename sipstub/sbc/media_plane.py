"""What happens to session descriptions on their way from leg to leg: the seam for a media relay.

Without one they pass untouched, and media goes from phone to phone (SBCDirectMedia 1).
"""

from __future__ import annotations

from typing import Protocol


class MediaSession(Protocol):
    """The media of one call."""

    def carry(self, body: bytes, *, is_from_caller: bool) -> bytes:
        """Return the description as the other leg gets it."""

    def end(self) -> None:
        """Free whatever is held for it."""


class MediaPlane(Protocol):
    """Where sessions come from."""

    @property
    def is_direct(self) -> bool:
        """Return whether media go from phone to phone, so that each has to know where the other is."""

    def session(self) -> MediaSession:
        """Return the media of a new call."""


class DirectMedia:
    """Nothing is touched; one object for all calls, as there is nothing to hold."""

    is_direct = True

    def session(self) -> DirectMedia:
        """Return the media of a new call."""
        return self

    def carry(self, body: bytes, *, is_from_caller: bool) -> bytes:
        """Return it as it came."""
        return body

    def end(self) -> None:
        """There is nothing to free."""
