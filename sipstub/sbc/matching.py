"""Conditions of rules on who calls whom: the beginning of a user part, and a host."""

from __future__ import annotations

from sipstub.sip.uri import SipUri, TelUri, Uri


def is_fitting(uri: Uri, prefix: str, host: str) -> bool:
    """Return whether a URI begins with that user and is at that host; empty is anything."""
    if not prefix and not host:
        return True
    if isinstance(uri, TelUri):
        return not host and uri.digits.startswith(prefix)
    if not isinstance(uri, SipUri):
        return False
    return (uri.username or "").startswith(prefix) and (not host or uri.host.lower() == host.lower())
