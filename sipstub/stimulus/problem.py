"""What stands against a stimulus."""

from __future__ import annotations

from sipstub.errors import SipstubError


class StimulusProblem(SipstubError):
    """A stimulus that cannot be given now."""

    code = "not-now"
