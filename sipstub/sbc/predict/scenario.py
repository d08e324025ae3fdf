"""The scenarios that are predicted for an account of a phone and the settings of an SBC."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sipstub.sbc.predict.call import CallPrediction, predict_call
from sipstub.sbc.predict.end import UAC, End
from sipstub.sbc.predict.mark import Line, Mark, Why
from sipstub.sbc.predict.phone import PhoneAccount
from sipstub.sbc.predict.registration import RegistrationPrediction, predict_registration
from sipstub.sbc.predict.rules import LegRules, TimerRules
from sipstub.sbc.predict.story import tell
from sipstub.sbc.predict.wording import MINIMUM, POLICY

FAR, FAR_END = "far", "far end"
FAR_EXPIRES_S = 1800
WITH = End(FAR_END, True, FAR_EXPIRES_S, None, UAC)
WITHOUT = End(FAR_END)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of them, with its answer."""

    name: str
    title: str
    lines: tuple[Line, ...]
    call: CallPrediction | None = None
    registration: RegistrationPrediction | None = None

    @property
    def is_troubled(self) -> bool:
        """Return whether a timer runs that nobody refreshes, though all do what they should."""
        return self.call is not None and self.call.upkeep.starves


def predict(
    account: PhoneAccount,
    phone: LegRules,
    far: LegRules,
    rules: TimerRules,
    *,
    is_behind_nat: bool = False,
    server_s: int | None = None,
) -> tuple[Scenario, ...]:
    """Return every scenario of an account: its registration, calls out and in, with far ends of each kind."""
    why = rules.why("who refreshes on a leg of the SBC's own", Mark.DOCUMENTED, POLICY)
    found = [_registration(account, phone, rules, is_behind_nat=is_behind_nat, server_s=server_s)]

    def add(name: str, title: str, call: CallPrediction) -> None:
        found.append(Scenario(name, title, tell(call, why), call))

    out = predict_call(account.end, WITH, phone, far, rules)
    add("out-timer", "the phone calls, the far end has session timers", out)
    add("out-plain", "the phone calls, the far end has none", predict_call(account.end, WITHOUT, phone, far, rules))
    longest = out.sent[-1].expires_s
    if longest is not None:
        strict = replace(WITH, min_se_s=2 * longest)
        call = predict_call(account.end, strict, phone, far, rules)
        add("out-422", f"the phone calls, the far end refuses less than {2 * longest} s", call)
    add(
        "in-timer",
        f"the phone is called, the far end asks for {FAR_EXPIRES_S} s",
        predict_call(WITH, account.end, far, phone, rules),
    )
    add(
        "in-plain",
        "the phone is called, the far end has no session timers",
        predict_call(WITHOUT, account.end, far, phone, rules),
    )
    short = replace(WITH, expires_s=90)
    add("in-short", "the phone is called, the far end asks for 90 s", predict_call(short, account.end, far, phone, rules))
    return tuple(found)


def warnings_of(rules: TimerRules) -> tuple[Line, ...]:
    """Return what is worth knowing of the settings themselves."""
    minimum, expires = rules.settings.number("SBCMinSE"), rules.settings.number("SBCSessionExpires")
    found = []
    if 0 < minimum < 90:
        found.append(
            Line("", f"SBCMinSE {minimum} cannot be said: 90 goes out", (rules.why("Min-SE is 90 or more", Mark.RFC, MINIMUM),))
        )
    if minimum > expires:
        text = f"SBCMinSE is over SBCSessionExpires: {minimum} s is asked for"
        found.append(
            Line("", text, (rules.why("Session-Expires is never under Min-SE", Mark.CHOSEN, MINIMUM, "SBCSessionExpires"),))
        )
    return tuple(found)


def _registration(
    account: PhoneAccount, leg: LegRules, rules: TimerRules, *, is_behind_nat: bool, server_s: int | None
) -> Scenario:
    told = predict_registration(
        account.register_s, leg, rules, transport=account.transport, is_behind_nat=is_behind_nat, server_s=server_s
    )
    asked = "nothing" if account.register_s is None else f"{account.register_s} s"
    sent = "no Expires" if told.sent_s is None else f"Expires: {told.sent_s}"
    silent = (
        f"REGISTERs of the phone in the {told.silent_for_s} s after one that was passed on are answered by the SBC alone"
        if told.silent_for_s
        else "every REGISTER of the phone is passed on"
    )
    notice = ", with the notice of local mode in the body" if told.has_notice else ""
    lines = [
        Line("phone", f"REGISTER asks for {asked}", (Why("", Mark.PHONE, (account.register_source,)),)),
        Line(FAR, f"the registrar hears {sent}", told.whys["sent"]),
        Line("phone", f"200 to the phone: {told.granted.text}", told.whys["granted"]),
        Line(FAR, silent, told.whys["refreshes"]),
        Line(FAR, f"when the phone is gone the SBC keeps it for {told.grace_s} s more", told.whys["grace"]),
        Line(
            "phone",
            f"registrar away: 200 of the SBC, {told.survival.text}{notice}",
            (*told.whys["survival"], *told.whys["notice"]),
        ),
    ]
    return Scenario("register", "the phone registers", tuple(lines), registration=told)
