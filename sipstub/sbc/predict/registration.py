"""How long a phone is registered through the SBC, what the registrar hears, and what happens while it is away; on paper."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.sbc.predict.mark import Mark, Why
from sipstub.sbc.predict.rules import LegRules, TimerRules

UNASKED_S = 180
FLOOR_S, KNEE_S, SPREAD_S, LEAST_ABOVE_S = 30, 610, 10, 600
"SBCRandomizeExpires: nothing changes up to the floor; below the knee up to the spread is taken off, above it all to the least."
USER_TIME, SURVIVAL, PROXY, RANDOM, GRACE, NOTICE = (
    "SBCUserRegistrationTime",
    "SBCSurvivabilityRegistrationTime",
    "SBCProxyRegistrationTime",
    "SBCRandomizeExpires",
    "SBCUserRegistrationGraceTime",
    "SBCEnableSurvivabilityNotice",
)


@dataclass(frozen=True, slots=True)
class Span:
    """What is said, chosen at random between two values that both may occur."""

    least_s: int
    most_s: int

    @property
    def text(self) -> str:
        """Return it as people say it."""
        return f"{self.most_s} s" if self.least_s == self.most_s else f"{self.least_s} to {self.most_s} s"


@dataclass(frozen=True, slots=True)
class RegistrationPrediction:
    """One REGISTER of a phone, and those that follow."""

    sent_s: int | None
    "Expires at the registrar; None where there is none in it."
    granted: Span
    "What the phone is told."
    silent_for_s: int
    "How long after a REGISTER that was passed on the next ones are answered by the SBC alone; 0: all are passed on."
    survival: Span
    "What the phone is told while the registrar is away."
    has_notice: bool
    grace_s: int
    whys: dict[str, tuple[Why, ...]]
    "By `sent`, `granted`, `refreshes`, `survival`, `grace`."


def predict_registration(
    asked_s: int | None,
    leg: LegRules,
    rules: TimerRules,
    *,
    transport: str = "UDP",
    is_behind_nat: bool = False,
    server_s: int | None = None,
) -> RegistrationPrediction:
    """Return what happens to a REGISTER with that Expires; the registrar grants `server_s`, or what it is asked for."""
    number = rules.settings.number
    wanted, why = _wanted(leg, transport, is_behind_nat=is_behind_nat)
    sent = number(PROXY) or asked_s
    sent_why = rules.why("the SBC's own time" if number(PROXY) else "the phone's own time", Mark.DOCUMENTED, PROXY)
    plain = UNASKED_S if asked_s is None else asked_s
    server = server_s if server_s is not None else (sent if sent is not None else UNASKED_S)
    promised = wanted if wanted is not None else min(plain, server)
    whys: tuple[Why, ...] = (why,)
    if wanted is None and server < plain:
        whys = (why, Why(f"the registrar grants {server} s and no time of the SBC's own is set", Mark.CHOSEN))
    if asked_s is None and wanted is None:
        whys = (*whys, Why("a REGISTER without Expires counts as 180 s", Mark.DOCUMENTED))
    granted = _randomised(promised, number(RANDOM))
    random_why = rules.why(
        "taken off at random" if granted.least_s != granted.most_s else "not shortened", Mark.DOCUMENTED, RANDOM
    )
    unaware = wanted if wanted is not None else plain
    survival = number(SURVIVAL) or unaware
    survival_whys = (rules.why("time while the registrar is away; 0 leaves the usual one", Mark.DOCUMENTED, SURVIVAL), random_why)
    return RegistrationPrediction(
        sent,
        granted,
        max(0, server - unaware),
        _randomised(survival, number(RANDOM)),
        number(NOTICE) == 1,
        number(GRACE),
        {
            "sent": (sent_why,),
            "granted": (*whys, random_why),
            "refreshes": (Why("passed on only when the registrar's time left is shorter than what is promised", Mark.CHOSEN),),
            "survival": survival_whys,
            "notice": (rules.why("it rides in the 200 to REGISTER", Mark.CHOSEN, NOTICE),),
            "grace": (rules.why("kept so much longer after its end", Mark.DOCUMENTED, GRACE),),
        },
    )


def _wanted(leg: LegRules, transport: str, *, is_behind_nat: bool) -> tuple[int | None, Why]:
    if is_behind_nat:
        column = f"SBCUserBehind{'Udp' if transport == 'UDP' else 'Tcp'}NATRegistrationTime"
        found = leg.row.number(column)
        if found >= 0:
            text = "time for users behind NAT" if found else "users behind NAT get what they asked for"
            return found or None, leg.why(text, Mark.INFERRED, column)
    found = leg.row.number(USER_TIME)
    if found:
        return found, leg.why("time for users", Mark.INFERRED, USER_TIME)
    return None, leg.why("0: the phone gets what it asked for", Mark.DOCUMENTED, USER_TIME)


def _randomised(seconds: int, value: int) -> Span:
    if not value or seconds <= FLOOR_S:
        return Span(seconds, seconds)
    least = LEAST_ABOVE_S if seconds > KNEE_S else seconds - SPREAD_S
    return Span(max(FLOOR_S, least), seconds)
