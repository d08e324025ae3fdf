"""`sipstub sbc`: the settings of an SBC from files, checked, shown, explained, compared and converted; sends nothing."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import click

from sipstub.parse_command import printable
from sipstub.sbc.settings.cli_writer import write_cli
from sipstub.sbc.settings.consideration import Release, consider
from sipstub.sbc.settings.difference import difference
from sipstub.sbc.settings.draft import Reading
from sipstub.sbc.settings.explanation import explain, title_of
from sipstub.sbc.settings.ini_writer import write_ini
from sipstub.sbc.settings.problem import Code, Origin, Severity
from sipstub.sbc.settings.reading import Form
from sipstub.sbc.settings.reference import reference_page
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.toml_writer import write_toml
from sipstub.sbc.settings.vocabulary import the_vocabulary
from sipstub.sbc_file import SettingsFileError, read_settings_file
from sipstub.sbc_output import problem_line, problems_json, settings_json, show_tables, size_of, usable
from sipstub.sbc_predict_command import predict_command

DONE, PROBLEMS, CHANGES = 0, 1, 3
_WRITERS = {Form.INI: write_ini, Form.CLI: write_cli, Form.TOML: write_toml}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FORMS = click.Choice([str(form) for form in Form])


@click.group("sbc")
def sbc_command() -> None:
    """Settings of an SBC: from a device's ini file, a CLI script or our TOML.

    \b
    Examples:
      sipstub sbc check device.ini
      sipstub sbc explain SBCMinSE
    """


sbc_command.add_command(predict_command)


@sbc_command.command("check")
@click.argument("files", type=_FILE, nargs=-1, required=True)
@click.option("--from", "form", type=_FORMS, help="How the files are written, where it cannot be told.")
@click.option("--release", help="The device's release, as 7.2, where the file does not say it.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--all", "shows_all", is_flag=True, help="Print notes too: what was understood, and what the stub leaves out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(files: tuple[Path, ...], form: str | None, release: str | None, strict: bool, shows_all: bool, as_json: bool) -> int:
    """Read settings files and say all that is wrong with them.  Exit 1 if they cannot be used.

    \b
    Example:
      sipstub sbc check device.ini --release 7.2
    """
    told = _release(release)
    is_bad, found = False, []
    for file in files:
        reading = _with_release(_read(file, form), str(file), told)
        counts = {severity: sum(p.severity is severity for p in reading.problems) for severity in Severity}
        bad = counts[Severity.ERROR] > 0 or (strict and counts[Severity.WARNING] > 0)
        is_bad |= bad
        if as_json:
            found.append(
                {"file": str(file), "ok": not bad, **size_of(reading.settings), "problems": problems_json(reading.problems)}
            )
            continue
        for problem in reading.problems:
            if shows_all or problem.severity is not Severity.NOTE:
                click.echo(problem_line(problem))
        size = "{settings} settings, {rows} rows".format(**size_of(reading.settings))
        words = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items())
        hidden = " (--all prints them)" if counts[Severity.NOTE] and not shows_all else ""
        click.echo(f"{file}: {size}: {words}{hidden}")
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    return PROBLEMS if is_bad else DONE


@sbc_command.command("show")
@click.argument("file", type=_FILE, required=False)
@click.option("--changed", is_flag=True, help="Only what differs from the default.")
@click.option("--from", "form", type=_FORMS, help="How the file is written, where it cannot be told.")
@click.option("--reference", is_flag=True, help="Print the reference page of all settings as Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(file: Path | None, changed: bool, form: str | None, reference: bool, as_json: bool) -> int:
    """Print every setting with its value and where it comes from; without a file, the defaults.  Passwords are masked.

    \b
    Example:
      sipstub sbc show device.ini --changed
    """
    if reference:
        click.echo(reference_page(), nl=False)
        return DONE
    reading = _read(file, form) if file else Reading(SbcSettings(), ())
    settings = reading.settings
    chosen = settings.changed() if changed else the_vocabulary().parameters
    if as_json:
        click.echo(
            json.dumps(settings_json(settings, [parameter.name for parameter in chosen], changed), indent=2, ensure_ascii=False)
        )
    else:
        width = max((len(parameter.name) for parameter in chosen), default=0)
        for parameter in chosen:
            value = printable(parameter.word_of(settings.value(parameter.name)))
            click.echo(f"{parameter.name:<{width}}  {value:<28}  {settings.origin(parameter.name) or 'default'}".rstrip())
        show_tables(settings, changed)
    for problem in reading.errors:
        click.echo(problem_line(problem), err=True)
    return PROBLEMS if reading.errors else DONE


@sbc_command.command("explain")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain_command(name: str, as_json: bool) -> int:
    """Say what a setting means, what it may be, what shows of it on the wire, and where that is known from.

    NAME is an ini name, Table.Column, a word of the CLI or a label of the web pages.

    \b
    Examples:
      sipstub sbc explain SBCMinSE
      sipstub sbc explain IpProfile.SBCSessionExpiresMode
    """
    found = the_vocabulary().look_up(name)
    if not found:
        near = the_vocabulary().nearest_of_all(name)
        hint = f"did you mean {near}?" if near else "sipstub sbc show prints all names"
        raise SettingsFileError(f"there is no setting {name!r}", hint=hint)
    if as_json:
        click.echo(json.dumps([{"name": title_of(entry), "facts": list(explain(entry))} for entry in found], indent=2))
        return DONE
    for number, entry in enumerate(found):
        click.echo(("\n" if number else "") + title_of(entry))
        lines = list(explain(entry))
        width = max(len(heading) for heading, _ in lines)
        for heading, text in lines:
            click.echo(f"  {heading:<{width}}  {text}")
    return DONE


@sbc_command.command("diff")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option("--exit-code", is_flag=True, help="End with 3 if they differ.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(old: Path, new: Path, exit_code: bool, as_json: bool) -> int:
    """Print how two settings files differ in what they mean; they may be written in different forms.

    \b
    Example:
      sipstub sbc diff yesterday.ini today.cli
    """
    before, after = usable(_read(old, None)), usable(_read(new, None))
    changes = difference(before, after)
    if as_json:
        rows = [
            {
                "sign": str(change.sign),
                "name": change.name,
                "before": change.before,
                "after": change.after,
                "old": str(change.old_origin or ""),
                "new": str(change.new_origin or ""),
                "restart": change.is_restart,
            }
            for change in changes
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for change in changes:
            restart = "  restarts" if change.is_restart else ""
            click.echo(f"{printable(str(change))}{restart}  ({change.old_origin or 'default'}, {change.new_origin or 'default'})")
        click.echo(f"{len(changes)} difference{'s' if len(changes) > 1 else ''}" if changes else "no difference")
    return CHANGES if changes and exit_code else DONE


@sbc_command.command("convert")
@click.argument("file", type=_FILE)
@click.option("--to", "target", type=_FORMS, required=True, help="How to write it.")
@click.option("--from", "form", type=_FORMS, help="How the file is written, where it cannot be told.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write here, readable by you alone.")
@click.option("--reveal", is_flag=True, help="With --output: write passwords too, in the open.")
def convert(file: Path, target: str, form: str | None, output: Path | None, reveal: bool) -> int:
    """Write the settings of a file in another form.  Passwords are left out unless --reveal is given.

    \b
    Examples:
      sipstub sbc convert device.ini --to toml > sbc.toml
      sipstub sbc convert sbc.toml --to ini --reveal -o device.ini
    """
    if reveal and output is None:
        raise click.UsageError("--reveal writes to a file only: name it with --output")
    reading = _read(file, form)
    for problem in reading.problems:
        if problem.severity is Severity.WARNING:
            click.echo(problem_line(problem), err=True)
    written = _WRITERS[Form(target)](usable(reading), reveal=reveal)
    if output is None:
        click.echo(written.text, nl=False)
    else:
        _write(output, written.text)
    if written.left_out:
        click.echo(
            f"{len(written.left_out)} passwords are left out: {', '.join(written.left_out[:5])}; --reveal writes them", err=True
        )
    elif reveal:
        click.echo(f"{output} has passwords in the open", err=True)
    return DONE


def _read(file: Path, form: str | None) -> Reading:
    return read_settings_file(file, Form(form) if form else None)


def _write(file: Path, text: str) -> None:
    """Write the file for its owner alone, whole or not at all."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SettingsFileError(f"{file}: {error.strerror}") from None


def _release(text: str | None) -> Release | None:
    if text is None:
        return None
    if (found := re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})", text)) is None:
        raise click.UsageError(f"--release {text!r} is no release: write it as 7.2")
    return int(found[1]), int(found[2])


def _with_release(reading: Reading, file: str, told: Release | None) -> Reading:
    if told is None or reading.release is not None:
        return reading
    more = [p for p in consider(reading.settings, Origin(file, 0), told) if p.code is Code.RELEASE]
    problems = sorted([*reading.problems, *more], key=lambda problem: problem.origin.line)
    return Reading(reading.settings, tuple(problems), told)
