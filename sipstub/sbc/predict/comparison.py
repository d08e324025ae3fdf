"""What was predicted beside what a recording shows: calls and registrations of one account, on both legs.

What the far end says and whether it has timers is taken from the recording; all else has to come out as predicted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sipstub.sbc.predict.call import CallPrediction, predict_call
from sipstub.sbc.predict.end import UAC, UAS, End, Said
from sipstub.sbc.predict.phone import PhoneAccount
from sipstub.sbc.predict.roles import Roles
from sipstub.sbc.predict.rules import LegRules, TimerRules
from sipstub.sbc.predict.seen import LegSeen, see
from sipstub.sbc.predict.upkeep import LegTimer, Who
from sipstub.trace.recording import Recording
from sipstub.verify.compared import Compared

MAX_CALLS = 500
"Of one recording; later ones are not compared."
FAR = "far"
EARLIEST, LATEST = 0.4, 2 / 3
"Parts of the interval between which a refresh counts as one at half of it."
SLACK_S = 1.0
NOTHING_PLAYED: Mapping[str, str] = {}


def compare(
    account: PhoneAccount,
    phone: LegRules,
    far: LegRules,
    rules: TimerRules,
    recording: Recording,
    *,
    roles: Roles | None = None,
    played: Mapping[str, str] = NOTHING_PLAYED,
) -> tuple[Compared, ...]:
    """Return every statement about the calls of this account that have both legs in the recording.

    `roles` says who is who, which otherwise is guessed; `played` what each call was made for, by Call-ID.
    """
    roles = roles or Roles.guessed(recording)
    if roles is None:
        return ()
    found: list[Compared] = []
    calls = 0
    for first, said in roles.by_call(recording.messages).items():
        one = [message for message in said if message.call_id == first]
        two = [message for message in said if message.call_id != first]  # several where the call was refused and tried again
        a, b = see(one, roles.is_sbc), see(two, roles.is_sbc)
        if a.up_at is None or b.up_at is None or calls >= MAX_CALLS:
            continue
        is_out = account.user == a.from_user and roles.is_phone(one[0].source)
        if not is_out and not (account.user in (b.to_user, a.to_user) and roles.is_phone(two[0].target)):
            continue
        calls += 1
        end = _far(b if is_out else a, is_caller=not is_out)
        mine = replace(account.end, takes_update=(a if is_out else b).allows_update is not False)
        want = predict_call(mine, end, phone, far, rules) if is_out else predict_call(end, mine, far, phone, rules)
        scenario = next((played[call_id] for message in said if (call_id := message.call_id or "") in played), "")
        found += [replace(row, scenario=scenario, call_id=first) for row in _call(str(calls), want, a, b)]
    return tuple(found)


def _far(leg: LegSeen, *, is_caller: bool) -> End:
    """Return the far end as it showed itself."""
    method = next((one.method for one in leg.refreshes if one.by_end), "UPDATE")
    takes_update = leg.allows_update is not False
    if is_caller:
        said = leg.invites[0] if leg.invites else Said()
        return End("far end", said.has_timer, said.expires_s, said.refresher, method=method, takes_update=takes_update)
    agreed = leg.finals[-1][1]
    least = max((said.min_se_s or 0 for status, said in leg.finals if status == 422), default=0)
    return End(
        "far end",
        agreed.expires_s is not None or leg.end_says_timer or least > 0,
        answer_refresher=agreed.refresher or (UAC if agreed.expires_s else UAS),
        longest_s=agreed.expires_s,
        min_se_s=least,
        method=method,
        takes_update=takes_update,
    )


def _call(name: str, want: CallPrediction, a: LegSeen, b: LegSeen) -> Iterator[Compared]:
    one, two = want.caller.side, want.callee.side
    a, b = _own(a, b), _own(b, a)

    def same(leg: str, what: str, predicted: list[Said], seen: list[Said]) -> Compared:
        wanted, shown = (", then ".join(said.text for said in each) or "none" for each in (predicted, seen))
        return Compared(name, leg, what, wanted, shown, wanted == shown)

    yield same(one, "INVITE", list(want.asked), a.invites)
    yield same(two, "INVITE", list(want.sent), b.invites)
    for side, legs, seen in ((one, ("a", "ab"), a), (two, ("b", "ab"), b)):
        wanted = "; ".join(f"Min-SE: {refusal.min_se_s}" for refusal in want.refusals if refusal.legs in legs) or "none"
        shown = "; ".join(f"Min-SE: {said.min_se_s or 'none'}" for status, said in seen.finals if status == 422) or "none"
        if (wanted, shown) != ("none", "none"):
            yield Compared(name, side, "422", wanted, shown, wanted == shown)
    yield same(two, "200", [want.from_callee], [said for status, said in b.finals if status < 300])
    yield same(one, "200", [want.to_caller], [said for status, said in a.finals if status < 300])
    far = a if one == FAR else b
    for side, timer, seen, peer in ((one, want.upkeep.a, a, Who.CALLER), (two, want.upkeep.b, b, Who.CALLEE)):
        row = _refresh(name, side, timer, seen, by_end=timer.refresher is peer)
        if side == FAR and timer.refresher is peer:
            if row.agrees:  # what else the far end does is taken as it is
                yield row
        elif side != FAR and timer.is_relayed and timer.refresher is not peer:
            yield _passed_on(name, side, timer, seen, far)
        else:
            yield row
    if want.upkeep.released_at_s is not None and not a.refreshes and not b.refreshes:
        yield _release(name, want.upkeep.released_at_s, a)


def _own(seen: LegSeen, other: LegSeen) -> LegSeen:
    """Return a leg without what the SBC passed on because the other end asked for an offer: that is no refresh of a timer."""
    asked = [one.at for one in other.refreshes if one.by_end and one.asks_offer]
    kept = [
        one for one in seen.refreshes if one.by_end or not one.asks_offer or not any(abs(one.at - at) <= SLACK_S for at in asked)
    ]
    return replace(seen, refreshes=kept)


def _refresh(name: str, side: str, timer: LegTimer, seen: LegSeen, *, by_end: bool) -> Compared:
    first = seen.refreshed()
    shown = "none" if first is None else f"{first[1].method} of the {_whose(side, first[1].by_end)} after {first[0]:.0f} s"
    due = timer.refresh_at_s
    if due is None:
        return Compared(name, side, "refresh", "none", shown, first is None)
    predicted = f"{timer.method} of the {_whose(side, by_end)} after {due:.0f} s"
    if first is None:
        is_short = seen.lasted_s() < 2 * due * LATEST + SLACK_S
        return Compared(name, side, "refresh", predicted, f"none in {seen.lasted_s():.0f} s", None if is_short else False)
    expected = [(due, timer.method, by_end)]
    if timer.also and timer.also_at_s is not None:
        expected.append((timer.also_at_s, timer.also, False))
        predicted += f", or {timer.also} of the SBC after {timer.also_at_s:.0f} s"
    is_right = any(
        2 * at * EARLIEST - SLACK_S <= first[0] <= 2 * at * LATEST + SLACK_S
        and (method, peer) == (first[1].method, first[1].by_end)
        for at, method, peer in expected
    )
    return Compared(name, side, "refresh", predicted, shown, is_right)


def _passed_on(name: str, side: str, timer: LegTimer, seen: LegSeen, far: LegSeen) -> Compared:
    """Return whether a refresh of the far end went on to the phone, whenever it came; none where there was none."""
    there = next((one for one in far.refreshes if one.by_end), None)
    first = next((one for one in seen.refreshes if not one.by_end), None)
    up_at = seen.up_at or 0.0
    shown = "none" if first is None else f"{first.method} of the SBC after {first.at - up_at:.0f} s"
    if there is None:
        return Compared(name, side, "refresh", "none, as the far end sends none", shown, first is None)
    predicted = f"{timer.method} of the SBC after {there.at - up_at:.0f} s"
    is_right = first is not None and first.method == timer.method and abs(first.at - there.at) <= SLACK_S
    return Compared(name, side, "refresh", predicted, shown, is_right)


def _whose(side: str, by_end: bool) -> str:
    return ("phone" if side == "phone" else "far end") if by_end else "SBC"


def _release(name: str, at: float, seen: LegSeen) -> Compared:
    predicted, lasted = f"BYE of the SBC after {at:.0f} s", seen.lasted_s()
    if seen.bye_at is None:
        return Compared(name, "", "end", predicted, f"none in {lasted:.0f} s", None if lasted < at else False)
    whose = "an end" if seen.is_ended_by_end else "the SBC"
    shown = f"BYE of {whose} after {lasted:.0f} s"
    if lasted < at - SLACK_S:
        return Compared(name, "", "end", predicted, shown, None)
    return Compared(name, "", "end", predicted, shown, not seen.is_ended_by_end and lasted <= at + SLACK_S)
