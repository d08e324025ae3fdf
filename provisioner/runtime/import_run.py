"""One import from first byte to last: read, plan, try, stage; writing is the caller's last step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from provisioner.errors import Problem, Severity
from provisioner.inventory.change_set import ChangeSet
from provisioner.inventory.importers.candidate import read_candidates
from provisioner.inventory.importers.cells import CellReader
from provisioner.inventory.importers.columns import ColumnNames
from provisioner.inventory.importers.csv_text import Sheet, read_sheet
from provisioner.inventory.importers.plan import Action, ImportPlan, PhonePlan, plan_import
from provisioner.inventory.importers.staging import stage, with_passwords
from provisioner.runtime.rehearsal import Rehearsal

MAX_ROUNDS = 5
"Refusing a row may bring another mistake to light; then it is tried again without both."

OF_THE_FILE = frozenset({"bad-quoting", "too-many-rows", "bad-encoding"})
"Problems that stand at a row and yet leave the rest of the file unread."


@dataclass(frozen=True, slots=True)
class ImportRun:
    """What came of it."""

    sheet: Sheet
    "The file."

    plan: ImportPlan
    "What would happen; phones that would get a problem are not in it."

    changes: ChangeSet
    "Everything that would be written."

    @property
    def errors(self) -> list[Problem]:
        """Return what is in the way."""
        return [problem for problem in self.plan.problems if problem.severity is Severity.ERROR]

    @property
    def can_skip(self) -> bool:
        """Whether every error is one of a row, and there are rows without."""
        return bool(self.plan.phones) and not any(self._is_wide(problem) for problem in self.errors)

    def _is_wide(self, problem: Problem) -> bool:
        is_of_row = problem.file == self.sheet.file and problem.line not in (None, self.sheet.header_line)
        return not is_of_row or problem.code in OF_THE_FILE

    @property
    def warnings(self) -> list[Problem]:
        """Return what is worth a look."""
        return [problem for problem in self.plan.problems if problem.severity is Severity.WARNING]


def run_csv(file: str, raw: bytes, rehearsal: Rehearsal, *, generate_passwords: bool = False) -> ImportRun:
    """Return the plan of importing `raw`, with every row that would make a problem refused by name of the problem."""
    catalogue, vocabulary = rehearsal.fleet.catalogue, rehearsal.fleet.vocabulary
    names = ColumnNames(vocabulary, lambda name: catalogue.parameter(name) is not None)
    sheet = read_sheet(file, raw, names.is_known)
    problems = [*unreadable(rehearsal), *sheet.problems]
    changes = ChangeSet(rehearsal.devices)
    if not sheet.header:
        return ImportRun(sheet, ImportPlan(problems=problems), changes)
    columns, wrong = names.read(file, sheet.header_line, sheet.header)
    problems += wrong
    if any(problem.code in ("no-header", "no-key-column") for problem in wrong):
        return ImportRun(sheet, ImportPlan(problems=problems), changes)
    candidates, wrong = read_candidates(sheet, columns, CellReader(catalogue))
    problems += wrong
    plan = plan_import(file, candidates, columns, rehearsal.text, catalogue)
    if generate_passwords:
        plan.phones = with_passwords(plan.phones)
    plan.problems = [*problems, *plan.problems]
    changes = tried(plan, rehearsal, file)
    plan.problems.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
    return ImportRun(sheet, plan, changes)


def unreadable(rehearsal: Rehearsal) -> list[Problem]:
    """Return the problems of files that nobody can say which phones they hold: those would be added a second time."""
    lost = [content for content in rehearsal.text.files.values() if not content.is_readable]
    return [problem for content in lost for problem in content.problems if problem.severity is Severity.ERROR]


def tried(plan: ImportPlan, rehearsal: Rehearsal, file: str) -> ChangeSet:
    """Stage the plan and take out phones until what is left would load, resolve and render without a new error."""
    warnings: list[Problem] = []
    for _ in range(MAX_ROUNDS):
        changes = ChangeSet(rehearsal.devices)
        wrong = stage(plan, changes, file)
        bad = {problem.phone for problem in wrong}
        active = [phone for phone in plan.phones if phone.action is not Action.UNCHANGED]
        rows = {mac.plain: phone for phone in active for mac in (phone.mac, phone.new_mac)}
        if not wrong:
            found = rehearsal.new_problems(changes, rows)
            warnings = [_in_row(file, problem, rows) for problem in found if problem.severity is Severity.WARNING]
            errors = [problem for problem in found if problem.severity is Severity.ERROR]
            # What it does to other phones (a name that both have now) is said at the row that does it.
            own = [problem for problem in errors if problem.phone in rows] or errors
            wrong = _once([_in_row(file, problem, rows) for problem in own])
            bad = {problem.phone for problem in errors}
            if errors and not any(problem.phone in rows for problem in errors):
                # A mistake that belongs to none of the rows alone: nobody can say which to leave out.
                bad |= set(rows)
        if not wrong:
            plan.problems += _once(warnings)
            return changes
        plan.problems += wrong
        plan.phones = [phone for phone in plan.phones if not {phone.mac.plain, phone.new_mac.plain} & bad]
    plan.phones = []
    return ChangeSet(rehearsal.devices)


def _in_row(file: str, problem: Problem, rows: dict[str, PhonePlan]) -> Problem:
    phone = rows.get(problem.phone or "")
    if phone is None or not phone.line:
        return problem
    return replace(problem, file=file, line=phone.line or None, column=None, message=f"{phone.name}: {problem.message}")


def _once(problems: Sequence[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
