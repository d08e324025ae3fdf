"""The second half of the demo: every phone that fetched its file registers with it, and the messages are held against the file.

The phones are virtual; the recording is that of the server's own registrar, and the expectations are read from the very
bytes that the phones fetched.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from provisioner.catalogue.catalogue import Catalogue
from provisioner.expectations.build import build_expectations, delivered, read_cfg_files, subject_of
from provisioner.expectations.observables import Observables, load_observables
from provisioner.runtime.fleet import PhoneFiles
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.virtual import Phone
from sipstub.trace.recording import Recording
from sipstub.trace.recording_json import parse_recording
from sipstub.verify.expectation import Expectations
from sipstub.verify.run import Verified, verify

REGISTER_S = 20.0
"How long a phone may take to register."


async def register_all(phones: Sequence[tuple[PhoneIdentity, str]]) -> list[bool]:
    """Boot each phone from its URL, let it register, and switch it off; return who was registered."""

    async def one(identity: PhoneIdentity, url: str, seed: int) -> bool:
        async with RunningPhone(Phone(identity), url, RunOptions(seed=seed)) as running:
            return await running.registered(REGISTER_S)

    return list(await asyncio.gather(*(one(identity, url, seed) for seed, (identity, url) in enumerate(phones))))


def expectations_of(files: PhoneFiles, observables: Observables, catalogue: Catalogue, identity: PhoneIdentity) -> Expectations:
    """Return what the two files of a phone say that it should do."""
    phone = files.phone
    mac = phone.mac.plain
    given = [delivered(files.common_name, files.common), delivered(files.own_name, files.mac)]
    subject = subject_of(phone.name, mac, phone.model, firmware=identity.firmware, addresses=(identity.loopback,))
    return build_expectations(read_cfg_files(given), observables, subject, catalogue)


def judge_all(
    fleet: Sequence[PhoneFiles], identities: Sequence[PhoneIdentity], folder: Path, catalogue: Catalogue, record: Path
) -> Verified:
    """Return the findings on every phone from the recording at `record`."""
    observables = load_observables(folder)
    recording: Recording = parse_recording(record.read_bytes())
    wanted = [expectations_of(files, observables, catalogue, identity) for files, identity in zip(fleet, identities, strict=True)]
    return verify(wanted, recording.messages, now=time.time(), program=f"provisioner {version('provisioner')}")
