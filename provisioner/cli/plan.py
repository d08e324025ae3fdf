"""`provisioner plan`: what phones last received against what they would get, before any of them asks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.listing import count_of
from provisioner.cli.outcome import Exit
from provisioner.cli.place import Places
from provisioner.cli.session import find_phone, open_fleet, settings_options
from provisioner.errors import NotFound
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.inventory.load import Inventory
    from provisioner.rendering.diff import Change
    from provisioner.runtime.plan import PhonePlan

NAMES_SHOWN = 3
MAX_CELL = 60


@click.command("plan", epilog="Documentation: docs/howto/why-did-this-phone-get-that.md")
@click.argument("phones", nargs=-1, metavar="[PHONE]...")
@click.option("--group", metavar="NAME", help="Only the phones of this group.")
@click.option(
    "--against",
    type=click.Choice(["delivered", "published"]),
    default="delivered",
    show_default=True,
    help="What phones last received, or what the server has ready for them.",
)
@click.option("--exit-code", is_flag=True, help="End with 3 if phones would get something else.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options("devices", "templates", "state")
@click.pass_context
def command(
    ctx: click.Context,
    settings: Settings,
    phones: tuple[str, ...],
    group: str | None,
    against: str,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Compare what phones last received with what they would get from today's text.  Changes nothing.

    \b
    Examples:
      provisioner plan                      + set   ~ another value   - back to the factory value
      provisioner plan --group reception --exit-code
    """
    from provisioner.runtime.history import History
    from provisioner.runtime.plan import Against, Planner, PlanWord, other_phones

    fleet = open_fleet(settings)
    history = History(settings.path("state"))
    macs = _chosen(fleet.inventory(), phones, group)
    build = fleet.build(history.bodies, macs)
    plans = list(Planner(build, history, fleet.catalogue, Against(against)).plans())
    if macs is None:
        plans += other_phones(build, history)
    differ = [plan for plan in plans if plan.word not in (PlanWord.SAME, PlanWord.NEVER_FETCHED, PlanWord.KEPT)]
    if as_json:
        click.echo(json.dumps([_row(plan) for plan in plans], indent=2, ensure_ascii=False))
    else:
        _show(plans, Places(settings))
        click.echo(_summary(plans, differ, against), err=False)
    ctx.exit(Exit.CHANGES if differ and exit_code else Exit.DONE)


def _chosen(inventory: Inventory, phones: Sequence[str], group: str | None) -> list[str] | None:
    """Return the MACs that are meant; None for all."""
    if not phones and group is None:
        return None
    if group is not None:
        from provisioner.inventory.origin import Rank
        from provisioner.inventory.value import nearest

        groups = inventory.layers.get(Rank.GROUP, {})
        if group not in groups:
            raise NotFound(f'there is no group "{group[:60]}"', hint=nearest(group, groups) or "see devices/groups/")
    found = [find_phone(inventory, written) for written in phones] or list(inventory.phones.values())
    return [phone.mac.plain for phone in found if group is None or phone.group == group]


def _row(plan: PhonePlan) -> dict[str, Any]:
    from provisioner.cli.events import when

    return {
        "phone": plan.name,
        "mac": plan.mac,
        "group": plan.group,
        "state": str(plan.word),
        "delivered_at": None if plan.since is None else when(plan.since, is_local=False),
        "changes": [change.as_json() for change in plan.changes],
        "problems": [problem.as_json() for problem in plan.problems],
    }


