"""`provisioner dhcp`: text to paste into a DHCP server, so that phones find this one."""

from __future__ import annotations

import json
from pathlib import Path

import click

from provisioner.cli.session import settings_options, templates_folder
from provisioner.settings import Settings

SERVERS = ("dnsmasq", "kea", "isc", "mikrotik", "windows", "opnsense")
"As in runtime/dhcp/block.py, repeated so that --help loads nothing; a test holds the two together."


@click.command("dhcp", epilog="Documentation: docs/howto/dhcp.md")
@click.argument("server", type=click.Choice(SERVERS))
@click.option("--url", metavar="URL", help="Send phones to this URL instead of to this server's own.")
@click.option("--tftp", "use_tftp", is_flag=True, help="Send phones to the TFTP listener instead of HTTP.")
@click.option("--ready-file", type=click.Path(path_type=Path), metavar="FILE", help="Take the ports from this ready file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: server, url, vendor_class, prefixes, block.")
@settings_options("advertise", "http", "https", "state", "templates")
def command(server: str, url: str | None, use_tftp: bool, ready_file: Path | None, as_json: bool, settings: Settings) -> None:
    """Print a DHCP block that sends phones here.

    \b
    Examples:
      provisioner dhcp dnsmasq > /etc/dnsmasq.d/yealink.conf
      provisioner dhcp kea --advertise provisioning.example --tftp
    """
    from provisioner.catalogue import load_catalogue
    from provisioner.runtime.bound import read_bound
    from provisioner.runtime.dhcp.block import dhcp_block
    from provisioner.runtime.dhcp.match import load_match
    from provisioner.runtime.dhcp.url import PhoneUrl, check_url, phone_url
    from provisioner.runtime.fleet import VENDOR

    if url is not None and use_tftp:
        raise click.UsageError("--url names the transport itself; leave out --tftp")
    if url is not None:
        target = PhoneUrl(check_url(url, "--url"))
    else:
        target = phone_url(settings, read_bound(settings, ready_file), scheme="tftp" if use_tftp else None)
    for note in target.notes:
        click.echo(f"note: {note}", err=True)
    match = load_match(load_catalogue(templates_folder(settings) / VENDOR))
    block = dhcp_block(server, target.text, match)
    if as_json:
        data = {
            "server": server,
            "url": target.text,
            "vendor_class": match.vendor_class,
            "prefixes": list(match.prefixes),
            "notes": list(target.notes),
            "block": block,
        }
        click.echo(json.dumps(data, indent=2))
    else:
        click.echo(block, nl=False)
