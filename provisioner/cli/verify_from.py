"""`provisioner verify --from`: a capture that was made elsewhere, for phones of the fleet or for cfg files that are named."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.place import Places
from provisioner.cli.verify_choice import chosen
from provisioner.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.runtime.fleet import Fleet
    from provisioner.runtime.sip_sbc import SbcChoice
    from provisioner.runtime.verify_subject import Tested
    from sipstub.verify.expectation import Expectations
    from sipstub.verify.run import Verified
    from sipstub.verify.tolerance import Tolerance

FILES = (".cfg", ".xml")
"What the files of phones end in."
Meant = tuple["Sequence[Tested]", "Sequence[Expectations]"]
"Phones to be judged, and how all others call themselves."


def tested(settings: Settings, fleet: Fleet, phones: Sequence[str], group: str | None, model: str | None) -> Meant:
    """Return the phones that are meant: files if cfg files are named, else phones by the last files that reached them."""
    from provisioner.expectations.observables import load_observables
    from provisioner.runtime.history import History
    from provisioner.runtime.verify_capture import tested_files
    from provisioner.runtime.verify_subject import NEVER_FETCHED, Subjects, Tested

    observables = load_observables(fleet.root)
    files = [Path(text) for text in phones if text.lower().endswith(FILES)]
    if files:
        if len(files) != len(phones):
            raise click.UsageError("name phones or cfg files, not both")
        return tested_files(files, observables, fleet.catalogue, fleet.catalogue.find_model(model) if model else None), ()
    history = History(settings.path("state"))
    macs = chosen(fleet, history, phones, group, model)
    if history.source is None or history.reading is None:
        known = fleet.inventory().phones
        names = {mac: (known[mac].name, known[mac].model.name) if mac in known else (mac, "") for mac in macs}
        return [Tested(mac, *names[mac], None, NEVER_FETCHED) for mac in macs], ()
    subjects = Subjects(history.source, history.reading, observables, fleet.catalogue, Places(settings).kept)
    return subjects.look(macs), subjects.bystanders(macs)


def judge_file(
    meant: Meant, capture: Path, host: str | None, program: str, tolerance: Tolerance, *, sbc: SbcChoice | None = None
) -> Verified:
    """Return what the capture says of these phones, after telling what is missing or damaged in it.

    Behind an SBC only its legs to the phones count: on the others it speaks by itself.
    """
    from provisioner.runtime.verify_capture import judge_capture
    from provisioner.runtime.verify_through import Through
    from sipstub.trace.opening import open_recording

    phones, bystanders = meant
    if host is not None and len(phones) != 1:
        raise click.UsageError("--phone-host says which address one phone has: name one phone")
    whole = recording = open_recording(capture, phone=host)
    if sbc is not None:
        from sipstub.sbc.predict.roles import Roles

        if (roles := Roles.guessed(whole)) is not None:
            recording = replace(whole, messages=roles.of_phones(whole.messages))
    for note in recording.notes:
        click.echo(f"note: {note}", err=True)
    for phone in phones:
        if phone.missing:
            click.echo(f"note: {phone.name}: {phone.missing}: name its cfg file instead, if you have it", err=True)
    verified = judge_capture(phones, bystanders, recording, host, now=time.time(), program=program, tolerance=tolerance)
    if sbc is None:
        return verified
    through = Through.of(sbc.read(), sbc.phone_group, sbc.far_group)
    return through.judged(verified, phones, whole.messages, roles)
