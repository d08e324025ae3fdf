"""A lab layer as its file says it: for a while one phone's accounts go to this server's registrar.  Pure.

The file can say that and nothing else: there is no word in it for another address, a password or any other setting.  A file that
says more, or anything wrong, is ignored as a whole with a problem, and its phone keeps what it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from provisioner.errors import Problem, Severity
from provisioner.inventory.origin import Origin, Rank
from provisioner.inventory.toml_text import Document, Path, TomlError, read_toml
from provisioner.inventory.value import STUB, nearest
from provisioner.mac import MacAddress

MAX_LAB_BYTES = 16_384
"A layer over sixteen accounts has about 2 kB."

MAX_LAB_S = 8 * 3600
"A layer that would hold longer is no lab run."

SKEW_S = 120.0
"A clock that was set back by more than this ends the layer, which otherwise would hold longer than anybody said."

MAX_LINES = 64
PLACE = "@lab/"
"How places in the lab folder are told from places in devices/."

OFF = "off"
STUB_TLS = "@stub-tls"
"As a port: that of this server's registrar over TLS."

TRANSPORTS = ("udp", "tcp", "tls")
LAID: Mapping[str, tuple[str, ...]] = {
    "server": (STUB,),
    "port": (STUB, STUB_TLS),
    "transport": TRANSPORTS,
    "outbound_proxy": (OFF,),
    "server2": (OFF,),
}
"All that a layer may say of a line."

_KEYS = ("phone", "started", "until", "who", "line")


@dataclass(frozen=True, slots=True)
class LabValue:
    """One value of a layer."""

    word: str
    "`@stub`, `off` or a transport."

    origin: Origin
    "Where it stands in the layer's file."


@dataclass(frozen=True, slots=True)
class LabLine:
    """What a layer says of one account."""

    number: int
    "1-based."

    values: Mapping[str, LabValue]
    "By the words of LAID."


@dataclass(frozen=True, slots=True)
class Lab:
    """One layer."""

    mac: str
    "The phone, 12 hex digits."

    started: float
    "Unix time from which it holds."

    until: float
    "Unix time at which it is over."

    who: str
    "Who laid it."

    lines: tuple[LabLine, ...]
    "By account."

    file: str = ""
    "Where it stands: `@lab/001565aabbcc.toml`."

    def holds(self, now: float) -> bool:
        """Return whether it is in force."""
        return self.started - SKEW_S <= now < self.until

    def is_over(self, now: float) -> bool:
        """Return whether it will never hold again, unless somebody sets the clock back."""
        return now >= self.until


class LabProblem(Exception):
    """What is wrong with a file of the lab folder, and where."""

    def __init__(self, message: str, hint: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line

    def as_problem(self, file: str, mac: str | None) -> Problem:
        """Return it as a warning: the layer is ignored and stops nothing."""
        hint = self.hint or "delete the file, or lay it again with `provisioner lab start`"
        return Problem(
            file, self.line, "bad-lab-layer", f"lab layer ignored: {self.message}", hint, phone=mac, severity=Severity.WARNING
        )


def read_lab(file: str, raw: bytes) -> Lab:
    """Return the layer in the file `@lab/<mac>.toml`, or raise LabProblem at the first thing that is wrong."""
    if len(raw) > MAX_LAB_BYTES:
        raise LabProblem(f"the file has {len(raw)} bytes, more than {MAX_LAB_BYTES}")
    try:
        document = read_toml(raw)
    except TomlError as error:
        raise LabProblem(f"not TOML: {error.message}", line=error.line) from None
    return _Reader(file, document).lab()


class _Reader:
    def __init__(self, file: str, document: Document) -> None:
        self.file = file
        self.document = document

    def wrong(self, path: Path, message: str, hint: str = "") -> LabProblem:
        return LabProblem(message, hint, self.document.place(path)[0])

    def lab(self) -> Lab:
        data = self.document.data
        self.known((), data, _KEYS)
        mac = self.mac(data.get("phone"))
        stem = self.file.removeprefix(PLACE).removesuffix(".toml")
        if mac != stem:
            raise self.wrong(("phone",), f"it is for {mac} and the file is called {stem}.toml", f"call it {mac}.toml")
        started, until = self.time(data, "started"), self.time(data, "until")
        if not 0 <= until - started <= MAX_LAB_S:
            raise self.wrong(("until",), f"it would hold for {until - started:.0f} s, more than {MAX_LAB_S} or less than none")
        who = data.get("who", "")
        if not isinstance(who, str) or not who.isprintable():
            raise self.wrong(("who",), "who is not text")
        tables = data.get("line")
        if not isinstance(tables, list) or not tables or len(tables) > MAX_LINES:
            raise self.wrong(("line",), "it has no [[line]], or too many")
        lines = tuple(self.line(("line", at), table, mac) for at, table in enumerate(tables))
        if len({line.number for line in lines}) < len(lines):
            raise self.wrong(("line",), "a line is given twice")
        return Lab(mac, started, until, who[:200], lines, self.file)

    def mac(self, raw: Any) -> str:
        try:
            return MacAddress.parse(raw if isinstance(raw, str) else "").plain
        except ValueError:
            raise self.wrong(("phone",), "phone is not a MAC address in quotes") from None

    def time(self, data: Mapping[str, Any], name: str) -> float:
        raw = data.get(name)
        if not isinstance(raw, datetime) or raw.tzinfo is None:
            raise self.wrong((name,), f"{name} is not a time with a zone", f"write {name} = 2026-01-31T12:00:00Z")
        return raw.timestamp()

    def line(self, path: Path, table: Any, mac: str) -> LabLine:
        if not isinstance(table, dict):
            raise self.wrong(path, "line is not a list of tables", "write [[line]]")
        self.known(path, table, ("number", *LAID))
        number = table.get("number")
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_LINES:
            raise self.wrong((*path, "number"), "number is not the number of a line")
        values = {}
        for name, allowed in LAID.items():
            if name not in table:
                continue
            if table[name] not in allowed:
                wanted = ", ".join(f'"{word}"' for word in allowed)
                raise self.wrong((*path, name), f"{name} is not {wanted}", "a lab layer can point a phone at this server only")
            place = self.document.place((*path, name))[0]
            values[name] = LabValue(table[name], Origin(self.file, place, f'lab layer of phone "{mac}"', Rank.LAB))
        return LabLine(number, values)

    def known(self, path: Path, table: Mapping[str, Any], names: Iterable[str]) -> None:
        for name in table:
            if name not in names:
                raise self.wrong((*path, name), f'"{name[:80]}" does not belong into a lab layer', nearest(name, names))


def lab_text(lab: Lab, name: str) -> str:
    """Return the layer as its file; `name` is the phone's, for people."""
    lines = [
        f"# For a while phone {name} registers here and not at its own server; nothing else is changed.",
        f"# End it: provisioner lab stop {name}   or delete this file.  It ends by itself at `until`.",
        f'phone = "{MacAddress.parse(lab.mac).colons}"',
        f"started = {_time(lab.started)}",
        f"until = {_time(lab.until)}",
        f"who = {_quoted(lab.who)}",
    ]
    for line in lab.lines:
        lines += ["", "[[line]]", f"number = {line.number}"]
        lines += [f'{word} = "{value.word}"' for word, value in line.values.items()]
    return "\n".join(lines) + "\n"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _quoted(text: str) -> str:
    kept = "".join(character for character in text if character.isprintable())[:200]
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'
