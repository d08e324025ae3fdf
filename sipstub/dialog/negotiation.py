"""Whose turn it is to change a session: INVITE, UPDATE and their offers that cross.  RFC 3261 section 14, RFC 3311 section 5.

Random times are chosen by `chance`, a number from 0 up to 1, which the caller draws.
"""

from __future__ import annotations

from sipstub.dialog.refusal import Refusal, come_later

OWNER_RETRY_S = (2.1, 4.0)
OTHER_RETRY_S = (0.0, 2.0)
"After 491: the side that made the Call-ID waits longer, so that both do not meet again (14.1)."
NOTHING: frozenset[str] = frozenset()
"What is open most of the time: one for all dialogs, of which there are thousands."
IN_ANSWER = "ACK"
"Where the answer comes to an offer that we made in an answer to INVITE."


class Negotiation:
    """What is open in one dialog, on either side."""

    __slots__ = ("our_offer", "ours", "their_offer", "theirs")

    def __init__(self) -> None:
        self.ours = NOTHING
        "INVITE, UPDATE: requests of ours without a final answer."
        self.theirs = NOTHING
        self.our_offer = ""
        "The method whose answer, or IN_ANSWER, brings the answer to an offer of ours."
        self.their_offer = ""

    def may_ask(self, method: str, *, has_offer: bool) -> bool:
        """Return whether we may send this now: no INVITE beside any INVITE (14.1), no offer beside any offer (RFC 3264)."""
        if has_offer and (self.our_offer or self.their_offer):
            return False
        if method == "INVITE":
            return "INVITE" not in self.ours and "INVITE" not in self.theirs
        return method not in self.ours

    def ask(self, method: str, *, has_offer: bool) -> None:
        """Take note of an INVITE or UPDATE of ours, or of an offer in PRACK."""
        self.ours |= {method}
        if has_offer:
            self.our_offer = method

    def asked_done(self, method: str, *, is_offer_in_answer: bool = False) -> None:
        """Take note of the final answer to a request of ours, or of none: an offer in it is answered or dead.

        `is_offer_in_answer` if it was an INVITE without offer and the 2xx brings theirs: the ACK has to answer it.
        """
        self.ours = (self.ours - {method}) or NOTHING
        if self.our_offer == method:
            self.our_offer = ""
        if is_offer_in_answer:
            self.their_offer = IN_ANSWER

    def receive(self, method: str, *, has_offer: bool, chance: float) -> Refusal | None:
        """Take note of an INVITE or UPDATE of theirs, or of an offer in PRACK; or return why not now."""
        if method in self.theirs:
            return come_later(f"a second {method} while the first is not answered", chance)
        if method == "INVITE" and "INVITE" in self.ours:
            return Refusal(491, "an INVITE of ours is on its way")
        if has_offer and self.our_offer:
            return Refusal(491, "an offer of ours is open")
        if has_offer and self.their_offer:
            return come_later("a second offer while the first is not answered", chance)
        self.theirs |= {method}
        if has_offer:
            self.their_offer = method
        return None

    def received_done(self, method: str, *, is_offer_in_answer: bool = False) -> None:
        """Take note of our final answer to a request of theirs; `is_offer_in_answer` if it had no offer and our 2xx makes one."""
        self.theirs = (self.theirs - {method}) or NOTHING
        if self.their_offer == method:
            self.their_offer = ""
        if is_offer_in_answer:
            self.our_offer = IN_ANSWER

    def offer_answered(self) -> None:
        """Take note that the open offer is answered before its request is: in a reliable 1xx, in PRACK; or in ACK."""
        self.our_offer = self.their_offer = ""


def retry_after_glare_s(*, is_owner: bool, chance: float) -> float:
    """Return how long to wait after 491 until the request is sent again, in steps of 10 ms (14.1)."""
    low, high = OWNER_RETRY_S if is_owner else OTHER_RETRY_S
    return round((low + (high - low) * chance) * 100) / 100
