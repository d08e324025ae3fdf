"""`sipstub ladder`: the SIP of a capture or a recording as a ladder, on the terminal, as a picture, a page or JSON.

Secrets are cut in everything that is shown or written, unless a file is asked for with them.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sipstub.trace.ladder.diff import diff_text
from sipstub.trace.ladder.flow import Arrow, Flow, both_legs, flow_of
from sipstub.trace.ladder.session_svg import sessions_svg
from sipstub.trace.ladder.svg import flow_svg
from sipstub.trace.ladder.table import flow_page
from sipstub.trace.ladder.text import flow_text
from sipstub.trace.opening import open_recording
from sipstub.trace.pcapng_writer import write_pcapng
from sipstub.trace.record import RecordedMessage
from sipstub.trace.recording import Recording
from sipstub.trace.recording_json import recording_as_json

DONE, PROBLEMS = 0, 1
WIDTH_OF_FILES = 132
"Of text that does not go to a terminal."

_OUT = click.Path(dir_okay=False, path_type=Path)


@click.command("ladder")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--call-id", help="Only the messages of this call, on every leg of it.")
@click.option("--one-leg", is_flag=True, help="With --call-id: without the legs whose Call-IDs are others.")
@click.option("--phone", metavar="HOST", help="The phone's address, where a capture alone leaves it in doubt.")
@click.option("--name", "names", multiple=True, metavar="HOST=NAME", help="Call a party so; HOST:PORT=NAME for one of several.")
@click.option("--diff", "pair", nargs=2, type=int, metavar="N M", help="Two messages side by side, by their numbers.")
@click.option("--svg", type=_OUT, metavar="OUT", help="Write the picture.")
@click.option("--html", type=_OUT, metavar="OUT", help="Write a page with picture and table.")
@click.option("--pcap", type=_OUT, metavar="OUT", help="Write the messages as pcapng.")
@click.option("--record", type=_OUT, metavar="OUT", help="Write the messages as JSON, which ladder and verify read.")
@click.option("--keep-secrets", is_flag=True, help="Leave digests and media keys in what --pcap and --record write.")
@click.option("--json", "as_json", is_flag=True, help="Print the ladder as JSON.")
def ladder_command(
    file: Path,
    call_id: str | None,
    one_leg: bool,
    phone: str | None,
    names: tuple[str, ...],
    pair: tuple[int, int] | None,
    svg: Path | None,
    html: Path | None,
    pcap: Path | None,
    record: Path | None,
    keep_secrets: bool,
    as_json: bool,
) -> int:
    """Draw the SIP of FILE (pcap, pcapng, or a recording as JSON) as a ladder.

    \b
    Example:
      sipstub ladder lobby.pcapng --name 10.1.2.3=lobby --svg lobby.svg
    """
    recording = open_recording(file, phone=phone)
    if call_id is not None:
        recording = recording.of_call(call_id) if one_leg else both_legs(recording, call_id)
    if pair is not None:
        one, two = (_numbered(recording, number) for number in pair)
        click.echo(diff_text(one.data, two.data, width=_width()), nl=False)
        return DONE
    flow = flow_of(recording, names=_named(names))
    title = f"SIP of {file.name}"
    kept = recording if keep_secrets or not (pcap or record) else recording.masked()
    try:
        if svg is not None:
            svg.write_text(flow_svg(flow, title=title, stands_alone=True), "utf-8")
        if html is not None:
            html.write_text(flow_page(flow, sessions_svg(flow) + flow_svg(flow, title=title), title=title), "utf-8")
        for path in (pcap, record):
            if path is not None and keep_secrets:
                path.touch(mode=0o600)
        if pcap is not None:
            with pcap.open("wb") as stream:
                write_pcapng(stream, kept.messages, is_own=kept.is_own)
        if record is not None:
            record.write_text(json.dumps(recording_as_json(kept), indent=1) + "\n", "utf-8")
    except OSError as error:
        raise click.ClickException(f"{error.filename} cannot be written: {error.strerror}") from error
    if as_json:
        click.echo(json.dumps(flow_as_json(flow), indent=2))
    else:
        click.echo(flow_text(flow, width=_width()), nl=False)
    return DONE if recording.messages else PROBLEMS


def flow_as_json(flow: Flow) -> dict[str, Any]:
    """Return a flow as JSON: parties, and rows that are arrows or say how many were left out."""
    return {
        "parties": [
            {"name": party.name, "endpoints": [str(endpoint) for endpoint in party.endpoints], "local": party.is_local}
            for party in flow.parties
        ],
        "rows": [
            asdict(row) | {"remark": row.remark} if isinstance(row, Arrow) else {"left_out": row.count} for row in flow.rows
        ],
        "began_at": flow.began_at,
        "messages": flow.messages,
        "notes": list(flow.notes),
    }


def _numbered(recording: Recording, number: int) -> RecordedMessage:
    for message in recording.messages:
        if message.number == number:
            return message
    raise click.ClickException(f"there is no message {number}")


def _named(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        host, equals, name = pair.rpartition("=")
        if not equals or not host or not name:
            raise click.UsageError(f"--name wants HOST=NAME, not {pair!r}")
        found[host.strip("[]") if "]:" not in host else host] = name
    return found


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH_OF_FILES
