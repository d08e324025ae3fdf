"""What is known of one setting of the SBC: names, values, default, and how sure each of these is."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sipstub.sbc.settings.secret import Secret

Value = int | str | Secret
"What a setting holds: the number of a choice or an amount, a text, a password."


class Kind(enum.StrEnum):
    """The type of a setting."""

    CHOICE = "choice"
    "One of listed numbers, each with a word."
    NUMBER = "number"
    "A whole number in a range, with a unit."
    TEXT = "text"
    SECRET = "secret"
    URI_PARTS = "uri-parts"
    "All, None, Port, or a comma list of names of URI parameters."
    METHODS = "methods"
    "SIP methods with backslashes between them."


class Confidence(enum.StrEnum):
    """How sure a fact is, the surest first."""

    DOCUMENTED = "documented"
    "A document of the manufacturer says so."
    INFERRED = "inferred"
    "Follows from what documents say of something else."
    CHOSEN = "our choice"
    "Nothing says so; the stub needs an answer and this is ours."
    UNKNOWN = "unknown"
    "Nothing says so, and whatever the stub does here is no evidence."


class Restart(enum.StrEnum):
    """Whether a change takes effect only after a restart of the device."""

    NO = "no"
    "The manual has no note about a restart, which is all that is known."
    YES = "yes"
    UNKNOWN = "unknown"


class Status(enum.StrEnum):
    """How much of a setting calls through the stub feel."""

    WORKS = "works"
    PARTLY = "partly"
    NOT_YET = "not yet"
    NO_EFFECT = "no effect"
    "It could change nothing, whatever the stub did."


LACKS_ALL = "all"
"What `lacks` says of a setting that calls do not feel at all."

ASPECTS = ("name", "cli", "values", "default", "restart", "effect")
"What a confidence can be about.  An aspect that a parameter does not list is documented."


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a CHOICE."""

    number: int
    word: str
    "Lower case with hyphens, from the words of the web pages; how the CLI spells it is mostly unverified."
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseNote:
    """What was otherwise in an older release."""

    until: tuple[int, ...]
    "The last release of which this is known."
    says: str
    default: int | None = None
    "The default then, if that is what differs."
    high: int | None = None
    "The highest value then, if that is what differs."
    values: tuple[int, ...] = ()
    "Values that mean something else or did not exist then."


@dataclass(frozen=True, slots=True)
class Parameter:
    """A setting: a global one, or a column of a table."""

    name: str
    "As in ini files, in its usual capitals.  Letters of names are compared without case."
    kind: Kind
    default: Value
    cli: str
    "Of a global: levels below `configure voip` and its word, as `sbc settings > sbc-sess-exp-time`.  Of a column: its word."
    label: str = ""
    "On the web pages."
    choices: tuple[Choice, ...] = ()
    low: int = 0
    high: int = 0
    unit: str = ""
    words: tuple[tuple[int, str], ...] = ()
    "What single numbers of a NUMBER mean."
    restart: Restart = Restart.UNKNOWN
    meaning: str = ""
    wire: str = ""
    "What can be seen of it in messages."
    source: str = ""
    sure: tuple[tuple[str, Confidence], ...] = ()
    "Aspects that are not documented, each with what they are instead."
    aliases: tuple[str, ...] = ()
    "Older words of the CLI."
    cli_words: tuple[tuple[str, int], ...] = ()
    "More words for values, older or elsewhere."
    is_media: bool = False
    group: str = ""
    inherits: str = ""
    "A column whose default is the value of this global."
    overridden_by: str = ""
    "A column that overrides this global, as `IpProfile.SBCAssertIdentity`."
    refers: str = ""
    "A column that names a row of this table."
    releases: tuple[ReleaseNote, ...] = ()
    has_no_effect: str = ""
    "Why a value is taken and changes nothing in the stub, if that is so."
    lacks: str = ""
    "What of it calls do not feel yet: LACKS_ALL, or which part in words; empty if all of it works."
    unsupported: tuple[tuple[int, str], ...] = ()
    "Values that are taken though the device does not do them, with what the stub does instead."
    refused: tuple[tuple[int, str], ...] = ()
    "Values that are listed but that nothing can work with, with the reason."

    def confidence(self, aspect: str) -> Confidence:
        """Return how sure that aspect is."""
        return dict(self.sure).get(aspect, Confidence.DOCUMENTED)

    @property
    def status(self) -> Status:
        """Return how much of it calls feel."""
        if self.has_no_effect:
            return Status.NO_EFFECT
        if self.lacks:
            return Status.NOT_YET if self.lacks == LACKS_ALL else Status.PARTLY
        return Status.WORKS

    @property
    def weakest(self) -> Confidence:
        """Return the least sure of all aspects, the note about a restart left out."""
        order = list(Confidence)
        found = (confidence for aspect, confidence in self.sure if aspect != "restart")
        return max(found, key=order.index, default=Confidence.DOCUMENTED)

    @property
    def cli_word(self) -> str:
        """Return the last part of the CLI path."""
        return self.cli.rpartition(" > ")[2]

    @property
    def cli_level(self) -> str:
        """Return the level below `configure voip` that it stands in."""
        return self.cli.rpartition(" > ")[0]

    def choice(self, number: int) -> Choice | None:
        """Return the choice of that number."""
        return next((choice for choice in self.choices if choice.number == number), None)

    def word_of(self, value: Value) -> str:
        """Return a value as people read it: `3 (handle-locally)`, `120 s`, a text in quotes, a mask."""
        if isinstance(value, Secret):
            return str(value)
        if isinstance(value, str):
            return f'"{value}"'
        if choice := self.choice(value):
            return f"{value} ({choice.word})"
        if word := dict(self.words).get(value):
            return f"{value} ({word})"
        return f"{value} {self.unit}".rstrip()

    @property
    def allowed(self) -> str:
        """Return what may stand here, in words."""
        if self.kind is Kind.CHOICE:
            return ", ".join(f"{choice.number} ({choice.word})" for choice in self.choices)
        if self.kind is Kind.NUMBER:
            special = "".join(f", {number} = {word}" for number, word in self.words)
            return f"{self.low} to {self.high} {self.unit}".rstrip() + special
        if self.kind is Kind.URI_PARTS:
            return "All, None, Port, or names of URI parameters with commas between them"
        if self.kind is Kind.METHODS:
            return r"SIP methods with \ between them, as INVITE\REGISTER"
        return "text in one line without double quotes"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of rows with an index: what the device calls an ini table."""

    name: str
    attribute: str
    "Its name in SbcSettings."
    cli: str
    "Its level below `configure voip`, before the index."
    key: str
    "The column by which other tables name a row; empty if none do."
    meaning: str
    source: str
    confidence: Confidence
    columns: tuple[Parameter, ...]
    cli_aliases: tuple[str, ...] = ()

    @property
    def has_secret(self) -> bool:
        """Return whether a column holds a password."""
        return any(column.kind is Kind.SECRET for column in self.columns)

    def column(self, name: str) -> Parameter:
        """Return a column by its name without regard to case; KeyError if there is none."""
        folded = name.lower()
        for column in self.columns:
            if column.name.lower() == folded:
                return column
        raise KeyError(f"{self.name}.{name}")
