"""An account registers, renews, tries again and moves on as its file says."""

from __future__ import annotations

import pytest
from phone_wire import BASE, START, Registrar, Wire, a_phone

from sipstub.phone.agent.event import Registered, RegistrationFailed, Unregistered
from sipstub.sip.answer import answer
from sipstub.sip.digest import challenge_for
from sipstub.sip.message import Request, Response
from sipstub.transaction.sending import Hop

SECOND = "127.0.0.3"
SUCCESSIVE = {
    "account.1.fallback.redundancy_type": "1",
    "account.1.sip_server.1.retry_counts": "2",
    "account.1.sip_server.2.address": SECOND,
    "account.1.sip_server.2.port": "5070",
    "account.1.sip_server.2.expires": "300",
}
NO_KEEPALIVE = {"account.1.nat.udp_update_enable": "0"}


def registered(*changes: dict[str, str], far: Registrar | None = None, seconds: float = 1.0) -> Wire:
    return Wire(a_phone(NO_KEEPALIVE, *changes), far).start().run(seconds)


def test_a_challenge_is_answered_once_and_the_registrar_agrees() -> None:
    wire = registered()
    assert [request.cseq.number for request in wire.requests("REGISTER")] == [1, 2]
    assert len({request.call_id for request in wire.requests("REGISTER")}) == 1
    assert wire.events == [Registered(1, 1, 3600)]
    assert wire.phone.is_registered


@pytest.mark.parametrize(("auth_name", "username"), [("auth-1001", "auth-1001"), ("", "1001")])
def test_a_blank_auth_name_falls_back_to_the_user(auth_name: str, username: str) -> None:
    wire = registered({"account.1.auth_name": auth_name})
    assert wire.requests("REGISTER")[1].authorization[0].username == username
    assert wire.phone.is_registered


def test_a_wrong_password_is_not_tried_twice_in_a_row() -> None:
    wire = registered({"account.1.password": "wrong"}, far=Registrar(), seconds=65)
    assert wire.times("REGISTER") == [0, 0, 30, 30, 60, 60]
    assert wire.events == [RegistrationFailed(1, 1, 401, 30.0)] * 3


def test_a_stale_nonce_is_replaced_without_failing() -> None:
    far, count = Registrar(), 0

    def stale_once(request: Request, hop: Hop) -> list[Response]:
        nonlocal count
        if request.method == "REGISTER" and request.authorization and not count:
            count += 1
            found = answer(request, 401, to_tag="far")
            found.headers.add("WWW-Authenticate", challenge_for("pbx.example", "fresh", is_stale=True))
            return [found]
        return far(request, hop)

    wire = Wire(a_phone(NO_KEEPALIVE), stale_once).start().run(1)
    assert len(wire.requests("REGISTER")) == 3
    assert wire.phone.is_registered


def test_a_proxy_challenge_is_answered_in_its_own_header() -> None:
    def proxy(request: Request, hop: Hop) -> list[Response]:
        if request.proxy_authorization:
            return [answer(request, 200, to_tag="far")]
        found = answer(request, 407, to_tag="far")
        found.headers.add("Proxy-Authenticate", challenge_for("pbx.example", "one"))
        return [found]

    wire = Wire(a_phone(NO_KEEPALIVE), proxy).start()
    assert wire.requests("REGISTER")[1].proxy_authorization[0].username == "auth-1001"
    assert wire.phone.is_registered


def test_only_md5_is_answered_and_found_among_others() -> None:
    def two(request: Request, hop: Hop) -> list[Response]:
        if request.authorization:
            return [answer(request, 200, to_tag="far")]
        found = answer(request, 401, to_tag="far")
        found.headers.add("WWW-Authenticate", challenge_for("a", "one", algorithm="SHA-256"))
        found.headers.add("WWW-Authenticate", challenge_for("a", "two"))
        return [found]

    wire = Wire(a_phone(), two).start()
    assert wire.requests("REGISTER")[1].authorization[0].nonce == "two"


def test_renewal_comes_at_half_of_what_was_granted_with_the_nonce_counted() -> None:
    wire = registered(far=Registrar(granted_s=60), seconds=65)
    assert wire.times("REGISTER") == [0, 0, 30, 60]
    assert [request.authorization[0].nc for request in wire.requests("REGISTER")[1:]] == [1, 2, 3]
    assert [request.expires for request in wire.requests("REGISTER")] == [3600] * 4
    assert wire.events == [Registered(1, 1, 60), Registered(1, 1, 60, True), Registered(1, 1, 60, True)]


