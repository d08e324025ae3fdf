"""`sipstub parse`: the verdict on raw SIP messages in files, and their headers as we read them.

One message a file, as it stood on the wire (CRLF line ends), as one datagram.  A folder is read whole, hidden files left out, at
most MAX_FILES.  Digests and passwords are masked unless asked for.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import click

from sipstub.sip.credentials import AuthParams
from sipstub.sip.error import SipError
from sipstub.sip.examine import demand, examine
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.names import CANONICAL
from sipstub.sip.params import Params
from sipstub.sip.reader import LIMITS, parse_message
from sipstub.sip.typed import RULES
from sipstub.sip.uri import AbsoluteUri, SipUri, TelUri

DONE, PROBLEMS = 0, 1
MAX_FILES = 10_000
MASK = "***"
_PASSWORD = re.compile(r'(sips?:[^\s:@<>"]{1,1024}+):[^\s@<>"]{1,1024}+@', re.IGNORECASE)
SECRET_PARAMS = frozenset({"response", "rspauth", "nonce", "nextnonce", "cnonce", "opaque"})


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What we say to one message."""

    name: str
    error: SipError | None
    message: Message | None
    "As far as it could be read."

    @property
    def is_ok(self) -> bool:
        """Return whether it may pass."""
        return self.error is None

    def text(self) -> str:
        """Return the verdict as one line."""
        if self.error is None:
            return "ok"
        return f"{self.error.status} {self.error.reason}: {printable(masked(self.error.fact))}"

    def as_json(self) -> dict[str, Any]:
        """Return the verdict with all headers, typed ones as objects."""
        error, message = self.error, self.message
        found: dict[str, Any] = {
            "file": self.name,
            "verdict": "ok" if error is None else "refused",
            "status": None if error is None else error.status,
            "reason": None if error is None else error.reason,
            "fact": None if error is None else masked(error.fact),
        }
        if isinstance(message, Request):
            found |= {"kind": "request", "method": message.method, "uri": described(message.uri)}
        elif isinstance(message, Response):
            found |= {"kind": "response", "code": message.status, "phrase": message.reason}
        else:
            found |= {"kind": None}
        found["headers"] = [] if message is None else headers_of(message)
        found["body_bytes"] = None if message is None else len(message.body)
        return found


@click.command("parse")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an object for a file, a list for a folder.")
def parse_command(path: Path, as_json: bool) -> int:
    """Judge raw SIP messages: ok, or the status and reason that their sender should get.

    \b
    Example:
      sipstub parse tests/corpus/sip/captures
    """
    files = [path] if path.is_file() else files_below(path)
    verdicts = [judge(file, str(file.relative_to(path)) if file != path else file.name) for file in files]
    if as_json:
        found = [verdict.as_json() for verdict in verdicts]
        click.echo(json.dumps(found[0] if path.is_file() else found, indent=2))
    else:
        _show(verdicts, with_headers=path.is_file())
    return DONE if all(verdict.is_ok for verdict in verdicts) else PROBLEMS


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder and its folders, sorted, hidden ones left out."""
    found = sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    if len(found) > MAX_FILES:
        raise click.ClickException(f"{len(found)} files, at most {MAX_FILES} are read at once")
    return found


def judge(file: Path, name: str) -> Verdict:
    """Return the verdict on the message in that file."""
    with file.open("rb") as stream:
        data = stream.read(LIMITS.message_bytes + 1)
    message: Message | None = None
    try:
        message = parse_message(data)
        examine(message)
        if isinstance(message, Request):
            demand(message)
    except SipError as error:
        return Verdict(name, error, message or error.partial)
    return Verdict(name, None, message)


def headers_of(message: Message) -> list[dict[str, Any]]:
    """Return each header by name: its lines as text, and the value as we understand it, or what is wrong with it."""
    found = []
    names = {field.key: field.name for field in reversed(list(message.headers))}
    for key in dict.fromkeys(field.key for field in message.headers):
        entry: dict[str, Any] = {"name": CANONICAL.get(key, names[key].strip())}
        rule = RULES.get(key)
        is_secret = "authenticat" in key or "authorization" in key
        if not is_secret:
            entry["lines"] = [masked(line) for line in message.headers.lines(key)]
        if rule is not None:
            try:
                entry["value"] = described(rule.read(message.headers.lines(key)))
            except SipError as error:
                entry["error"] = masked(error.fact)
        found.append(entry)
    return found


def described(value: Any) -> Any:
    """Return a typed value as JSON: objects for what has parts, addresses with their text."""
    if isinstance(value, Params):
        return value.as_dict()
    if isinstance(value, SipUri | TelUri | AbsoluteUri):
        parts = {field.name: described(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if parts.get("password"):
            parts["password"] = MASK
        return {"text": value.masked(), **parts}
    if isinstance(value, tuple | list):
        return [described(item) for item in value]
    if isinstance(value, AuthParams):
        names = [name.lower() for name, _ in value.items]
        return {name: MASK if name in SECRET_PARAMS else value.get(name) for name in names}
    if dataclasses.is_dataclass(value):
        return {field.name: _masked(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def _masked(name: str, value: Any) -> Any:
    return MASK if name == "token" and value else described(value)


def masked(text: str) -> str:
    """Return the text with the passwords of URIs in it masked."""
    return _PASSWORD.sub(rf"\1:{MASK}@", text)


def printable(text: str) -> str:
    """Return the text with everything escaped that a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _show(verdicts: list[Verdict], *, with_headers: bool) -> None:
    width = max((len(verdict.name) for verdict in verdicts), default=0)
    for verdict in verdicts:
        click.echo(f"{printable(verdict.name):<{width}}  {verdict.text()}")
        if with_headers and verdict.message is not None:
            _show_message(verdict.message)
    refused = sum(not verdict.is_ok for verdict in verdicts)
    if not with_headers:
        click.echo(f"{len(verdicts)} messages, {len(verdicts) - refused} ok, {refused} refused")


def _show_message(message: Message) -> None:
    click.echo(f"  {printable(_start_line(message))}")
    for entry in headers_of(message):
        if "error" in entry:
            click.echo(f"  {entry['name']}: wrong: {printable(entry['error'])}")
            continue
        shown = entry.get("value", entry.get("lines"))
        click.echo(f"  {entry['name']}: {printable(json.dumps(shown, ensure_ascii=False))}")


def _start_line(message: Message) -> str:
    if isinstance(message, Request):
        return f"{message.method} {message.uri.masked()}"
    return message.start_line
