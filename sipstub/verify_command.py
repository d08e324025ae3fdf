"""`sipstub verify`: expectations from a file against a recording or a capture made elsewhere; sends nothing."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from sipstub.compare_reports import compare_reports
from sipstub.trace.opening import open_recording
from sipstub.verify.expectation import Expectations, read_expectations
from sipstub.verify.report.files import FileProblem, ReportFiles
from sipstub.verify.report.plain import SHOWN, write_text
from sipstub.verify.run import Circumstances, verify
from sipstub.verify.stimulus import PASSIVE, Stimulus
from sipstub.verify.verdict import Verdict

MAX_FILE_BYTES = 64 * 2**20

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)


@click.command("verify")
@click.option("--expectations", "expected", type=_FILE, multiple=True, help="What the phones' files say (JSON).")
@click.option("--messages", "--from", "source", type=_FILE, help="A recording as JSON, or a pcap or pcapng file.")
@click.option("--phone-host", help="The phone's address, where a capture leaves it in doubt which side is the phone.")
@click.option(
    "--stimulus", type=click.Choice([str(name) for name in Stimulus]), multiple=True, help="What was done while it was recorded."
)
@click.option("--factory-reset", is_flag=True, help="The phone was reset before: factory values count like written ones.")
@click.option("--compare", "compared", nargs=2, type=_OUT, metavar="OLD NEW", help="Say what changed between two --json reports.")
@click.option("--all", "shows_all", is_flag=True, help="Write out every finding, not only what is wrong.")
@click.option("--json", "json_file", type=_OUT, help="Write the report as JSON; - prints it instead of the text.")
@click.option("--junit", "junit_file", type=_OUT, help="Write JUnit XML.")
@click.option("--html", "html_file", type=_OUT, help="Write one HTML file.")
@click.option("--csv", "csv_file", type=_OUT, help="Write a table.")
@click.option("--pcap", "pcap_file", type=_OUT, help="Write the messages as pcapng, with findings as comments.")
@click.pass_context
def verify_command(
    ctx: click.Context,
    expected: tuple[Path, ...],
    source: Path | None,
    phone_host: str | None,
    stimulus: tuple[str, ...],
    factory_reset: bool,
    compared: tuple[Path, Path] | None,
    shows_all: bool,
    json_file: Path | None,
    junit_file: Path | None,
    html_file: Path | None,
    csv_file: Path | None,
    pcap_file: Path | None,
) -> int:
    """Judge recorded messages by what the phones' files say.  Exit 1 on FAIL, 4 if a phone showed nothing.

    \b
    Examples:
      sipstub verify --expectations lobby.json --from lobby.pcapng --html report.html
      sipstub verify --compare old.json new.json
    """
    if compared is not None:
        return compare_reports(ctx, compared, json_file)
    if not expected or source is None:
        raise click.UsageError("give --expectations and --messages (or --from), or --compare with two reports")
    phones = [phone for file in expected for phone in read_expectations(_read(file))]
    _refuse_doubles(phones)
    recording = open_recording(source, phone=phone_host)
    for note in recording.notes:
        click.echo(f"note: {note}", err=True)
    known = Circumstances(frozenset({*PASSIVE, *map(Stimulus, stimulus)}), is_factory_reset=factory_reset)
    done = verify(phones, recording.messages, known, now=time.time(), program=_program())
    is_printed = json_file is not None and str(json_file) == "-"
    written = ReportFiles(json_file, junit_file, html_file, csv_file, pcap_file).write(done)
    if is_printed:
        click.echo(done.report.to_text(), nl=False)
    else:
        shown = tuple(Verdict) if shows_all else SHOWN
        click.echo(write_text(done.report, shown=shown, files=written), nl=False)
    return done.report.exit_code


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise FileProblem(f"{file} has more than {MAX_FILE_BYTES} bytes")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise FileProblem(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FileProblem(f"{file} is not UTF-8 text") from None


def _refuse_doubles(phones: list[Expectations]) -> None:
    names = [phone.subject.name for phone in phones]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise FileProblem(f"two phones are called {double!r}", hint="give each its own name")


def _program() -> str:
    try:
        return f"sipstub {version('provisioner')}"
    except PackageNotFoundError:
        return "sipstub"