def test_the_time_granted_to_the_own_contact_counts() -> None:
    def by_contact(request: Request, hop: Hop) -> list[Response]:
        found = answer(request, 200, to_tag="far")
        found.headers.add("Contact", "<sip:1001@127.0.0.8:5060>;expires=9999")
        found.headers.add("Contact", f"{request.contacts.addresses[0]};expires=40")
        return [found]

    assert Wire(a_phone(NO_KEEPALIVE), by_contact).start().run(45).times("REGISTER") == [0, 20, 40]


@pytest.mark.parametrize("expires", ["30", "60", "3600", "86400"])
def test_the_period_of_the_file_is_asked_for(expires: str) -> None:
    assert registered({"account.1.sip_server.1.expires": expires}).requests("REGISTER")[0].expires == int(expires)


def test_423_raises_the_period_and_it_stays_raised() -> None:
    wire = registered({"account.1.sip_server.1.expires": "30"}, far=Registrar(min_expires_s=60), seconds=40)
    assert [request.expires for request in wire.requests("REGISTER")] == [30, 30, 60, 60]
    assert wire.times("REGISTER") == [0, 0, 0, 30]


def test_423_that_asks_for_nothing_longer_is_a_failure() -> None:
    wire = Wire(a_phone(NO_KEEPALIVE), lambda request, hop: [answer(request, 423, to_tag="far")]).start().run(1)
    assert wire.events == [RegistrationFailed(1, 1, 423, 30.0)]


@pytest.mark.parametrize("status", [403, 404, 500, 503, 603])
@pytest.mark.parametrize("interval", [1, 30, 1800])
def test_a_refusal_is_followed_by_the_retry_interval(status: int, interval: int) -> None:
    far = Registrar(refuse={"REGISTER": status})
    wire = registered({"account.1.reg_fail_retry_interval": str(interval)}, far=far, seconds=2 * interval + 0.5)
    assert wire.times("REGISTER") == [0, interval, 2 * interval]


def test_a_retry_interval_of_0_is_no_flood() -> None:
    wire = registered({"account.1.reg_fail_retry_interval": "0"}, far=Registrar(refuse={"REGISTER": 503}), seconds=5)
    assert len(wire.requests("REGISTER")) == 6


def test_a_silent_server_gets_the_repetitions_of_the_guide_and_then_the_interval() -> None:
    wire = registered(far=Registrar(silent={"127.0.0.2"}), seconds=62.2)
    assert wire.times("REGISTER") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5, 62]
    assert wire.events == [RegistrationFailed(1, 1, 408, 30.0)]


@pytest.mark.parametrize(
    ("t1", "t2", "first"),
    [("0.5", "2", [0, 0.5, 1.5, 3.5, 5.5]), ("1", "4", [0, 1, 3, 7, 11]), ("10", "4", [0, 10, 20, 30, 40])],
)
def test_t1_and_t2_of_the_file_set_the_gaps(t1: str, t2: str, first: list[float]) -> None:
    changes = {"account.1.advanced.timer_t1": t1, "account.1.advanced.timer_t2": t2}
    assert registered(changes, far=Registrar(silent={"127.0.0.2"}), seconds=60).times("REGISTER")[:5] == first


def test_a_lost_request_is_sent_again_and_a_lost_answer_too() -> None:
    wire = Wire(a_phone(NO_KEEPALIVE), Registrar(), lost=[0, 2]).start().run(5)
    assert wire.times("REGISTER") == [0, 0.5, 0.5, 1.0]
    assert wire.seen[0].data == wire.seen[1].data
    assert wire.phone.is_registered


def test_over_tcp_nothing_is_repeated() -> None:
    wire = registered({"account.1.sip_server.1.transport_type": "1"}, far=Registrar(silent={"127.0.0.2"}), seconds=40)
    assert wire.times("REGISTER") == [0]


