"""Do the facts agree with each other?  Every contradiction is found at once, none of them stops the search."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from provisioner.catalogue.load_model import CONFIDENCES as CONFIDENCES
from provisioner.catalogue.model import Model, Scope
from provisioner.catalogue.parameter import Parameter
from provisioner.catalogue.table import Table
from provisioner.errors import CatalogueError

if TYPE_CHECKING:
    from provisioner.catalogue.catalogue import Catalogue


def contradictions(catalogue: Catalogue, samples: Sequence[Table]) -> list[CatalogueError]:
    """Return what contradicts something else, in the order models, agents, generations, parameters."""
    return [
        *_models(catalogue),
        *_samples(catalogue, samples),
        *_generations(catalogue),
        *_parameters(catalogue),
    ]


def source_key(source: str) -> str:
    """Return the key of a source: `G80` for `G80 p.297`."""
    return source.partition(" ")[0]


def check_sources(row: Table, sources: Mapping[str, str]) -> None:
    """Refuse a row without a source, or with a key that sources.toml does not explain."""
    fault = _source_fault(row.texts("source"), sources)
    if fault:
        raise row.fault(fault, "source")


def _source_fault(source: Sequence[str], sources: Mapping[str, str]) -> str | None:
    if not source:
        return "every fact names its source; R is for recall"
    unknown = [text for text in source if source_key(text) not in sources]
    return f"{source_key(unknown[0])!r} is not in sources.toml" if unknown else None


def _at(catalogue: Catalogue, file: str, name: str, message: str, key: str | None = None) -> CatalogueError:
    return Table(catalogue.folder / file, name, {}).fault(message, key)


def _models(catalogue: Catalogue) -> list[CatalogueError]:
    faults = []
    meant: dict[str, str] = {}
    of_common: defaultdict[str, set[int]] = defaultdict(set)
    for model in catalogue.models.values():

        def wrong(message: str, key: str, model: Model = model) -> None:
            faults.append(_at(catalogue, "models.toml", model.name, message, key))

        if model.is_in_scope and model.common_number != model.prefix:
            wrong(f"{model.common_name} does not carry the firmware prefix {model.prefix}", "common_number")
        begin = f"{model.prefix}." if model.vendor.has_common_file else ""  # only then is there a prefix that models share
        if not model.example_firmware.startswith(begin):
            wrong(f"{model.example_firmware} does not begin with the prefix {model.prefix}", "example_firmware")
        if model.scope is Scope.RENDERED and model.scope_reason:
            wrong("a rendered model needs no reason", "scope_reason")
        for key, sample in (("http_agent_sample", model.http_agent_sample), ("sip_agent_sample", model.sip_agent_sample)):
            if not sample and key == "http_agent_sample":
                continue  # a phone that does not say over HTTP what it is
            agent = catalogue.agents.read(sample)
            if agent.model != model.name:
                wrong(f"{sample!r} is read as {agent.model or 'nothing we know'}", key)
            elif not (agent.firmware or "").startswith(begin):
                wrong(f"{sample!r} has a firmware that does not begin with {model.prefix}", key)
        if model.http_agent_sample and catalogue.agents.read(model.http_agent_sample).mac is None:
            wrong("the sample carries no MAC", "http_agent_sample")
        for text in filter(None, (model.user_agent_name, *model.aliases)):
            other = meant.setdefault(text.lower(), model.name)
            if other != model.name:
                wrong(f"{text!r} means {other} already", "user_agent_name")
        of_common[model.common_name].add(model.prefix)
        if len(of_common[model.common_name]) > 1:
            wrong(f"{model.common_name} belongs to another firmware prefix already", "common_name")
        fault = _source_fault(model.source, catalogue.sources)
        if fault:
            wrong(fault, "source")
    return faults


def _samples(catalogue: Catalogue, samples: Sequence[Table]) -> list[CatalogueError]:
    faults = []
    for sample in samples:
        text = sample.text("text")
        agent = catalogue.agents.read(text)
        seen = {"model": agent.model, "firmware": agent.firmware, "mac": agent.mac}
        for key, value in seen.items():
            if value != sample.optional_text(key):
                faults.append(sample.fault(f"{text!r} is read as {value}, the sample says {sample.optional_text(key)}", key))
        fault = _source_fault(sample.texts("source"), catalogue.sources)
        if fault:
            faults.append(sample.fault(fault, "source"))
    return faults


def _generations(catalogue: Catalogue) -> list[CatalogueError]:
    faults = []
    taken: dict[int, str] = {}
    for generation in catalogue.generations.values():
        for minor in generation.minor_versions:
            other = taken.setdefault(minor, generation.name)
            if other != generation.name:
                faults.append(
                    _at(catalogue, "generations.toml", generation.name, f"{minor} belongs to {other} already", "minor_versions")
                )
                break
        fault = _source_fault(generation.source, catalogue.sources)
        if fault:
            faults.append(_at(catalogue, "generations.toml", generation.name, fault, "source"))
    return faults


def _parameters(catalogue: Catalogue) -> list[CatalogueError]:
    faults = []
    for parameter in catalogue.parameters.values():
        for key, message in _parameter_faults(parameter, catalogue):
            faults.append(_at(catalogue, parameter.where, parameter.name, message, key))
    for first, second in catalogue.collisions:
        faults.append(_at(catalogue, second.where, second.name, f"cannot be told from {first.name}", "scope"))
    return faults


def _parameter_faults(parameter: Parameter, catalogue: Catalogue) -> list[tuple[str, str]]:
    faults = []
    source = _source_fault(parameter.source, catalogue.sources)
    if source:
        faults.append(("source", source))
    if parameter.type == "enum" and not parameter.permitted.codes:
        faults.append(("values", "an enum lists its values"))
    if parameter.type not in ("enum", "bool") and parameter.permitted.codes:
        faults.append(("values", f"a {parameter.type} has no list of values"))
    if parameter.default is not None and parameter.default != "":
        wrong = parameter.permitted.check(parameter.default, minor=80, accounts=None)
        if wrong:
            faults.append(("default", f"the default {wrong}"))
    for source_name in parameter.presets:
        if source_key(source_name) not in catalogue.sources:
            faults.append(("preset", f"{source_name!r} is not in sources.toml"))
    if parameter.until and parameter.since and parameter.until < parameter.since:
        faults.append(("until", f"{parameter.until} is before {parameter.since}"))
    return faults
