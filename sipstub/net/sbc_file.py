"""The settings of an SBC from a file, the site that they describe, and the addresses that it listens on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from sipstub.errors import SipstubError
from sipstub.net.address import ListenAddress, bind_tcp, bind_udp
from sipstub.net.server import Listening
from sipstub.sbc.settings.reading import read_settings
from sipstub.sbc.settings.settings import SbcSettings

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_SHOWN = 20
"Problems that are printed."


class SbcFileProblem(SipstubError):
    """A settings file that cannot be used."""

    code = "bad-sbc-file"


def read_sbc_file(path: Path, tell: Callable[[str], None]) -> SbcSettings:
    """Return the settings; what is worth knowing about them is told, and errors raise SbcFileProblem."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SbcFileProblem(f"cannot read {path}: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise SbcFileProblem(f"{path} is larger than {MAX_FILE_BYTES} bytes")
    found = read_settings(data, str(path))
    for problem in found.problems[:MAX_SHOWN]:
        tell(str(problem))
    if found.errors:
        raise SbcFileProblem(f"{len(found.errors)} errors in {path}", hint="nothing is started with settings that are wrong")
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