@pytest.mark.parametrize(("value", "transport"), [("0", "UDP"), ("1", "TCP"), ("2", "TLS"), ("3", "UDP")])
def test_transport_type_chooses_socket_via_and_contact(value: str, transport: str) -> None:
    wire = registered({"account.1.sip_server.1.transport_type": value})
    request = wire.requests("REGISTER")[0]
    assert wire.seen[0].hop[:3] == (transport, "127.0.0.2", 5060)
    assert request.via.transport == transport
    port = 5061 if transport == "TLS" else 5060
    assert f"@127.0.0.9:{port};line=" in str(request.contacts)
    assert str(request.contacts).endswith(">" if transport == "UDP" else f";transport={transport}>")


def test_two_servers_are_registered_at_the_same_time() -> None:
    changes = {**SUCCESSIVE, "account.1.fallback.redundancy_type": "0"}
    wire = registered(changes)
    assert [(seen.hop.host, seen.hop.port) for seen in wire.seen] == [("127.0.0.2", 5060), (SECOND, 5070)] * 2
    assert wire.events == [Registered(1, 1, 3600), Registered(1, 2, 300)]


def test_a_silent_first_server_is_tried_as_often_as_told_and_then_the_second_serves() -> None:
    wire = registered(SUCCESSIVE, far=Registrar(silent={"127.0.0.2"}), seconds=70)
    assert len({request.cseq.number for request in wire.requests("REGISTER", "127.0.0.2")}) == 2
    assert wire.times("REGISTER")[-1] == 64
    assert wire.events[-1] == Registered(1, 2, 300)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_number_of_tries_is_the_files(count: int) -> None:
    changes = {**SUCCESSIVE, "account.1.sip_server.1.retry_counts": str(count)}
    wire = registered(changes, far=Registrar(silent={"127.0.0.2"}), seconds=110)
    assert len({request.cseq.number for request in wire.requests("REGISTER", "127.0.0.2")}) == max(1, count)


def test_the_first_server_is_probed_and_taken_back() -> None:
    far = Registrar(silent={"127.0.0.2"})
    wire = registered({**SUCCESSIVE, "account.1.fallback.timeout": "40"}, far=far, seconds=66)
    assert wire.phone.lines[0].registrations[0].target.server.number == 2
    far.silent.clear()
    wire.run(40)
    assert wire.requests("REGISTER", "127.0.0.2")[-1].expires == 3600
    assert wire.events[-1] == Registered(1, 1, 3600)


def test_both_servers_silent_begins_again_after_the_interval() -> None:
    wire = registered(
        {**SUCCESSIVE, "account.1.sip_server.2.retry_counts": "1"}, far=Registrar(silent={"127.0.0.2", SECOND}), seconds=130
    )
    times = [seen.at - START for seen in wire.seen]
    hosts = [seen.hop.host for seen in wire.seen]
    assert hosts.index(SECOND) > 0
    assert times[len(hosts) - 1 - hosts[::-1].index(SECOND)] < 96
    assert hosts[-1] == "127.0.0.2"
    assert 126 in times


@pytest.mark.parametrize(
    ("mode", "timeout", "back_at"), [("0", "3600", 150), ("2", "3600", 150), ("3", "100", 100), ("3", "1", 60), ("3", "0", None)]
)
def test_addresses_of_one_name_go_back_as_failback_mode_says(mode: str, timeout: str, back_at: int | None) -> None:
    changes = {
        "account.1.sip_server.1.address": "pbx.example",
        "account.1.sip_server.1.retry_counts": "1",
        "account.1.sip_server.1.expires": "300",
        "account.1.sip_server.1.failback_mode": mode,
        "account.1.sip_server.1.failback_timeout": timeout,
    }
    far = Registrar(silent={"127.0.0.2"})
    wire = Wire(a_phone(NO_KEEPALIVE, changes, names={"pbx.example": ("127.0.0.2", SECOND)}), far).start().run(33)
    assert wire.phone.is_registered
    assert wire.requests("REGISTER")[0].uri_text == "sip:pbx.example:5060"
    far.silent.clear()
    before = len(wire.requests("REGISTER", "127.0.0.2"))
    wire.run(200)
    later = [seen.at - START - 32 for seen in wire.seen if seen.method == "REGISTER" and seen.hop.host == "127.0.0.2"][before:]
    assert (round(later[0]) if later else None) == back_at


