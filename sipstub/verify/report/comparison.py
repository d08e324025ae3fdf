"""What changed between two reports, as text for a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sipstub.verify.compare import Change, Comparison, Kind, PhoneChange, Presence
from sipstub.verify.finding import Finding
from sipstub.verify.report.document import iso

FORMAT = "sipstub-comparison-1"
MAX_CELL = 100
"Longest value that is written on a line."
_VALUE = ("verdict", "expected", "place", "seen", "likely", "number")


def write_comparison(found: Comparison) -> str:
    """Return the text: each phone that changed, its rules from newly failing to gone, and the sum in the last line."""
    lines = [f"old  {_run(found.old.made_at, found.old.program)}", f"new  {_run(found.new.made_at, found.new.program)}"]
    for phone in found.phones:
        if phone.is_changed:
            lines += ["", *_phone(phone)]
    lines += ["", _sum(found)]
    return "\n".join(lines) + "\n"


def comparison_json(found: Comparison) -> str:
    """Return the same as JSON, with `exit_code`, and every phone, also where nothing changed."""
    counts = found.counts
    document = {
        "format": FORMAT,
        "old": {"made_at": iso(found.old.made_at), "program": found.old.program},
        "new": {"made_at": iso(found.new.made_at), "program": found.new.program},
        "summary": {
            "exit_code": found.exit_code,
            "worse": found.worse,
            "no_longer_told": found.lost,
            "phones": {str(name): sum(phone.presence is name for phone in found.phones) for name in Presence},
            "fell_silent": sum(phone.fell_silent for phone in found.phones),
            "changes": {str(kind): counts[kind] for kind in Kind},
        },
        "phones": [_phone_json(phone) for phone in found.phones],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _phone(change: PhoneChange) -> Iterator[str]:
    phone = change.phone
    head = f"{_plain(phone.name)}  {_plain(phone.firmware or phone.model or '-')}"
    if change.presence is Presence.GONE:
        yield f"{head}   gone: only in the old report"
        return
    if change.presence is Presence.NEW:
        counts = phone.counts
        told = "   ".join(f"{verdict} {count}" for verdict, count in sorted(counts.items()))
        yield f"{head}   new: only in the new report   {told}".rstrip()
        return
    yield f"{head}   {change.same} {'rule' if change.same == 1 else 'rules'} as before"
    for name, old, new in change.facts:
        yield f"  {name:<9} {_plain(old or '-')} -> {_plain(new or '-')}"
    if change.fell_silent:
        yield "  WORSE     nothing can be told any more of this phone, which was judged before"
    for kind in Kind:
        rows = change.of(kind)
        if rows:
            yield f"  {kind}"
            for row in rows:
                yield from _change(change, row)


def _change(phone: PhoneChange, change: Change) -> Iterator[str]:
    title = _plain(phone.phone.title(change.finding))
    marks = " ".join(word for word, is_so in (("WORSE", change.is_worse), ("no longer told", change.is_lost)) if is_so)
    old, new = change.old, change.new
    if old is None or new is None:
        yield f"    {title}   {change.finding.verdict}   {marks}".rstrip()
        yield from _one(change.finding)
        return
    verdicts = str(new.verdict) if old.verdict is new.verdict else f"{old.verdict} -> {new.verdict}"
    yield f"    {title}   {verdicts}   {marks}".rstrip()
    place = "" if old.expected == new.expected and old.place == new.place else f"   {_plain(new.place)}"
    yield f"      expected  {_both(old.expected, new.expected)}{place}".rstrip()
    yield f"      seen      {_both(old.seen, new.seen)}".rstrip()
    if change.kind is Kind.NEWLY_FAILING and new.likely:
        yield f"      likely    {_plain(new.likely)}"


def _one(finding: Finding) -> Iterator[str]:
    yield f"      expected  {_plain(finding.expected)}   {_plain(finding.place)}".rstrip()
    yield f"      seen      {_plain(finding.seen)}".rstrip()


def _sum(found: Comparison) -> str:
    counts = found.counts
    parts = [f"{counts[kind]} {kind}" for kind in Kind if counts[kind]]
    for name, text in ((Presence.NEW, "new"), (Presence.GONE, "gone")):
        if number := sum(phone.presence is name for phone in found.phones):
            parts.append(f"{number} {'phone' if number == 1 else 'phones'} {text}")
    silent = sum(phone.fell_silent for phone in found.phones)
    worse = [f"{found.worse} worse"] if found.worse else []
    worse += [f"{silent} {'phone' if silent == 1 else 'phones'} fell silent"] if silent else []
    worse = worse or ["nothing worse"]
    worse += [f"{found.lost} no longer told"] if found.lost else []
    return f"{', '.join(parts) or 'no change'}.   {', '.join(worse)}.   exit {found.exit_code}"


def _phone_json(change: PhoneChange) -> dict[str, Any]:
    phone = change.phone
    return {
        "name": phone.name,
        "mac": phone.mac,
        "in": str(change.presence),
        "old_verdict": str(change.old.verdict) if change.old is not None else None,
        "new_verdict": str(change.new.verdict) if change.new is not None else None,
        "worse": change.is_worse,
        "fell_silent": change.fell_silent,
        "same": change.same,
        "facts": {name: {"old": old, "new": new} for name, old, new in change.facts},
        "changes": [
            {
                "kind": str(row.kind),
                "rule": row.finding.rule,
                "account": row.finding.account,
                "index": row.finding.index,
                "worse": row.is_worse,
                "no_longer_told": row.is_lost,
                "old": _value(row.old),
                "new": _value(row.new),
            }
            for row in change.changes
        ],
    }


def _value(finding: Finding | None) -> dict[str, Any] | None:
    if finding is None:
        return None
    row = finding.as_json()
    return {name: row[name] for name in _VALUE}


def _run(made_at: float, program: str) -> str:
    return f"{iso(made_at)[:19].replace('T', ' ')} UTC   {_plain(program)}".rstrip()


def _both(old: str, new: str) -> str:
    return _plain(new) if old == new else f"{_plain(old)} -> {_plain(new)}"


def _plain(text: str) -> str:
    """Return text for a terminal: a file from elsewhere may hold what a terminal obeys."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[: MAX_CELL + 1])
    return shown if len(shown) <= MAX_CELL else shown[: MAX_CELL - 1] + "…"
