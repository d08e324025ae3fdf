"""A value that shows itself only when asked by name: that of sipstub."""

from __future__ import annotations

from sipstub.secret import MASK, Secret

__all__ = ["MASK", "Secret"]
