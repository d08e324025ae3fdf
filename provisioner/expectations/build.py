"""What the files of one phone say, as expectations: read from the very bytes, merged as the phone merges them.

A parameter that no file names gives an expectation only where its factory value is documented with high confidence, and
then one that is marked so.  What a value means is the vendor's mapping; nothing here knows a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.model import Model
from provisioner.expectations.observables import Observable, Observables
from provisioner.inventory.origin import Origin
from provisioner.rendering.render import RenderedFile
from sipstub.phone.format.effective import Effective, apply_files
from sipstub.phone.format.reading import read_file
from sipstub.verify.expectation import MAX_EXPECTATIONS, Expectation, Expectations, Subject, merged
from sipstub.verify.setting import SETTINGS

SERVER_PLACES = {"server": "1"}
"Where a factory value holds for the first of several only."


@dataclass(frozen=True, slots=True)
class Assignment:
    """One key of a phone's files, whatever their format."""

    name: str
    value: str = field(repr=False)
    file: str = ""
    line: int = 0
    origin: str = ""
    "Where a person wrote it."


@dataclass(frozen=True, slots=True)
class Delivered:
    """One file as the phone got it."""

    name: str
    "`001565aabbcc.cfg`."
    body: bytes = field(repr=False)
    origins: Sequence[str] = ()
    "For each line where a person wrote it; empty texts where nobody did."


def delivered(name: str, file: RenderedFile, show: Callable[[Origin], str] = str) -> Delivered:
    """Return a rendered file as if it had been fetched; `show` writes a place as people type it."""
    return Delivered(name, file.body, tuple("" if origin is None else show(origin) for origin in file.origins))


def read_cfg_files(files: Iterable[Delivered]) -> list[Assignment]:
    """Return what counts after the files of a phone, in the order in which it reads them: the later one wins.

    Each file is read by its own format: cfg text, or linphone's XML, which names parameters alike.
    """
    given = list(files)
    origins = {file.name: file.origins for file in given}
    merged_settings = apply_files(Effective(), [(file.name, read_file(file.body)) for file in given]).settings
    found = []
    for name, setting in merged_settings.items():
        known = origins[setting.file]
        origin = known[setting.entry.line - 1] if setting.entry.line <= len(known) else ""
        found.append(Assignment(name, setting.value, setting.file, setting.entry.line, origin))
    return found


def build_expectations(
    assignments: Iterable[Assignment], observables: Observables, subject: Subject, catalogue: Catalogue | None = None
) -> Expectations:
    """Return what a phone with these settings should do.

    The catalogue, where the vendor has one, tells factory values; `subject` is put in as it is.
    """
    given = {assignment.name: assignment for assignment in assignments}
    shapes = [(observable, observable.shape) for observable in observables.items]
    found: list[Expectation] = []
    vendors: set[str] = set()
    for assignment in given.values():
        for observable, shape in shapes:
            match = shape.fullmatch(assignment.name)
            if match is None:
                continue
            vendors.add(observable.vendor)
            expectation = _expectation(assignment, observable, match.groupdict(), catalogue)
            if expectation is not None:
                found.append(expectation)
    accounts = sorted({item.account for item in found if item.account is not None})
    written = {item.setting for item in found if item.account is None}
    theirs = [observable for observable in observables.items if observable.vendor in vendors]
    found += [item for item in _factory(accounts, given, theirs, catalogue) if item.setting not in written]
    # Of two parameters for one setting the one that a file names counts.
    found.sort(key=lambda item: not item.is_default)
    return Expectations(subject, _in_order(merged(found))[:MAX_EXPECTATIONS])


def subject_of(name: str, mac: str, model: Model | None, *, firmware: str = "", addresses: Sequence[str] = ()) -> Subject:
    """Return who is judged, from the catalogue's model."""
    if model is None:
        return Subject(name, mac, firmware=firmware, addresses=tuple(addresses))
    return Subject(name, mac, model.name, firmware, model.user_agent_name, tuple(addresses), codec_slots=model.codec_slots or 0)


def _expectation(
    assignment: Assignment,
    observable: Observable,
    places: Mapping[str, str | None],
    catalogue: Catalogue | None,
) -> Expectation | None:
    is_reset = assignment.value == observable.reset
    factory = _factory_value(observable, assignment.name, catalogue)
    value = factory if is_reset else observable.word(assignment.value)
    if value is None or (not value and not SETTINGS[observable.setting].may_be_blank):
        return None
    account, index = _place(places, observable)
    return Expectation(
        observable.setting,
        value,
        assignment.name,
        assignment.file,
        assignment.line,
        account,
        index,
        assignment.origin,
        None if SETTINGS[observable.setting].is_secret else factory,
        is_reset=is_reset,
    )


def _place(places: Mapping[str, str | None], observable: Observable) -> tuple[int | None, str]:
    account = places.get("account")
    number = None if account is None else int(account) - observable.first_account + 1
    parts = [text for name in ("module", "key", "slot", "server") if (text := places.get(name)) is not None]
    return number, ".".join(parts) or observable.index


def _factory(
    accounts: Iterable[int], given: Mapping[str, Assignment], observables: Sequence[Observable], catalogue: Catalogue | None
) -> Iterator[Expectation]:
    """Give what holds although no file says it: for each account that is spoken of, and for the whole phone."""
    for observable in observables:
        places = set(observable.places)
        if places - {"account", *SERVER_PLACES}:
            continue  # slots and keys have no factory value that holds for all models
        for account in accounts if "account" in places else (None,):
            name = observable.parameter
            if account is not None:
                name = observable.name_for(account + observable.first_account - 1)
            index = observable.index
            for place, first in SERVER_PLACES.items():
                if place in places:
                    name, index = name.replace(f"{{{place}}}", first), first
            value = None if name in given else _factory_value(observable, name, catalogue)
            if value:
                yield Expectation(observable.setting, value, name, account=account, index=index, factory=value, is_default=True)


def _factory_value(observable: Observable, name: str, catalogue: Catalogue | None) -> str | None:
    """Return the factory value in words, where it is documented with high confidence and no recall; else None."""
    if observable.default is not None:
        return observable.word(observable.default)
    parameter = catalogue.parameter(name) if catalogue is not None else None
    if parameter is None or parameter.default is None or parameter.confidence != "high" or parameter.is_secret:
        return None
    if "default" in parameter.recall:
        return None
    return observable.word(parameter.default)


def _in_order(items: Iterable[Expectation]) -> tuple[Expectation, ...]:
    order = {name: at for at, name in enumerate(SETTINGS)}

    def key(item: Expectation) -> tuple[int, int, list[int]]:
        return item.account or 0, order[item.setting], [int(part) for part in item.index.split(".") if part]

    return tuple(sorted(items, key=key))
