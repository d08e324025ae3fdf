"""The third part of the demo: the phones once more, with an SBC stub between them and the registrar, in calls that are kept up.

They have addresses of their own there, so that both parts go on at the same time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from provisioner.runtime.demo_sip import Device, Show
from provisioner.runtime.session_calls import SessionCalls
from sipstub.phone.boot.fetch import FetchOptions
from sipstub.phone.virtual import Phone
from sipstub.scenario.scenario import if_phone_refreshes
from sipstub.stimulus.session_plan import SessionPlan, timer_of
from sipstub.verify.expectation import Expectations
from sipstub.verify.run import Verified

SETTINGS = """\
; As a customer's device has it: an interval that one phone has to raise, and phones that are to refresh.
SBCSessionExpires = 100
SBCMinSE = 100
SBCSessionRefreshingPolicy = 0

[ IpProfile ]
FORMAT Index = ProfileName, SBCSessionExpiresMode;
IpProfile 0 = "Phones", 3;
IpProfile 1 = "PBX", 0;
[ \\IpProfile ]

[ ProxySet ]
FORMAT Index = ProxyName;
ProxySet 0 = "PBX";
[ \\ProxySet ]

[ ProxyIp ]
FORMAT Index = ProxySetId, ProxyIpIndex, IpAddress;
ProxyIp 0 = "PBX", 0, "198.51.100.5:5060";
[ \\ProxyIp ]

[ IPGroup ]
FORMAT Index = Type, Name, ProxySetName, ProfileName;
IPGroup 0 = 1, "Phones", "", "Phones";
IPGroup 1 = 0, "PBX", "PBX", "PBX";
[ \\IPGroup ]

[ IP2IPRouting ]
FORMAT Index = SrcIPGroupName, DestIPGroupName;
IP2IPRouting 0 = "Phones", "PBX";
IP2IPRouting 1 = "PBX", "Phones";
[ \\IP2IPRouting ]
"""
CALLS, CALLED, WITHOUT = "refreshes-as-caller", "refreshes-as-callee", "timer-off"
"What is played: each is over after the first refresh, or after some seconds where there is no timer."
OTHER_HALF = 0x80
"Of the second octet of a phone's address on loopback."


@dataclass(frozen=True, slots=True)
class Behind:
    """What came of the phones behind the SBC."""

    set_to: tuple[str, ...]
    "Settings that are not as they come, in words."
    notes: tuple[str, ...]
    "What of the file was replaced."
    verified: Verified
    plans: Mapping[str, SessionPlan]
    remarks: tuple[str, ...] = ()
    "What a person should know beside the findings."


def twin(device: Device, url: str) -> Device:
    """Return the same phone in factory state, at another address and another server."""
    octets = device.phone.identity.loopback.split(".")
    source = ".".join([octets[0], str(int(octets[1]) ^ OTHER_HALF), *octets[2:]])
    phone = Phone(device.phone.identity, options=FetchOptions(source=source))
    return replace(device, phone=phone, url=url, source=source)


def calls_through(phones: Sequence[Expectations], closely: Collection[str] = ()) -> SessionCalls:
    """Return one call with each phone: every other one that is to refresh calls itself, who asks for the shortest interval first.

    The others are called.  Phones of `closely`, by MAC, are played both.
    """
    shares: dict[str, list[tuple[int, str]]] = {}
    for at, phone in enumerate(sorted(phones, key=_first)):
        account = _account(phone)
        if account is None:
            continue
        timer = timer_of(phone, account)
        names = [CALLED] if timer.is_on else [WITHOUT]
        if if_phone_refreshes(timer):
            names = [CALLS, CALLED] if phone.subject.mac in closely else [CALLS if at % 2 == 0 else CALLED]
        shares[phone.subject.mac] = [(account, name) for name in names]
    return SessionCalls(shares=shares)


def _account(phone: Expectations) -> int | None:
    return next((number for number in phone.enabled if phone.text("session-timer", number)), None)


def _first(phone: Expectations) -> tuple[int, str]:
    account = _account(phone)
    return (timer_of(phone, account).expires_s if account is not None else 0), phone.subject.name


async def judge_behind(show: Show, devices: Sequence[Device], url: str) -> Behind | None:
    """Have the phones boot and register behind the SBC, keep calls up, and return what they did; None where none is there."""
    assert show.through is not None
    twins = [twin(device, url) for device in devices]
    for device in twins:
        await device.phone.boot(device.url)
    verified = await show.judge(twins)
    if verified is None:
        return None
    return Behind(show.through.set_to, show.through.notes, verified, show.plans, tuple(show.notes))
