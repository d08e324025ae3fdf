"""What the columns of a CSV file mean.  Any order, any letter case; blanks, dashes and underscores are alike.

mac, name, model, ...       the phone           aliases below
extension, label, ...       its first line      aliases below
line2_extension, extension2, extension_2        another line
key1_type, key1_value       a line key          programmable3_type, module1_key4_type
settings.NAME, or NAME      a parameter by its own name (any name with a dot)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from provisioner.errors import Problem
from provisioner.inventory.layer import KeyKind, KeyPlace
from provisioner.inventory.spot import Place, Spot
from provisioner.inventory.value import nearest
from provisioner.inventory.vocabulary import Field, FieldType, Vocabulary
from provisioner.mac import MacAddress

MAX_LINE = 99
MAX_KEY = 999

HEAD = ("mac", "name", "model", "group", "site", "template", "description", "reset")

ALIASES = {
    "mac": "mac_address device_address macaddress mac_id device_mac hardware_address ethernet_address",
    "name": "device_name phone_name device hostname host",
    "model": "phone_model device_model type phone_type device_type device_template vendor_model",
    "group": "device_group phone_group profile",
    "site": "location branch",
    "description": "comment comments note notes device_description remark",
    "extension": "ext extension_number user_name username user number sip_user user_id line_extension",
    "auth_name": "auth_user auth_id authname auth_username authorization_name authentication_name register_name authid",
    "password": "secret sip_password auth_password sip_secret line_password",
    "display_name": "displayname caller_id_name callerid_name caller_id full_name",
    "label": "line_label account_label",
    "server": "sip_server registrar server_address server_address_1 sip_server_1 domain server_host",
    "port": "sip_server_port server_port server_port_1",
    "transport": "sip_transport protocol transport_type",
    "server2": "server_2 sip_server_2 backup_server secondary_server server_address_2",
    "expires": "register_expires registration_expires expiry",
    "outbound_proxy": "proxy outboundproxy outbound_proxy_primary",
    "outbound_proxy_port": "proxy_port",
    "voicemail": "voice_mail voicemail_number mailbox_number",
    "time_zone": "timezone tz",
    "enabled": "line_enabled active",
}
"Other names of a column; a name of the vocabulary itself always wins over an alias."

_NUMBERED = (
    re.compile(r"(?:line|account|acct)_?(?P<number>\d{1,3})_(?P<name>.+)"),
    re.compile(r"(?P<name>.*?[a-z])_?(?P<number>\d{1,3})"),
)
_KEYS = (
    (KeyKind.EXPANSION, re.compile(r"(?:module|exp|expansion)_?(?P<module>\d{1,2})_key_?(?P<number>\d{1,3})_(?P<name>.+)")),
    (KeyKind.PROGRAMMABLE, re.compile(r"(?:programmable|prog|programmable_key|prog_key)_?(?P<number>\d{1,3})_(?P<name>.+)")),
    (KeyKind.LINE, re.compile(r"(?:line_?key|key|button|blf_?key)_?(?P<number>\d{1,3})_(?P<name>.+)")),
)
_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_<>-]*(?:\.[A-Za-z0-9_<>-]+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is understood."""

    at: int
    "0-based place in the row."

    title: str
    "As written in the header."

    spot: Spot
    "What it is about."

    field: Field | None
    "Type of its values; None for the head of a phone and for parameters by name."