def test_a_name_without_an_address_fails_and_says_so() -> None:
    wire = Wire(a_phone({"account.1.sip_server.1.address": "nowhere.example"})).start().run(100)
    assert wire.seen == []
    assert wire.events == [RegistrationFailed(1, 0, 0, None)]


def test_an_outbound_proxy_gets_the_packets_and_the_uri_stays_the_registrars() -> None:
    changes = {
        "account.1.outbound_proxy_enable": "1",
        "account.1.outbound_proxy.1.address": "127.0.0.4",
        "account.1.outbound_proxy.1.port": "5080",
    }
    wire = registered(changes)
    assert {seen.hop[1:3] for seen in wire.seen} == {("127.0.0.4", 5080)}
    assert {request.uri_text for request in wire.requests("REGISTER")} == {"sip:127.0.0.2:5060"}
    assert {seen.hop.host for seen in registered({**changes, "account.1.outbound_proxy_enable": "0"}).seen} == {"127.0.0.2"}


def test_the_second_proxy_serves_when_the_first_is_silent_and_the_first_is_probed() -> None:
    changes = {
        "account.1.outbound_proxy_enable": "1",
        "account.1.outbound_proxy.1.address": "127.0.0.4",
        "account.1.outbound_proxy.2.address": "127.0.0.5",
        "account.1.outbound_proxy_fallback_interval": "50",
        "account.1.sip_server.1.retry_counts": "1",
    }
    far = Registrar(silent={"127.0.0.4"})
    wire = registered(changes, far=far, seconds=33)
    assert wire.requests("REGISTER", "127.0.0.5")
    far.silent.clear()
    wire.run(50)
    assert wire.seen[-1].hop.host == "127.0.0.4"


def test_unregister_on_reboot_clears_first() -> None:
    wire = registered({"account.1.unregister_on_reboot": "1"})
    assert [request.expires for request in wire.requests("REGISTER")] == [0, 0, 3600]
    assert all(";line=" in str(request.contacts) for request in wire.requests("REGISTER"))
    assert wire.events == [Unregistered(1, 1), Registered(1, 1, 3600)]


@pytest.mark.parametrize("longest", [1, 30, 60])
def test_the_first_registration_waits_a_random_part_of_the_surge_time(longest: int) -> None:
    starts = []
    for seed in range(20):
        phone = a_phone(NO_KEEPALIVE, {"sip.reg_surge_prevention": str(longest)}, seed=seed)
        starts.append(Wire(phone).start().run(longest).times("REGISTER")[0])
    assert all(0 <= start <= longest for start in starts)
    assert len(set(starts)) > 10


@pytest.mark.parametrize("off", [{"account.1.enable": "0"}, {"account.1.user_name": ""}, {"account.1.sip_server.1.address": ""}])
def test_an_account_that_cannot_register_is_silent(off: dict[str, str]) -> None:
    wire = Wire(a_phone(off)).start().run(1000)
    assert wire.seen == [] and not wire.phone.is_registered


def test_every_enabled_account_registers_by_itself() -> None:
    second = {name.replace("account.1.", "account.2."): value for name, value in BASE.items()} | {"account.2.user_name": "1002"}
    wire = registered(second)
    assert {request.from_.sip_uri.user for request in wire.requests("REGISTER")} == {"1001", "1002"}
    assert {request.call_id[:2] for request in wire.requests("REGISTER")} == {"1_", "2_"}


def test_leaving_takes_the_registration_back() -> None:
    wire = registered()
    wire.phone.leave(wire.now)
    wire.carry()
    assert wire.requests("REGISTER")[-1].expires == 0
    assert wire.events[-1] == Unregistered(1, 1)
    count = len(wire.seen)
    assert len(wire.run(10_000).seen) == count


def test_a_lost_connection_is_registered_anew() -> None:
    wire = registered({"account.1.sip_server.1.transport_type": "1"})
    wire.phone.flow_closed(Hop("TCP", "127.0.0.2", 5060, 7), wire.now)
    assert wire.run(31).times("REGISTER") == [0, 0, 31]


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, two, other = (Wire(a_phone(seed=seed)).start().run(100) for seed in (7, 7, 8))
    assert [seen.data for seen in one.seen] == [seen.data for seen in two.seen]
    assert one.seen[0].data != other.seen[0].data
