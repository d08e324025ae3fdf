"""3xx to INVITE, by Remote 3xx Mode of the side that would get it [inferred, as with REFER]."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sipstub.sbc.errand import Steps
from sipstub.sbc.routing import Trigger
from sipstub.sbc.translation import at_home, with_host
from sipstub.sip.contact import Contact
from sipstub.sip.message import Response
from sipstub.sip.uri import SipUri, Uri

if TYPE_CHECKING:
    from sipstub.sbc.call import Call
    from sipstub.sbc.service import Sbc

TRANSPARENT, DATABASE_URL, HANDLE_LOCALLY, GROUP_NAME, LOCAL_HOST = range(5)
MAX_FOLLOWED = 8
"Contacts of one 3xx."


class Redirection:
    """The five ways."""

    def __init__(self, sbc: Sbc) -> None:
        self._sbc = sbc

    def follow(self, call: Call, response: Response, now: float) -> bool:
        """Return whether the SBC tries the other places itself, the best q first."""
        if not self.is_ours(call) or not response.contacts.addresses:
            return False
        contacts = sorted(response.contacts, key=lambda contact: -contact.q)[:MAX_FOLLOWED]
        call.trigger = Trigger.REDIRECT
        call.try_also(self._batches(call, contacts), now)
        return True

    def is_ours(self, call: Call) -> bool:
        """Return whether 3xx are followed here, and not shown to the caller."""
        return call.caller.group.profile.redirect_behavior == HANDLE_LOCALLY

    def contact(self, call: Call, response: Response, now: float) -> str | None:
        """Return what stands in Contact at the caller."""
        contacts = response.contacts
        if not contacts.addresses:
            return None
        if call.caller.group.profile.redirect_behavior == TRANSPARENT:
            return ", ".join(response.headers.lines("contact"))
        return ", ".join(str(replace(one, uri=self._uri(call, one.uri, now))) for one in contacts)

    def _uri(self, call: Call, uri: Uri, now: float) -> Uri:
        group, mode = call.caller.group, call.caller.group.profile.redirect_behavior
        own = SipUri.parse(self._sbc.core.places.contact(call.caller.hop))
        if mode == DATABASE_URL:
            return self._sbc.marks.marked(uri, own, now)
        if mode == GROUP_NAME:
            return with_host(uri, group.sip_group_name)
        if mode == LOCAL_HOST:
            return at_home(uri, group.local_host_name, own)
        return uri

    def _batches(self, call: Call, contacts: list[Contact]) -> Steps:
        for contact in contacts:
            yield from self._sbc.batches(call.request, call.caller.group, Trigger.REDIRECT, contact.uri)
