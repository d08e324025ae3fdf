"""Which rule says what of which mutant: the table, how it is made, and the page that shows it.

Run as a script it writes docs/reference/mutants.md from the reviewed data and the table; `pytest tests/verify --update-matrix`
writes the table.
"""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from full_file import MODELS, a_lab, everything
from led_lab import led
from session_lab import kept_up
from verify_builders import ROOT

from sipstub.phone.disobey import MUTANTS
from sipstub.phone.mutant import Mutant
from sipstub.verify.judge import judge
from sipstub.verify.stimulus import EVERY, Stimulus
from sipstub.verify.verdict import WORST_FIRST, Verdict

TABLE = Path(__file__).with_name("mutant_matrix.toml")
REVIEWED = Path(__file__).with_name("mutant_rules.toml")
PAGE = ROOT / "docs" / "reference" / "mutants.md"
MODEL_OF = {"udp": "T46G", "tcp": "T23G", "tls": "CP860"}
"Each transport with another model: the largest, a small one, and the one without line keys."
LED = "udp"
"Led through its plan by a director; over the others the same things are done by hand, with less waiting."
OVER = {
    "udp": {},
    "tcp": {f"account.1.sip_server.{number}.transport_type": "1" for number in (1, 2)},
    "tls": {
        f"account.1.sip_server.{number}.{name}": value
        for number in (1, 2)
        for name, value in (("transport_type", "2"), ("port", "5061"))
    },
}
SESSION = "session"
"`shows_when` of mutants that are led through the scenarios of session timers, and through nothing else."
ALL = "all"
"Stands for every transport, where they are alike."
HEAD = "# Written by `pytest tests/verify --update-matrix`: what rules say otherwise of the mutant than of an honest phone.\n"
BAD = (Verdict.FAIL, Verdict.WARN)

OPENING = """\
# Mutants and the rules that catch them

Each mutant is the virtual phone with one behaviour changed (`sipstub phone --disobey NAME`, see
[virtual-phone.md](virtual-phone.md)). Each lives through everything that a rule may want to see: starts, refreshes, calls both
ways, digits, OPTIONS, 503, 423, a silent server, check-sync. Those whose name begins with `session-`
live through the [calls of session timers](../howto/verify-session-timers.md) instead. All do so over UDP as a T46G, over TCP as
a T23G, over TLS as a CP860. What the [rules](rules.md) say of it is compared with what they say of an honest phone with the same
file. A test holds this page: a mutant that no right rule catches, or that a wrong one accuses, stops the build.

A dash means that it does not show over that transport. What is in italics is WARN, which is enough where the last column says
why.
"""

Verdicts = Mapping[str, Verdict]
"Worst verdict of each rule."


@dataclass(frozen=True)
class Reviewed:
    """What people decided about one mutant."""

    rules: Mapping[str, tuple[str, ...]]
    "By transport: each of them has to catch it, and only they may; nothing where it does not show."
    is_warning: bool = False
    "Whether WARN is enough."
    why: str = ""


@functools.cache
def reviewed() -> dict[str, Reviewed]:
    tables = tomllib.loads(REVIEWED.read_text("utf-8"))
    found = {}
    for name, row in tables.items():
        over = row.get("over", list(OVER))
        rules = row["rules"] if isinstance(row["rules"], dict) else dict.fromkeys(over, row["rules"])
        by_transport = {transport: tuple(rules.get(transport, ())) for transport in OVER}
        found[name] = Reviewed(by_transport, row.get("is_warning", False), row.get("why", ""))
    return found


def said_of(mutant: Mutant | None, like: Mutant, transport: str) -> Verdicts:
    """Return what rules say of a phone with the file of `like`, after all that can happen to it.

    It is an honest phone if there is no mutant.
    """
    settings = tuple(sorted(like.shows_with.items()))
    return _said(mutant.name if mutant else "", settings, transport, like.shows_when == SESSION)


@functools.cache
def _said(name: str, settings: tuple[tuple[str, str], ...], transport: str, is_session: bool) -> Verdicts:
    lab = a_lab(dict(settings), OVER[transport], model=MODELS[MODEL_OF[transport]], disobey=(name,) if name else ())
    if is_session:
        facts, stimuli = kept_up(lab), EVERY | {Stimulus.SESSION}
    else:
        facts, stimuli = (led if transport == LED else everything)(lab).facts(), EVERY
    found: dict[str, Verdict] = {}
    for finding in judge(lab.expectations, facts, stimuli):
        before = found.get(finding.rule, finding.verdict)
        found[finding.rule] = min(before, finding.verdict, key=WORST_FIRST.index)
    return found


def row_of(mutant: Mutant, transport: str) -> dict[str, list[str]]:
    """Return by verdict the rules that say of the mutant what they do not say of an honest phone with the same file."""
    honest, other = (said_of(who, mutant, transport) for who in (None, mutant))
    found: dict[str, list[str]] = {}
    for rule in sorted(honest.keys() | other.keys()):
        if honest.get(rule) != other.get(rule):
            found.setdefault(str(other.get(rule, "nothing")), []).append(rule)
    return {verdict: found[verdict] for verdict in sorted(found)}


def as_text(rows: Mapping[str, Mapping[str, Mapping[str, list[str]]]]) -> str:
    """Return the table as it is kept."""
    parts = [HEAD]
    for name, by_transport in rows.items():
        is_alike = len({json.dumps(row) for row in by_transport.values()}) == 1
        for transport, row in {ALL: by_transport["udp"]}.items() if is_alike else by_transport.items():
            parts.append(f"\n[{name}.{transport}]\n")
            parts += [f"{verdict} = {json.dumps(rules)}\n" for verdict, rules in row.items()]
    return "".join(parts)


def kept() -> dict[str, dict[str, dict[str, list[str]]]]:
    """Return the table."""
    tables = tomllib.loads(TABLE.read_text("utf-8")) if TABLE.exists() else {}
    return {name: dict.fromkeys(OVER, rows[ALL]) if ALL in rows else rows for name, rows in tables.items()}


def page() -> str:
    """Return the reference of mutants."""
    table = kept()
    lines = [
        OPENING,
        "| mutant | what it does | setting | UDP | TCP | TLS | why |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, mutant in MUTANTS.items():
        setting = f"`{mutant.parameter}`" if mutant.parameter else "protocol"
        found = [_cell(table.get(name, {}).get(transport, {})) for transport in OVER]
        cells = " | ".join([found[0], "same", "same"] if len(set(found)) == 1 else found)
        lines.append(f"| `{name}` | {mutant.summary} | {setting} | {cells} | {reviewed()[name].why} |")
    lines += ["", "## Rules without a mutant\n", "| rule | why |", "|---|---|"]
    lines += [f"| [{rule}](rules.md#{rule}) | {why} |" for rule, why in WITHOUT_MUTANT.items()]
    return "\n".join(lines) + "\n"


def _cell(row: Mapping[str, list[str]]) -> str:
    found = [f"[{rule}](rules.md#{rule})" for rule in row.get("FAIL", ())]
    found += [f"*[{rule}](rules.md#{rule})*" for rule in row.get("WARN", ())]
    return ", ".join(found) or "-"


WITHOUT_MUTANT = {
    "dns-lookup": "the virtual phone leaves DNS to the machine that it runs on",
    "session-timer-register": "information; it never accuses",
    "session-off": "information; it never accuses",
    "session-short": "it is about the file: an honest phone is told of it too",
}

if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
