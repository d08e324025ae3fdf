"""`sipstub ladder`: every output, its exit codes, no secret in what it writes; and the page about it is right."""

from __future__ import annotations

import io
import json
import re
import stat
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest
from capture_samples import a_datagram, a_pcap
from click.testing import CliRunner, Result
from message_samples import a_registration, a_request

from sipstub.cli import cli
from sipstub.ladder_command import ladder_command
from sipstub.trace import record
from sipstub.trace.capture import ip_layer, packet_file, reading, sip_stream, tcp_stream
from sipstub.trace.ladder import flow, party
from sipstub.trace.opening import open_recording
from sipstub.trace.pcapng_writer import write_pcapng

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/reference/captures.md").read_text("utf-8")
OF_ONE_ARROW = {
    "MAX_PINS",
    "MAX_PIN_TEXT",
    "MAX_NAME",
    "MAX_ENDPOINTS",
    "MAX_NOTES",
    "MAX_TEXT",
    "MAX_LISTENERS",
    "MAX_UDP_PAYLOAD",
}
SECRETS = ("0123456789abcdef", "c0ffee")


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Return the sample registration and a request of another call as tcpdump would have captured them."""
    packets = [
        (one.at, a_datagram(one.data, source=one.source.host, target=one.target.host, ports=(one.source.port, one.target.port)))
        for one in a_registration()
    ]
    other = a_datagram(a_request("OPTIONS", call_id="other"), source="127.0.0.1", target="127.0.5.1", ports=(5060, 5062))
    path = tmp_path / "lobby.pcap"
    path.write_bytes(a_pcap([*packets, (1_700_000_001.0, other)]))
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["ladder", *map(str, words)], standalone_mode=False)


def test_the_ladder_is_printed(capture: Path) -> None:
    result = run(capture, "--name", "127.0.5.1=t46g-lobby", "--name", "127.0.0.1:5060=pbx")
    assert result.return_value == 0
    lines = result.output.splitlines()
    assert "t46g-lobby" in lines[0] and "pbx" in lines[0] and lines[3].endswith("|   MD5 qop auth"), result.output
    assert len(lines) == 8 and not any(secret in result.output for secret in SECRETS)


def test_one_call_only(capture: Path) -> None:
    assert run(capture, "--call-id", "other").output.count("OPTIONS") == 1
    result = run(capture, "--call-id", "nothing")
    assert result.return_value == 1 and result.output.startswith("no messages")


def test_json_has_parties_and_rows(capture: Path) -> None:
    found = json.loads(run(capture, "--json").output)
    assert [party["endpoints"] for party in found["parties"]] == [["udp 127.0.5.1:5062"], ["udp 127.0.0.1:5060"]]
    assert [row["label"] for row in found["rows"]] == ["REGISTER", "401 nonce 1", "REGISTER", "200 Fine", "OPTIONS"]
    assert found["messages"] == 5 and found["rows"][2]["remark"] == "nonce 1, nc 1, expires 3600"


def test_a_recording_as_json_is_read(capture: Path, tmp_path: Path) -> None:
    run(capture, "--record", tmp_path / "r.json")
    assert run(tmp_path / "r.json").output == run(capture).output


def test_pictures_and_pages_are_written(capture: Path, tmp_path: Path) -> None:
    assert run(capture, "--svg", tmp_path / "o.svg", "--html", tmp_path / "o.html").return_value == 0
    title = ET.parse(tmp_path / "o.svg").getroot().find("{http://www.w3.org/2000/svg}title")
    assert title is not None and title.text == "SIP of lobby.pcap"
    page = (tmp_path / "o.html").read_text("utf-8")
    assert page.count("<svg") == page.count("<table") == 1
    assert not any(secret in page for secret in SECRETS)


@pytest.mark.needs("rsvg-convert")
def test_the_picture_is_one_for_other_programs_too(capture: Path, tmp_path: Path) -> None:
    run(capture, "--svg", tmp_path / "o.svg")
    subprocess.run(["rsvg-convert", tmp_path / "o.svg", "-o", tmp_path / "o.png"], check=True, capture_output=True)
    assert (tmp_path / "o.png").stat().st_size > 10_000


@pytest.mark.parametrize("option", ["--pcap", "--record"])
def test_what_is_written_has_no_secrets_unless_asked_for_and_is_then_private(option: str, capture: Path, tmp_path: Path) -> None:
    run(capture, option, tmp_path / "masked")
    run(capture, option, tmp_path / "whole", "--keep-secrets")
    masked, whole = open_recording(tmp_path / "masked"), open_recording(tmp_path / "whole")
    assert [message.number for message in masked.messages] == [message.number for message in whole.messages] == [1, 2, 3, 4, 5]
    assert [message.is_inbound for message in masked.messages] == [True, False, True, False, False]
    assert not masked.is_own and not whole.is_own
    for secret in SECRETS:
        assert secret.encode() not in (tmp_path / "masked").read_bytes()
        assert secret.encode() in (tmp_path / "whole").read_bytes()
    assert stat.S_IMODE((tmp_path / "whole").stat().st_mode) == 0o600


def test_two_messages_side_by_side(capture: Path) -> None:
    result = run(capture, "--diff", 1, 3)
    assert re.search(r"^CSeq: 1 REGISTER +\| CSeq: 2 REGISTER$", result.output, re.MULTILINE)
    assert not any(secret in result.output for secret in SECRETS)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--diff", 1, 99), "no message 99"),
        (("--name", "lobby"), "HOST=NAME"),
        (("--svg", "/nowhere/at/all.svg"), "cannot be written"),
    ],
)
def test_wrong_calls_say_what_is_wrong(words: tuple[object, ...], says: str, capture: Path) -> None:
    result = run(capture, *words)
    assert says in str(result.exception.format_message())  # type: ignore[union-attr]


def test_a_file_that_is_no_capture_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("hello")
    result = run(tmp_path / "x.txt")
    assert "neither pcap nor pcapng" in str(result.exception)


def test_a_capture_of_the_stub_calls_it_the_stub(tmp_path: Path) -> None:
    stream = io.BytesIO()
    write_pcapng(stream, a_registration())
    (tmp_path / "own.pcapng").write_bytes(stream.getvalue())
    assert "stub" in run(tmp_path / "own.pcapng").output.splitlines()[0]


def test_every_option_is_on_the_page() -> None:
    for option in ladder_command.params:
        for word in option.opts:
            if word.startswith("--"):
                assert f"`{word}" in PAGE, word


def test_the_ladder_on_the_page_is_the_one_that_is_printed(capture: Path) -> None:
    shown = re.search(r"\$ sipstub ladder lobby.pcap --name 127.0.5.1=t46g-lobby --call-id one@example\n((?:    .*\n)+)", PAGE)
    assert shown is not None
    lines = [line[4:] for line in shown[1].splitlines()]
    assert run(capture, "--name", "127.0.5.1=t46g-lobby", "--call-id", "one@example").output.splitlines() == lines


@pytest.mark.parametrize("module", [record, ip_layer, packet_file, reading, sip_stream, tcp_stream, flow, party])
def test_every_bound_is_on_the_page(module: ModuleType) -> None:
    bounds = {name: value for name, value in vars(module).items() if name.startswith("MAX_") and name not in OF_ONE_ARROW}
    assert bounds
    for name, value in bounds.items():
        assert f"| `{name}` | {int(value):,} |" in PAGE, name
