"""Keeps the registrar's bindings over a restart: collected in memory, written once a second by its owner.

A binding that is lost with the last second before a crash is made again when its phone refreshes; a REGISTER does not
wait for a disk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from operator import attrgetter

from provisioner.state.binding_table import BindingRow, BindingTable
from sipstub.registrar.binding import Binding, BindingChange
from sipstub.sip.error import SipError
from sipstub.sip.params import Params

MAX_WAITING = 200_000
"Changes that wait; beyond it the registrar answers 500 until the database takes them."

FIELDS = (
    "aor", "id", "contact", "call_id", "cseq", "created_at", "updated_at", "expires_at", "instance", "reg_id", "flow",
    "user_agent", "display", "params", "path",
)  # fmt: skip
"The order of a row's values: half of the time that names cost.  A field more at the end makes rows of another version."
_values = attrgetter(*FIELDS[:-2])
_encode = json.JSONEncoder(check_circular=False).encode

Waiting = dict[str, Binding | None]
"Changes by binding, None for one that ended."


class BindingsFull(Exception):
    """More changes wait than memory is meant for: the database has not answered for long."""


class KeptBindings:
    """Implements `sipstub.registrar.binding.BindingStore`."""

    def __init__(self, table: BindingTable, now: Callable[[], float]) -> None:
        self._table = table
        self._now = now
        self._waiting: Waiting = {}

    def load(self) -> Iterable[Binding]:
        """Return what was kept and still holds; rows of another version are left out."""
        for row in self._table.load(self._now()):
            binding = _read(row)
            if binding is not None:
                yield binding

    def save(self, changes: tuple[BindingChange, ...]) -> None:
        """Take the changes; raises BindingsFull when too many wait."""
        if len(self._waiting) >= MAX_WAITING:
            raise BindingsFull
        for change in changes:
            self._waiting[change.binding.id] = None if change.is_removal else change.binding

    def take(self) -> Waiting:
        """Hand out what waits; on the thread that calls `save`."""
        taken, self._waiting = self._waiting, {}
        return taken

    def write(self, taken: Waiting) -> None:
        """Write what was taken; on any thread.  Raises what the database raises: then give it back."""
        if taken:
            rows = [_row(binding) for binding in taken.values() if binding is not None]
            self._table.save(rows, [key for key, binding in taken.items() if binding is None])

    def give_back(self, taken: Waiting) -> None:
        """Let what could not be written wait on, under what came since."""
        self._waiting = taken | self._waiting


def _row(binding: Binding) -> BindingRow:
    values = [*_values(binding), str(binding.params), binding.path]
    return BindingRow(binding.id, binding.aor, binding.expires_at, _encode(values))


def _read(row: BindingRow) -> Binding | None:
    try:
        found = json.loads(row.body)
        data = found if isinstance(found, dict) else dict(zip(FIELDS, found, strict=True))  # by name is how it was written once
        data["params"] = Params.parse(data["params"])
        data["path"] = tuple(data["path"])
        return Binding(**data)
    except (ValueError, TypeError, KeyError, SipError):
        return None
