"""The words of a verdict, and how sure the source of a rule is."""

from __future__ import annotations

import enum


class Verdict(enum.StrEnum):
    """What a rule has to say; a claim about evidence, never about what was not seen."""

    FAIL = "FAIL"
    "Seen, and not as the file says."
    WARN = "WARN"
    "Seen, and odd; or not as the file says where nobody has it in writing."
    INCONCLUSIVE = "INCONCLUSIVE"
    "Nothing seen that could tell."
    SKIPPED = "SKIPPED"
    "Not looked at: it needs a stimulus that was not given, or it means nothing here."
    INFO = "INFO"
    "Worth knowing; the file does not say it."
    PASS = "PASS"
    "Seen, and as the file says."


WORST_FIRST = tuple(Verdict)
"Order of reports."


class Certainty(enum.StrEnum):
    """How well the relation between a setting and the wire is known."""

    STATED = "stated"
    "An RFC or the vendor's guide says it."
    INFERRED = "inferred"
    "It follows from what the setting is called and the RFC that it is about."
    RECALL = "recall"
    "Remembered by people, read by nobody: such a rule warns, it never fails."
