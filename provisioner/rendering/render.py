"""One phone's two files, from its resolved settings.

The template is rendered once per phone, whole.  Which of the two files a line lands in follows from the catalogue and
from where its value comes: the common file holds what the defaults and the templates say alike to all phones with its
name and is no secret; the MAC file holds everything that differs from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.model import Model
from provisioner.catalogue.parameter import Parameter
from provisioner.errors import Problem, Severity
from provisioner.inventory.layer import Layer, Setting
from provisioner.inventory.origin import Origin, Rank
from provisioner.inventory.phone import Phone
from provisioner.inventory.vocabulary import Vocabulary
from provisioner.rendering.context import Addresses, common_context, phone_context
from provisioner.rendering.errors import TemplateProblem
from provisioner.rendering.format import CFG, FORMATS, Format
from provisioner.rendering.kind import FileKind
from provisioner.rendering.lines import RESET, USER_PASSWORD, CfgLine, natural, overlay
from provisioner.rendering.lint import Lint
from provisioner.rendering.template import Templates
from provisioner.rendering.vendor_words import VendorWords

MAX_FILE_BYTES = 262_144
"A phone with every parameter set has about 100 kB."

RESET_HEADING = "# put back: set before, wanted no more"

Values = Mapping[str, str]
"Parameter names and values of a file that was published before."


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One file, or why there is none."""

    body: bytes = b""
    "What goes over the wire; empty if there is none."

    origins: tuple[Origin | None, ...] = ()
    "For each line of the body the place that gave its value."

    lines: Mapping[str, CfgLine] = field(default_factory=dict)
    "Its assignments."

    problems: tuple[Problem, ...] = ()
    "Everything wrong with it; errors mean that it must not be delivered."

    @property
    def is_good(self) -> bool:
        """Whether it may be delivered."""
        return bool(self.body) and not any(problem.severity is Severity.ERROR for problem in self.problems)


class Renderer:
    """Templates, catalogue and vocabulary, put to work."""

    def __init__(
        self,
        templates: Templates,
        catalogue: Catalogue,
        vocabulary: Vocabulary,
        addresses: Addresses,
        spoken: Vocabulary | None = None,
    ) -> None:
        """`vocabulary` is that of the templates' vendor, `spoken` what people may write for phones of any vendor."""
        self._words = VendorWords(vocabulary, spoken or vocabulary)
        self.templates = templates
        self.catalogue = catalogue
        self._vocabulary = vocabulary
        self._addresses = addresses
        self._lint = Lint(catalogue)

    def common(self, models: Iterable[Model], defaults: Layer | None, before: Values | None = None) -> RenderedFile:
        """Return the common file that `models` share; only lines on which they all agree are in it."""
        shared: dict[str, CfgLine] | None = None
        problems: list[Problem] = []
        chosen = list(models)
        for model in chosen:
            try:
                name = self._template(defaults.template if defaults else None, model)
                lines = self.templates.render(name, common_context(model, defaults.fields if defaults else {}, self._vocabulary))
            except TemplateProblem as problem:
                return RenderedFile(problems=(_as_problem(problem, None),))
            if defaults is not None:
                lines, found = overlay(lines, self._fitting(defaults.settings, model), None)
                problems += found
            kept = {identity: line for identity, line in lines.items() if self._may_be_common(line)}
            if shared is None:
                shared = kept
            else:
                shared = {
                    identity: line for identity, line in shared.items() if identity in kept and kept[identity].value == line.value
                }
        lines = _with_resets(shared or {}, before or {}, frozenset(), self.catalogue, chosen)
        for model in chosen:
            problems += self._lint.check(lines.values(), model, FileKind.COMMON, None)
        return _finished(lines, list(dict.fromkeys(problems)), None, CFG)

    def phone(self, phone: Phone, common: RenderedFile, before: Values | None = None) -> RenderedFile:
        """Return the MAC file of `phone` beside `common`.

        `before` is the MAC file that was published last: what it set and neither file sets now is put back.
        """
        mac = phone.mac.plain
        phone, unknown = self._words.of(phone)
        try:
            name = self._template(phone.template, phone.model)
            lines = self.templates.render(name, phone_context(phone, self._vocabulary, self._addresses))
        except TemplateProblem as problem:
            return RenderedFile(problems=(_as_problem(problem, mac),))
        lines, problems = overlay(lines, self._fitting(phone.settings, phone.model), mac)
        own = {identity: line for identity, line in lines.items() if not _same(common.lines.get(identity), line)}
        for identity, line in common.lines.items():
            if identity not in lines and line.value != RESET:
                # The phone's own template does not want what the common file says: the later file takes it back.
                own[identity] = CfgLine(line.name, RESET, line.origin, None, False, RESET_HEADING)
        own = _with_resets(own, before or {}, frozenset(common.lines), self.catalogue, [phone.model])
        problems += self._lint.check(own.values(), phone.model, FileKind.MAC, mac)
        return _finished(own, [*unknown, *problems], mac, FORMATS[phone.model.vendor.format])

    def _template(self, written: Setting | None, model: Model) -> str:
        if written is None:
            return self.templates.of_model(model)
        name = self.templates.find(str(written.value))
        if name is None:
            origin = written.origin
            message = f'there is no template "{str(written.value)[:80]}"'
            raise TemplateProblem(origin.file, origin.line, "unknown-template", message, "see `provisioner templates list`")
        return name

    def _fitting(self, settings: Mapping[str, Setting], model: Model) -> dict[str, Setting]:
        """Return the settings without those of a group, a site or the defaults that this model does not know.

        They hold for phones of many models; the phone's own are a mistake that the lint names.
        """
        kept = {}
        for name, setting in settings.items():
            if setting.origin.rank is not Rank.PHONE:
                parameter = self.catalogue.parameter(name)
                if parameter is not None and not _exists(self.catalogue, parameter, name, model):
                    continue
            kept[name] = setting
        return kept

    def _may_be_common(self, line: CfgLine) -> bool:
        parameter = self.catalogue.parameter(line.name)
        is_shared = parameter is None or (parameter.file != "mac" and not parameter.is_secret)
        return is_shared and not line.is_secret and line.origin.rank <= Rank.DEFAULTS


