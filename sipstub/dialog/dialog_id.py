"""The name of a dialog, as each side of it says it.  RFC 3261 section 12."""

from __future__ import annotations

from typing import NamedTuple

from sipstub.sip.message import Request, Response
from sipstub.sip.replaces import Replaces


class DialogId(NamedTuple):
    """Call-ID and both tags; a peer of RFC 2543 has no tag, which counts as an empty one (12.1.1)."""

    call_id: str
    local_tag: str
    remote_tag: str

    @classmethod
    def of_request_received(cls, request: Request) -> DialogId:
        """Return the dialog that a request of the other side is in: To is us."""
        return cls(request.call_id, request.to.tag or "", request.from_.tag or "")

    @classmethod
    def of_response_received(cls, response: Response) -> DialogId:
        """Return the dialog that an answer to a request of ours is in: From is us."""
        return cls(response.call_id, response.from_.tag or "", response.to.tag or "")

    @classmethod
    def named_by(cls, replaces: Replaces) -> DialogId:
        """Return the dialog that a Replaces, Join or Target-Dialog which came to us names (RFC 3891 section 3)."""
        return cls(replaces.call_id, replaces.to_tag or "", replaces.from_tag or "")

    @property
    def of_peer(self) -> DialogId:
        """Return the same dialog as the other side says it."""
        return DialogId(self.call_id, self.remote_tag, self.local_tag)
