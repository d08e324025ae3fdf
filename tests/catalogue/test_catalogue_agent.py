"""Who a User-Agent says it is, oddities and hostile text included."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.catalogue import Agent, AgentReader, Catalogue
from provisioner.catalogue.agent import MAX_AGENT_LENGTH

READABLE = [
    ("Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc", "T46G", "28.80.0.60", "001565aabbcc"),
    ("Yealink SIP-T46G 28.80.0.60", "T46G", "28.80.0.60", None),
    ("Yealink SIP-T46G 28.80.0.60 00:15:65:AA:BB:CC", "T46G", "28.80.0.60", "001565aabbcc"),
    ("Yealink SIP-T46G 28.80.0.60 001565AABBCC", "T46G", "28.80.0.60", "001565aabbcc"),
    ("yealink SIP-T28P 2.70.0.140 00:15:65:11:22:33", "T28P", "2.70.0.140", "001565112233"),
    ("Yealink SIP-T38G  38.70.0.125 00:15:65:11:22:33", "T38G", "38.70.0.125", "001565112233"),
    ("Yealink-T46G 28.71.0.81 28.1.0.128.0.0.0", "T46G", "28.71.0.81", None),
    ("Yealink SIP-T46G 28.72.0.1", "T46G", "28.72.0.1", None),
    ("Yealink SIP VP-T49G 51.80.0.75 00:15:65:11:22:33", "VP-T49G", "51.80.0.75", "001565112233"),
    ("Yealink CP860 37.72.0.5 00:15:65:8a:37:86", "CP860", "37.72.0.5", "0015658a3786"),
    ("Yealink W52P 25.80.0.15 00:15:65:11:22:33", "W52P", "25.80.0.15", "001565112233"),
    ("Yealink SIP-T21P_E2 52.80.0.60 00:15:65:11:22:33", "T21P E2", "52.80.0.60", "001565112233"),
    ("Yealink SIP-T21_E2 52.80.0.60 00:15:65:11:22:33", "T21P E2", "52.80.0.60", "001565112233"),
    ("Yealink SIP-T19_E2 53.80.0.60 00:15:65:11:22:33", "T19P E2", "53.80.0.60", "001565112233"),
    ("Yealink SIP-T21P 34.72.0.75 00:15:65:11:22:33", "T21P", "34.72.0.75", "001565112233"),
    ("Yealink SIP-T54W 96.86.0.100 805e0c112233", None, "96.86.0.100", "805e0c112233"),
]

HOSTILE = [
    None,
    "",
    " ",
    "\x00",
    "Yealink",
    "yealink ",
    "Yealink " + "A" * 10_000,
    "Yealink SIP-T46G 28.80.0.60 " + "0" * 10_000,
    "Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc\r\nX: 1",
    "Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc\n",
    "Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:zz",
    "Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc more",
    "Yealink SIP-T46G ٢٨.80.0.60",
    "Yealink SIP-T46G \ud800",
    "Yealink SIP-../../etc/passwd 1.1.1.1",
    "Mozilla/5.0 Yealink SIP-T46G 28.80.0.60",
    "x" * 10_000,
]


@pytest.mark.parametrize(("text", "model", "firmware", "mac"), READABLE)
def test_a_phone_is_read(catalogue: Catalogue, text: str, model: str | None, firmware: str, mac: str | None) -> None:
    agent = catalogue.agents.read(text)
    assert (agent.model, agent.firmware, agent.mac, agent.is_ours) == (model, firmware, mac, True)


def test_each_models_own_samples_identify_it(catalogue: Catalogue) -> None:
    for model in catalogue.models.values():
        assert catalogue.agents.read(model.http_agent_sample) == Agent(
            model.name, model.example_firmware, "001565aabbcc", True, model.user_agent_name
        )
        assert catalogue.agents.read(model.sip_agent_sample).model == model.name


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_names_nobody(catalogue: Catalogue, text: str | None) -> None:
    agent = catalogue.agents.read(text)
    assert (agent.model, agent.firmware, agent.mac) == (None, None, None)


def test_the_model_as_the_phone_wrote_it_is_kept(catalogue: Catalogue) -> None:
    assert catalogue.agents.read("Yealink SIP-T54W 96.86.0.100 805e0c112233").token == "SIP-T54W"


def test_text_longer_than_the_bound_is_not_looked_at(catalogue: Catalogue) -> None:
    text = "Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc"
    assert catalogue.agents.read(text.ljust(MAX_AGENT_LENGTH + 1)) == Agent(None, None, None, False)


def test_a_form_without_a_mac_group_is_allowed() -> None:
    reader = AgentReader([r"Yealink (?P<model>\w+) (?P<firmware>[\d.]+)"], {"t1": "T1"})
    assert reader.read("Yealink T1 1.2.3") == Agent("T1", "1.2.3", None, True, "T1")


@given(st.one_of(st.none(), st.text(), st.text().map(lambda text: "Yealink " + text), st.binary(), st.integers()))
def test_reading_never_raises(catalogue: Catalogue, text: Any) -> None:
    agent = catalogue.agents.read(text)
    assert agent.model is None or agent.model in catalogue.models
    assert agent.mac is None or len(agent.mac) == 12
