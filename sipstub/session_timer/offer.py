"""The calling side before there is a dialog: the first INVITE, its repetition after 422, and a timer for each fork.

RFC 4028 sections 7.1, 7.3 and 7.4.  A repetition is the same INVITE with a CSeq one higher: Call-ID, From and To stay.
"""

from __future__ import annotations

from sipstub.session_timer.header import TimerHeaders, hear_leniently, request_headers
from sipstub.session_timer.setting import TimerSettings
from sipstub.session_timer.step import Send
from sipstub.session_timer.timer import MAX_RAISES, SessionTimer
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request, Response

ONE_HOP = ("Via", "Authorization", "Proxy-Authorization")
"What a repetition does not take over: the user puts in its own."


class Offer:
    """What the INVITEs of one Call-ID say until one of them makes a dialog."""

    __slots__ = ("_invite", "_send", "min_se_s", "settings")

    def __init__(self, settings: TimerSettings) -> None:
        self.settings = settings
        self.min_se_s = 0
        "The largest Min-SE of all 422 to this Call-ID; 0 for none."
        self._send = Send("INVITE", self._headers())
        self._invite: Request | None = None

    @property
    def send(self) -> Send:
        """Return what the INVITE says."""
        return self._send

    def asked(self, invite: Request) -> None:
        """Take note of the INVITE that went out, or that went out again with credentials."""
        self._invite = invite

    def refused(self, response: Response) -> Send | None:
        """Take a 422; return what the INVITE says when it is sent again, or None if there is no use in that."""
        heard = hear_leniently(response)
        if response.status != 422 or heard.min_se_s is None:
            return None
        said = self._send.headers.min_se_s or 0
        if heard.least_s <= said or heard.least_s > self.settings.longest_s or self._send.raises >= MAX_RAISES:
            return None
        self.min_se_s = max(self.min_se_s, heard.least_s)
        self._send = self._send.raised(self._headers())
        return self._send

    def again(self, invite: Request) -> Request:
        """Return the INVITE to send now in place of one that was refused, without Via and credentials."""
        pairs = [(field.name, field.value) for field in invite.headers if field.key not in _ONE_HOP_KEYS]
        made = Request(invite.method, invite.uri, pairs, invite.body)
        made.headers.set("CSeq", CSeq(invite.cseq.number + 1, invite.method))
        self._send.headers.put_on(made)
        return made

    def timer(self, now: float) -> SessionTimer:
        """Return the timer of a dialog that an answer to the INVITE made; each fork has its own."""
        timer = SessionTimer(self.settings, is_owner=True, min_se_s=self.min_se_s)
        if self._invite is not None:
            timer.asked(self._invite, self._send, now)
        return timer

    def _headers(self) -> TimerHeaders:
        settings = self.settings
        return request_headers(settings, self.min_se_s, settings.expires_s, settings.refresher)


_ONE_HOP_KEYS = frozenset(name.lower() for name in ONE_HOP)
