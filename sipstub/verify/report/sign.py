"""Verdicts as people see and hear them: a word, a sign and a colour, never colour alone."""

from __future__ import annotations

from sipstub.verify.verdict import Verdict

SIGNS = {
    Verdict.FAIL: "✖",
    Verdict.WARN: "▲",
    Verdict.INCONCLUSIVE: "?",
    Verdict.SKIPPED: "–",
    Verdict.INFO: "i",
    Verdict.PASS: "✔",
}


def badge(verdict: Verdict) -> str:
    """Return sign and word."""
    return f'<span class="badge {verdict.lower()}"><span aria-hidden="true">{SIGNS[verdict]}</span> {verdict}</span>'


def short_sign(verdict: Verdict, count: int = 1) -> str:
    """Return the sign alone for who sees, the word for who hears; several are counted."""
    more = f"<small>{count}</small>" if count > 1 else ""
    return f'<span aria-hidden="true">{SIGNS[verdict]}</span>{more}<span class="heard"> {verdict}</span>'
