"""One event package: its name, its type of body, its times, and where its bodies come from.  RFC 6665 section 5."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class News:
    """What a body is made for."""

    resource: str
    "Key of the resource: `sip:100@example.com`."
    entity: str
    "What its watchers call it: their documents are compared with the URI that they asked for."
    version: int
    "0 in the first NOTIFY of a subscription, one more in each that follows."
    details: tuple[object, ...]
    "What changed, as the one who announced it gave it; nothing in the first NOTIFY."
    now: float


Body = Callable[[News], bytes]


@dataclass(frozen=True, slots=True)
class Package:
    """An event package that can be subscribed to."""

    name: str
    content_type: str
    body: Body = field(repr=False)
    "The full state, whatever changed."
    default_expires_s: int = 3600
    min_expires_s: int = 60
    max_expires_s: int = 86_400
    is_private: bool = False
    "Whether nobody but its owner may watch a resource."
