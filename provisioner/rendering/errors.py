"""What can go wrong between a template and a file."""

from __future__ import annotations


class TemplateProblem(Exception):
    """A template that cannot be rendered: where, what, and what to do; never a value of the phone."""

    def __init__(self, file: str, line: int | None, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.file = file
        self.line = line
        self.code = code
        self.message = message
        self.hint = hint


class BudgetSpent(Exception):
    """A template asked for more loops, text or numbers than any phone's file can need."""


class TemplateTooLarge(Exception):
    """A template with more text than is read; the name is the argument."""
