"""Values of parameters: below, at the least, inside, at the most, above."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.catalogue import RESET, Catalogue

TIMER = "account.X.session_timer.expires"

CASES: list[tuple[str, list[str], list[str]]] = [
    # parameter, good values, bad values
    (TIMER, ["30", "31", "1800", "7199", "7200"], ["29", "7201", "0", "-1", "", "x", "30.5", "1e3", " 30", "٣٠"]),
    ("account.X.sip_server.Y.expires", ["30", "3600", "2147483647"], ["29", "2147483648", "9" * 5000]),
    ("account.X.sip_server.Y.failback_timeout", ["0", "60", "3600", "65535"], ["1", "59", "65536", "-1"]),
    ("account.X.register_expires_overlap", ["-1", "1", "99999"], ["-2", "0"]),
    ("account.X.reg_failed_retry_max_time", ["0", "60", "999999999"], ["-1"]),
    ("account.X.advanced.timer_t1", ["0.5", "1", "10", "10.0"], ["0.4", "10.1", "a", ""]),
    ("voice.side_tone", ["-48", "-3", "0"], ["-49", "1"]),
    ("features.dtmf.repetition", ["1", "2", "3"], ["0", "4"]),
    ("account.X.enable", ["0", "1"], ["2", "true", "", "01"]),
    ("account.X.sip_server.Y.transport_type", ["0", "1", "2", "3"], ["4", "udp", "", "00"]),
    ("account.X.ptime", ["0", "10", "60"], ["15", "70"]),
    ("account.X.cid_source", ["0", "5"], ["6", "7"]),  # 6 comes with V82
    ("account.X.cp_source", ["0", "2", "3"], ["4"]),  # 3 is doubtful: not refused
    ("account.X.dtmf.info_type", ["1", "3"], ["0", "4"]),  # 0 was V7x
    ("account.X.codec.Y.payload_type", ["PCMU", "G726-40"], ["opus", "pcmu", ""]),  # opus comes with V81
    ("linekey.Z.type", ["0", "16", "61"], ["6", "62"]),
    ("memorykey.Z.type", ["0", "16", "61"], ["6", "62"]),
    ("expansion_module.M.key.Z.type", ["37"], ["6"]),
    ("programablekey.Z.type", ["28", "30", "47", "16", "99"], []),  # the list is not complete
    ("account.X.failback_mode", ["0", "3"], ["4"]),
    ("account.X.anonymous_call_oncode", ["", "*67", "x" * 32], ["x" * 33]),
    ("autoprovision.X.com_aes", ["", "x" * 16], ["x" * 15, "x" * 17]),
    (
        "auto_provision.aes_key_16.com",
        ["", "0123456789abcdef", "#$%*+,-.:=?@[]^_"],
        ["0123456789abcde", "0123456789abcdef0", "0123456789abcde/"],
    ),
    ("auto_provision.weekly.mask", ["0", "0123456", "15"], ["7", "1,5", "01234560"]),
    ("auto_provision.weekly.begin_time", ["00:00", "23:59"], ["24:00", "7:00", "00:60"]),
    (
        "auto_provision.dhcp_option.list_user_options",
        ["", "128", "160,254", "128,129,130,131,132"],
        ["127", "255", "128,129,130,131,132,133"],
    ),
    ("network.vlan.dhcp_option", ["1", "132", "255"], ["0", "256"]),
    (
        "account.X.sip_server.Y.address",
        ["", "10.1.0.9", "sip.example", "2001:db8::1", "[2001:db8::1]"],
        ["a b", "-x", "sip.example/x", "x" * 300],
    ),
    ("network.internet_port.ip", ["", "10.1.0.9", "2001:db8::1"], ["10.1.0", "10.1.0.256", "host"]),
    (
        "auto_provision.server.url",
        ["", "http://10.1.0.5/", "tftp://x", "10.1.0.5", "https://" + "x" * 503],
        ["gopher://x", "a b", "https://" + "x" * 504],
    ),
    ("action_url.hold", ["http://x/?m=$mac", "x" * 511], ["x" * 512]),
    ("firmware.url", ["http://x/44.80.0.60.rom"], ["http://x/44.80.0.60.bin"]),
    (
        "multicast.listen_address.X.ip_address",
        ["224.5.6.20:10008", "239.255.255.255:1"],
        ["223.5.6.20:1", "240.0.0.1:1", "224.5.6.20"],
    ),
    ("local_time.time_zone", ["+8", "-3:30", "0", "-11"], ["+15", "CET", "8:75"]),
    ("local_time.start_time", ["1/1/0", "3/5/7/2"], ["1/1", "x"]),
    ("voice.tone.dial", ["250/200,0/1000", "!200+300/500", "0/250"], ["199/100", "7001/1", "350", ",".join(["300/1"] * 9)]),
    ("security.user_password", ["", "admin:secret", "user:a b"], ["secret", ":x", "admin:"]),
    ("features.action_uri_limit_ip", ["any", "10.1.0.5", "10.1.0.5,10.1.0.6"], ["everybody"]),
    ("features.power_saving.office_hour.monday", ["8,18", "0,23"], ["8", "8,24"]),
    ("phone_setting.phone_lock.unlock_pin", ["123", ""], ["12a"]),
    ("account.X.label", ["Lobby", "Empfang & Büro", "x" * 99, ""], ["x" * 100, "a\nb", "a\rb", "a\x00b", "a\u2028b"]),
]


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        pytest.param(name, value, good, id=f"{name}-{'good' if good else 'bad'}-{value[:20]!r}")
        for name, goods, bads in CASES
        for good, values in ((True, goods), (False, bads))
        for value in values
    ],
)
def test_value(catalogue: Catalogue, name: str, value: str, good: bool) -> None:
    fault = catalogue.parameters[name].check(value)
    assert (fault is None) == good, fault


@pytest.mark.parametrize(
    ("value", "minor", "good"),
    [
        ("1", 70, True),
        ("9999", 73, True),
        ("29", 80, False),
        ("30", 80, True),
        ("89", 81, False),
        ("90", 81, True),
        ("7201", 86, False),
    ],
)
def test_a_range_depends_on_the_firmware_generation(catalogue: Catalogue, value: str, minor: int, good: bool) -> None:
    assert (catalogue.parameters[TIMER].check(value, minor=minor) is None) == good


def test_a_value_of_newer_firmware_is_said_to_be_one(catalogue: Catalogue) -> None:
    parameter = catalogue.parameters["account.X.cid_source"]
    assert parameter.check("6") == "'6' (PREFERENCE) is known from V82 on"
    assert parameter.check("6", minor=82) is None


@pytest.mark.parametrize(
    ("value", "warned"), [("29", False), ("30", True), ("60", True), ("89", True), ("90", False), ("x", False), ("", False)]
)
def test_a_short_session_timer_is_a_caution_and_no_fault(catalogue: Catalogue, value: str, warned: bool) -> None:
    text = catalogue.parameters[TIMER].caution(value)
    assert (text is not None) == warned
    assert text is None or "422" in text


@pytest.mark.parametrize(
    ("model", "value", "good"), [("T46G", "16", True), ("T46G", "17", False), ("CP860", "1", True), ("CP860", "2", False)]
)
def test_the_line_of_a_key_is_one_of_the_models_accounts(catalogue: Catalogue, model: str, value: str, good: bool) -> None:
    assert (catalogue.parameters["linekey.Z.line"].check(value, catalogue.models[model]) is None) == good


def test_a_reset_is_good_for_every_parameter(catalogue: Catalogue) -> None:
    assert [name for name, parameter in catalogue.parameters.items() if parameter.check(RESET)] == []


def test_each_known_default_is_permitted(catalogue: Catalogue) -> None:
    wrong = [p.name for p in catalogue.parameters.values() if p.default and p.check(p.default)]
    assert wrong == []


def test_a_wrong_secret_is_not_repeated(catalogue: Catalogue) -> None:
    for name in (
        "security.user_password",
        "phone_setting.phone_lock.unlock_pin",
        "auto_provision.aes_key_16.com",
        "account.X.password",
    ):
        fault = catalogue.parameters[name].check("sesame sesame!" * 20)
        assert fault is not None
        assert "sesame" not in fault


def test_a_long_wrong_value_is_cut(catalogue: Catalogue) -> None:
    fault = catalogue.parameters["account.X.enable"].check("y" * 10_000)
    assert fault is not None
    assert len(fault) < 100


@given(st.text(), st.integers(0, 99))
def test_checking_never_raises(catalogue: Catalogue, value: str, minor: int) -> None:
    model = catalogue.models["T46G"]
    for parameter in catalogue.parameters.values():
        assert parameter.check(value, model, minor=minor) is None or value != RESET
        parameter.caution(value)


@given(st.from_regex(r"\A[-+]?[0-9]{0,14}(\.[0-9]{0,8})?\Z"))
def test_checking_numbers_never_raises(catalogue: Catalogue, value: str) -> None:
    for name in (TIMER, "account.X.advanced.timer_t1", "linekey.Z.line"):
        catalogue.parameters[name].check(value, None)
        catalogue.parameters[name].caution(value)
