"""The templates of one folder: which one a phone uses, and how a text comes out of it or a problem with its place."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateNotFound, TemplateSyntaxError, UndefinedError

from provisioner.catalogue.model import Model
from provisioner.inventory.value import nearest
from provisioner.rendering.environment import MAX_TEMPLATE_BYTES, CfgEnvironment
from provisioner.rendering.errors import BudgetSpent, TemplateProblem, TemplateTooLarge
from provisioner.rendering.lines import CfgLine, read_lines
from provisioner.rendering.value import Record

MAX_EXCESSES = 3
"A template that spent its whole budget so often is not tried for further phones: each try costs up to a second."
SUFFIX = ".cfg"
CUSTOM = "custom"
"Folder of the templates that people name in a group or a phone."

_MISSING = re.compile(r"has no attribute '([^']*)'")


class Templates:
    """A folder of templates, read once; a changed folder wants a new object (see `fingerprint`)."""

    def __init__(self, folder: Path, base: str = "v80", below: str = "") -> None:
        """`base` is the folder of the models' templates; `below` is the only folder of `folder` that is looked at, if given."""
        self.folder = folder
        self.base = base
        self._below = f"{below}/" if below else ""
        self._environment = CfgEnvironment(folder)
        self._of_model: dict[str, str] = {}
        self._excesses: dict[str, list[TemplateProblem]] = {}

    def names(self) -> list[str]:
        """Return every template, as a path relative to the folder."""
        found = (self.folder / self._below).rglob("*" + SUFFIX)
        return sorted(path.relative_to(self.folder).as_posix() for path in found if path.is_file())

    def of_model(self, model: Model) -> str:
        """Return the template of a model: its own few lines, or the base of its generation."""
        if model.name not in self._of_model:
            own = f"{self.base}/model/{model.name.lower().replace(' ', '-')}{SUFFIX}"
            self._of_model[model.name] = own if (self.folder / own).is_file() else f"{self.base}/base{SUFFIX}"
        return self._of_model[model.name]

    def find(self, written: str) -> str | None:
        """Return the template that a person means by `template = "written"`: one of custom/, or a path."""
        custom = self._below + CUSTOM
        for name in (f"{custom}/{written}{SUFFIX}", f"{custom}/{written}", f"{written}{SUFFIX}", written):
            is_inside = name.startswith(self._below) and ".." not in name.split("/")
            if is_inside and name.endswith(SUFFIX) and (self.folder / name).is_file():
                return name
        return None

    def source(self, name: str) -> str:
        """Return the text of a template."""
        return (self.folder / name).read_text("utf-8")

    def check(self, name: str) -> None:
        """Compile the template; raise TemplateProblem if it is not one."""
        self._run(name, lambda: self._environment.get_template(name))

    def render(self, name: str, context: Mapping[str, Any]) -> dict[str, CfgLine]:
        """Return the lines that template `name` writes for `context`; raise TemplateProblem with file and line."""
        environment = self._environment
        environment.start()

        def work() -> str:
            return environment.get_template(name).render(context)

        excesses = self._excesses.get(name, [])
        if len(excesses) >= MAX_EXCESSES:
            raise excesses[-1].with_traceback(None)
        try:
            text = self._run(name, work, context)
        except TemplateProblem as problem:
            if problem.code == "template-too-much":
                self._excesses.setdefault(name, []).append(problem)
            raise
        return read_lines(text, environment.template_names, environment.origins, environment.secrets, environment.standings)

    def _run(self, name: str, work: Any, context: Mapping[str, Any] | None = None) -> Any:
        try:
            return work()
        except TemplateSyntaxError as error:
            raise TemplateProblem(
                error.name or name, error.lineno, "template-syntax", error.message or "not a template", "correct the line"
            ) from None
        except TemplateNotFound as error:
            file, line = self._place(error, name)
            hint = nearest(str(error.name), self.names()) or "see `provisioner templates list`"
            raise TemplateProblem(file, line, "no-template", f"there is no template {error.name}", hint) from None
        except UndefinedError as error:
            file, line = self._place(error, name)
            message, hint = _missing(str(error), context)
            raise TemplateProblem(file, line, "template-unknown-name", message, hint) from None
        except BudgetSpent as error:
            file, line = self._place(error, name)
            raise TemplateProblem(
                file, line, "template-too-much", f"the template makes {error}", "look for a loop without an end"
            ) from None
        except RecursionError as error:
            file, line = self._place(error, name)
            raise TemplateProblem(
                file, line, "template-too-much", "the template calls itself without an end", "look for what includes itself"
            ) from None
        except TemplateTooLarge as error:
            raise TemplateProblem(
                str(error), None, "template-too-large", f"has more than {MAX_TEMPLATE_BYTES} bytes", "split it"
            ) from None
        except SyntaxError as error:  # Python's: Jinja's output nests deeper than Python's compiler goes
            raise TemplateProblem(
                name, None, "template-syntax", f"nests too deep ({error.msg})", "write it with fewer loops inside each other"
            ) from None
        except Exception as error:  # whatever it is, it stops the phones of this template and nobody else
            file, line = self._place(error, name)
            raise TemplateProblem(
                file, line, "template-error", f"{type(error).__name__}: {str(error)[:200]}", "correct the line"
            ) from None

    def _place(self, error: BaseException, name: str) -> tuple[str, int | None]:
        """Return the innermost template line of a traceback (Jinja gives its frames the template's file name)."""
        root = str(self.folder)
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename.startswith(root) and frame.filename.endswith(SUFFIX):
                return Path(frame.filename).relative_to(self.folder).as_posix(), frame.lineno
        return name, None


def fingerprint(folder: Path) -> str:
    """Return a hash that changes when any template or fact below `folder` changes (by name, size and time)."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (SUFFIX, ".toml"):
            try:
                info = path.stat()
            except OSError:
                continue
            digest.update(f"{path}\0{info.st_size}\0{info.st_mtime_ns}\0{info.st_ino}\n".encode())
    return digest.hexdigest()


def _missing(text: str, context: Mapping[str, Any] | None) -> tuple[str, str]:
    found = _MISSING.search(text)
    if not found:
        name = text.partition("'")[2].partition("'")[0]
        return f'there is nothing called "{name[:60]}"' if name else text[:120], nearest(
            name, context or ()
        ) or "see docs/reference/templates.md"
    known: set[str] = set()
    for value in (context or {}).values():
        for record in value if isinstance(value, list) else [value]:
            if isinstance(record, Record):
                known.update(record._values)
    return f'there is no setting "{found[1][:60]}"', nearest(found[1], known) or "see docs/reference/templates.md"
