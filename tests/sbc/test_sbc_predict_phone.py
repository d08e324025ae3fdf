"""Two virtual phones, each by its own file, with the SBC between them: what `predict` reads out of the file is what they do."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from phone_wire import T46G, Registrar
from sbc_world import SBC_HOST, World
from test_sbc_ladder import recorded
from test_sbc_predict_register import settings_of as registering_settings

from sipstub.phone.agent.agent import PhoneAgent
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.agent.place import Place
from sipstub.phone.format.cfg import parse_cfg
from sipstub.phone.format.effective import merge
from sipstub.phone.identity import PhoneIdentity
from sipstub.sbc.predict.comparison import compare
from sipstub.sbc.predict.phone import PhoneAccount, read_phone
from sipstub.sbc.predict.registration import predict_registration
from sipstub.sbc.predict.rules import LegRules, TimerRules
from sipstub.sbc.predict.scenario import predict
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import site_of
from sipstub.sip.message import Request, Response
from sipstub.sip.reader import parse_message
from sipstub.transaction.sending import Hop

PHONE, FAR = "10.0.1.1", "10.0.2.1"
TIMERS = {"off": ("0", "1800", "0"), "phone": ("1", "1800", "0"), "peer": ("1", "600", "1"), "short": ("1", "120", "0")}
"What a file says: on, interval, refresher."
VALUES = {"SBCSessionExpires": 900, "SBCMinSE": 300, "SBCUserRegistrationTime": 240, "SBCProxyRegistrationTime": 7200}


def a_file(user: str, timer: str) -> bytes:
    """Return a phone's file."""
    enable, expires, refresher = TIMERS[timer]
    told = {
        "enable": "1",
        "user_name": user,
        "sip_server.1.address": SBC_HOST,
        "sip_server.1.port": "5060",
        "nat.udp_update_enable": "0",
        "session_timer.enable": enable,
        "session_timer.expires": expires,
        "session_timer.refresher": refresher,
    }
    return ("#!version:1.0.0.1\n" + "".join(f"account.1.{name} = {value}\n" for name, value in told.items())).encode()


class AgentPeer:
    """A virtual phone at an address of the world."""

    def __init__(self, world: World, name: str, host: str, file: bytes, registrar: Registrar | None) -> None:
        self.world = world
        self.name = name
        self.hop = Hop("UDP", host, 5060)
        self._registrar = registrar
        "Who answers REGISTERs: on the far side, those of the SBC and its own."
        told = merge(None, parse_cfg(file), mac_name="001565aabbcc.cfg")
        identity = PhoneIdentity.of("001565aabbcc", T46G)
        self.agent = PhoneAgent(identity, told, source=random.Random(1), place=Place(host))
        self.agent.answering = Answering.ANSWER
        world.peers[host, 5060] = self  # type: ignore[assignment]

    def take(self, message: Request | Response) -> None:
        """Get what the SBC sends."""
        if isinstance(message, Request) and message.method == "REGISTER" and self._registrar is not None:
            for response in self._registrar(message, self.hop):
                self.world.put(self, response)  # type: ignore[arg-type]
            return
        self.agent.receive(parse_message(message.to_bytes()), Hop("UDP", SBC_HOST, 5060, 5060), self.world.now)

    def pump(self) -> bool:
        """Send what it has to send; return whether there was anything."""
        sendings = self.agent.to_send()
        for sending in sendings:
            message = parse_message(sending.data)
            if isinstance(message, Request) and message.method == "REGISTER" and self._registrar is not None:
                for response in self._registrar(message, sending.hop):
                    self.agent.receive(parse_message(response.to_bytes()), sending.hop, self.world.now)
            else:
                self.world.put(self, message)  # type: ignore[arg-type]
        return bool(sendings)


