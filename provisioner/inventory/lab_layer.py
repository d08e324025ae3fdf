"""Lay a lab layer over a phone: the strongest of its layers, and only its accounts' way to their server.  Pure."""

from __future__ import annotations

from dataclasses import replace

from provisioner.inventory.lab import OFF, STUB_TLS, Lab, LabValue
from provisioner.inventory.lab_words import LabWords
from provisioner.inventory.layer import Layer, Setting
from provisioner.inventory.origin import Origin, Rank
from provisioner.inventory.phone import Phone
from provisioner.inventory.value import STUB


def lay_over(phone: Phone, lab: Lab, words: LabWords, host: str, sip_port: int, sips_port: int) -> Phone:
    """Return the phone under the layer; `host` and the ports are what "@stub" means now.

    The layer speaks of parameters by their own name, so it wins whatever way a template or another layer sets them.  Lines that
    the phone no longer has are left out.
    """
    name = f'lab layer of phone "{phone.name}"'
    numbers = {line.number for line in phone.lines}
    settings: dict[str, Setting] = {}
    for line in lab.lines:
        if line.number not in numbers:
            continue
        for word, value in line.values.items():
            parameter, text = _parameter(word, value, words, host, sips_port if value.word == STUB_TLS else sip_port)
            settings[words.name(parameter, line.number)] = Setting(text, replace(value.origin, layer=name))
    origin = Origin(lab.file, 1, name, Rank.LAB)
    layer = Layer(phone.name, origin, settings=settings, description=f"laid by {lab.who}")
    return replace(phone, layers=(layer, *phone.layers), settings={**phone.settings, **settings})


def laid(phone: Phone) -> dict[str, Setting]:
    """Return what a lab layer laid over the phone, by parameter; empty if none is."""
    return dict(phone.layers[0].settings) if phone.layers and phone.layers[0].origin.rank is Rank.LAB else {}


def _parameter(word: str, value: LabValue, words: LabWords, host: str, port: int) -> tuple[str, str]:
    if word == "server" and value.word == STUB:
        return words.server, host
    if word == "port" and value.word in (STUB, STUB_TLS):
        return words.port, str(port)
    if word == "transport":
        return words.transport, words.transports[value.word]
    if word == "outbound_proxy" and value.word == OFF:
        return words.outbound_proxy, words.outbound_proxy_off
    if word == "server2" and value.word == OFF:
        return words.server2, words.server2_off
    raise ValueError(f"a lab layer has no {word} = {value.word}")
