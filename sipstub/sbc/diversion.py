"""Diversion said as History-Info and the other way round (RFC 7544), where a profile asks for the one that did not come.

History-Info names each place that a call was sent to, the oldest first; Diversion names who sent it on, the latest first.  The
reason of a diversion is the `cause` of the place that it led to (RFC 4458, RFC 7544 table 1).  A `counter` is not spelled out as
that many places [choice].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from sipstub.sip.name_addr import NameAddr
from sipstub.sip.params import NO_PARAMS, Params
from sipstub.sip.uri import SipUri, Uri

CAUSES = {
    "unknown": 404,
    "unconditional": 302,
    "user-busy": 486,
    "no-answer": 408,
    "deflection": 480,
    "unavailable": 503,
}
"Reason of a Diversion to cause of History-Info; others are told as unknown."
REASONS = {
    "404": "unknown",
    "302": "unconditional",
    "486": "user-busy",
    "408": "no-answer",
    "480": "deflection",
    "487": "deflection",
    "503": "unavailable",
}
UNKNOWN = "unknown"
MAX_ENTRIES = 20
"Of either header; what is older is left out."
HIDDEN = ("Privacy", "history")
"Of an entry whose Diversion says privacy=full."


def history_of(diversions: Sequence[NameAddr], target: Uri) -> list[NameAddr]:
    """Return the entries of History-Info that say the same as these Diversions, the latest of which stands first."""
    found: list[NameAddr] = []
    index, cause = "1", None
    for one in reversed(diversions[:MAX_ENTRIES]):
        uri = _with_cause(one.uri, cause)
        if one.params.get("privacy") == "full" and isinstance(uri, SipUri):
            uri = replace(uri, headers=(*uri.headers, HIDDEN))
        found.append(NameAddr(uri, one.display, _place(index)))
        index, cause = f"{index}.1", CAUSES.get((one.params.get("reason") or UNKNOWN).lower(), CAUSES[UNKNOWN])
    if found:
        found.append(NameAddr(_with_cause(target, cause), "", _place(index)))
    return found


def diversions_of(history: Sequence[NameAddr]) -> list[NameAddr]:
    """Return the Diversions that these entries of History-Info stand for, the latest first: one for each entry with a cause."""
    found: list[NameAddr] = []
    for before, after in pairwise(history):
        cause = after.uri.params.get("cause") if isinstance(after.uri, SipUri) else None
        if cause is None:
            continue
        params = Params((("reason", REASONS.get(cause, UNKNOWN)),))
        uri = before.uri
        if isinstance(uri, SipUri):
            if any(name.lower() == "privacy" and "history" in value.lower() for name, value in uri.headers):
                params = params.set("privacy", "full")
            uri = replace(uri, params=uri.params.without("cause"), headers=())
        found.insert(0, NameAddr(uri, before.display, params))
    return found[:MAX_ENTRIES]


def _place(index: str) -> Params:
    params = NO_PARAMS.set("index", index)
    return params.set("mp", index.rpartition(".")[0]) if "." in index else params


def _with_cause(uri: Uri, cause: int | None) -> Uri:
    if cause is None or not isinstance(uri, SipUri):
        return uri
    return replace(uri, params=uri.params.set("cause", str(cause)))
