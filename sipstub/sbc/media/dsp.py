"""DSPs: a counted resource that a call needs one of where its voice is transcoded."""

from __future__ import annotations

MAX_DSPS = 256


class DspPool:
    """All of one SBC."""

    def __init__(self, limit: int = MAX_DSPS) -> None:
        self.limit = limit
        self.taken = 0
        self.refused = 0
        "Calls that wanted one and got none."

    def take(self) -> bool:
        """Set one aside; False where none is free."""
        if self.taken >= self.limit:
            self.refused += 1
            return False
        self.taken += 1
        return True

    def give(self) -> None:
        """Take one back."""
        self.taken -= 1
