"""Addresses that are nobody's: a socket bound to one listens on all of ours, a description that names one means hold."""

from __future__ import annotations

UNSPECIFIED = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared only
WILDCARDS = UNSPECIFIED | {""}
"The same, and no host at all."
