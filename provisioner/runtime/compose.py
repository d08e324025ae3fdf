"""From a build to what is published: fresh files, kept last good ones, and what is gone.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.delivery.identify import OWN_ENDINGS
from provisioner.delivery.snapshot import PhoneEntry
from provisioner.inventory.load import Inventory
from provisioner.inventory.origin import Origin
from provisioner.rendering.kind import FileKind
from provisioner.rendering.render import RenderedFile
from provisioner.runtime.fleet import Build
from provisioner.state.published import NewFile, Publication, Published, PublishedPhone


def compose(build: Build, published: Published) -> Publication:
    """Return the publication that brings `published` to `build`.

    A phone with a problem keeps its last good file and is marked; a phone whose file cannot be read at all keeps
    everything; without readable defaults nothing of the old is taken away.
    """
    files: dict[str, NewFile] = {}
    everything_stays = build.inventory.stops_everything
    if not everything_stays:
        for name, common in build.commons.items():
            if common.is_good:
                files[name] = _new(FileKind.COMMON, None, common)
    phones: dict[str, PublishedPhone] = {}
    for mac, found in build.phones.items():
        entry = PhoneEntry(mac, found.phone.name, found.phone.model.name, found.common_name, found.is_blocked)
        known = published.phones.get(mac)
        if found.is_blocked and known is not None:
            # The last good file belongs to the phone as it was then: name and model stay with it.
            phones[mac] = _marked(known)
        else:
            phones[mac] = PublishedPhone(entry, found.phone.group, found.phone.site, found.phone.text.file)
        # A file that was rendered anew goes out even with the same bytes: the places of its values may have moved.
        name = found.phone.model.vendor.file_name(mac)
        last = published.files.get(name)
        if not found.is_blocked and (found.is_new or last is None or last.sha256 != found.sha256):
            files[name] = _new(FileKind.MAC, mac, found.mac)
    kept = set(phones) | kept_macs(build.inventory, published)
    for mac in build.inventory.blocked:
        if mac not in phones:
            known = published.phones.get(mac)
            unknown = PublishedPhone(PhoneEntry(mac, mac, "", "", True), None, None, "")
            phones[mac] = _marked(known) if known is not None else unknown
            kept.add(mac)
    for mac in kept - set(phones):
        phones[mac] = _marked(published.phones[mac])
    static = {name: replace(file, path=file.path.absolute()) for name, file in build.inventory.static.items()}
    removed = {
        name
        for name, file in published.files.items()
        if (file.kind is FileKind.MAC and (file.mac not in kept or _is_replaced(name, file.mac, files)))
        or (file.kind is FileKind.STATIC and name not in static and not everything_stays)
        or (file.kind is FileKind.COMMON and name not in build.commons)
    }
    return Publication(
        files,
        static,
        removed,
        {mac: phone for mac, phone in phones.items() if published.phones.get(mac) != phone},
        set(published.phones) - kept,
        build.fingerprint,
        [problem.as_json() for problem in build.problems],
    )


def _is_replaced(name: str, mac: str | None, files: Mapping[str, NewFile]) -> bool:
    """Return whether the phone gets its own file under another name now: it became one of another vendor."""
    return name not in files and any(file.mac == mac for file in (files.get(f"{mac}.{ending}") for ending in OWN_ENDINGS) if file)


def kept_macs(inventory: Inventory, published: Published) -> set[str]:
    """Return the phones of before that nobody may take away: their file, or a folder above it, cannot be read now."""
    if inventory.stops_everything:
        return set(published.phones)
    lost = {file + "/" for file in inventory.unreadable} | {
        problem.file + "/" for problem in inventory.problems if problem.code == "unreadable"
    }
    return {mac for mac, phone in published.phones.items() if any((phone.source + "/").startswith(file) for file in lost)}


def _marked(phone: PublishedPhone) -> PublishedPhone:
    entry = phone.entry
    return PublishedPhone(
        PhoneEntry(entry.mac, entry.name, entry.model, entry.common_name, True), phone.group, phone.site, phone.source
    )


def _new(kind: FileKind, mac: str | None, file: RenderedFile) -> NewFile:
    return NewFile(kind, mac, file.body, [origin_as_json(origin) for origin in file.origins])


def origin_as_json(origin: Origin | None) -> list[Any] | None:
    """Return an origin in the form it is kept in: [file, line, layer, rank]."""
    return None if origin is None else [origin.file, origin.line, origin.layer, int(origin.rank)]


def origin_text(kept: Any) -> str:
    """Return a kept origin as `file:line`; empty for a line without one."""
    if not kept:
        return ""
    file, line = kept[0], kept[1]
    return f"{file}:{line}" if line else str(file)


def bodies(published: Published) -> Mapping[str, bytes | memoryview]:
    """Return the cfg files that are published, by name."""
    return {name: file.body for name, file in published.files.items() if file.kind is not FileKind.STATIC}
