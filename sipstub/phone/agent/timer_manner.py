"""How a phone behaves about session timers where its file does not say it; the defaults are an honest phone's.

`disobey_timer.py` changes one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sipstub.session_timer.header import TimerHeaders
from sipstub.session_timer.reply import Reply, TimerRefusal
from sipstub.session_timer.setting import TimerSettings
from sipstub.sip.message import Request

Say = Callable[[TimerHeaders], TimerHeaders]
"From what is to be said to what is said."


@dataclass(frozen=True, slots=True)
class TimerManner:
    """One manner per field."""

    settings: Callable[[TimerSettings], TimerSettings] = lambda settings: settings
    "What the phone makes of its file."

    offer: Say = lambda headers: headers
    "What an INVITE says."
    is_offer_tagged: bool = True
    "Whether an INVITE and the 200 to one have `timer` in Supported."
    tries_again: bool = True
    "Whether a call goes out once more after 422."
    retry: Say = lambda headers: headers
    "What it says then."
    retry_raises_cseq: bool = True
    retry_keeps_call_id: bool = True

    refusal: Callable[[TimerRefusal], TimerRefusal] = lambda refusal: refusal
    reply: Callable[[Request, Reply], Reply] = lambda request, reply: reply
    "What a 2xx agrees to."
    refuses: Mapping[str, int] = field(default_factory=dict)
    "Methods of refreshes that are refused, with the status."
    keeps_origin: bool = True
    "Whether the o= line of an answer stays as it is where nothing changes."

    refresh: Say = lambda headers: headers
    "What a refresh says."
    refresh_request: Callable[[Request], None] = lambda request: None
    "What is done to a refresh before it goes out."
    has_update_body: bool = False
    has_reinvite_body: bool = True
    refresh_keeps_origin: bool = True
    max_refreshes: int | None = None
    "After how many accepted ones there is no other refresh; None for as many as are due."
    refreshes_unasked: bool = False
    "Whether it refreshes at half time where that is for the other side."
    past_end_s: float | None = None
    "How long after the end of a session it is refreshed; None for before it."

    insists_s: float | None = None
    "After what pause a refused refresh is sent again, every time; None for as the RFC has it."

    deaf_to: frozenset[int] = frozenset()
    "Answers to a refresh that change nothing; 408 is none at all."
    ends_on: frozenset[int] = frozenset()
    "Answers to a refresh that end the call at once."
    counts_refreshes: bool = True
    "Whether a refresh of the other side puts the end off."
    ends_in_time: bool = True
    "Whether the end of the session ends the call."
    grace_s: float = 0.0
    "How long after the due time it does."
    ends_at_share: float | None = None
    "Part of the interval after which a call that the other side has to refresh is ended; None for as the RFC has it."
    lonely_s: float | None = None
    "After what time a call without session timer is ended; None for never."


HONEST_TIMER = TimerManner()
