"""Date: always GMT, in one form.  RFC 3261 section 20.17."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass

from sipstub.sip.error import SipError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FIRST_YEAR, LAST_YEAR = 1900, 9998

_DATE = re.compile(
    rf"({'|'.join(DAYS)}),[ \t]++([0-9]{{2}}) ({'|'.join(MONTHS)}) ([0-9]{{4}}) ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}}) GMT\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SipDate:
    """A moment, in seconds since 1970 UTC."""

    at: int

    @classmethod
    def parse(cls, text: str) -> SipDate:
        """Return the moment; raises SipError for another zone than GMT and for a day that does not exist."""
        match = _DATE.match(text)
        if match is None:
            raise SipError(f"not a date in GMT: {text!r}")
        day, hour, minute, second = (int(match[at]) for at in (2, 5, 6, 7))
        month, year = MONTHS.index(match[3].capitalize()) + 1, int(match[4])
        if not FIRST_YEAR <= year <= LAST_YEAR or hour > 23 or minute > 59 or second > 60:
            raise SipError(f"no such moment: {text!r}")
        if not 1 <= day <= calendar.monthrange(year, month)[1]:
            raise SipError(f"no such day: {text!r}")
        return cls(calendar.timegm((year, month, day, hour, minute, second, 0, 0, 0)))

    def __str__(self) -> str:
        days, rest = divmod(self.at, 86400)
        year, month, day = _civil(days)
        weekday = DAYS[(days + 3) % 7]
        return f"{weekday}, {day:02} {MONTHS[month - 1]} {year:04} {rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02} GMT"


def _civil(days: int) -> tuple[int, int, int]:
    """Return year, month and day of a count of days since 1970."""
    year = 1970 + days * 400 // 146097
    while calendar.timegm((year, 1, 1, 0, 0, 0, 0, 0, 0)) > days * 86400:
        year -= 1
    while calendar.timegm((year + 1, 1, 1, 0, 0, 0, 0, 0, 0)) <= days * 86400:
        year += 1
    left = days - calendar.timegm((year, 1, 1, 0, 0, 0, 0, 0, 0)) // 86400
    month = 1
    while left >= (length := calendar.monthrange(year, month)[1]):
        left, month = left - length, month + 1
    return year, month, left + 1
