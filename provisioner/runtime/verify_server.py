"""The server that `verify` works with: the one that runs on the state folder, or one of its own for as long as it takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provisioner.address import parse_listen
from provisioner.errors import EnvironmentProblem
from provisioner.runtime.sip_sbc import SbcChoice
from provisioner.services.listener import bind
from provisioner.settings import Settings

START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 30.0
MAX_SAID = 2_000
POLL_S = 0.05
HANDED_ON = (
    "devices templates state database http https tftp sip sips realm media media_ports advertise allow certificate "
    "certificate_key tls_minimum"
).split()
"Settings that its own server gets as flags; the people listener takes a free port."
FALLBACK = {"http": ":0", "tftp": "off"}
"What is taken where nobody chose a port and the usual one cannot be had."


class OwnServer:
    """`provisioner serve` in a process of its own, in a session of its own: Ctrl-C reaches `verify` only, which ends it."""

    def __init__(self, settings: Settings, *, only_sip: bool = False, sbc: SbcChoice | None = None) -> None:
        """Start it on the settings of this folder; SIP on port 5060 if the settings have it off.

        With `only_sip` a server without SIP runs there already, and this one stands beside it; with `sbc` phones find that SBC.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="provisioner-verify-")
        self._log = Path(self._folder.name) / "server.log"
        self._ready = Path(self._folder.name) / "ready.json"
        self.facts: dict[str, Any] = {}
        command = [sys.executable, "-m", "provisioner", "serve", *_flags(settings), "--ready-file", str(self._ready), "--quiet"]
        command += ["--only-sip"] if only_sip else []
        command += sbc_flags(sbc) if sbc is not None else []
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 (our own program)

    def wait(self) -> None:
        """Return when it is ready; EnvironmentProblem in its own words if it is not."""
        deadline = time.monotonic() + START_TIMEOUT_S
        pause = threading.Event()
        while not self._ready.is_file():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._log.read_text("utf-8", "replace").strip()[:MAX_SAID].removeprefix("error: ")
                hint = "start `provisioner serve --sip :5060` on this folder, or name free ports: --http :0 --tftp :0 --sip :0"
                raise EnvironmentProblem(f"no server of its own: {said or 'no reason given'}", hint=hint, code="own-server")
            pause.wait(POLL_S)
        import json

        self.facts = json.loads(self._ready.read_text("utf-8"))

    @property
    def is_running(self) -> bool:
        """Return whether it has not ended."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it in order; what it wrote into the state folder stays."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._folder.cleanup()


def sbc_flags(sbc: SbcChoice) -> list[str]:
    """Return the options of `serve` that have this SBC stand before the registrar."""
    flags = ["--sbc", str(sbc.file)]
    flags += ["--phone-group", sbc.phone_group] if sbc.phone_group else []
    return flags + (["--far-group", sbc.far_group] if sbc.far_group else [])


def has_sbc(facts: dict[str, Any], sbc: SbcChoice) -> bool:
    """Return whether phones find this very SBC at a server."""
    told: dict[str, Any] = facts.get("sbc") or {}
    return told.get("mark") == sbc.mark


def _flags(settings: Settings) -> list[str]:
    flags = ["--people", "127.0.0.1:0"]
    for name in HANDED_ON:
        value = settings[name]
        if name == "sip" and value == "off":
            value = f":{settings['sip_port'] or 5060}"
        if name in FALLBACK and settings.origin(name) == "default" and not _is_free(name, value):
            value = FALLBACK[name]
        for one in value if isinstance(value, list) else [value]:
            if one != "":
                flags += ["--" + name.replace("_", "-"), str(one)]
    return flags


def _is_free(scheme: str, text: str) -> bool:
    listen = parse_listen(text)
    try:
        if listen is not None:
            bind(scheme, listen).close()
    except EnvironmentProblem:
        return False
    return True


def has_sip(facts: dict[str, Any]) -> bool:
    """Return whether phones can register at a server."""
    return bool(_sip_urls(facts))


def shown(facts: dict[str, Any]) -> str:
    """Return where phones reach a server, for people."""
    urls: Sequence[str] = [str(facts[name]["url"]) for name in ("http", "https", "tftp") if facts.get(name)]
    return "  ".join([*urls, *_sip_urls(facts)])


def _sip_urls(facts: dict[str, Any]) -> list[str]:
    return [str(facts[name]["url"]) for name in ("sip", "sips") if facts.get(name)]