def _show(plans: Sequence[PhonePlan], places: Places) -> None:
    """Print what differs, a change that many phones share once."""
    from provisioner.runtime.plan import PlanWord

    sizes = Counter(plan.group for plan in plans)
    rows: list[tuple[str, str, str, str, str]] = []
    for sharing, changes in shared_changes(plans):
        who, count = _who(sharing, sizes, len(plans))
        for change in changes:
            rows.append((who, count, f"{change.symbol} {change.name}", _cut(change.text), "restarts" if change.restarts else ""))
            who = count = ""
    print_columns(rows)
    lines: list[tuple[str, str]] = []
    by_word: dict[PlanWord, list[PhonePlan]] = {}
    for plan in plans:
        by_word.setdefault(plan.word, []).append(plan)
    for word, text in (
        (PlanWord.REWRITTEN, "gets other bytes with the same values"),
        (PlanWord.NEW, "is new: not published yet"),
        (PlanWord.FORGOTTEN, "has a file that is no longer kept: what differs cannot be told"),
        (PlanWord.NEVER_FETCHED, "never fetched"),
        (PlanWord.REMOVED, "is no longer in the inventory: it will get nothing"),
    ):
        found = by_word.get(word, [])
        if len(found) > NAMES_SHOWN + 1:
            lines.append((_names(found), f"{count_of(len(found), 'phone')}: {text}"))
        else:
            lines += [(plan.name, text) for plan in found]
    for plan in by_word.get(PlanWord.KEPT, []):
        first = plan.problems[0] if plan.problems else None
        why = f" at {places.problem(first)}: {first.message}" if first is not None else ""
        lines.append((plan.name, f"keeps its last good file; problem{why}"))
    width = max((len(name) for name, _ in lines), default=0)
    for name, text in lines:
        click.echo(f"{name:<{width}}  {text}")


def shared_changes(plans: Iterable[PhonePlan]) -> list[tuple[list[PhonePlan], list[Change]]]:
    """Return sets of phones with the changes that exactly they share, the largest set first."""
    having: dict[Change, list[PhonePlan]] = {}
    for plan in plans:
        for change in plan.changes:
            having.setdefault(change, []).append(plan)
    sets: dict[tuple[str, ...], tuple[list[PhonePlan], list[Change]]] = {}
    for change, sharing in having.items():
        sets.setdefault(tuple(plan.mac for plan in sharing), (sharing, []))[1].append(change)
    return sorted(sets.values(), key=lambda entry: (-len(entry[0]), entry[0][0].name))


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows under each other; an empty last cell leaves no blanks."""
    if not rows:
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True) if width).rstrip())


def _who(sharing: Sequence[PhonePlan], sizes: Counter[str | None], total: int) -> tuple[str, str]:
    if len(sharing) == 1:
        return sharing[0].name, ""
    groups = {plan.group for plan in sharing}
    count = count_of(len(sharing), "phone")
    if len(sharing) == total:
        return "all", count
    if len(groups) == 1 and None not in groups:
        group = next(iter(groups))
        return str(group), count if len(sharing) == sizes[group] else f"{len(sharing)} of {count_of(sizes[group], 'phone')}"
    return _names(sharing), count


def _names(plans: Sequence[PhonePlan]) -> str:
    names = ", ".join(plan.name for plan in plans[:NAMES_SHOWN])
    return names if len(plans) <= NAMES_SHOWN else f"{names}, ..."


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def _summary(plans: Sequence[PhonePlan], differ: Sequence[PhonePlan], against: str) -> str:
    from provisioner.runtime.plan import PlanWord

    never = sum(plan.word is PlanWord.NEVER_FETCHED for plan in plans)
    kept = sum(plan.word is PlanWord.KEPT for plan in plans)
    what = "what they last received" if against == "delivered" else "what the server has ready"
    said = "Nothing differs" if not differ else f"{count_of(len(differ), 'phone')} differ{'s' if len(differ) == 1 else ''}"
    text = f"{said} from {what}." if len(differ) != 1 else f"{said} from {what.replace('they', 'it')}."
    if never:
        text += f" {count_of(never, 'phone')} never fetched."
    if kept:
        text += f" {count_of(kept, 'phone')} kept: provisioner check"
    elif differ:
        text += f" See one: provisioner diff {differ[0].name}"
    return text
