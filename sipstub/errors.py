"""What can be wrong with what a person asks of sipstub.

    SipstubError                message, hint, stable code
    ├── UrlProblem              a provisioning URL that no phone could use
    └── IdentityProblem         a MAC, model or firmware that no phone could have

What a peer does wrong is never an exception but an outcome: a value in the report.
"""

from __future__ import annotations


class SipstubError(Exception):
    """What went wrong and what to do about it."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UrlProblem(SipstubError):
    """A provisioning URL that no phone could use."""

    code = "bad-url"


class IdentityProblem(SipstubError):
    """A MAC, model or firmware that no phone could have."""

    code = "bad-identity"