def _same(one: CfgLine | None, other: CfgLine) -> bool:
    return one is not None and one.value == other.value


def _with_resets(
    lines: Mapping[str, CfgLine], before: Values, elsewhere: frozenset[str], catalogue: Catalogue, models: Sequence[Model]
) -> dict[str, CfgLine]:
    """Return the lines, followed by a reset of each parameter that was set before and is set nowhere now.

    A reset stays in the file once it is there: nobody can know when the last phone has read it.
    """
    gone = [name for name in before if name not in lines and name not in elsewhere]
    merged = dict(lines)
    origin = Origin("", 0, "removed since the last file", Rank.TEMPLATE)
    for name in sorted(gone, key=natural):
        # A user's password has no factory form that a file could name; unknown names were never ours; and a phone that
        # became another model has nothing to put back where it has no such thing.
        parameter = catalogue.parameter(name)
        if name == USER_PASSWORD or parameter is None:
            continue
        if all(_exists(catalogue, parameter, name, model) for model in models):
            merged[name] = CfgLine(name, RESET, origin, None, False, RESET_HEADING)
    return merged


def _exists(catalogue: Catalogue, parameter: Parameter, name: str, model: Model) -> bool:
    return parameter.applies_to(model) is not False and parameter.index_fault(catalogue.indexes(name), model) is None


def _finished(lines: Mapping[str, CfgLine], problems: list[Problem], mac: str | None, form: Format) -> RenderedFile:
    try:
        body, origins = form.encode(lines.values())
    except TemplateProblem as problem:
        return RenderedFile(problems=(*problems, _as_problem(problem, mac)))
    if len(body) > MAX_FILE_BYTES:
        problems.append(
            Problem(
                "", None, "file-too-large", f"the file has {len(body)} bytes, more than {MAX_FILE_BYTES}", "shorten it", phone=mac
            )
        )
    return RenderedFile(body, tuple(origins), lines, tuple(problems))


def _as_problem(problem: TemplateProblem, mac: str | None) -> Problem:
    where = problem.file if problem.code == "unknown-template" else "templates/" + problem.file
    return Problem(where, problem.line, problem.code, problem.message, problem.hint, phone=mac)
