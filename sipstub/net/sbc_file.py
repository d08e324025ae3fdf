"""The settings of an SBC from a file, the site that they describe, and the addresses that it listens on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from sipstub.errors import SipstubError
from sipstub.net.address import ListenAddress, bind_tcp, bind_udp
from sipstub.net.server import Listening
from sipstub.sbc.settings.problem import Severity
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc_file import read_settings_file

MAX_SHOWN = 20
"Problems that are printed, errors first; notes are not, `sipstub sbc check --all` has them."


class SbcFileProblem(SipstubError):
    """A settings file that cannot be used."""

    code = "bad-sbc-file"


def read_sbc_file(path: Path, tell: Callable[[str], None]) -> SbcSettings:
    """Return the settings; what is worth knowing about them is told, and errors raise SbcFileProblem.

    SettingsFileError if the file cannot be read at all.
    """
    found = read_settings_file(path)
    worth = [problem for problem in found.problems if problem.severity is not Severity.NOTE]
    for problem in sorted(worth, key=lambda problem: problem.severity is not Severity.ERROR)[:MAX_SHOWN]:
        tell(str(problem))
    if found.errors:
        raise SbcFileProblem(
            f"{len(found.errors)} errors in {path}",
            hint="nothing is started with settings that are wrong: sipstub sbc check prints them all",
        )
    return found.settings


def bind_interfaces(settings: SbcSettings) -> list[Listening]:
    """Return bound sockets for the SIP Interfaces, none where there are no rows; port 0 is not listened on."""
    with contextlib.ExitStack() as unwinding:
        found: list[Listening] = []
        for row in settings.sip_interfaces:
            host = row.text("NetworkInterface") or "*"
            for column, is_udp, is_tls in (("UDPPort", True, False), ("TCPPort", False, False), ("TLSPort", False, True)):
                port = row.number(column)
                if not port:
                    continue
                address = ListenAddress(ListenAddress.parse(f"[{host}]" if ":" in host else host, default_port=port).host, port)
                sock = bind_udp(address) if is_udp else bind_tcp(address)
                unwinding.callback(sock.close)
                found.append(Listening(sock, is_tls))
        unwinding.pop_all()
    return found
