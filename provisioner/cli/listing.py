"""One way to print rows: a table for people, or --json, --jsonl, --csv, with -o for columns and --where for rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Row = Mapping[str, Any]
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Listing:
    """The choices of the shared options of one call."""

    form: str
    "table, json, jsonl or csv."

    columns: tuple[str, ...]
    "Columns asked for with -o; empty means the command's own choice."

    where: tuple[tuple[str, str], ...]
    "Pairs from --where, all of which a row must match (text compared without regard to case)."

    def show(self, rows: Iterable[Row], columns: Sequence[str]) -> None:
        """Print `rows`; `columns` are those of the table, while --json gives every field of a row."""
        kept = [row for row in rows if all(str(row.get(key, "")).lower() == text.lower() for key, text in self.where)]
        chosen = self.columns or tuple(columns)
        unknown = [name for name in (*self.columns, *(key for key, _ in self.where)) if kept and name not in kept[0]]
        if unknown:
            raise click.UsageError(f"no column {unknown[0]!r}; there are: {', '.join(kept[0])}")
        if self.form == "json":
            click.echo(json.dumps([_picked(row, self.columns) for row in kept], indent=2, ensure_ascii=False))
        elif self.form == "jsonl":
            for row in kept:
                click.echo(json.dumps(_picked(row, self.columns), ensure_ascii=False))
        elif self.form == "csv":
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(chosen)
            writer.writerows([_plain(row.get(name)) for name in chosen] for row in kept)
            click.echo(text.getvalue(), nl=False)
        else:
            _table(kept, chosen)


def _picked(row: Row, columns: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in columns} if columns else dict(row)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(_plain(part) for part in value)
    return str(value)


def _table(rows: list[Row], columns: Sequence[str]) -> None:
    cells = [[name.replace("_", " ") for name in columns], *([_plain(row.get(name)) or "-" for name in columns] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def listing_options(function: Command) -> Command:
    """Add --json, --jsonl, --csv, -o and --where; the command gets one `listing: Listing` argument."""

    def collect(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta["form"] = _param.name

    import functools

    @functools.wraps(function)
    def with_listing(*args: Any, **kwargs: Any) -> Any:
        form = click.get_current_context().meta.get("form", "table")
        pairs = []
        for text in kwargs.pop("where"):
            key, equals, value = text.partition("=")
            if not equals:
                raise click.UsageError(f"--where wants COLUMN=VALUE, not {text!r}")
            pairs.append((key, value))
        columns = tuple(name.strip() for name in (kwargs.pop("columns") or "").split(",") if name.strip())
        return function(*args, listing=Listing(form, columns, tuple(pairs)), **kwargs)

    wrapped: Any = with_listing
    for name, text in (("csv", "Print CSV."), ("jsonl", "Print one JSON object per line."), ("json", "Print JSON.")):
        wrapped = click.option(f"--{name}", name, is_flag=True, expose_value=False, callback=collect, help=text)(wrapped)
    wrapped = click.option("-o", "columns", metavar="COLS", help="Columns to print, comma separated.")(wrapped)
    wrapped = click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="Only rows that match; may be repeated.")(
        wrapped
    )
    result: Command = wrapped
    return result


def count_of(number: int, noun: str) -> str:
    """Return `1 phone`, `3 phones`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
