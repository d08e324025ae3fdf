"""The command line of sipstub, as its own process would run it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from phone_servers import http_server, ok

from sipstub.cli import main

HEAD = b"#!version:1.0.0.1\n"
MODELS = str(Path(__file__).parents[2] / "templates" / "yealink" / "models.toml")
ARGUMENTS = ["phone", "--mac", "00-15-65-AA-BB-CC", "--model", "t46g", "--models", MODELS, "--timeout", "2"]


def run(arguments: list[str], answers: dict[str, bytes]) -> int:
    """Return the exit code of the command, run in a thread beside the server; `URL` stands for the server's."""

    async def scenario() -> int:
        async with http_server(answers) as server:
            given = [f"http://127.0.0.1:{server.port}/" if text == "URL" else text for text in arguments]
            return await asyncio.to_thread(_code, given)

    return asyncio.run(scenario())


def _code(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def test_a_boot_prints_one_line_per_file_and_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ARGUMENTS, "--url", "URL"], {"/001565aabbcc.cfg": ok(HEAD + b"a.password = s3cret\n")}) == 0
    first, second, summary = capsys.readouterr().out.splitlines()
    assert first == "y000000000028.cfg  not-found  HTTP 404"
    assert second.startswith("001565aabbcc.cfg   received  38 bytes  md5 ")
    assert summary == "001565aabbcc  T46G  28.80.0.60  http  provisioned, 1 settings changed"


def test_json_twice_shows_the_unchanged_pass_and_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ARGUMENTS, "--url", "URL", "--json", "--again"], {"/001565aabbcc.cfg": ok(HEAD + b"a.password = s3cret\n")}) == 0
    text = capsys.readouterr().out
    first, again = json.loads(text)
    assert (first["unchanged"], again["unchanged"]) == (False, True)
    assert first["changed"] == ["a.password"]
    assert "s3cret" not in text


def test_a_phone_without_its_file_is_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ARGUMENTS, "--url", "URL"], {}) == 1
    assert "note: no 001565aabbcc.cfg" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([*ARGUMENTS, "--url", "ftp://server/"], 1, "use tftp, http or https"),
        (["phone", "--url", "http://x", "--mac", "1", "--model", "T46G", "--models", MODELS], 1, "not a MAC address"),
        (["phone", "--url", "http://x", "--mac", "001565aabbcc", "--model", "T47G", "--models", MODELS], 1, "did you mean"),
        (["phone", "--url", "http://x", "--mac", "001565aabbcc", "--model", "T46G", "--models", "/nowhere"], 1, "--models FILE"),
        (["phone"], 2, "Missing option"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_a_wrong_call_says_what_to_do(arguments: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _code(arguments) == code
    assert text in capsys.readouterr().err


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_parse_cfg_prints_faults_and_no_value(form: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.cfg"
    path.write_bytes(HEAD + b"a.password = s3cret\na.password = s3cret\n")
    assert _code(["parse-cfg", str(path), *form]) == 1
    text = capsys.readouterr().out
    assert "repeated-key" in text
    assert "s3cret" not in text
    path.write_bytes(HEAD + b"a = 1\n")
    assert _code(["parse-cfg", str(path), *form]) == 0


def test_the_facts_about_models_are_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["phone", "--mac", "001565aabbcc", "--model", "t46g", "--timeout", "2", "--url", "URL"]
    assert run(arguments, {"/001565aabbcc.cfg": ok(HEAD + b"a = 1\n")}) == 0
    assert "provisioned, 1 settings changed" in capsys.readouterr().out
