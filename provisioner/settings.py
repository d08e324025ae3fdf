"""Every setting of the server: one table makes the file, the environment, the flags, the help and the reference.

Order: flag > PROVISIONER_NAME > provisioner.toml > default.  A list in the environment is separated by commas.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.errors import SettingsError

FILE_NAME = "provisioner.toml"
SEARCHED = ("/etc/provisioner/" + FILE_NAME,)


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One row of the table."""

    name: str
    "In the file; PROVISIONER_NAME in the environment, --name on the command line."

    type: type
    "str, int, float or list (of str)."

    default: Any
    "Value where nobody says anything."

    summary: str
    "One line for people."

    example: str
    "As it could stand in the file."


SETTINGS: tuple[SettingSpec, ...] = (
    SettingSpec(
        "devices",
        str,
        "devices",
        "folder of phones, groups, sites and defaults",
        'devices = "/srv/phones"',
    ),
    SettingSpec(
        "templates",
        str,
        "",
        "folder of the templates; empty means those that came with the program",
        'templates = "templates"',
    ),
    SettingSpec(
        "state",
        str,
        "state",
        "folder of what happened: journal, published files; readable by its owner alone",
        'state = "/var/lib/provisioner"',
    ),
    SettingSpec(
        "database",
        str,
        "",
        "URL of a PostgreSQL for what happened, without password, or sqlite; empty means what was used last",
        'database = "postgresql://provisioner@db.example.com/provisioner"',
    ),
    SettingSpec(
        "http",
        str,
        ":8080",
        "address of the phones' HTTP listener; :0 takes a free port, off turns it off",
        'http = ":80"',
    ),
    SettingSpec(
        "https",
        str,
        "off",
        "address of the phones' HTTPS listener",
        'https = ":443"',
    ),
    SettingSpec(
        "tftp",
        str,
        ":69",
        "address of the TFTP listener",
        'tftp = ":6969"',
    ),
    SettingSpec(
        "sip",
        str,
        "off",
        "address of the SIP registrar over UDP and TCP",
        'sip = ":5060"',
    ),
    SettingSpec(
        "sips",
        str,
        "off",
        "address of the SIP registrar over TLS; without a certificate it makes its own",
        'sips = ":5061"',
    ),
    SettingSpec(
        "realm",
        str,
        "provisioner",
        "realm of the registrar's digest challenges",
        'realm = "example.com"',
    ),
    SettingSpec(
        "media",
        str,
        "silence",
        "what phones hear in calls with the SIP stub: silence, tone, or off for no RTP at all",
        'media = "tone"',
    ),
    SettingSpec(
        "media_ports",
        str,
        "16384-17407",
        "UDP ports of RTP and RTCP in such calls, two for each",
        'media_ports = "20000-20099"',
    ),
    SettingSpec(
        "people",
        str,
        "127.0.0.1:8081",
        "address of the listener for people, health checks and metrics",
        'people = "127.0.0.1:8081"',
    ),
    SettingSpec(
        "advertise",
        str,
        "",
        "host name or address that phones reach this server by; empty means guess",
        'advertise = "10.1.0.5"',
    ),
    SettingSpec(
        "allow",
        list,
        [],
        "networks that phones are in; empty means loopback and the networks of this machine",
        'allow = ["10.1.0.0/16"]',
    ),
    SettingSpec(
        "certificate",
        str,
        "",
        "PEM file with the HTTPS certificate and its chain",
        'certificate = "/etc/provisioner/server.pem"',
    ),
    SettingSpec(
        "certificate_key",
        str,
        "",
        "PEM file with its key, if it is not in the same file",
        'certificate_key = "/etc/provisioner/server.key"',
    ),
    SettingSpec(
        "tls_minimum",
        str,
        "1.2",
        "oldest TLS version for phones: 1.0, 1.1, 1.2 or 1.3",
        'tls_minimum = "1.0"',
    ),
    SettingSpec(
        "workers",
        int,
        2,
        "processes that answer HTTP",
        "workers = 4",
    ),
    SettingSpec(
        "sip_port",
        int,
        5060,
        'port that server = "@stub" means for UDP and TCP where no registrar of ours listens',
        "sip_port = 5060",
    ),
    SettingSpec(
        "sips_port",
        int,
        5061,
        'port that server = "@stub" means for TLS where no registrar of ours listens',
        "sips_port = 5061",
    ),
    SettingSpec(
        "poll_seconds",
        float,
        2.0,
        "how often the folders are looked at for edits (s)",
        "poll_seconds = 10.0",
    ),
    SettingSpec(
        "journal_days",
        int,
        30,
        "how long decisions are kept (days)",
        "journal_days = 90",
    ),
    SettingSpec(
        "drain_seconds",
        float,
        10.0,
        "how long transfers may go on after SIGTERM (s)",
        "drain_seconds = 60.0",
    ),
)

_RANGES = {
    "workers": (1, 64),
    "sip_port": (1, 65535),
    "sips_port": (1, 65535),
    "journal_days": (1, 36500),
    "poll_seconds": (0.1, 86400),
    "drain_seconds": (0, 3600),
}

