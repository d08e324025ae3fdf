"""What a template would do to a phone that does not use it: tried in memory, published nowhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

from provisioner.catalogue.model import Model
from provisioner.inventory.layer import PhoneText, Setting
from provisioner.inventory.load import Inventory
from provisioner.inventory.origin import Origin, Rank
from provisioner.inventory.phone import Phone
from provisioner.inventory.reading import read_file
from provisioner.inventory.resolve import resolve
from provisioner.rendering.context import Addresses
from provisioner.rendering.diff import Change, compare, secret_identities, values_of
from provisioner.rendering.render import RenderedFile
from provisioner.runtime.fleet import Fleet
from provisioner.runtime.workshop import load_workshops

SAMPLE = """
name = "sample-{slug}"
mac = "00:15:65:00:00:00"
model = "{model}"

[[line]]
extension = "100"
auth_name = "100"
display_name = "Sample"
password = "sample-password"
"""
"A phone for models that the fleet has none of."


@dataclass(frozen=True, slots=True)
class Trial:
    """One phone with one template."""

    phone: Phone
    "The phone, or a sample."

    is_sample: bool
    "True if the fleet has no such phone."

    file: RenderedFile
    "Its MAC file with that template, and what is wrong with it."

    changes: tuple[Change, ...]
    "Against what it has without; empty if either has no file."


class TrialRoom:
    """Renders phones with templates that they do not name."""

    def __init__(self, fleet: Fleet, inventory: Inventory, addresses: Addresses) -> None:
        self._fleet = fleet
        self._inventory = inventory
        self._renderers = {shop.vendor: shop.renderer for shop in load_workshops(fleet.catalogue, addresses)}
        self._rendered: dict[tuple[str, str, str | None], RenderedFile] = {}
        self._commons: dict[str, RenderedFile] = {}

    def render(self, phone: Phone, template: str | None) -> RenderedFile:
        """Return the MAC file of `phone` with `template`; None means the one it has now."""
        key = phone.mac.plain, phone.model.name, template
        known = self._rendered.get(key)
        if known is None:
            if template is not None:
                phone = replace(phone, template=Setting(template, Origin("", 0, "tried", Rank.PHONE)))
            known = self._rendered[key] = self._renderers[phone.model.vendor].phone(phone, self._common(phone.model))
        return known

    def try_on(self, phone: Phone, template: str, other: str | None = None, *, is_sample: bool = False) -> Trial:
        """Return what `phone` gets with `template`, compared with `other`, or with what it has now."""
        now, then = self.render(phone, other), self.render(phone, template)
        common = self._common(phone.model)
        changes: tuple[Change, ...] = ()
        if now.body and then.body:
            secret = secret_identities(now.lines) | secret_identities(then.lines)
            old, new = values_of(common.body, now.body), values_of(common.body, then.body)
            changes = compare(old, new, self._fleet.catalogue, secret)
        return Trial(phone, is_sample, then, changes)

    def phone_of(self, model: Model) -> tuple[Phone, bool]:
        """Return a phone of the fleet that has this model, else a sample, and whether it is one."""
        for phone in sorted(self._inventory.phones.values(), key=lambda phone: phone.name):
            if phone.model.name == model.name and phone.mac.plain not in self._inventory.blocked:
                return phone, False
        text = SAMPLE.format(model=model.name, slug=model.name.lower().replace(" ", "-"))
        read = read_file("sample.toml", text.encode(), Rank.PHONE, self._fleet.vocabulary, lambda _name: "")
        sample: PhoneText = read.phones[0]
        layers = {rank: dict(self._inventory.layers.get(rank, {})) for rank in (Rank.DEFAULTS, Rank.SITE, Rank.GROUP)}
        resolved, _ = resolve(sample, layers, self._fleet.catalogue)
        assert resolved is not None
        return resolved, True

    def _common(self, model: Model) -> RenderedFile:
        name = model.common_name
        if name not in self._commons:
            defaults = next(iter(self._inventory.layers.get(Rank.DEFAULTS, {}).values()), None)
            if not name:
                return self._commons.setdefault(name, RenderedFile())
            models = [each for each in self._fleet.catalogue.models_of_common_file(name) if each.is_in_scope]
            self._commons[name] = self._renderers[model.vendor].common(models, defaults)
        return self._commons[name]
