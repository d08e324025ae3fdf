from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.catalogue import load_catalogue
from provisioner.delivery import decide as decide_module
from provisioner.delivery import policy as policy_module
from provisioner.delivery.decide import decide
from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.delivery.policy import Policy, parse_networks
from provisioner.delivery.request import FileRequest, Protocol
from provisioner.delivery.snapshot import PhoneEntry, Snapshot

MAC = "001565aabbcc"
FILE = PublishedFile(f"{MAC}.cfg", FileKind.MAC, "a" * 64, 3, b"abc", mac=MAC)
AGENTS = load_catalogue(Path(__file__).parents[2] / "templates" / "yealink").agents
SNAPSHOT = Snapshot(1, {FILE.name: FILE}, {MAC: PhoneEntry(MAC, "lobby", "T46G", "y000000000028.cfg")}, AGENTS)
POLICY = Policy(parse_networks(["10.0.0.0/8"]))


def test_a_policy_remembers_a_bounded_number_of_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_module, "MAX_REMEMBERED_PEERS", 10)
    policy = Policy(parse_networks(["10.0.0.0/8"]))
    for number in range(100):
        assert policy.allows(f"10.0.0.{number}") and not policy.allows(f"11.0.0.{number}")
        assert len(policy._remembered) <= 10
    assert policy == Policy(parse_networks(["10.0.0.0/8"]))


def test_what_one_policy_remembers_another_does_not_believe() -> None:
    assert POLICY.allows("10.0.0.1")
    assert not Policy(parse_networks(["10.9.0.0/16"])).allows("10.0.0.1")


def test_agents_are_remembered_within_a_bound_and_per_catalogue() -> None:
    assert decide_module._read_agent.cache_info().maxsize == decide_module.MAX_REMEMBERED_AGENTS
    text = "Yealink SIP-T46G 28.80.0.60"
    nobody = type(AGENTS)([], {})
    assert (decide_module._read_agent(AGENTS, text).model, decide_module._read_agent(nobody, text).model) == ("T46G", None)


@pytest.mark.parametrize("name", [f"/{MAC}.cfg", f"{MAC}.cfg", f"/{MAC.upper()}.CFG", "/00:15:65:aa:bb:cc.cfg"])
def test_the_short_way_to_a_mac_file_gives_the_same_answer_as_reading_the_name(name: str) -> None:
    assert decide_module._name(name, SNAPSHOT) == decide_module.read_name(name)
    for agent in (None, "Yealink SIP-T46G 28.80.0.60", f"Yealink SIP-T46G 28.80.0.60 {MAC}"):
        answer = decide(FileRequest(Protocol.HTTP, name, "10.0.0.1", agent), SNAPSHOT, POLICY, now=0.0)
        assert getattr(answer, "file", None) is FILE


def test_a_file_under_a_name_that_is_nobodys_is_not_reached_by_the_short_way() -> None:
    odd = Snapshot(1, {"../etc/x": FILE, "001565AABBCC.cfg": FILE}, {}, AGENTS)
    for name in ("../etc/x", "001565AABBCC.cfg"):
        assert decide_module._name(name, odd) == decide_module.read_name(name)
