"""Who gets which file: each refusal by itself, their order, and that nothing ever gives one phone another's file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.catalogue.load import load_catalogue
from provisioner.delivery.answer import Refusal, Served
from provisioner.delivery.decide import decide
from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.delivery.identify import Asked, is_newer, read_name
from provisioner.delivery.policy import Policy, parse_networks
from provisioner.delivery.reason import HINTS, Reason
from provisioner.delivery.request import FileRequest, Protocol
from provisioner.delivery.snapshot import PhoneEntry, Snapshot

TEMPLATES = Path(__file__).parent.parent.parent / "templates" / "yealink"
CATALOGUE = load_catalogue(TEMPLATES)
MAC, OTHER, NEW = "001565aabbcc", "001565aabbdd", "001565aabbee"
AGENT = "Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc"


def published(name: str, kind: FileKind, mac: str | None = None) -> PublishedFile:
    return PublishedFile(name, kind, "0" * 64, 4, name.encode(), None, mac, 1)


SNAPSHOT = Snapshot(
    1,
    {
        MAC + ".cfg": published(MAC + ".cfg", FileKind.MAC, MAC),
        OTHER + ".cfg": published(OTHER + ".cfg", FileKind.MAC, OTHER),
        "y000000000028.cfg": published("y000000000028.cfg", FileKind.COMMON),
        "y000000000044.cfg": published("y000000000044.cfg", FileKind.COMMON),
        "files/T46.rom": published("files/T46.rom", FileKind.STATIC),
    },
    {
        MAC: PhoneEntry(MAC, "lobby", "T46G", "y000000000028.cfg"),
        OTHER: PhoneEntry(OTHER, "desk", "T23G", "y000000000044.cfg"),
        NEW: PhoneEntry(NEW, "new", "T46G", "y000000000028.cfg", True),
    },
    CATALOGUE.agents,
    {model.name: model.common_name for model in CATALOGUE.models.values()},
    frozenset(model.name for model in CATALOGUE.models.values() if model.is_in_scope),
)
POLICY = Policy(parse_networks(["10.0.0.0/8", "fd00::/8"]))


def ask(name: str, agent: str | None = None, **changes: object) -> Served | Refusal:
    request = FileRequest(Protocol.HTTP, name, "10.1.2.3", agent)
    return decide(replace(request, **changes), SNAPSHOT, POLICY, now=0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "001565aabbcc.cfg",
        "/001565aabbcc.cfg",
        "/001565AABBCC.cfg",
        "/00:15:65:aa:bb:cc.cfg",
        "/00-15-65-AA-BB-CC.CFG",
        "/0015.65aa.bbcc.cfg",
    ],
)
@pytest.mark.parametrize(
    "agent",
    [None, "", "curl/8", AGENT, "yealink SIP-T46G 28.80.0.60 00:15:65:AA:BB:CC", "Yealink-T46G 28.71.0.81 28.1.0.128.0.0.0"],
)
def test_a_phone_gets_its_file_whatever_the_spelling_of_its_mac(name: str, agent: str | None) -> None:
    answer = ask(name, agent)
    assert isinstance(answer, Served)
    assert (answer.file.mac, answer.phone, answer.mac) == (MAC, "lobby", MAC)


REFUSED: list[tuple[Reason, FileRequest]] = [
    (Reason.OUTSIDE_NETWORK, FileRequest(Protocol.HTTP, MAC + ".cfg", "192.0.2.1")),
    (Reason.OUTSIDE_NETWORK, FileRequest(Protocol.HTTP, MAC + ".cfg", "not an address")),
    (Reason.TRANSPORT_OFF, FileRequest(Protocol.TFTP, MAC + ".cfg", "10.1.2.3")),
    (Reason.WRITE_REFUSED, FileRequest(Protocol.HTTP, MAC + "-local.cfg", "10.1.2.3", is_write=True)),
    (Reason.AGENT_DISAGREES, FileRequest(Protocol.HTTP, MAC + ".cfg", "10.1.2.3", AGENT.replace("cc", "dd"))),
    (Reason.BAD_NAME, FileRequest(Protocol.HTTP, "/../etc/passwd", "10.1.2.3")),
    (Reason.BAD_NAME, FileRequest(Protocol.HTTP, "", "10.1.2.3")),
    (Reason.BAD_NAME, FileRequest(Protocol.HTTP, "x" * 10_000, "10.1.2.3")),
    (Reason.BAD_NAME, FileRequest(Protocol.HTTP, "//etc/passwd", "10.1.2.3")),
    (Reason.BAD_NAME, FileRequest(Protocol.HTTP, "a\\b", "10.1.2.3")),
    (Reason.BAD_NAME, FileRequest(Protocol.HTTP, "a\0.cfg", "10.1.2.3")),
    (Reason.BOOT_FILE, FileRequest(Protocol.HTTP, "/y000000000000.boot", "10.1.2.3")),
    (Reason.BOOT_FILE, FileRequest(Protocol.HTTP, f"/{MAC}.boot", "10.1.2.3", AGENT)),
    (Reason.LOCAL_FILE, FileRequest(Protocol.HTTP, f"/{MAC}-local.cfg", "10.1.2.3", AGENT)),
    (Reason.UNKNOWN_FILE, FileRequest(Protocol.HTTP, "/favicon.ico", "10.1.2.3")),
    (Reason.UNKNOWN_FILE, FileRequest(Protocol.HTTP, "/files/none.rom", "10.1.2.3")),
    (Reason.UNKNOWN_FILE, FileRequest(Protocol.HTTP, f"/a/{MAC}.cfg", "10.1.2.3")),
    (Reason.WRONG_COMMON, FileRequest(Protocol.HTTP, "/y000000000044.cfg", "10.1.2.3", AGENT)),
    (
        Reason.OUT_OF_SCOPE,
        FileRequest(Protocol.HTTP, "/y000000000000.cfg", "10.1.2.3", "Yealink SIP-T28P 2.73.0.50 00:15:65:11:22:33"),
    ),
    (
        Reason.OUT_OF_SCOPE,
        FileRequest(Protocol.HTTP, "/001565112233.cfg", "10.1.2.3", "Yealink SIP-T28P 2.73.0.50 00:15:65:11:22:33"),
    ),
    (Reason.UNKNOWN_MAC, FileRequest(Protocol.HTTP, "/001565112233.cfg", "10.1.2.3")),
    (Reason.WRONG_MODEL, FileRequest(Protocol.HTTP, f"/{MAC}.cfg", "10.1.2.3", AGENT.replace("T46G", "T48G"))),
    (Reason.WRONG_MODEL, FileRequest(Protocol.HTTP, "/y000000000028.cfg", "10.1.2.3", AGENT.replace("cc", "dd"))),
    (Reason.UNKNOWN_COMMON, FileRequest(Protocol.HTTP, "/y000000000099.cfg", "10.1.2.3")),
    (Reason.NO_GOOD_FILE, FileRequest(Protocol.HTTP, f"/{NEW}.cfg", "10.1.2.3")),
]


@pytest.mark.parametrize(
    ("reason", "request_"), REFUSED, ids=[f"{reason}-{number}" for number, (reason, _) in enumerate(REFUSED)]
)
def test_each_refusal_has_its_reason_its_fact_and_its_hint(reason: Reason, request_: FileRequest) -> None:
    policy = replace(POLICY, transports=frozenset({Protocol.HTTP}))
    answer = decide(request_, SNAPSHOT, policy, now=0.0)
    assert isinstance(answer, Refusal)
    assert answer.reason is reason
    assert answer.fact
    assert len(answer.fact) < 250
    assert answer.hint == HINTS[reason]
    assert answer.http_status == 404


def test_before_the_first_generation_and_only_then_the_wire_says_try_again() -> None:
    answer = decide(FileRequest(Protocol.HTTP, MAC + ".cfg", "10.1.2.3"), None, POLICY, now=0.0)
    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.http_status) == (Reason.NOT_READY, 503)


def test_every_reason_is_tried_and_the_list_is_in_the_order_of_the_checks() -> None:
    tried = [reason for reason, _ in REFUSED]
    assert {*tried, Reason.NOT_READY} == set(Reason)
    order = list(Reason)
    assert [order.index(reason) for reason in tried] == sorted(order.index(reason) for reason in tried)


def test_of_two_faults_the_earlier_reason_is_given() -> None:
    everything_wrong = FileRequest(Protocol.TFTP, "../x", "192.0.2.1", AGENT, is_write=True)
    policy = Policy(parse_networks(["10.0.0.0/8"]), frozenset())
    seen = []
    for request, using, snapshot in (
        (everything_wrong, policy, None),
        (replace(everything_wrong, peer="10.0.0.1"), policy, None),
        (replace(everything_wrong, peer="10.0.0.1"), POLICY, None),
        (replace(everything_wrong, peer="10.0.0.1"), POLICY, SNAPSHOT),
        (replace(everything_wrong, peer="10.0.0.1", is_write=False, name=OTHER + ".boot"), POLICY, SNAPSHOT),
        (replace(everything_wrong, peer="10.0.0.1", is_write=False), POLICY, SNAPSHOT),
    ):
        answer = decide(request, snapshot, using, now=0.0)
        assert isinstance(answer, Refusal)
        seen.append(answer.reason)
    assert seen == list(Reason)[:6]


def test_newer_firmware_gets_its_file_with_a_note_and_odd_versions_do_not_raise() -> None:
    answer = ask(MAC + ".cfg", AGENT.replace("28.80", "28.83"))
    assert isinstance(answer, Served)
    assert (answer.note, answer.firmware) == ("newer-firmware", "28.83.0.60")
    for odd in (None, "", "28", "28.x.1", "28.²³.0", "28." + "9" * 5000 + ".0", "28..0"):
        assert is_newer(odd, 80) in (False, True)


def test_networks_hold_for_ipv6_mapped_and_scoped_addresses() -> None:
    for peer, allowed in (
        ("::ffff:10.0.0.1", True),
        ("fd00::1%eth0", True),
        ("::ffff:192.0.2.1", False),
        ("", False),
        ("10.0.0.1 ", False),
    ):
        assert POLICY.allows(peer) is allowed
    assert [str(network) for network in parse_networks(["10.1.0.5/16"])] == ["10.1.0.0/16"]
    with pytest.raises(ValueError, match="not a network"):
        parse_networks(["x"])


NAMES = st.text(max_size=40) | st.sampled_from(
    [MAC + ".cfg", OTHER + ".cfg", NEW + ".cfg", "y000000000028.cfg", "files/T46.rom", "files/../" + MAC + ".cfg", MAC + ".cfg\0"]
)
AGENTS = st.none() | st.text(max_size=60) | st.sampled_from([AGENT, AGENT.replace("cc", "dd"), AGENT.replace("T46G", "T23G")])


@settings(max_examples=500, deadline=None)
@given(
    NAMES, AGENTS, st.sampled_from(["10.1.2.3", "fd00::1", "192.0.2.1", ""]) | st.text(max_size=12), st.booleans(), st.booleans()
)
def test_nothing_raises_and_no_phone_gets_the_file_of_another(
    name: str, agent: str | None, peer: str, is_write: bool, slash: bool
) -> None:
    answer = decide(FileRequest(Protocol.HTTP, "/" * slash + name, peer, agent, is_write), SNAPSHOT, POLICY, now=0.0)
    again = decide(FileRequest(Protocol.HTTP, "/" * slash + name, peer, agent, is_write), SNAPSHOT, POLICY, now=9e9)
    assert answer == again
    if isinstance(answer, Refusal):
        assert answer.fact
        return
    assert POLICY.allows(peer)
    assert not is_write
    if answer.file.kind is FileKind.MAC:
        assert answer.file.mac == read_name(name).mac == answer.mac
        assert (
            agent is None
            or "00:15:65" not in agent
            or not agent.startswith("Yealink SIP-T")
            or agent == AGENT
            or answer.mac == OTHER
        )


@given(st.text(max_size=300))
def test_no_name_leaves_the_table_of_files(text: str) -> None:
    name = read_name(text)
    assert ".." not in name.canonical.split("/")
    assert name.asked is not Asked.MAC or name.mac is not None
