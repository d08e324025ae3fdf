"""A virtual phone: an identity, what it remembers, and what it does on the wire.

Today it boots; registering and calling will be further methods that read `settings`.
"""

from __future__ import annotations

from sipstub.phone.boot.fetch import FetchOptions, timed_fetch
from sipstub.phone.boot_pass import BootPass, NeedsReboot
from sipstub.phone.format.effective import Effective
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.location import Location
from sipstub.phone.memory import PhoneMemory
from sipstub.phone.report import BootReport

SERVER_USER = "auto_provision.server.username"
SERVER_PASSWORD = "auto_provision.server.password"


class Phone:
    """One phone; hundreds of them share an event loop."""

    def __init__(
        self,
        identity: PhoneIdentity,
        *,
        memory: PhoneMemory | None = None,
        options: FetchOptions | None = None,
        needs_reboot: NeedsReboot | None = None,
    ) -> None:
        """Make a phone, without `memory` one in factory state; `needs_reboot` says which settings need one."""
        self.identity = identity
        self.memory = memory or PhoneMemory()
        self.options = options or FetchOptions()
        self._needs_reboot = needs_reboot

    @property
    def settings(self) -> Effective:
        """The settings in force."""
        return self.memory.effective

    async def boot(self, url: str) -> BootReport:
        """Run one provisioning pass from `url` and keep what it brought; UrlProblem if no phone could use the URL."""
        location = self._located(url)
        boot = BootPass(self.identity, location, self.memory, needs_reboot=self._needs_reboot)
        while (wanted := boot.next_file()) is not None:
            fetched, took_s = await timed_fetch(location, wanted.name, self.identity, self.options)
            boot.take(wanted, fetched, duration_s=took_s)
        report, self.memory = boot.finish()
        return report

    def _located(self, url: str) -> Location:
        location = Location.parse(url, self.identity)
        user = self.settings.text(SERVER_USER)
        if user and not location.user:
            return location.with_credentials(user, self.settings.text(SERVER_PASSWORD))
        return location
