"""The how-to that begins with an SBC and two phones: its file, its commands and its table, with SIPp and sipsak for phones."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ports import free_port

from sipstub.sbc.settings.reading import read_settings

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "try-the-sbc.md").read_text("utf-8")
INDENTED = [
    textwrap.dedent(block).strip() + "\n" for block in re.findall(r"(?:^    .*\n|^\n)+", PAGE, re.MULTILINE) if block.strip()
]
SITE = INDENTED[0]
ROWS = re.findall(r"^\| `(\w+) = (\S+)` (under|in) .*\| (.*) \|$", PAGE, re.MULTILINE)


def sipstub(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-c", "from sipstub.cli import main; main()", *arguments]


class Lab:
    """The process of the how-to, on ports that are free here."""

    def __init__(self, folder: Path, site: str = SITE) -> None:
        self.folder = folder
        self.ports = {"5070": free_port(), "5060": free_port()}
        (folder / "sbc.toml").write_text(self._here(site))
        (start,) = [line for line in PAGE.splitlines() if line.strip().startswith("sipstub serve")]
        (folder / "password.txt").write_text("secret\n")
        command = sipstub(*self._here(start).split()[1:], "--ready-file", "ready", "--media-ports", "20000-20999")
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("2 users of realm"):
                break
        else:
            pytest.fail(self.process.communicate()[1])

    def _here(self, text: str) -> str:
        text = text.replace("192.0.2.10", "127.0.0.1")
        return re.sub(r"\b50[67]0\b", lambda found: str(self.ports[found[0]]), text)

    def register(self, user: str, port: int) -> str:
        who = ["-u", user, "-a", "secret", "-C", f"sip:{user}@127.0.0.1:{port}", "-x", "300"]
        command = ["sipsak", "-U", "-i", "-S", "-l", str(port), *who, "-s", f"sip:{user}@127.0.0.1:{self.ports['5070']}", "-vvv"]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout

    def call(self, port: int) -> str:
        """SIPp calls 101 from `port`, where 100 registered, and hangs up; return what SIPp heard."""
        command = [
            "sipp", "-sn", "uac", "-m", "1", "-s", "101", "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-timeout", "20",
            "-trace_msg", "-message_file", "caller.log", f"127.0.0.1:{self.ports['5070']}",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=40, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        return (self.folder / "caller.log").read_text()

    def end(self) -> str:
        """Return what it said, after Ctrl-C."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return "".join(self.process.communicate(timeout=30))


@contextmanager
def answering(port: int) -> Iterator[None]:
    command = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-nostdin"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def test_the_file_has_no_errors_and_neither_has_it_with_any_line_of_the_table() -> None:
    assert len(ROWS) == 4
    for name, value, where, _ in [("", "", "under", ""), *ROWS]:
        site = SITE
        if name and where == "under":
            site = site.replace("[settings]\n", f"[settings]\n{name} = {value}\n")
        elif name:
            site = site.replace('SBCSessionExpiresMode = "supported"', f"{name} = {value}")
            assert site != SITE
        reading = read_settings(site.encode(), "sbc.toml")
        assert not reading.errors and not [problem for problem in reading.problems if problem.severity == "warning"]


@pytest.mark.needs("sipp", "sipsak")
def test_two_phones_register_and_call_each_other_as_the_page_says(tmp_path: Path) -> None:
    lab, caller, called = Lab(tmp_path), free_port(), free_port()
    try:
        assert "SIP/2.0 200" in lab.register("100", caller) and "SIP/2.0 200" in lab.register("101", called)
        with answering(called):
            heard = lab.call(caller)
    finally:
        said = lab.end()
    assert re.search(rf"created sip:100@registrar.invalid at sip:FEU\S+@127.0.0.1:{lab.ports['5070']};transport=udp ", said), said
    assert "BYE" in heard
    drawn: Any = subprocess.run(sipstub("ladder", "lab.pcapng"), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert drawn.stdout.count("INVITE") >= 2 and "Session-Expires" not in drawn.stderr
