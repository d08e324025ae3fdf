"""`provisioner parameters`: search the catalogue, or show everything known about one parameter."""

from __future__ import annotations

import functools
import json
import operator
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from provisioner.catalogue import Catalogue, Parameter, Vendor, load_catalogue
from provisioner.catalogue.parameter import RENDERED_MINOR
from provisioner.catalogue.use import Use, uses_of
from provisioner.cli.folders import devices_folder, facts_folder
from provisioner.cli.listing import Listing, listing_options
from provisioner.cli.outcome import Exit
from provisioner.cli.session import settings_options
from provisioner.inventory.vocabulary import Vocabulary, load_vocabulary
from provisioner.runtime.word_use import word_uses, words_for
from provisioner.settings import Settings

COLUMNS = ("name", "type", "values", "default", "file", "area", "summary")
MAX_CELL = 44
"Characters of a cell in the table; --json has everything."

WIDTH = 110
LABEL = 12
MAX_USES_SHOWN = 12
SUGGESTIONS = 3


@click.command("parameters", epilog="Documentation: docs/reference/catalogue.md")
@click.argument("word", required=False)
@click.option("--stats", is_flag=True, help="Count the rows, and those whose values cannot be checked.")
@settings_options("devices", "templates")
@listing_options
@click.pass_context
def command(ctx: click.Context, settings: Settings, word: str | None, stats: bool, listing: Listing) -> None:
    """Search the parameters by WORD in name, summary and area; an exact name shows all that is known.

    \b
    Examples:
      provisioner parameters "session timer"
      provisioner parameters account.1.session_timer.expires
    """
    catalogue = load_catalogue(facts_folder(settings))
    if stats:
        _show_stats(catalogue, listing)
        return
    exact = catalogue.find_parameter(word) if word else None
    if exact is not None:
        devices = devices_folder(settings)
        vendor = catalogue.vendor_of(exact)
        vocabulary, spoken = _vocabularies(catalogue, vendor)
        uses = uses_of(exact, vendor.folder, devices)
        if devices is not None:
            uses += word_uses(word or "", vocabulary, devices, spoken)
        words = _words(word or "", vocabulary)
        if listing.form in ("json", "jsonl"):
            click.echo(
                json.dumps(
                    _detail(exact, catalogue, uses, words), indent=2 if listing.form == "json" else None, ensure_ascii=False
                )
            )
        else:
            click.echo("\n".join(page(exact, catalogue, uses, asked=word or "", words=words)))
        return
    found = [parameter for parameter in catalogue.parameters.values() if word is None or _matches(parameter, word.lower())]
    if found:
        listing.show([_row(parameter, cut=listing.form == "table") for parameter in found], COLUMNS)
        return
    near = catalogue.nearest_names(word or "", SUGGESTIONS)
    click.echo(f"no parameter matches {(word or '')[:MAX_CELL]!r}  [not-found]", err=True)
    if near:
        click.echo(f"  hint: did you mean {' or '.join(near)}?", err=True)
    ctx.exit(int(Exit.PROBLEMS))


def _vocabularies(catalogue: Catalogue, vendor: Vendor) -> tuple[Vocabulary, Vocabulary]:
    """Return the words for phones of `vendor`, and those for phones of any; a folder of bare facts has none."""
    words = {
        each: load_vocabulary(each.folder) if (each.folder / "vocabulary.toml").is_file() else Vocabulary({}, {}, {})
        for each in catalogue.vendors
    }
    return words[vendor], functools.reduce(operator.or_, words.values())


def _matches(parameter: Parameter, word: str) -> bool:
    return word in parameter.name.lower() or word in parameter.summary.lower() or word in parameter.area.lower()


def _row(parameter: Parameter, *, cut: bool) -> dict[str, Any]:
    row = parameter.as_json()
    values = parameter.permitted.describe(RENDERED_MINOR)
    row["values"] = _cut(values) if cut else values
    if cut:
        row["summary"] = _cut(parameter.summary or parameter.note)
        row["default"] = "(blank)" if parameter.default == "" else _cut(parameter.default or "")
    return row


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def _show_stats(catalogue: Catalogue, listing: Listing) -> None:
    parameters = catalogue.parameters.values()
    rows = [
        {"what": "parameters", "count": len(parameters)},
        {"what": "no checkable range", "count": sum(not parameter.is_checkable for parameter in parameters)},
        {"what": "secret", "count": sum(parameter.is_secret for parameter in parameters)},
        {"what": "may stop a file", "count": sum(parameter.can_block for parameter in parameters)},
        {"what": "default unknown", "count": sum(parameter.default is None for parameter in parameters)},
        {"what": "restart unknown", "count": sum(parameter.reboot == "unknown" for parameter in parameters)},
    ]
    for field in ("origin", "confidence", "file", "type"):
        counted = Counter(getattr(parameter, field) for parameter in parameters)
        rows += [{"what": f"{field} {value}", "count": count} for value, count in counted.most_common()]
    listing.show(rows, ("what", "count"))


def _sources(parameter: Parameter, catalogue: Catalogue) -> list[dict[str, str]]:
    found = []
    for text in parameter.source:
        key, _, where = text.partition(" ")
        found.append({"key": key, "where": where, "what": catalogue.sources[key]})
    return found


def _words(asked: str, vocabulary: Vocabulary) -> list[str]:
    """Return the words of devices/ that become the parameter, with what a person may write there."""
    found = {name: field for name, field, _ in words_for(asked, vocabulary)}
    return [f"{name} ({', '.join(field.words)})" if field.words else name for name, field in found.items()]


