"""`sipstub serve`: the registrar alone, on UDP and TCP, on TLS if wanted, until SIGTERM.

Users come from an htdigest file, or one by one with the file that holds the password; a password on the command line would be
seen by everybody on the machine.  Lines about what happens go to stderr, without secrets.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

DEFAULT = "127.0.0.1:5060"
TLS_VERSIONS = ["1.0", "1.1", "1.2", "1.3"]


@click.command("serve")
@click.option(
    "--sip", multiple=True, help="Listen here with UDP and TCP, as HOST:PORT; may be given again.  [default: 127.0.0.1:5060]"
)
@click.option("--sips", multiple=True, help="Listen here with TLS, as HOST:PORT; may be given again.")
@click.option("--realm", default="sipstub", show_default=True, help="Realm of the digest challenges.")
@click.option(
    "--users", "users_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Users from an htdigest file."
)
@click.option("--user", "one_by_one", multiple=True, help="One user, as NAME:FILE; the first line of FILE is the password.")
@click.option("--advertise", help="The name or address that phones use for this machine; stands in the certificate.")
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="TLS: a PEM file of your own.")
@click.option(
    "--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="TLS: its key, if that is another file."
)
@click.option(
    "--certificates",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("certificates"),
    show_default=True,
    help="TLS without --certificate: keep an authority and a certificate of our own in this folder.",
)
@click.option(
    "--tls-minimum",
    type=click.Choice(TLS_VERSIONS),
    default="1.2",
    show_default=True,
    help="Oldest TLS that is spoken.",
)
@click.option(
    "--record", type=click.Path(dir_okay=False, path_type=Path), help="Write what went over the wire here at the end (pcapng)."
)
@click.option("--record-digests", is_flag=True, help="Leave digest responses in the record.")
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the addresses here when listening.")
@click.option(
    "--sbc",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Run an SBC with these settings (ini, CLI script or TOML); beside the registrar if there are users.",
)
@click.option(
    "--media-ports", default="20000-23999", show_default=True, help="SBC: ports of media, where no Media Realm names others."
)
@click.option("--dsps", type=click.IntRange(0), default=256, show_default=True, help="SBC: calls that are transcoded at a time.")
@click.option("--connect-tone", default="", help="SBC: a WAV file that a side of each call hears first, as src:FILE or dst:FILE.")
@click.option("--show-refreshes", is_flag=True, help="A line for every refresh of a registration too.")
def serve_command(
    sip: tuple[str, ...],
    sips: tuple[str, ...],
    realm: str,
    users_file: Path | None,
    one_by_one: tuple[str, ...],
    advertise: str | None,
    certificate: Path | None,
    key: Path | None,
    certificates: Path,
    tls_minimum: str,
    record: Path | None,
    record_digests: bool,
    ready_file: Path | None,
    sbc: Path | None,
    media_ports: str,
    dsps: int,
    connect_tone: str,
    show_refreshes: bool,
) -> int:
    """Run the registrar until Ctrl-C or SIGTERM.

    \b
    Example:
      sipstub serve --sip 127.0.0.1:5060 --user 100:password.txt
    """
    # these pull in the certificate and password libraries, which no other command wants to wait for
    from sipstub.net.standalone import ServeOptions, read_users, serve

    options = ServeOptions(
        sip or (() if sips else (DEFAULT,)),
        sips,
        realm,
        advertise,
        certificate,
        key,
        certificates,
        tls_minimum,
        record,
        record_digests,
        ready_file,
        show_refreshes,
        sbc,
        media_ports,
        dsps,
        connect_tone,
    )
    users = read_users(realm, users_file, one_by_one)
    if not len(users) and sbc is None:
        raise click.UsageError("nobody could register: name users with --users or --user")
    return asyncio.run(serve(options, users))
