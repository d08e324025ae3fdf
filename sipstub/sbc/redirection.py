"""3xx to INVITE, by Remote 3xx Mode of the side that would get it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.sip.message import Response

if TYPE_CHECKING:
    from sipstub.sbc.call import Call
    from sipstub.sbc.service import Sbc

TRANSPARENT, DATABASE_URL, HANDLE_LOCALLY, GROUP_NAME, LOCAL_HOST = range(5)


class Redirection:
    """The five ways."""

    def __init__(self, sbc: Sbc) -> None:
        self._sbc = sbc

    def follow(self, call: Call, response: Response, now: float) -> bool:
        """Return whether the SBC tries the other places itself."""
        return False

    def contact(self, call: Call, response: Response) -> str | None:
        """Return what stands in Contact at the caller."""
        contacts = response.contacts
        return str(contacts) if contacts.addresses else None
