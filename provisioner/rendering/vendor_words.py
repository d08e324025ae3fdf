"""What people write for phones of any vendor, cut to what the vendor of one phone understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from provisioner.errors import Problem, Severity
from provisioner.inventory.layer import Setting
from provisioner.inventory.origin import Rank
from provisioner.inventory.phone import Phone
from provisioner.inventory.vocabulary import Field, Vocabulary

Fields = Mapping[str, Setting]


class VendorWords:
    """Leaves out of a phone's typed settings what its vendor has no parameter for.

    A group, a site and the defaults speak to phones of several vendors, so that theirs is left out in silence; what a phone's own
    file says and cannot be done is a problem: a word that is one of several is an error, a setting as a whole a warning.
    """

    def __init__(self, known: Vocabulary, spoken: Vocabulary) -> None:
        """`known` are the words of the vendor, `spoken` those that may be written at all."""
        self._known = known
        self._is_whole = all(_covers(known.of(scope), spoken.of(scope)) for scope in ("phone", "line", "key"))

    def of(self, phone: Phone) -> tuple[Phone, list[Problem]]:
        """Return the phone with the settings that its vendor understands, and what is wrong with the others."""
        if self._is_whole:
            return phone, []
        problems: list[Problem] = []
        known = self._known
        lines = tuple(
            replace(line, fields=_fitting(line.fields, known.line, f"line.{line.number}.", phone, problems))
            for line in phone.lines
        )
        keys = tuple(replace(key, fields=_fitting(key.fields, known.key, "key.", phone, problems)) for key in phone.keys)
        fields = _fitting(phone.fields, known.phone, "", phone, problems)
        return replace(phone, fields=fields, lines=lines, keys=keys), problems


def _covers(known: Mapping[str, Field], spoken: Mapping[str, Field]) -> bool:
    return all(name in known and field.words.keys() <= known[name].words.keys() for name, field in spoken.items())


def _fitting(fields: Fields, known: Mapping[str, Field], place: str, phone: Phone, problems: list[Problem]) -> Fields:
    kept = {}
    for name, setting in fields.items():
        field = known.get(name)
        words = setting.value if isinstance(setting.value, tuple) else (setting.value,)
        wrong = None if field is None or not field.words else next((str(word) for word in words if word not in field.words), None)
        if field is not None and wrong is None:
            kept[name] = setting
        elif setting.origin.rank is Rank.PHONE:
            model = phone.model
            if field is None:
                severity, message, hint = Severity.WARNING, f"{model.vendor} phones have no {name}", "remove it"
            else:
                severity = Severity.ERROR
                message = f'{model.vendor} phones do not know "{wrong}" as {name}'
                hint = f"one of {', '.join(field.words)}"
            origin = setting.origin
            problems.append(
                Problem(
                    origin.file,
                    origin.line,
                    "not-of-this-vendor",
                    message,
                    hint,
                    key=place + name,
                    phone=phone.mac.plain,
                    severity=severity,
                )
            )
    return kept
