"""What the SBC writes anew in a dialog's first request besides the leg's own headers: host names, identities, SIPS, Diversion."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sipstub.sbc.diversion import diversions_of, history_of
from sipstub.sbc.global_setting import Globals
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.target import Target
from sipstub.sip.error import SipError
from sipstub.sip.message import Request
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.params import NO_PARAMS
from sipstub.sip.scanner import split
from sipstub.sip.uri import SipUri, TelUri, Uri
from sipstub.transaction.sending import Hop

AS_IS, ADD, REMOVE = 0, 1, 2
DIVERSION, HISTORY = "Diversion", "History-Info"
SIP_SCHEME, TEL_SCHEME = 1, 2
SECURE_EVERYWHERE = ("From", "To", "P-Asserted-Identity", "P-Preferred-Identity", "Route")
"Headers besides Request-URI and Contact that lose sips: with SBCRemoveSIPSFromNonSecuredTransport 1."
OPENING = ("INVITE", "SUBSCRIBE", "REFER")
"Requests that open a dialog: sips: stays in all others."
IDENTITIES = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", DIVERSION)
"Headers besides From that say where a caller is: hidden with SIPTopologyHidingMode 1 [inferred of all but the first]."
_SECURE = re.compile(r"(^|<)sips:", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[0-9*#.()-]+")


class Rewriting:
    """The rules under one set of global settings."""

    def __init__(self, settings: Globals, own_host: Callable[[Hop], str]) -> None:
        self._settings = settings
        self._own_host = own_host
        self._hides = settings["SIPTopologyHidingMode"] == 1

    def names(self, request: Request, target: Target) -> tuple[NameAddr, NameAddr]:
        """Return From and To of the outgoing request, without a tag in To; From keeps its parameters."""
        return self.names_towards(request, target.group, target.hop)

    def names_towards(self, request: Request, group: IpGroup, hop: Hop) -> tuple[NameAddr, NameAddr]:
        """Return From and To as they go to a group over a hop."""
        from_, to = request.from_, request.to
        source = group.source_host_name or (self._own_host(hop) if self._hides else "")
        destination = self._destination(group, hop)
        if request.method == "REGISTER":
            source = destination or source
        if source:
            from_ = _at(from_, source)
        if destination:
            to = _at(to, destination)
        return from_, to

    def uri(self, uri: Uri, group: IpGroup, hop: Hop) -> Uri:
        """Return the Request-URI towards a server."""
        host = self._destination(group, hop)
        return replace(uri, host=host, port=None) if host and isinstance(uri, SipUri) else uri

    def _destination(self, group: IpGroup, hop: Hop) -> str:
        return group.sip_group_name or (_bracketed(hop.host) if self._hides else "")

    def identify(self, request: Request, target: Target) -> None:
        """Write P-Asserted-Identity and Diversion, and take sips: away where it would not be true."""
        mode = target.group.profile.assert_identity
        if mode == REMOVE:
            request.headers.remove("P-Asserted-Identity")
        elif mode == ADD:  # in the place of what came [choice]
            request.headers.set("P-Asserted-Identity", NameAddr(request.from_.uri, request.from_.display))
        self._convert(request, target)
        if request.headers.lines("diversion"):
            self._divert(request)
        self.finish(request, target.group, target.hop)

    def finish(self, request: Request, group: IpGroup, hop: Hop) -> None:
        """Hide where the caller is, and take sips: away where it would not be true; the last word on a request."""
        if self._hides:
            self._hide(request, group.source_host_name or self._own_host(hop))
        if hop.transport != "TLS" and request.method in OPENING:
            self._unsecure(request)

    def _hide(self, request: Request, host: str) -> None:
        for name in IDENTITIES:
            found = _addresses(request, name)
            if any(isinstance(one.uri, SipUri) for one in found):
                request.headers.remove(name)
                for one in found:
                    request.headers.add(name, _at(one, host))

    def _convert(self, request: Request, target: Target) -> None:
        """Make one of the other where it is wanted and did not come, then take away what has to go."""
        headers, profile = request.headers, target.group.profile
        has_diversion, has_history = bool(headers.lines("diversion")), bool(headers.lines("history-info"))
        made: dict[str, list[NameAddr]] = {}
        if profile.diversion_mode == ADD and has_history and not has_diversion:
            made[DIVERSION] = diversions_of(_addresses(request, HISTORY))
        if profile.history_info_mode == ADD and has_diversion and not has_history:
            made[HISTORY] = history_of(_addresses(request, DIVERSION), request.uri)
        for name, mode in ((DIVERSION, profile.diversion_mode), (HISTORY, profile.history_info_mode)):
            if mode == REMOVE:
                headers.remove(name)
            for one in made.get(name, ()):
                headers.add(name, one)

    def _divert(self, request: Request) -> None:
        kind = self._settings["SBCDiversionUriType"]
        if kind not in (SIP_SCHEME, TEL_SCHEME):
            return
        if not (found := _addresses(request, DIVERSION)):
            return
        request.headers.remove(DIVERSION)
        for one in found:
            request.headers.add(DIVERSION, replace(one, uri=self._as_scheme(one.uri, kind, request)))

    def _as_scheme(self, uri: Uri, kind: int, request: Request) -> Uri:
        if kind == TEL_SCHEME and isinstance(uri, SipUri) and uri.user and _NUMBER.fullmatch(uri.user):
            return TelUri(uri.user)  # names have no tel: form
        if kind == SIP_SCHEME and isinstance(uri, TelUri):
            own = request.from_.uri
            return SipUri(own.host if isinstance(own, SipUri) else "localhost", uri.digits)
        return uri

    def _unsecure(self, request: Request) -> None:
        if request.uri.scheme != "sips" and not any("sips:" in field.value for field in request.headers):
            return
        if request.uri.scheme == "sips" and isinstance(request.uri, SipUri):
            request.uri = replace(request.uri, scheme="sip")
        names = ("Contact", *(SECURE_EVERYWHERE if self._settings["SBCRemoveSIPSFromNonSecuredTransport"] == 1 else ()))
        for name in names:
            values = request.headers.all(name)
            if any(_SECURE.search(value) for value in values):
                request.headers.remove(name)
                for value in values:
                    request.headers.add(name, _SECURE.sub(r"\1sip:", value))


def _addresses(request: Request, name: str) -> list[NameAddr]:
    """Return the addresses in a header; none where one of them cannot be read, so that it stays as it came."""
    try:
        return [NameAddr.parse(value) for line in request.headers.lines(name.lower()) for value in split(line)]
    except SipError:
        return []


def _at(address: NameAddr, host: str) -> NameAddr:
    uri = address.uri
    return replace(address, uri=replace(uri, host=host, port=None)) if isinstance(uri, SipUri) else address


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def without_tag(address: NameAddr) -> NameAddr:
    """Return an address with nothing but its URI and name."""
    return replace(address, params=NO_PARAMS)
