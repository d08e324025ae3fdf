"""Which template is built on which, and which phones each one reaches, for all vendors.  Templates are parsed, not run.

Only names that stand as text are followed: `{% include "v80/block/nat.cfg" %}`.  A template that cannot be parsed has no
parents here; `provisioner templates check` says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, TemplateError, nodes

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.model import Model
from provisioner.catalogue.vendor import Vendor
from provisioner.inventory.load import Inventory
from provisioner.inventory.phone import Phone
from provisioner.rendering.template import CUSTOM, Templates

WAYS = {nodes.Extends: "extends", nodes.Include: "includes", nodes.Import: "imports", nodes.FromImport: "imports"}


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """One template."""

    name: str
    "Path as templates name each other: `v80/model/t46g.cfg`, `linphone/base.cfg`."

    kind: str
    "base, block, model or custom; other for what lies elsewhere."

    extends: tuple[str, ...]
    "What it is laid over: none or one."

    includes: tuple[str, ...]
    "What it takes in by include or import."

    @property
    def parents(self) -> tuple[str, ...]:
        """Return everything it names."""
        return (*self.extends, *self.includes)


class TemplateUse:
    """The templates of all vendors and the phones of one inventory."""

    def __init__(self, templates: Mapping[Vendor, Templates], inventory: Inventory) -> None:
        """`templates` are those of each vendor; no name is in two of them."""
        self._by_vendor = templates
        self._vendor_of = {name: vendor for vendor, each in templates.items() for name in each.names()}
        self.facts: Mapping[str, TemplateFacts] = {name: _facts(name, self.folder_of(name)) for name in self._vendor_of}
        self._inventory = inventory
        self._phones: dict[str, list[Phone]] = {}
        for phone in sorted(inventory.phones.values(), key=lambda phone: phone.name):
            top = self.of_phone(phone)
            for name in () if top is None else self.closure(top):
                self._phones.setdefault(name, []).append(phone)

    def folder_of(self, name: str) -> Templates:
        """Return the templates of the vendor that has this one."""
        return self._by_vendor[self._vendor_of[name]]

    def of_model(self, model: Model) -> str:
        """Return the template that a phone of this model has where nobody names one."""
        return self._by_vendor[model.vendor].of_model(model)

    def of_phone(self, phone: Phone) -> str | None:
        """Return the template that a phone is rendered from; None if it names one that is not there."""
        if phone.template is None:
            return self.of_model(phone.model)
        return self._by_vendor[phone.model.vendor].find(str(phone.template.value))

    def find(self, written: str) -> str | None:
        """Return the template that a person means by a name; of two vendors' equal ones that of the vendor with more models."""
        return next((found for each in self._by_vendor.values() if (found := each.find(written)) is not None), None)

    def closure(self, name: str) -> list[str]:
        """Return the template and all it is built on, each once, nearest first."""
        found = [name]
        for each in found:
            facts = self.facts.get(each)
            found += [parent for parent in (facts.parents if facts is not None else ()) if parent not in found]
        return found

    def chain(self, name: str) -> list[str]:
        """Return the template and what it extends, one over the other."""
        found = [name]
        while (facts := self.facts.get(found[-1])) is not None and facts.extends and facts.extends[0] not in found:
            found.append(facts.extends[0])
        return found

    def phones(self, name: str) -> list[Phone]:
        """Return the phones whose files depend on the template."""
        return self._phones.get(name, [])

    def dependents(self, name: str) -> list[str]:
        """Return the other templates that are built on it, also over others."""
        return [other for other in self.facts if other != name and name in self.closure(other)]

    def layers(self, name: str) -> list[str]:
        """Return the groups, sites and defaults that name the template, or one built on it."""
        found = []
        for rank in sorted(self._inventory.layers, reverse=True):
            for layer in self._inventory.layers[rank].values():
                top = self.folder_of(name).find(str(layer.template.value)) if layer.template is not None else None
                if top is not None and name in self.closure(top):
                    found.append(f"{rank.name.lower()} {layer.name}" if layer.name != "defaults" else "defaults")
        return found

    def models(self, name: str, catalogue: Catalogue) -> list[Model]:
        """Return the models in scope that the template is for: whose own template it is built on, else all of its vendor."""
        vendor = self._vendor_of[name]
        in_scope = [model for model in catalogue.models.values() if model.is_in_scope and model.vendor == vendor]
        below = set(self.closure(name))
        own = [model for model in in_scope if self.of_model(model) in below and "/model/" in self.of_model(model)]
        return own or in_scope


def _facts(name: str, templates: Templates) -> TemplateFacts:
    extends: list[str] = []
    includes: list[str] = []
    try:
        tree: Any = Environment(autoescape=True).parse(templates.source(name))
    except (TemplateError, OSError, UnicodeDecodeError, RecursionError):
        tree = None
    if tree is not None:
        for node in tree.find_all(tuple(WAYS)):
            target = extends if isinstance(node, nodes.Extends) else includes
            target += [named for named in _names(node.template) if named not in target]
    return TemplateFacts(name, _kind(name), tuple(extends[:1]), tuple(includes))


def _names(node: nodes.Expr) -> Iterable[str]:
    if isinstance(node, nodes.Const):
        values = node.value if isinstance(node.value, list | tuple) else [node.value]
        return [value for value in values if isinstance(value, str)]
    if isinstance(node, nodes.List | nodes.Tuple):
        return [item.value for item in node.items if isinstance(item, nodes.Const) and isinstance(item.value, str)]
    return []


def _kind(name: str) -> str:
    parts = name.split("/")
    if CUSTOM in parts[:-1]:
        return "custom"
    if len(parts) > 2 and parts[-2] in ("block", "model"):
        return parts[-2]
    return "base" if parts[-1] == "base.cfg" else "other"