class ColumnNames:
    """Knows every name that a column may have."""

    def __init__(self, vocabulary: Vocabulary, is_parameter: Callable[[str], bool]) -> None:
        self._vocabulary = vocabulary
        self._is_parameter = is_parameter
        self._names: dict[str, tuple[str, str]] = {}
        self._key_names = {_plain(name): name for name in vocabulary.key}
        for scope, names in (("line", vocabulary.line), ("phone", vocabulary.phone), ("head", dict.fromkeys(HEAD))):
            for name in names:
                self._names[_plain(name)] = (scope, name)
        for name, others in ALIASES.items():
            for other in others.split():
                self._names.setdefault(_plain(other), self._names[_plain(name)])

    def find(self, title: str) -> tuple[Spot, Field | None] | None:
        """Return what a column of this title is about, or None if nobody knows."""
        text = title.strip()
        if text.lower().startswith("settings."):
            name = text[len("settings.") :].strip("\"'")
            return (Spot("settings", name), None) if _PARAMETER.fullmatch(name) else None
        if _PARAMETER.fullmatch(text) and self._is_parameter(text):
            return Spot("settings", text), None
        plain = _plain(text)
        if plain in self._names:
            scope, name = self._names[plain]
            return self._spot(scope, name, 1)
        for kind, form in _KEYS:
            if match := form.fullmatch(plain):
                return self._key(kind, match)
        for form in _NUMBERED:
            match = form.fullmatch(plain)
            if match and 1 <= int(match["number"]) <= MAX_LINE:
                scope, name = self._names.get(match["name"], ("", ""))
                if scope == "line":
                    return self._spot(scope, name, int(match["number"]))
        return None

    def is_known(self, title: str) -> bool:
        """Whether a column of this title is understood."""
        return self.find(title) is not None

    def _spot(self, scope: str, name: str, number: int) -> tuple[Spot, Field | None]:
        if scope == "head":
            return Spot(None, name), None
        place: Place = number if scope == "line" else None
        return Spot(place, name), self._vocabulary.of(scope)[name]

    def _key(self, kind: KeyKind, match: re.Match[str]) -> tuple[Spot, Field | None] | None:
        name = self._key_names.get(match["name"])
        module = int(match["module"]) if kind is KeyKind.EXPANSION else 0
        number = int(match["number"])
        if name is None or not 1 <= number <= MAX_KEY or (kind is KeyKind.EXPANSION and module < 1):
            return None
        return Spot(KeyPlace(kind, module, number), name), self._vocabulary.key[name]

    def suggest(self, title: str) -> str:
        """Return a hint which name was meant."""
        digits = "".join(re.findall(r"\d+", title)[:1])
        names = [*self._names, *(f"line{digits}_{name}" for name in self._vocabulary.line if digits)]
        names += [f"key{digits}_{name}" for name in self._vocabulary.key if digits]
        return nearest(_plain(title), names) or "remove it, or see `provisioner export csv --empty` for what there is"

    def read(self, file: str, line: int, header: Iterable[str]) -> tuple[tuple[Column, ...], list[Problem]]:
        """Return the columns of a header and everything wrong with it."""
        columns: list[Column] = []
        problems: list[Problem] = []
        seen: dict[Spot, str] = {}
        titles = list(header)
        if not any(map(self.is_known, titles)):
            if any(map(_is_mac, titles)):
                said = "the first row holds a MAC address, not the names of columns"
            else:
                said = "no cell of the first row is the name of a column"
            hint = "write the names above the rows, at least mac; see `provisioner export csv --empty`"
            return (), [Problem(file, line, "no-header", said, hint)]
        for at, title in enumerate(titles):
            found = self.find(title)
            if found is None:
                said = f'unknown column "{title[:60]}"' if title else "a column without a name"
                problems.append(Problem(file, line, "unknown-column", said, self.suggest(title), at + 1, title[:60] or None))
                continue
            spot, field = found
            if spot in seen:
                said = f'"{title}" and "{seen[spot]}" are the same column'
                problems.append(Problem(file, line, "duplicate-column", said, "keep one of them", at + 1, title))
                continue
            seen[spot] = title
            columns.append(Column(at, title, spot, field))
        if not problems and not {Spot(None, "mac"), Spot(None, "name")} & set(seen):
            problems.append(Problem(file, line, "no-key-column", "there is neither a column mac nor a column name", "add mac"))
        return tuple(columns), problems


def title_of(spot: Spot) -> str:
    """Return the name under which the export writes this column, and which import reads as the same spot."""
    place = spot.place
    if place is None or place == 1:
        return spot.name
    if place == "settings":
        return f"settings.{spot.name}"
    if isinstance(place, KeyPlace):
        prefix = {KeyKind.LINE: "", KeyKind.PROGRAMMABLE: "programmable", KeyKind.EXPANSION: f"module{place.module}_"}[place.kind]
        return f"{prefix}{'' if place.kind is KeyKind.PROGRAMMABLE else 'key'}{place.number}_{spot.name}"
    return f"line{place}_{spot.name}"


def is_secret(column: Column) -> bool:
    """Whether its cells must never be shown."""
    return column.field is not None and column.field.type is FieldType.SECRET


def _plain(title: str) -> str:
    return re.sub(r"[\s_-]+", "_", title.strip(" \t\xa0*:").lower()).strip("_")


def _is_mac(text: str) -> bool:
    try:
        MacAddress.parse(text)
    except ValueError:
        return False
    return True