class Lab:
    """Both phones and the SBC."""

    def __init__(self, settings: SbcSettings, phone: bytes, far: bytes) -> None:
        self.world = World(site_of(settings))
        self.phone = AgentPeer(self.world, "phone", PHONE, phone, None)
        self.far = AgentPeer(self.world, "far", FAR, far, Registrar(is_open=True))
        for peer in (self.phone, self.far):
            peer.agent.start(self.world.now)
        self.run(30)

    def run(self, seconds: float) -> Lab:
        """Let time pass."""
        end = self.world.now + seconds
        agents = (self.phone.agent, self.far.agent)
        for _ in range(50_000):
            while self.phone.pump() | self.far.pump():
                pass
            times = [at for at in (self.world.core.next_timer, *(one.next_timer for one in agents)) if at is not None]
            if not times or min(times) > end:
                break
            self.world.now = max(self.world.now, min(times))
            for one in agents:
                one.on_timer(self.world.now)
            self.world.core.on_timer(self.world.now)
            self.world.flush()
        else:
            raise AssertionError("time does not pass")
        self.world.now = end
        return self


def the_settings(a: int, b: int) -> SbcSettings:
    settings = registering_settings({**VALUES, "SBCRandomizeExpires": 0}, {"SBCSessionExpiresMode": a})
    settings = settings.with_row("IpProfile", ProfileName="pbx", SBCSessionExpiresMode=b)
    settings = settings.with_row("IPGroup", 1, Name="pbx", ProxySetName="pbx", ProfileName="pbx")
    return settings.with_row("IP2IPRouting", SrcIPGroupName="pbx", DestIPGroupName="phones")


def sides(settings: SbcSettings) -> Iterator[LegRules]:
    return (LegRules.of(settings, settings.row("IPGroup", name)) for name in ("phones", "pbx"))


def account_of(file: bytes) -> PhoneAccount:
    (account,) = read_phone([("001565aabbcc.cfg", file)])
    return account


@pytest.mark.parametrize(("a", "b"), list(itertools.product(range(4), range(4))))
def test_a_phone_does_what_is_predicted_from_its_file(a: int, b: int) -> None:
    settings = the_settings(a, b)
    phone, far = sides(settings)
    wrong = []
    for timer, other, is_out in itertools.product(TIMERS, ("off", "phone"), (True, False)):
        file = a_file("100", timer)
        lab = Lab(settings, file, a_file("200", other))
        caller, number = (lab.phone, "200") if is_out else (lab.far, "100")
        assert caller.agent.call(1, number, lab.world.now) is not None
        lab.run(1300)
        found = compare(account_of(file), phone, far, TimerRules(settings), recorded(lab.world))
        assert found, f"{timer} {other} {is_out}: no call"
        wrong += [f"phone {timer}, far {other}, {'out' if is_out else 'in'}: {one}" for one in found if one.agrees is not True]
    assert not wrong, "\n".join(wrong)


def test_a_phone_is_registered_as_long_as_is_predicted_from_its_file() -> None:
    settings = the_settings(0, 0)
    file = a_file("100", "off")
    lab = Lab(settings, file, a_file("200", "off")).run(6000)
    want = predict_registration(account_of(file).register_s, next(sides(settings)), TimerRules(settings))
    told = {
        message.expires
        for _, source, target, message in lab.world.log
        if (source, target) == ("sbc", "phone") and isinstance(message, Response) and message.cseq.method == "REGISTER"
    }
    sent = [
        (at, message.expires)
        for at, source, target, message in lab.world.log
        if (source, target) == ("sbc", "far") and isinstance(message, Request) and message.method == "REGISTER"
    ]
    assert told == {want.granted.most_s} == {want.granted.least_s} == {240}
    assert [expires for _, expires in sent] == [want.sent_s] == [7200] and want.silent_for_s == 6960


@pytest.mark.parametrize(
    ("timer", "scenario", "side", "want"),
    [
        ("off", "out-timer", "phone", "who has no timers cannot refresh"),
        ("peer", "out-timer", "phone", "a caller's own choice of refresher"),
        ("phone", "in-plain", "far", "who has no timers cannot refresh"),
    ],
)
def test_why_the_sbc_refreshes_though_the_policy_is_that_others_do(timer: str, scenario: str, side: str, want: str) -> None:
    settings = the_settings(3, 3)
    phone, far = sides(settings)
    account = account_of(a_file("100", timer))
    (found,) = (one for one in predict(account, phone, far, TimerRules(settings)) if one.name == scenario)
    (line,) = (one for one in found.lines if one.leg == side and "the SBC refreshes" in one.what)
    assert any(why.text.startswith(want) for why in line.whys)
    assert not any("SBCSessionRefreshingPolicy" in str(why.settings) for why in line.whys), "it is not for the policy"
