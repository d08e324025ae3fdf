"""One process of the storm: so many virtual phones, switched on at a word from the parent; times and problems as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from bench.sip_served import MODELS, ROOT, mac_of
from sipstub.net.descriptors import allow_descriptors
from sipstub.phone.agent.event import PhoneEvent, Registered, RegistrationFailed
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.models import load_models
from sipstub.phone.net.fleet import RunningFleet
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.virtual import Phone

TFTP_EVERY = 10
"Each so manieth phone fetches over TFTP."


async def storm(first: int, count: int, http: str, tftp: str, limit_s: float) -> dict[str, object]:
    """Switch them on, and return when each was registered, in seconds from then."""
    models = load_models(ROOT / "templates" / "yealink" / "models.toml")
    took: list[float] = []
    booted: list[float] = []
    problems: list[str] = []
    phones = []

    def watch(name: str) -> RunOptions:
        def told(event: PhoneEvent) -> None:
            if isinstance(event, Registered) and not event.is_renewal:
                took.append(time.monotonic() - began)
            elif isinstance(event, RegistrationFailed):
                problems.append(f"{name}: {event.status}")

        return RunOptions(seed=int(name, 16), on_event=told)

    for number in range(first, first + count):
        identity = PhoneIdentity.of(mac_of(number), models[MODELS[number % len(MODELS)]])
        phones.append(RunningPhone(Phone(identity), tftp if number % TFTP_EVERY == 0 else http, watch(identity.mac)))
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    async with RunningFleet(phones, at_once=count) as fleet:
        for phone in phones:
            booted += [sum(file.duration_s for file in report.files) for report in phone.reports]
            problems += [f"{phone.phone.identity.mac}: {note}" for note in phone.notes]
        await fleet.registered(limit_s - (time.monotonic() - began))
    return {"took_s": took, "booted_s": booted, "problems": problems}


if __name__ == "__main__":
    allow_descriptors()
    print(json.dumps(asyncio.run(storm(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], float(sys.argv[5])))))
