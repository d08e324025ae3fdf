"""A running SBC reads its settings again: calls go on, and a file that is wrong changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sipstub.errors import SipstubError
from sipstub.net.sbc_file import read_sbc_file
from sipstub.net.server import SipServer
from sipstub.sbc.media.anchored import AnchoredMedia
from sipstub.sbc.media.rules import MediaRules
from sipstub.sbc.service import Sbc
from sipstub.sbc.settings.difference import reloaded
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import site_of


class SbcReload:
    """Called with SIGHUP.  SIP Interfaces are those of the start: sockets are not bound anew."""

    def __init__(
        self,
        path: Path,
        settings: SbcSettings,
        sbc: Sbc,
        server: SipServer,
        tell: Callable[[str], None],
        media: AnchoredMedia | None = None,
    ) -> None:
        self._path = path
        self._settings = settings
        self._sbc = sbc
        self._server = server
        self._tell = tell
        self._media = media

    def __call__(self) -> None:
        """Read the file."""
        try:
            found, waiting = reloaded(self._settings, read_sbc_file(self._path, self._tell))
            for parameter in waiting:
                self._tell(f"{parameter.name} counts after a restart")
            site, rules = site_of(found), MediaRules.of(found)
        except SipstubError as error:
            self._tell(f"the settings stay as they are: {error.message}")
            return
        self._settings = found
        if self._media is not None:
            self._media.rules = rules
        self._sbc.reload(site, self._server.now)
        self._server.burst_ended()
        self._tell(f"{self._path} was read again")
