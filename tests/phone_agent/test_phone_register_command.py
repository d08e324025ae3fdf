"""`sipstub phone --register` as its own process would run it, beside a provisioning server and a registrar."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from phone_wire import BASE
from provisioning_server import provisioning
from stub_server import HOST, stub_server

from sipstub.cli import main
from sipstub.phone.disobey import MUTANTS

MODELS = str(Path(__file__).parents[2] / "templates" / "yealink" / "models.toml")
MAC = "001565ad0001"
PHONE = ["phone", "--mac", MAC, "--model", "T46G", "--models", MODELS, "--timeout", "10", "--seed", "1"]


def code_of(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def run(arguments: list[str], **changes: str) -> int:
    """Return the exit code of the command, run in a thread beside both servers."""

    async def scenario() -> int:
        async with stub_server(["1001"]) as stub, provisioning() as server:
            told = {**BASE, "account.1.auth_name": "", "account.1.sip_server.1.address": HOST}
            told["account.1.sip_server.1.port"] = str(stub.port("udp"))
            told |= {name.replace("__", "."): value for name, value in changes.items()}
            lines = "".join(f"{name} = {value}\n" for name, value in told.items())
            server.files[f"/{MAC}.cfg"] = b"#!version:1.0.0.1\n" + lines.encode()
            return await asyncio.to_thread(code_of, [*PHONE, "--url", server.url, *arguments])

    return asyncio.run(scenario())


def test_it_boots_registers_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--register", "--leave"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4].endswith("provisioned, 7 settings changed")
    assert lines[-3:] == [
        "account 1  registered at server 1 for 3600 s",
        "account 1  unregistered at server 1",
        "registered",
    ]


def test_a_wrong_password_is_exit_1_and_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--register", "--for", "0.5"], account__1__password="not-the-one") == 1
    text = capsys.readouterr().out
    assert "registration at server 1 failed: 40" in text
    assert text.splitlines()[-1] == "not registered"
    assert "not-the-one" not in text


def test_json_has_the_events(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--register", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["registered"] is True
    assert found["events"] == [{"event": "Registered", "account": 1, "server": 1, "granted_s": 3600, "is_renewal": False}]


def test_disobey_is_seen_in_the_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "phone.pcapng"
    assert run(["--register", "--disobey", "wrong-expires", "--disobey", "no-display-name", "--record", str(path)]) == 0
    data = path.read_bytes()
    assert data[:4] == b"\x0a\x0d\x0d\x0a"
    assert b"Expires: 7200" in data
    assert b"From: <sip:1001@" in data
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_call_to_nobody_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--register", "--call", "4711"]) == 0
    assert "call to the other side ended: " in capsys.readouterr().out


def test_disobey_list_shows_all_and_wants_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(["phone", "--disobey", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(MUTANTS)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--register", "--disobey", "wrong-expire"], 1, "did you mean 'wrong-expires'?"),
        (["--disobey", "wrong-expires"], 2, "want --register"),
        (["--for", "5"], 2, "want --register"),
        (["--register", "--again"], 2, "--again boots without registering"),
        (["--register", "--answer", "sing"], 2, "sing"),
    ],
)
def test_a_wrong_call_says_what_to_do(arguments: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of([*PHONE, "--url", "http://127.0.0.1:9/", *arguments]) == code
    assert text in capsys.readouterr().err
