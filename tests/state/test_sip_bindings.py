"""Bindings of the registrar over a restart: each field comes back, rows of before too; nothing is lost while a database waits."""

from __future__ import annotations

import dataclasses
import json

import pytest

from provisioner.services import sip_bindings
from provisioner.services.sip_bindings import FIELDS, BindingsFull, KeptBindings
from provisioner.state.binding_table import BindingRow, BindingTable
from provisioner.state.database import Database
from sipstub.registrar.binding import Binding, BindingChange, Change
from sipstub.sip.params import Params

WITH_BOTH = True
NOW = 1_700_000_000.25


def a_binding(id: str = "b1", *, expires_at: float = NOW + 60) -> Binding:
    return Binding(
        "sip:100@registrar.invalid", id, "sip:100@127.0.0.1:5062;line=1", Params.parse(';q=0.5;+sip.instance="<urn:uuid:1>"'),
        "call-é", 7, NOW, NOW + 1.5, expires_at, instance="urn:uuid:1", reg_id=2, path=("<sip:one;lr>", "<sip:two;lr>"),
        flow="udp [::1]:5062", user_agent="Yealink", display='Desk "1"',
    )  # fmt: skip


@pytest.fixture
def table(database: Database) -> BindingTable:
    return BindingTable(database)


def kept(table: BindingTable) -> KeptBindings:
    return KeptBindings(table, lambda: NOW)


def change(binding: Binding, kind: Change = Change.CREATED) -> BindingChange:
    return BindingChange(kind, binding, NOW)


def test_every_field_is_kept() -> None:
    assert set(FIELDS) == {field.name for field in dataclasses.fields(Binding)}


def test_what_was_written_comes_back_and_what_ended_does_not(table: BindingTable) -> None:
    store = kept(table)
    store.save((change(a_binding()), change(a_binding("b2")), change(a_binding("old", expires_at=NOW - 1))))
    store.write(store.take())
    store.save((change(a_binding("b2"), Change.UNREGISTERED),))
    store.write(store.take())
    assert list(kept(table).load()) == [a_binding()]


def test_rows_as_they_were_written_before_are_read_and_others_left_out(table: BindingTable) -> None:
    binding = a_binding()
    data = {field.name: getattr(binding, field.name) for field in dataclasses.fields(binding)}
    named = json.dumps(data | {"params": str(binding.params), "path": list(binding.path)})
    broken = ("", "[]", "{}", "[1, 2]", "7", "null", named.replace('"cseq"', '"other"'), "{")
    rows = [BindingRow(f"x{number}", binding.aor, NOW + 60, body) for number, body in enumerate(broken)]
    table.save([BindingRow(binding.id, binding.aor, NOW + 60, named), *rows], [])
    assert list(kept(table).load()) == [binding]


def test_what_could_not_be_written_waits_under_what_came_since(table: BindingTable) -> None:
    store = kept(table)
    store.save((change(a_binding()), change(a_binding("b2"))))
    taken = store.take()
    newer = dataclasses.replace(a_binding(), cseq=8)
    store.save((change(newer),))
    store.give_back(taken)
    store.write(store.take())
    assert sorted(kept(table).load(), key=lambda one: one.id) == [newer, a_binding("b2")]


def test_too_many_that_wait_are_refused(table: BindingTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_bindings, "MAX_WAITING", 1)
    store = kept(table)
    store.save((change(a_binding()),))
    with pytest.raises(BindingsFull):
        store.save((change(a_binding("b2")),))