BY_NAME: Mapping[str, SettingSpec] = {spec.name: spec for spec in SETTINGS}


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and who gave it."""

    value: Any
    "Of the type of its row."

    origin: str
    "`default`, `provisioner.toml:4`, `PROVISIONER_HTTP` or `--http`."


class Settings:
    """All settings: `settings[\"http\"]`; relative folders are relative to the file that names them."""

    def __init__(self, values: Mapping[str, Setting]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name].value

    def origin(self, name: str) -> str:
        """Return who gave the value."""
        return self._values[name].origin

    def path(self, name: str) -> Path:
        """Return a folder or file setting as a path."""
        return Path(self[name])

    def items(self) -> list[tuple[SettingSpec, Setting]]:
        """Return every row with its value, in the order of the table."""
        return [(spec, self._values[spec.name]) for spec in SETTINGS]


def load_settings(
    config: str | None, flags: Mapping[str, Any], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Settings:
    """Return all settings, or raise SettingsError naming file, line, what was seen and the nearest name.

    `flags` holds the options that were given (None is not given); `folder` is where the file is looked for.
    """
    environment = os.environ if environment is None else environment
    values = {spec.name: Setting(spec.default, "default") for spec in SETTINGS}
    file = _find(config, environment, folder or Path())
    if file is not None:
        values.update(_from_file(file))
    for spec in SETTINGS:
        name = "PROVISIONER_" + spec.name.upper()
        if name in environment:
            values[spec.name] = Setting(_from_text(spec, environment[name], name), name)
        if flags.get(spec.name) not in (None, ()):
            flag = "--" + spec.name.replace("_", "-")
            given = flags[spec.name]
            value = list(given) if spec.type is list else _from_text(spec, str(given), flag)
            values[spec.name] = Setting(value, flag)
    settings = Settings(values)
    _check(settings)
    return settings


def _find(config: str | None, environment: Mapping[str, str], folder: Path) -> Path | None:
    named = config or environment.get("PROVISIONER_CONFIG")
    if named:
        if not Path(named).is_file():
            who = "--config" if config else "PROVISIONER_CONFIG"
            raise SettingsError(f"{who} names {named}, which is not a file", hint="correct the path")
        return Path(named)
    return next((path for path in (folder / FILE_NAME, *map(Path, SEARCHED)) if path.is_file()), None)


def _from_file(file: Path) -> dict[str, Setting]:
    try:
        text = file.read_text("utf-8")
        data = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: {error}", hint="correct the file") from None
    found = {}
    for name, value in data.items():
        line = next(
            (at for at, row in enumerate(text.splitlines(), 1) if row.lstrip().partition("=")[0].strip().strip("\"'") == name), 0
        )
        place = f"{file}:{line}" if line else str(file)
        spec = BY_NAME.get(name)
        if spec is None:
            near = difflib.get_close_matches(name, BY_NAME, 1)
            raise SettingsError(
                f'{place}: there is no setting "{name}"',
                hint=f'did you mean "{near[0]}"?' if near else "see `provisioner settings`",
            )
        is_right = (isinstance(value, spec.type) and not isinstance(value, bool)) or (spec.type is float and type(value) is int)
        if not is_right or (spec.type is list and not all(isinstance(item, str) for item in value)):
            raise SettingsError(f"{place}: {name} is {value!r}", hint=f"write it as in: {spec.example}")
        if name in ("devices", "templates", "state", "certificate", "certificate_key") and value:
            value = str(file.parent / value)
        found[name] = Setting(float(value) if spec.type is float else value, place)
    return found


def _from_text(spec: SettingSpec, text: str, who: str) -> Any:
    if spec.type is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return spec.type(text)
    except ValueError:
        raise SettingsError(f"{who} is {text!r}, not a number", hint=f"write it as in: {spec.example}") from None


def _check(settings: Settings) -> None:
    from provisioner.address import parse_listen

    for name in ("http", "https", "tftp", "sip", "sips", "people"):
        try:
            parse_listen(settings[name])
        except ValueError as error:
            raise SettingsError(f"{settings.origin(name)}: {name} {error}", hint=BY_NAME[name].example) from None
    for name, (low, high) in _RANGES.items():
        if not low <= settings[name] <= high:
            raise SettingsError(f"{settings.origin(name)}: {name} is {settings[name]}", hint=f"choose from {low} to {high}")
    if settings["tls_minimum"] not in ("1.0", "1.1", "1.2", "1.3"):
        raise SettingsError(
            f"{settings.origin('tls_minimum')}: tls_minimum is {settings['tls_minimum']}", hint="1.0, 1.1, 1.2 or 1.3"
        )
    if settings["media"] not in ("silence", "tone", "off"):
        raise SettingsError(f"{settings.origin('media')}: media is {settings['media']}", hint="silence, tone or off")
    _check_database(settings)
    if settings["https"] != "off" and not settings["certificate"]:
        raise SettingsError(
            f"{settings.origin('https')}: https is on and there is no certificate",
            hint='give --certificate FILE, or https = "off"',
        )


def _check_database(settings: Settings) -> None:
    from provisioner.database_url import DRIVER, has_secret, read_url

    if settings["database"] in ("", "sqlite"):
        return
    origin = settings.origin("database")
    url = read_url(settings["database"])  # as the driver reads it: a password is one for both
    if url is None or url.drivername != DRIVER:
        raise SettingsError(f"{origin}: database is neither sqlite nor the URL of a PostgreSQL", hint=BY_NAME["database"].example)
    if has_secret(url):
        raise SettingsError(
            f"{origin}: the URL of the database holds a password",
            hint="leave it out, and write it into ~/.pgpass or into the file that PGPASSFILE names",
        )
