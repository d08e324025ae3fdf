"""What a template sees of a phone: `phone`, `lines`, `keys`, `model`, `unused_accounts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.catalogue.model import Model
from provisioner.inventory.layer import Setting
from provisioner.inventory.phone import Line, Phone
from provisioner.inventory.value import STUB
from provisioner.inventory.vocabulary import Field, Vocabulary
from provisioner.rendering.value import UNSET, NumberValue, Record, TextValue
from provisioner.secret import Secret

_STUB_FIELDS = {"server": "port", "server2": "port2", "outbound_proxy": "outbound_proxy_port"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where this server can be reached, as phones see it."""

    host: str = "127.0.0.1"
    "The advertised address."

    sip_port: int = 5060
    "SIP over UDP and TCP."

    sips_port: int = 5061
    "SIP over TLS."


def phone_context(phone: Phone, vocabulary: Vocabulary, addresses: Addresses) -> dict[str, Any]:
    """Return the names that a phone's template may use."""
    own = phone.text.layer.origin
    head: dict[str, Any] = {
        "name": TextValue(phone.name, own),
        "mac": TextValue(phone.mac.plain, own),
        "group": TextValue(phone.group, own) if phone.group else UNSET,
        "site": TextValue(phone.site, own) if phone.site else UNSET,
    }
    used = {line.number for line in phone.lines}
    return {
        "phone": _record(phone.fields, vocabulary.phone, head),
        "model": _model(phone.model),
        "lines": [_line(line, vocabulary, addresses) for line in phone.lines],
        "keys": [
            _record(
                key.fields,
                vocabulary.key,
                {"kind": str(key.place.kind), "module": key.place.module, "number": key.place.number},
            )
            for key in phone.keys
        ],
        "unused_accounts": [number for number in range(1, phone.model.accounts + 1) if number not in used],
    }


def common_context(model: Model, fields: Mapping[str, Setting], vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the names for the part that all phones of a model share: the defaults, and no phone at all."""
    nobody: dict[str, Any] = dict.fromkeys(("name", "mac", "group", "site"), UNSET)
    return {
        "phone": _record(fields, vocabulary.phone, nobody),
        "model": _model(model),
        "lines": [],
        "keys": [],
        "unused_accounts": [],
    }


def _model(model: Model) -> Record:
    return Record(
        {
            "name": model.name,
            "series": model.series,
            "accounts": model.accounts,
            "line_keys": model.line_keys or 0,
            "codec_slots": model.codec_slots or 0,
            "colour": model.colour,
        }
    )


def _line(line: Line, vocabulary: Vocabulary, addresses: Addresses) -> Record:
    record = _record(line.fields, vocabulary.line, {"number": line.number})
    values = record._values
    for field, port in _STUB_FIELDS.items():
        if values.get(field) == STUB:
            origin = values[field].origin
            values[field] = TextValue(addresses.host, origin)
            # A port that a weaker layer gives belongs to the server of that layer, not to this one.
            if port in values and (values[port] is UNSET or values[port].origin.rank < origin.rank):
                is_tls = values["transport2" if field == "server2" else "transport"] == "tls"
                values[port] = NumberValue(addresses.sips_port if is_tls else addresses.sip_port, origin)
    return record


def _record(settings: Mapping[str, Setting], fields: Mapping[str, Field], head: dict[str, Any]) -> Record:
    values = dict.fromkeys(fields, UNSET) | head
    for name, setting in settings.items():
        values[name] = _value(setting, fields[name])
    return Record(values)


def _value(setting: Setting, field: Field) -> Any:
    raw, origin = setting.value, setting.origin
    if isinstance(raw, Secret):
        return TextValue(raw.reveal(), origin, is_secret=True)
    if isinstance(raw, bool | int):
        return NumberValue(int(raw), origin)
    if isinstance(raw, tuple):
        return [Record({"word": TextValue(word, origin), "code": TextValue(field.words[word], origin)}) for word in raw]
    if field.words:
        return TextValue(raw, origin, wire=field.words[raw])
    if raw == "":
        return TextValue("", origin, wire="%NULL%")  # an empty value means "put it back": releases differ on a bare `name =`
    return TextValue(raw, origin)
