"""The text for each DHCP server: compared with golden files, and given to the servers' own checkers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from provisioner.catalogue import load_catalogue
from provisioner.cli import dhcp as cli_dhcp
from provisioner.runtime.dhcp.block import SERVERS, dhcp_block
from provisioner.runtime.dhcp.match import PhoneMatch, load_match

ROOT = Path(__file__).parent.parent.parent
GOLDEN = Path(__file__).parent / "golden"
URL = "http://10.1.0.5:8080/"
URLS = (URL, "tftp://[2001:db8::5]/", "https://provisioning.example/phones/$PN/")
MATCH = PhoneMatch("yealink", ("00:15:65", "80:5e:c0"))


@pytest.fixture(scope="module")
def match() -> PhoneMatch:
    return load_match(load_catalogue(ROOT / "templates" / "yealink"))


@pytest.mark.parametrize("server", SERVERS)
def test_each_block_is_the_golden_text(server: str) -> None:
    # To change a block on purpose: write the new text into tests/dhcp/golden/ and read the diff.
    assert dhcp_block(server, URL, MATCH) == (GOLDEN / f"{server}.txt").read_text("utf-8")


@pytest.mark.parametrize("server", SERVERS)
def test_each_block_names_url_vendor_class_and_the_order_of_options(server: str) -> None:
    text = dhcp_block(server, URL, MATCH)
    assert URL in text and '"yealink"' in text
    assert "a custom option (128 to 254), then 66, then 43" in text
    assert "zero touch and PnP before these" in text


@pytest.mark.parametrize("server", [name for name in SERVERS if name != "mikrotik"])
def test_each_server_that_can_match_by_mac_gets_every_prefix(server: str, match: PhoneMatch) -> None:
    text = dhcp_block(server, URL, match).lower()
    for prefix in match.prefixes:
        assert prefix in text or prefix.replace(":", "") in text


def test_isc_is_marked_as_being_at_its_end_of_life() -> None:
    assert "end of life" in dhcp_block("isc", URL, MATCH)


def test_the_command_knows_the_same_servers_as_the_blocks() -> None:
    assert cli_dhcp.SERVERS == SERVERS


@pytest.mark.needs("dnsmasq")
@pytest.mark.parametrize("server", ["dnsmasq", "opnsense"])
@pytest.mark.parametrize("url", URLS)
def test_dnsmasq_accepts_its_block(server: str, url: str, match: PhoneMatch, tmp_path: Path) -> None:
    file = tmp_path / "dnsmasq.conf"
    file.write_text(dhcp_block(server, url, match) + "dhcp-range=10.1.0.100,10.1.0.200,1h\n", "utf-8")
    checked = subprocess.run(["dnsmasq", "--test", "-C", file], capture_output=True, text=True, timeout=20)
    assert checked.returncode == 0, checked.stderr
    assert "syntax check OK" in checked.stderr


@pytest.mark.needs("kea-dhcp4")
@pytest.mark.parametrize("url", URLS)
def test_kea_accepts_its_block(url: str, match: PhoneMatch, tmp_path: Path) -> None:
    file = tmp_path / "kea.conf"
    file.write_text(
        '{ "Dhcp4": { "interfaces-config": { "interfaces": [] }, '
        '"lease-database": { "type": "memfile", "persist": false },\n' + dhcp_block("kea", url, match) + "} }\n",
        "utf-8",
    )
    folder = {"KEA_LOCKFILE_DIR": str(tmp_path), "KEA_PIDFILE_DIR": str(tmp_path), "KEA_LOGGER_DESTINATION": "stderr"}
    checked = subprocess.run(
        ["kea-dhcp4", "-t", file], capture_output=True, text=True, timeout=30, env=os.environ | folder, cwd=tmp_path
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.needs("dhcpd")
@pytest.mark.parametrize("url", URLS)
def test_isc_dhcpd_accepts_its_block(url: str, match: PhoneMatch, tmp_path: Path) -> None:
    file = tmp_path / "dhcpd.conf"
    file.write_text(dhcp_block("isc", url, match) + "subnet 10.1.0.0 netmask 255.255.0.0 { range 10.1.0.100 10.1.0.200; }\n")
    (tmp_path / "leases").touch()
    checked = subprocess.run(["dhcpd", "-t", "-cf", file, "-lf", tmp_path / "leases"], capture_output=True, text=True, timeout=20)
    assert checked.returncode == 0, checked.stderr


def test_the_kea_block_is_json_once_its_comments_are_gone() -> None:
    text = "\n".join(line for line in dhcp_block("kea", URL, MATCH).splitlines() if not line.startswith("//"))
    found = json.loads("{" + text + "}")["client-classes"][0]
    assert found["option-data"] == [{"name": "tftp-server-name", "data": URL}]


def test_a_dollar_is_no_variable_in_routeros() -> None:
    assert "/\\$PN/" in dhcp_block("mikrotik", URLS[2], MATCH)
