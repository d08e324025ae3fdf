"""The GRUU that the SBC gives a phone (RFC 5627): public, of its address and instance, so that it is the same every time."""

from __future__ import annotations

from dataclasses import replace

from sipstub.sbc.user_table import User
from sipstub.sip.contact import Contact
from sipstub.sip.message import Request
from sipstub.sip.uri import SipUri, escape

AS_PROXY = 1
PUBLIC = frozenset({3, 4})
"SBCGruuMode; 4, public and temporary, is documented as not supported and taken as 3, as 2 is as 0 [choice]."


def instance_of(request: Request, contact: Contact) -> str:
    """Return the instance of a phone that can do GRUU; empty for others (RFC 5627 section 4.1)."""
    return contact.instance or "" if "gruu" in request.supported else ""


def public_gruu(user: User, mode: int) -> str:
    """Return the GRUU of a user in that mode; empty for none."""
    aor = user.aor.uri
    if not user.instance or not isinstance(aor, SipUri):
        return ""
    if mode in PUBLIC or (mode == AS_PROXY and user.has_server_gruu):
        return str(replace(aor, params=aor.params.set("gr", escape(user.instance).replace("%3A", ":"))))
    return ""
