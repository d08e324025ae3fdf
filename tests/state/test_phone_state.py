from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from provisioner.settings import BY_NAME
from provisioner.state.compaction import COMPACT_BYTES
from provisioner.state.journal import MAX_QUEUED
from provisioner.state.pending import PENDING_BATCHES, PENDING_EVENTS
from provisioner.state.phone_state import STATE_MEANING, LastFetch, PhoneState, word_for
from provisioner.state.retention import DELIVERED_KEPT, KEEP_ROWS, KEEP_S, KNOCKING_KEPT
from provisioner.state.rows import COLLAPSE_ROWS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "state.md"
NOW = 100_000.0
PUBLISHED = {"mac": "m1", "common": "c1"}


def fetched(kind: str = "mac", sha256: str | None = "m1", **changes: Any) -> dict[str, LastFetch]:
    fetch = LastFetch(
        "001565aabbcc", kind, NOW - 100, "http", "10.1.2.3", None, "T46G", None, "ok", 200, "x.cfg", sha256, "", sha256, "x.cfg",
        NOW - 100 if sha256 else None,
    )  # fmt: skip
    return {kind: dataclasses.replace(fetch, **changes)}


REFUSAL = fetched("refusal", None, outcome="wrong-model", status=404)


@pytest.mark.parametrize(
    ("fetches", "stale_after_s", "word"),
    [
        ({}, 1.0, PhoneState.NEVER_SEEN),
        (fetched(), None, PhoneState.CURRENT),
        (fetched() | fetched("common", "c1"), None, PhoneState.CURRENT),
        (fetched() | fetched("common", "c0"), None, PhoneState.BEHIND),
        (fetched() | fetched("common", None), None, PhoneState.CURRENT),
        (fetched("mac", "m0"), None, PhoneState.BEHIND),
        (fetched("mac", None, outcome="aborted"), None, PhoneState.BEHIND),
        (fetched("common", "c1"), None, PhoneState.BEHIND),
        (fetched(), 100.0, PhoneState.CURRENT),
        (fetched(), 99.0, PhoneState.STALE),
        (fetched("mac", "m0"), 99.0, PhoneState.STALE),
        (fetched() | fetched("common", "c1", delivered_at=NOW - 5), 99.0, PhoneState.CURRENT),
        (fetched(delivered_at=NOW - 200) | REFUSAL, None, PhoneState.REFUSED),
        (fetched(delivered_at=NOW - 50) | REFUSAL, None, PhoneState.CURRENT),
        (REFUSAL, 1.0, PhoneState.REFUSED),
    ],
)
def test_each_word_means_what_it_says(fetches: dict[str, LastFetch], stale_after_s: float | None, word: PhoneState) -> None:
    assert word_for(fetches, PUBLISHED, now=NOW, stale_after_s=stale_after_s) is word


def test_a_phone_without_an_interval_is_never_stale() -> None:
    assert word_for(fetched(), PUBLISHED, now=NOW + 1e9, stale_after_s=None) is PhoneState.CURRENT


def test_every_word_is_explained_and_has_a_heading_in_the_reference() -> None:
    assert set(STATE_MEANING) == set(PhoneState)
    assert {f"### {word}" for word in PhoneState} <= set(REFERENCE.read_text(encoding="utf-8").splitlines())


def test_the_reference_names_the_bounds_of_the_code() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    for bound in (MAX_QUEUED, PENDING_EVENTS, PENDING_BATCHES, KEEP_ROWS, KNOCKING_KEPT, DELIVERED_KEPT, COLLAPSE_ROWS):
        assert f"{bound:,}" in text
    assert BY_NAME["journal_days"].default == KEEP_S / 86_400
    assert f"{KEEP_S / 86_400:.0f} days" in text and f"{COMPACT_BYTES // 2**20} MB" in text
