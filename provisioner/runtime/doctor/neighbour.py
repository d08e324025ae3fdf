"""Other DHCP and TFTP servers on this machine.  Only the kernel's table is read: nobody in the network is asked."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.runtime.doctor.finding import Finding, ok, warning
from provisioner.runtime.doctor.socket_table import Holder, holders
from provisioner.runtime.doctor.subject import Subject

DHCP_PORT = 67
TFTP_PORT = 69
DIALECTS = {"dnsmasq": "dnsmasq", "kea-dhcp4": "kea", "dhcpd": "isc"}
"What `provisioner dhcp` calls the servers that have these process names."


def look(subject: Subject) -> Iterator[Finding]:
    """Yield who else may tell phones where to go."""
    found = holders(DHCP_PORT, subject.proc)
    if found:
        dialect = next((DIALECTS[holder.name] for holder in found if holder.name in DIALECTS), "dnsmasq|kea|isc")
        yield ok(f"a DHCP server runs here: {_list(found)}", f"let it send phones here: provisioner dhcp {dialect}")
    else:
        yield ok("no DHCP server on this machine; others in the network are not looked for")
    is_ours = any(listen.port == TFTP_PORT for listen in subject.listeners.get("tftp", ()))
    other = [] if is_ours else holders(TFTP_PORT, subject.proc)
    if other:
        yield warning(
            f"another TFTP server holds port {TFTP_PORT}: {_list(other)}",
            "a phone that is told a bare host asks that one: stop it, or give phones a URL with scheme and port",
        )


def _list(found: list[Holder]) -> str:
    return ", ".join(map(str, found))
