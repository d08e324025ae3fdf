"""Fakes for tests of whoever serves phones: a phone of any model, and a fetcher without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from sipstub.phone.boot.fetch import FetchOptions
from sipstub.phone.boot_pass import BootPass
from sipstub.phone.identity import PhoneIdentity, PhoneModel
from sipstub.phone.location import Location
from sipstub.phone.memory import PhoneMemory
from sipstub.phone.outcome import Fetched, FetchLimits, Outcome
from sipstub.phone.report import BootReport
from sipstub.phone.virtual import Phone

T46G = PhoneModel("T46G", "SIP-T46G", "y000000000028.cfg", "28.80.0.60")
T21P_E2 = PhoneModel("T21P E2", "SIP-T21P_E2", "y000000000052.cfg", "52.80.0.60")
CP860 = PhoneModel("CP860", "CP860", "y000000000037.cfg", "37.80.0.30")
IMPATIENT = FetchLimits(idle_s=2.0, total_s=10.0, retransmit_s=0.2)
"Limits for tests against a server on the same machine."


class FakePhone:
    """A phone for tests: boots over sockets with `boot`, or without any with `boot_from`; keeps its memory like a real one."""

    def __init__(
        self,
        mac: str = "001565aabbcc",
        model: PhoneModel = T46G,
        firmware: str | None = None,
        *,
        options: FetchOptions | None = None,
    ) -> None:
        self.identity = PhoneIdentity.of(mac, model, firmware)
        self.phone = Phone(self.identity, options=options or FetchOptions(limits=IMPATIENT))

    @property
    def memory(self) -> PhoneMemory:
        """What the phone keeps."""
        return self.phone.memory

    def boot(self, url: str) -> BootReport:
        """Run one pass over the network, in an event loop of its own."""
        return asyncio.run(self.phone.boot(url))

    def boot_from(
        self,
        files: Mapping[str, bytes | Outcome] | Callable[[str], Fetched],
        url: str = "http://server/",
        *,
        needs_reboot: Callable[[str], bool] | None = None,
    ) -> BootReport:
        """Run one pass against `files` in memory (name to body, or to how it ends); what is not in there is not found."""
        answer = files if callable(files) else lambda name: _fetched(files.get(name, Outcome.NOT_FOUND))
        boot = BootPass(self.identity, Location.parse(url, self.identity), self.phone.memory, needs_reboot=needs_reboot)
        while (wanted := boot.next_file()) is not None:
            boot.take(wanted, answer(wanted.name))
        report, self.phone.memory = boot.finish()
        return report


def _fetched(content: bytes | Outcome) -> Fetched:
    return Fetched(content) if isinstance(content, Outcome) else Fetched(Outcome.RECEIVED, content, "HTTP 200", 200)
