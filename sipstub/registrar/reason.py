"""Why a request was not granted, in a closed list of words; each has its line in docs/reference/registrar.md."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Why(enum.StrEnum):
    """Every way to be told no.  The wire carries a status; the word is for the journal."""

    NO_CREDENTIALS = "no-credentials"
    FOREIGN_NONCE = "foreign-nonce"
    STALE_NONCE = "stale-nonce"
    REPLAYED = "replayed"
    OTHER_ALGORITHM = "other-algorithm"
    OTHER_QOP = "other-qop"
    URI_DIFFERS = "uri-differs"
    WRONG_CREDENTIALS = "wrong-credentials"
    NOT_ITS_OWN = "not-its-own"
    TOO_MANY_FAILURES = "too-many-failures"
    UNKNOWN_DOMAIN = "unknown-domain"
    UNKNOWN_EXTENSION = "unknown-extension"
    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    TOO_MANY_CONTACTS = "too-many-contacts"
    TOO_MANY_AORS = "too-many-aors"
    TOO_BRIEF = "too-brief"
    OUT_OF_ORDER = "out-of-order"
    STAR_WITHOUT_ZERO = "star-without-zero"
    FIRST_HOP_WITHOUT_OUTBOUND = "first-hop-without-outbound"
    SEVERAL_FLOWS = "several-flows"
    NOT_KEPT = "not-kept"
    OTHER_METHOD = "other-method"


STATUSES = {
    Why.NO_CREDENTIALS: 401,
    Why.FOREIGN_NONCE: 401,
    Why.STALE_NONCE: 401,
    Why.REPLAYED: 401,
    Why.OTHER_ALGORITHM: 401,
    Why.OTHER_QOP: 401,
    Why.URI_DIFFERS: 400,
    Why.WRONG_CREDENTIALS: 401,
    Why.NOT_ITS_OWN: 403,
    Why.TOO_MANY_FAILURES: 403,
    Why.UNKNOWN_DOMAIN: 404,
    Why.UNKNOWN_EXTENSION: 420,
    Why.MALFORMED: 400,
    Why.TOO_LARGE: 513,
    Why.TOO_MANY_CONTACTS: 403,
    Why.TOO_MANY_AORS: 503,
    Why.TOO_BRIEF: 423,
    Why.OUT_OF_ORDER: 500,
    Why.STAR_WITHOUT_ZERO: 400,
    Why.FIRST_HOP_WITHOUT_OUTBOUND: 439,
    Why.SEVERAL_FLOWS: 400,
    Why.NOT_KEPT: 500,
    Why.OTHER_METHOD: 405,
}
"The one place where a reason becomes a status."


@dataclass(frozen=True, slots=True)
class Refusal:
    """One no: the reason, what was seen, and what the answer should carry."""

    why: Why
    fact: str = ""
    "For people, without secrets."
    headers: tuple[tuple[str, str], ...] = ()
    status_hint: int = 0
    "A status that says it better than the usual one: 413 for a body, 416 for a scheme."

    is_news: bool = True
    "Whether a journal should hear of it: the same shut-out source is told once a minute."

    @property
    def status(self) -> int:
        """Return the status for the wire."""
        return self.status_hint or STATUSES[self.why]


@dataclass(frozen=True, slots=True)
class RegistrarEvent:
    """A refusal worth a line in the journal."""

    why: Why
    at: float
    flow: str
    "Where it came from: `udp 127.0.0.1:5060`."
    aor: str
    "The address of record that was asked for, as far as it could be read."
    status: int
    fact: str = ""
