"""Judge a capture that was made elsewhere: passive rules only, nothing is sent, no server is needed.

What is expected comes from the last files that reached a phone of this fleet, or from cfg files that somebody names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.model import Model
from provisioner.errors import NotFound, ProvisionerError
from provisioner.expectations.build import Delivered, build_expectations, read_cfg_files, subject_of
from provisioner.expectations.observables import Observables
from provisioner.mac import MacAddress
from provisioner.runtime.verify_judge import Watching, judge_phones
from provisioner.runtime.verify_subject import Tested
from sipstub.trace.record import plain_host
from sipstub.trace.recording import Recording
from sipstub.verify.expectation import Expectations
from sipstub.verify.run import Verified
from sipstub.verify.tolerance import TOLERANCE, Tolerance

MAX_CFG_BYTES = 4 * 2**20
COMMON = re.compile(r"y\d{12}\.cfg", re.IGNORECASE)


class CfgProblem(ProvisionerError):
    """A cfg file that cannot be read."""

    code = "bad-cfg"


def tested_files(paths: Sequence[Path], observables: Observables, catalogue: Catalogue, model: Model | None) -> list[Tested]:
    """Return a phone for each cfg file; common files (`y000000000028.cfg`) are laid under all others.

    A file called like a MAC is that phone's; the model is the one named, else one that has the common file.
    """
    commons = [_read(path) for path in paths if COMMON.fullmatch(path.name)]
    owns = [path for path in paths if not COMMON.fullmatch(path.name)]
    if not owns:
        raise NotFound("only common files are named", hint="name the phone's own file too: 001565aabbcc.cfg")
    if model is None and commons:
        model = next(iter(catalogue.models_of_common_file(commons[0].name.lower())), None)
    found = []
    for path in owns:
        try:
            mac = MacAddress.parse(path.stem).plain
        except ValueError:
            mac = ""
        assignments = read_cfg_files([*commons, replace(_read(path), name=str(path))])
        name = path.stem if [one.stem for one in owns].count(path.stem) == 1 else str(path)
        subject = subject_of(name, mac, model)
        expectations = build_expectations(assignments, observables, subject, catalogue)
        found.append(Tested(mac or str(path), name, subject.model, expectations))
    return found


def judge_capture(
    phones: Sequence[Tested],
    bystanders: Sequence[Expectations],
    recording: Recording,
    host: str | None,
    *,
    now: float,
    program: str,
    tolerance: Tolerance = TOLERANCE,
) -> Verified:
    """Return the findings on phones in a capture; `host` is the address of the phone, if there is only one.

    Addresses of the journal are left out: a capture may be older, or come from another network.
    """
    given = [_at(phone, host if len(phones) == 1 else None) for phone in phones]
    last = max((message.at for message in recording.messages), default=now)
    first = min((message.at for message in recording.messages), default=now)
    watching = Watching(first, last)
    messages = recording.messages
    if host is not None and len(phones) == 1:
        messages = tuple(message for message in messages if plain_host(message.peer.host) == plain_host(host))
    verified = judge_phones(given, bystanders, messages, watching, program=program, tolerance=tolerance)
    return replace(verified, report=replace(verified.report, made_at=now))


def _at(phone: Tested, host: str | None) -> Tested:
    if phone.expectations is None:
        return phone
    subject = replace(phone.expectations.subject, addresses=(host,) if host else ())
    return replace(phone, expectations=Expectations(subject, phone.expectations.items))


def _read(path: Path) -> Delivered:
    try:
        if path.stat().st_size > MAX_CFG_BYTES:
            raise CfgProblem(f"{path} has more than {MAX_CFG_BYTES} bytes")
        return Delivered(path.name, path.read_bytes())
    except OSError as error:
        raise CfgProblem(f"{path}: {error.strerror}") from None