def _detail(parameter: Parameter, catalogue: Catalogue, uses: list[Use], words: list[str]) -> dict[str, Any]:
    detail = parameter.as_json()
    detail["words"] = [word.partition(" ")[0] for word in words]
    detail["sources"] = _sources(parameter, catalogue)
    detail["set_by"] = [{"kind": use.kind, "file": use.file, "line": use.line, "name": use.name} for use in uses]
    return detail


def page(parameter: Parameter, catalogue: Catalogue, uses: list[Use], *, asked: str = "", words: Sequence[str] = ()) -> list[str]:
    """Return the lines that tell all about `parameter`; `asked` is the name as typed, `words` are those of devices/."""
    lines = [parameter.name]
    indexes = catalogue.indexes(asked)
    for label, text in (
        ("asked as", f"{asked}   ({', '.join(f'{letter} = {index}' for letter, index in indexes.items())})" if indexes else ""),
        ("meaning", parameter.summary or "no source says it"),
        ("area", parameter.area),
        ("type", parameter.type),
        ("values", _values(parameter)),
        ("caution", "; ".join(f"{caution.low:g}..{caution.high:g}: {caution.text}" for caution in parameter.cautions)),
        ("default", _default(parameter)),
        ("scope", _scope(parameter)),
        ("models", _models(parameter, catalogue)),
        ("firmware", _firmware(parameter)),
        ("file", {"common": "the common file", "mac": "the MAC file", "both": "either file"}[parameter.file]),
        ("restarts", parameter.reboot + (f" ({parameter.reboot_note})" if parameter.reboot_note else "")),
        ("secret", "yes: masked everywhere but in the phone's own file" if parameter.is_secret else ""),
        ("repeats", "the line may stand several times in one file" if parameter.may_repeat else ""),
        ("note", parameter.note),
        ("recall", ", ".join(sorted(parameter.recall))),
        ("confidence", f"{parameter.confidence}, {_origin(parameter)}"),
    ):
        if text:
            lines += _wrapped(label, text)
    for at, source in enumerate(_sources(parameter, catalogue)):
        place = f" {source['where']}" if source["where"] else ""
        lines += _wrapped("source" if at == 0 else "", f"{source['key']}{place}: {source['what']}")
    for at, word in enumerate(words):
        lines += _wrapped("" if at else "word", word)
    lines += _wrapped("facts", f"templates/{catalogue.vendor_of(parameter).folder.name}/{parameter.where}")
    setters = [f"{use}  {use.name}" for use in uses[:MAX_USES_SHOWN]] or ["no template and no device"]
    if len(uses) > MAX_USES_SHOWN:
        setters.append(f"… and {len(uses) - MAX_USES_SHOWN} more lines")
    lines += [f"  {'' if at else 'set by':<{LABEL}}{text}" for at, text in enumerate(setters)]  # a place is never wrapped
    return lines


def _wrapped(label: str, text: str) -> list[str]:
    head = f"  {label:<{LABEL}}"
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False, break_on_hyphens=False
    )


def _values(parameter: Parameter) -> str:
    permitted = parameter.permitted
    text = permitted.describe(RENDERED_MINOR)
    for first, _ in permitted.spans:
        if first > RENDERED_MINOR:
            text += f"; from V{first} {permitted.describe(first)}"
        elif 0 < first < RENDERED_MINOR:
            text += f"; in V{first} {permitted.describe(first)}"
    other = [code for code in permitted.codes.values() if code.since or code.until]
    if other:
        text += "; other firmware: " + ", ".join(
            f"{code} ({'from ' + code.since.upper() if code.since else 'up to ' + (code.until or '').upper()})" for code in other
        )
    if permitted.note:
        text += f"; not checked: {permitted.note}"
    return text if parameter.is_checkable else f"{text} (no range known)"


def _default(parameter: Parameter) -> str:
    text = "unknown" if parameter.default is None else "(blank)" if parameter.default == "" else parameter.default
    if parameter.default_note:
        text += f" ({parameter.default_note})"
    return text + "".join(f"; {key} presets {value}, which is that product's choice" for key, value in parameter.presets.items())


def _scope(parameter: Parameter) -> str:
    rules = ", ".join(f"{letter}: {rule}" for letter, rule in parameter.indexes.items())
    return f"{parameter.scope} ({rules})" if rules else parameter.scope


def _models(parameter: Parameter, catalogue: Catalogue) -> str:
    vendor = catalogue.vendor_of(parameter)
    in_scope = [model.name for model in catalogue.models.values() if model.is_in_scope and model.vendor == vendor]
    have = [name for name in in_scope if name in parameter.models]
    others = len(parameter.models) - len(have)
    text = "all in scope" if len(have) == len(in_scope) else ", ".join(have) or "none in scope"
    if others:
        text += f", and {others} out of scope"
    if not parameter.models_are_exact:
        text += " (as listed by the sources; a model that is missing may have it)"
    return text + (f" [{parameter.models_note}]" if parameter.models_note else "")


def _firmware(parameter: Parameter) -> str:
    parts = [
        f"from {parameter.since.upper()} on" if parameter.since else "",
        f"up to {parameter.until.upper()}" if parameter.until else "",
    ]
    text = ", ".join(part for part in parts if part)
    return text + (f" ({parameter.since_note})" if parameter.since_note else "")


def _origin(parameter: Parameter) -> str:
    return "checked by hand" if parameter.origin == "curated" else "derived by script from templates"
