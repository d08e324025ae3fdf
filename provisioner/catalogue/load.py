"""Facts on disk -> Catalogue.  Nothing here knows a model or a parameter by name: to add one, edit the TOML files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from provisioner.catalogue import lint
from provisioner.catalogue.agent import AgentReader
from provisioner.catalogue.catalogue import Catalogue as Catalogue
from provisioner.catalogue.generation import Generation
from provisioner.catalogue.load_model import load_models, load_sets
from provisioner.catalogue.load_parameter import Vocabulary, load_forms, load_parameters, load_scopes
from provisioner.catalogue.model import Model
from provisioner.catalogue.table import Table, read_toml, tables
from provisioner.catalogue.vendor import Vendor, load_vendor
from provisioner.errors import CatalogueError

MAX_FAULTS_SHOWN = 20
MODELS = "models.toml"
"The file that makes a folder one of a vendor."

_GENERATION = re.compile(r"v[0-9]{2,3}")
_GENERATION_FIELDS = frozenset(
    {
        "minor_versions",
        "is_rendered",
        "base",
        "steps",
        "boot_files",
        "static_prefix",
        "static_names",
        "note",
        "source",
        "confidence",
    }
)
_SAMPLE_FIELDS = frozenset({"text", "what", "model", "firmware", "mac", "source"})


def vendor_folders(templates: Path) -> tuple[Path, ...]:
    """Return the folders of facts below `templates`, by name; `templates` itself if it is one."""
    if (templates / MODELS).is_file() or not templates.is_dir():
        return (templates,)
    return tuple(sorted(folder for folder in templates.iterdir() if (folder / MODELS).is_file())) or (templates,)


def load_catalogue(folder: Path) -> Catalogue:
    """Return the facts of a vendor's folder (templates/yealink), or of all vendors below templates/, held against each other.

    Of several vendors the one with the most models comes first.  Raises CatalogueError, naming file, line and key, for what
    is missing, misspelled or contradicts something else.
    """
    found = sorted((_load_vendor(each) for each in vendor_folders(folder)), key=lambda each: -len(each.models))
    return found[0] if len(found) == 1 else merge(folder, found)


def merge(folder: Path, catalogues: Sequence[Catalogue]) -> Catalogue:
    """Return one catalogue of several vendors; CatalogueError if two say different things under one name."""
    agents = catalogues[0].agents
    for other in catalogues[1:]:
        agents = agents | other.agents
    merged = Catalogue(
        folder=folder,
        models=_joined(catalogues, "models"),
        parameters=_joined(catalogues, "parameters"),
        agents=agents,
        generations=_joined(catalogues, "generations"),
        sources={key: text for each in catalogues for key, text in each.sources.items()},
        ouis={key: text for each in reversed(catalogues) for key, text in each.ouis.items()},
        vendors=tuple(vendor for each in catalogues for vendor in each.vendors),
    )
    for first, second in merged.collisions:
        raise CatalogueError(f"{second.where}  {second.name}: cannot be told from {first.name} of another vendor")
    return merged


def _joined(catalogues: Sequence[Catalogue], what: str) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for catalogue in catalogues:
        for name, fact in getattr(catalogue, what).items():
            if joined.setdefault(name, fact) is not fact:
                raise CatalogueError(f"{catalogue.folder}: another vendor has {name} among its {what} already")
    return joined


def _load_vendor(folder: Path) -> Catalogue:
    if not folder.is_dir():
        raise CatalogueError(f"{folder}: no such folder", hint="name the folder that holds models.toml")
    sources = {row.name: row.text("what") for row in tables(folder / "sources.toml", read_toml(folder / "sources.toml"))}
    vendor = load_vendor(folder)
    models = load_models(folder / MODELS, vendor)
    vocabulary = Vocabulary(
        sets=load_sets(folder / "sets.toml", models),
        scopes=load_scopes(folder / "scopes.toml"),
        forms=load_forms(folder / "patterns.toml"),
        models=models,
    )
    parameters, faults = load_parameters(folder / "parameters", vocabulary)
    agents, samples = _load_agents(folder / "agents.toml", models, vendor)
    catalogue = Catalogue(
        folder=folder,
        models=models,
        parameters=parameters,
        agents=agents,
        generations=_load_generations(folder / "generations.toml"),
        sources=sources,
        ouis=_load_ouis(folder / "ouis.toml", sources),
        vendors=(vendor,),
    )
    faults += lint.contradictions(catalogue, samples)
    if faults:
        more = f"\n… and {len(faults) - MAX_FAULTS_SHOWN} more" if len(faults) > MAX_FAULTS_SHOWN else ""
        raise CatalogueError("\n".join(fault.message for fault in faults[:MAX_FAULTS_SHOWN]) + more, hint=faults[0].hint)
    return catalogue


def _load_generations(file: Path) -> dict[str, Generation]:
    found: dict[str, Generation] = {}
    for row in tables(file, read_toml(file)) if file.is_file() else ():
        row.only(_GENERATION_FIELDS)
        if not _GENERATION.fullmatch(row.name):
            raise row.fault("a generation is written v80")
        bounds = row.values.get("minor_versions")
        if not (isinstance(bounds, list) and len(bounds) == 2 and all(type(part) is int for part in bounds)):
            raise row.fault("two numbers are wanted: [80, 80]", "minor_versions")
        steps = row.values.get("steps")
        if not (
            isinstance(steps, list) and all(isinstance(step, list) and all(type(name) is str for name in step) for step in steps)
        ):
            raise row.fault("a list of lists of file names is wanted", "steps")
        found[row.name] = Generation(
            name=row.name,
            minor_versions=range(bounds[0], bounds[1] + 1),
            is_rendered=row.flag("is_rendered"),
            base=row.text("base"),
            steps=tuple(tuple(step) for step in steps),
            boot_files=row.texts("boot_files"),
            static_prefix=row.text("static_prefix", ""),
            static_names=row.texts("static_names"),
            note=row.text("note", ""),
            source=row.texts("source"),
            confidence=row.one_of("confidence", lint.CONFIDENCES),
        )
    return found


def _load_agents(file: Path, models: Mapping[str, Model], vendor: Vendor) -> tuple[AgentReader, list[Table]]:
    content = read_toml(file)
    forms = []
    for row in _rows(file, content, "form"):
        form = Table(file, str(row.get("name")), row)
        form.only(frozenset({"name", "what", "form", "source", "confidence"}))
        try:
            groups = re.compile(form.text("form"), re.ASCII).groupindex
        except re.error as error:
            raise form.fault(str(error), "form") from None
        if not {"model", "firmware"} <= set(groups):
            raise form.fault("needs the groups model and firmware", "form")
        forms.append(form.text("form"))
    samples = [Table(file, str(row.get("text")), row) for row in _rows(file, content, "sample")]
    for sample in samples:
        sample.only(_SAMPLE_FIELDS)
    tokens = {text.lower(): model.name for model in models.values() for text in model.names}
    return AgentReader(forms, tokens, vendor.agents_begin), samples


def _rows(file: Path, content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    rows = content.get(key, [])
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise Table(file, key, {}).fault(f"a list is wanted: [[{key}]]")
    return rows


def _load_ouis(file: Path, sources: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in tables(file, read_toml(file)) if file.is_file() else ():
        row.only(frozenset({"when", "note", "source", "confidence"}))
        if not re.fullmatch(r"[0-9A-F]{2}(?::[0-9A-F]{2}){2}", row.name):
            raise row.fault("a vendor prefix is written 00:15:65")
        lint.check_sources(row, sources)
        found[row.name.lower()] = row.text("when")
    return found
