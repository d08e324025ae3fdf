"""What a side of a call says of its messages: its path, and who connects."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.media.agreement import Address
from sipstub.media.fingerprint import Fingerprint
from sipstub.media.msrp_path import MsrpUri


@dataclass(frozen=True, slots=True)
class MsrpTerms:
    """One line of the last description of a side."""

    path: tuple[MsrpUri, ...]
    "Its a=path; never empty."
    target: Address | None = None
    "Where a connection to it is opened; None where it named nothing that one could go to."
    connects: bool = False
    "Whether we open it."
    fingerprints: tuple[Fingerprint, ...] = ()
    "Of its certificate, over TLS."

    @property
    def is_secure(self) -> bool:
        """Return whether TLS is spoken."""
        return self.path[0].is_secure

    @property
    def to(self) -> str:
        """Return what stands in To-Path."""
        return " ".join(map(str, self.path))
