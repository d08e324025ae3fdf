"""The URL that phones get in option 66.  What could end a string or start a new statement in a DHCP server's file is refused.

A DHCP option holds 255 bytes.  Credentials are refused: every device in the network can read what a DHCP server says.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from provisioner.address import WILDCARDS, Listen
from provisioner.errors import SettingsError
from provisioner.runtime.addresses import guess_address
from provisioner.runtime.bound import BoundAddresses
from provisioner.settings import Settings

MAX_URL_BYTES = 255
MAX_HOST_CHARACTERS = 253
MAX_SHOWN = 60
SCHEMES = ("http", "https", "tftp", "ftp")
USUAL_PORT = {"http": 80, "https": 443, "tftp": 69}

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_URL = re.compile(r"[A-Za-z0-9._~:/\[\]$%+=-]+")
"No quotes, blanks, commas, backslashes, braces, semicolons, queries: each means something to some DHCP server."


@dataclass(frozen=True, slots=True)
class PhoneUrl:
    """Where phones are sent."""

    text: str
    "`http://10.1.0.5:8080/`."

    notes: tuple[str, ...] = ()
    "What a person should know: the host is a guess, the listener is not reachable."


def phone_url(settings: Settings, bound: BoundAddresses, *, scheme: str | None = None) -> PhoneUrl:
    """Return the URL of this server; `scheme` None takes HTTP, else HTTPS, else TFTP, whichever is on first.

    Raises SettingsError for a host that cannot stand in a URL and for a transport that is off.
    """
    wanted = next((name for name in ("http", "https", "tftp") if name in bound.listeners), None) if scheme is None else scheme
    if wanted is None or wanted not in bound.listeners:
        raise SettingsError(
            f"{wanted or 'every transport for phones'} is off", hint="turn it on in provisioner.toml, or give --url URL"
        )
    listens = bound.listeners[wanted]
    port = next((listen.port for listen in listens if listen.port), 0)
    if not port:
        raise SettingsError(
            f"{wanted} takes a free port, and no server that runs has left word which one",
            hint=f"start the server first, or name the port: --{wanted} :8080",
        )
    host, notes = _host(settings, bound, listens)
    if _is_loopback(host):
        notes = (*notes, f"{host} is this machine alone: no phone can reach it; --advertise HOST sets another")
    elif all(_is_loopback(listen.host) for listen in listens):
        notes = (*notes, f"{wanted} listens on {listens[0].host} alone: no phone can reach it")
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == USUAL_PORT[wanted] else f"{shown}:{port}"
    return PhoneUrl(check_url(f"{wanted}://{authority}/", "the URL"), notes)


def check_host(text: str, who: str) -> str:
    """Return a host name or address, an IPv6 address without brackets; SettingsError for anything else."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        labels = bare.removesuffix(".").split(".")
        is_name = len(bare) <= MAX_HOST_CHARACTERS and all(_LABEL.fullmatch(label) for label in labels)
        if is_name and not labels[-1].isdigit():
            return bare
    else:
        if "%" not in bare and not address.is_unspecified and not address.is_multicast:
            return str(address)
    raise SettingsError(
        f"{who} is {text[:MAX_SHOWN]!r}, which is neither a host name nor an address that phones can use",
        hint="write the host alone, 10.1.0.5 or provisioning.example; ports come from http, https and tftp",
    )


def check_url(text: str, who: str) -> str:
    """Return a URL that can stand in option 66 and in every DHCP server's file; else SettingsError, without its password."""
    if "@" in text:
        raise SettingsError(
            f"{who} holds credentials, and a DHCP answer is readable by every device in the network",
            hint="give user and password to the phones in their own files",
        )
    if len(text) > MAX_URL_BYTES:
        raise SettingsError(f"{who} has {len(text)} characters", hint=f"a DHCP option holds {MAX_URL_BYTES}")
    try:
        parts = urlsplit(text) if _URL.fullmatch(text) else None
        host = parts.hostname if parts is not None else None
        if parts is None or parts.scheme not in SCHEMES or not host or parts.port == 0:
            raise ValueError
    except ValueError:
        raise SettingsError(
            f"{who} is {text[:MAX_SHOWN]!r}, which is no URL of a folder", hint="write http://10.1.0.5:8080/folder/"
        ) from None
    check_host(host, f"the host of {who}")
    return text


def _host(settings: Settings, bound: BoundAddresses, listens: tuple[Listen, ...]) -> tuple[str, tuple[str, ...]]:
    if settings["advertise"]:
        return check_host(settings["advertise"], f"advertise ({settings.origin('advertise')})"), ()
    if bound.host:
        return check_host(bound.host, f"the host in {bound.source}"), ()
    named = next((listen.host for listen in listens if listen.host not in WILDCARDS), "")
    if named:
        return check_host(named, "the listener's host"), ()
    return guess_address(), ("the address is a guess from the default route; --advertise HOST sets it",)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
