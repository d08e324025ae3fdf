"""Hold every line of a file against the catalogue before a phone sees it."""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.model import Model
from provisioner.catalogue.parameter import COUNTED_BY, RENDERED_MINOR, Parameter
from provisioner.errors import Problem, Severity
from provisioner.inventory.origin import Rank
from provisioner.rendering.kind import FileKind
from provisioner.rendering.lines import RESET, USER_PASSWORD, CfgLine

NAME_CODES = frozenset({"unknown-parameter", "wrong-model", "wrong-generation"})
"Findings about a parameter's name."

MAX_REMEMBERED = 200_000
MAX_HINTS = 500
"Unknown parameters that a near name is looked for; a search costs some milliseconds."

Verdict = tuple[Severity, str, str, str]
"Severity, code, message, hint."


class Lint:
    """Findings about lines; remembers what it found about equal lines, because fleets repeat themselves."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[tuple[str, str, str, FileKind, bool], tuple[Verdict, ...]] = {}
        self._hints = 0

    def check(self, lines: Iterable[CfgLine], model: Model, kind: FileKind, phone: str | None) -> list[Problem]:
        """Return the problems of the lines of one file, each at the place that gave the value.

        Errors stop the file: an unknown parameter, a secret or an account in the common file, and, where the
        catalogue row was checked by hand with medium or high confidence, a bad value, index or model.  The rest warns.
        """
        problems: list[Problem] = []
        for line in lines:
            key = (line.name, line.value, model.name, kind, line.is_secret)
            verdicts = self._known.get(key)
            if verdicts is None:
                verdicts = tuple(self._verdicts(line, model, kind))
                if len(self._known) >= MAX_REMEMBERED:
                    self._known.clear()
                self._known[key] = verdicts
            if line.is_secret and kind is FileKind.COMMON:
                verdicts += (
                    (
                        Severity.ERROR,
                        "wrong-file",
                        f"{line.name} holds a secret and stands in the common file",
                        "it belongs into the MAC file",
                    ),
                )
            for severity, code, message, hint in verdicts:
                # A wrong name is the mistake of whoever wrote the name, a wrong value of whoever gave the value.
                origin = line.template if code in NAME_CODES and line.template is not None else line.origin
                where = ("templates/" if origin.rank is Rank.TEMPLATE and origin.file else "") + origin.file
                problems.append(
                    Problem(where, origin.line or None, code, message, hint, key=line.name, phone=phone, severity=severity)
                )
        return problems

    def _verdicts(self, line: CfgLine, model: Model, kind: FileKind) -> Iterable[Verdict]:
        parameter = self._catalogue.parameter(line.name)
        if parameter is None:
            self._hints += 1
            near = self._catalogue.nearest(line.name) if self._hints <= MAX_HINTS else None
            yield (
                Severity.ERROR,
                "unknown-parameter",
                f"there is no parameter {line.name}",
                f"did you mean {near}?" if near else "see `provisioner parameters`",
            )
            return
        grave = Severity.ERROR if parameter.can_block else Severity.WARNING
        sure = grave if parameter.permitted_is_certain else Severity.WARNING
        if kind is FileKind.COMMON and (parameter.file == "mac" or parameter.is_secret):
            what = "holds a secret" if parameter.is_secret else "belongs to one phone"
            yield (
                Severity.ERROR,
                "wrong-file",
                f"{line.name} {what} and stands in the common file",
                "it belongs into the MAC file",
            )
        fault = parameter.index_fault(self._catalogue.indexes(line.name), model)
        if fault is not None:
            certain = grave if parameter.index_is_certain(model) else Severity.WARNING
            yield certain, "bad-index", f"{line.name}: {fault}", "remove it"
        if parameter.applies_to(model) is False:
            if _is_uncounted(parameter, model):
                grave = Severity.WARNING
            yield grave, "wrong-model", f"{line.name} is not known on {model.name}", "remove it"
        generation = parameter.generation_fault()
        if generation is not None:
            yield (
                Severity.WARNING,
                "wrong-generation",
                f"{line.name} is {generation}, these phones run V80",
                "see `provisioner parameters`",
            )
        if line.value == RESET:
            if line.name == USER_PASSWORD:
                yield Severity.ERROR, "bad-value", f"{line.name} cannot be reset: it needs a user", "set the user's password"
            return
        fault = parameter.check(line.value, model)
        if fault is not None and line.is_secret and not parameter.is_secret:
            fault = f"the value is not {parameter.permitted.describe(RENDERED_MINOR)}"
        if fault is not None:
            yield sure, "bad-value", f"{line.name}: {fault}", "see `provisioner parameters " + parameter.name + "`"
        caution = parameter.caution(line.value)
        if line.name == USER_PASSWORD and line.value.count(":") > 1:
            caution = "a colon inside the password is not safe: the phone may end the user's name or the password there"
        if caution is not None:
            shown = "***" if parameter.is_secret or line.is_secret else line.value
            yield Severity.WARNING, "caution", f"{line.name} = {shown}: {caution}", "choose another value, or live with it"


def _is_uncounted(parameter: Parameter, model: Model) -> bool:
    """Return whether the parameter is one of things that nobody has counted on this model: then it may exist there."""
    fields = [COUNTED_BY[rule.counts] for rule in parameter.indexes.values() if rule.counts in COUNTED_BY]
    return any(field != "expansion" and getattr(model, field) is None for field in fields)
