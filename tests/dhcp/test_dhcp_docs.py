"""The two how-tos name what exists: every DHCP server, every reason, and lines that the command really prints."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from provisioner.cli import COMMANDS, cli
from provisioner.delivery.reason import Reason
from provisioner.runtime.dhcp.block import SERVERS

HOWTO = Path(__file__).parent.parent.parent / "docs" / "howto"
TEMPLATES = str(HOWTO.parent.parent / "templates")
DHCP = (HOWTO / "dhcp.md").read_text("utf-8")
REFUSED = (HOWTO / "a-phone-says-404.md").read_text("utf-8")


def test_every_dhcp_server_has_its_row_and_no_other() -> None:
    assert re.findall(r"^\| `provisioner dhcp ([a-z]+)` \|", DHCP, re.MULTILINE) == list(SERVERS)


def test_the_printed_example_is_what_the_command_prints() -> None:
    shown = DHCP.partition("$ provisioner dhcp dnsmasq --advertise 10.1.0.5\n")[2].partition("```")[0].splitlines()
    printed = (
        CliRunner().invoke(cli, ["dhcp", "dnsmasq", "--advertise", "10.1.0.5", "--templates", TEMPLATES]).stdout.splitlines()
    )
    wanted = [line for line in shown if line != "..."]
    assert [line for line in printed if line in wanted] == wanted


def test_every_reason_has_its_row_in_the_order_of_the_checks() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", REFUSED, re.MULTILINE) == [str(reason) for reason in Reason]


def test_the_how_tos_name_only_commands_that_exist() -> None:
    for text in (DHCP, REFUSED):
        assert set(re.findall(r"provisioner ([a-z]+)(?=[ `\n])", text)) <= set(COMMANDS)


def test_links_between_how_tos_lead_somewhere() -> None:
    for text in (DHCP, REFUSED):
        for target in re.findall(r"\]\(([a-z0-9-]+\.md)\)", text):
            assert (HOWTO / target).is_file(), target
