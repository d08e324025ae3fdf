"""`provisioner serve`."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli.sbc_choice import far_group_option, phone_group_option, sbc_choice
from provisioner.cli.session import settings_options, templates_folder
from provisioner.settings import Settings

SERVED = (
    "devices templates state database http https tftp sip sips realm media media_ports people advertise allow certificate "
    "certificate_key tls_minimum workers sip_port sips_port poll_seconds drain_seconds"
).split()
"Settings that are flags of `serve`."


@click.command("serve", epilog="Documentation: docs/README.md")
@click.option(
    "--ready-file", type=click.Path(path_type=Path, dir_okay=False), help="Write all listening addresses here as JSON once ready."
)
@click.option(
    "--record", type=click.Path(path_type=Path, dir_okay=False), help="Write the SIP messages of this run here at the end (JSON)."
)
@click.option("--only-sip", is_flag=True, help="Serve SIP beside a server on the same state folder that runs without it.")
@click.option(
    "--sbc",
    type=click.Path(exists=True, path_type=Path, dir_okay=False),
    help="Stand an SBC with these settings between the phones and the registrar.",
)
@phone_group_option
@far_group_option
@click.option("-q", "--quiet", is_flag=True, help="Do not print a line per request.")
@settings_options(*SERVED)
@click.pass_context
def command(
    ctx: click.Context,
    settings: Settings,
    ready_file: Path | None,
    record: Path | None,
    only_sip: bool,
    sbc: Path | None,
    phone_group: str | None,
    far_group: str | None,
    quiet: bool,
) -> None:
    """Serve phones over HTTP(S) and TFTP, and people on localhost.

    \b
    Examples:
      provisioner serve --tftp :6969              no privilege needed
      provisioner serve --http :0 --tftp off --ready-file ready.json
    """
    from provisioner.runtime.request_log import RequestLog
    from provisioner.runtime.serve import Server, talk

    if only_sip and settings["sip"] == settings["sips"] == "off":
        raise click.UsageError("--only-sip wants --sip or --sips")
    if sbc is not None and settings["sip"] == settings["sips"] == "off":
        raise click.UsageError("--sbc wants --sip or --sips: there phones find it")
    choice = sbc_choice(sbc, phone_group, far_group)
    templates = templates_folder(settings)
    server = Server(settings, templates, say=talk, ready_file=ready_file, record=record, only_sip=only_sip, sbc=choice)

    def on_ready() -> None:
        for line in _first_lines(server):
            click.echo(line, err=True)
        if not quiet:
            server.on_tick = RequestLog(server.database, lambda line: click.echo(line, err=True)).show_new

    server.on_ready = on_ready
    ctx.exit(server.run())


def _first_lines(server: object) -> list[str]:
    from provisioner.runtime.serve import Server

    assert isinstance(server, Server)
    facts = server.facts()
    phones = [facts[scheme]["url"] for scheme in ("http", "https", "tftp") if facts[scheme]]
    sip = [facts[name]["url"] for name in ("sip", "sips") if facts[name]]
    where = [f"  sip      {'    '.join(sip)}"] if sip else []
    if facts["sbc"]:
        where.append(f"  sbc      {facts['sbc']['file']} stands there; the registrar is behind it")
        where += [f"           {note}" for note in facts["sbc"]["notes"]]
    if not phones:
        return [f"provisioner {facts['version']}", *where]
    guess = "   (address guessed; --advertise sets it)" if server.is_guess else ""
    lines = [f"provisioner {facts['version']}", f"  phones   {'    '.join(phones)}{guess}", *where]
    if facts["people"]:
        lines.append(f"  people   {facts['people']['url']}healthz")
    url = facts["http"]["url"] if facts["http"] else phones[0] if phones else ""
    lines.append(f"  next     on a phone: Settings > Auto Provision > {url}    or: provisioner dhcp dnsmasq")
    return lines
