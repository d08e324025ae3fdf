"""Names of dialogs and places in Replaces and Refer-To, said in the words of the other leg.

Each leg has its own Call-ID and tags, so a Replaces that names a dialog of one leg means nothing on the other one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sipstub.dialog.dialog_id import DialogId
from sipstub.sbc.leg import Leg
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.params import Params
from sipstub.sip.replaces import Replaces
from sipstub.sip.uri import SipUri, Uri, escape, unescape

Find = Callable[[DialogId], Leg | None]
REPLACES = "replaces"


def translated_replaces(replaces: Replaces, find: Find) -> Replaces:
    """Return the dialog by the ids that its other side knows, as that side would get it; unchanged if it is none of ours."""
    leg = find(DialogId.named_by(replaces))
    if leg is None or leg.peer is None or leg.peer.dialog is None:
        return replaces
    other = leg.peer.dialog.id
    params = (("to-tag", other.remote_tag), ("from-tag", other.local_tag))
    flags = tuple(item for item in replaces.params.items if item[0].lower() not in ("to-tag", "from-tag"))
    return Replaces(other.call_id, Params((*params, *flags)))


def translated_refer_to(refer_to: NameAddr, find: Find) -> NameAddr:
    """Return Refer-To with the Replaces in it translated."""
    uri = refer_to.uri
    if not isinstance(uri, SipUri) or not uri.headers:
        return refer_to
    headers = tuple(
        (name, escape(str(translated_replaces(Replaces.parse(unescape(value)), find))).replace("=", "%3D"))
        if name.lower() == REPLACES
        else (name, value)
        for name, value in uri.headers
    )
    return replace(refer_to, uri=replace(uri, headers=headers))


def with_host(uri: Uri, host: str) -> Uri:
    """Return a URI at another host; nothing else of it differs."""
    return replace(uri, host=host) if isinstance(uri, SipUri) and host else uri


def at_home(uri: Uri, host: str, own: SipUri) -> Uri:
    """Return a URI at a name of the SBC, or at its address, with a port and a transport by which it comes back to it [choice]."""
    if not isinstance(uri, SipUri):
        return uri
    transport = (own.transport or "UDP").lower()
    is_said = uri.transport is not None or transport != "udp"
    params = uri.params.set("transport", transport) if is_said else uri.params
    port = own.port if uri.port is not None or own.effective_port != uri.effective_port else None
    return replace(uri, host=host or own.host, port=port, params=params)
