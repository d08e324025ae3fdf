"""The URL of option 66: which listener, which host, and that nothing in it can leave its string."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.errors import SettingsError
from provisioner.runtime.bound import READY_FILE, read_bound
from provisioner.runtime.dhcp.url import check_host, check_url, phone_url
from provisioner.settings import Settings, load_settings


def settings_of(folder: Path, **flags: str) -> Settings:
    return load_settings(None, {"state": str(folder / "state"), **flags}, {}, folder)


def url_of(folder: Path, scheme: str | None = None, **flags: str) -> str:
    settings = settings_of(folder, **flags)
    return phone_url(settings, read_bound(settings), scheme=scheme).text


def record_of(pid: int | None = None, **listeners: list[str] | None) -> dict[str, object]:
    shown = {name: {"url": "", "port": 0, "listen": listen} if listen else None for name, listen in listeners.items()}
    return {"pid": os.getpid() if pid is None else pid, "version": "0", "advertise": "10.1.0.7", **shown}


def leave_record(folder: Path, record: object) -> None:
    (folder / "state").mkdir(exist_ok=True)
    (folder / "state" / "ready.json").write_text(json.dumps(record), "utf-8")


@pytest.mark.parametrize(
    ("flags", "url"),
    [
        ({"advertise": "10.1.0.5"}, "http://10.1.0.5:8080/"),
        ({"advertise": "10.1.0.5", "http": ":80"}, "http://10.1.0.5/"),
        ({"advertise": "2001:DB8::5", "http": ":80"}, "http://[2001:db8::5]/"),
        ({"advertise": "[2001:db8::5]"}, "http://[2001:db8::5]:8080/"),
        ({"advertise": "provisioning.example"}, "http://provisioning.example:8080/"),
        ({"advertise": "10.1.0.5", "http": "off"}, "tftp://10.1.0.5/"),
        ({"advertise": "10.1.0.5", "http": "off", "https": ":443", "certificate": "x.pem"}, "https://10.1.0.5/"),
        ({"http": "10.1.0.9:8080"}, "http://10.1.0.9:8080/"),
    ],
)
def test_the_url_names_the_advertised_host_and_the_port_where_it_is_unusual(
    tmp_path: Path, flags: dict[str, str], url: str
) -> None:
    assert url_of(tmp_path, **flags) == url


def test_tftp_can_be_asked_for(tmp_path: Path) -> None:
    assert url_of(tmp_path, "tftp", advertise="10.1.0.5", tftp=":6969") == "tftp://10.1.0.5:6969/"


def test_a_server_that_runs_tells_its_real_ports_and_host(tmp_path: Path) -> None:
    leave_record(tmp_path, record_of(http=["0.0.0.0:43117", "[::]:43117"], tftp=["0.0.0.0:43118"], https=None))
    assert url_of(tmp_path) == "http://10.1.0.7:43117/"
    assert url_of(tmp_path, "tftp") == "tftp://10.1.0.7:43118/"
    assert url_of(tmp_path, http=":81") == "http://10.1.0.7:81/", "a flag of this very call comes first"


def test_a_listener_that_the_running_server_does_not_have_is_off(tmp_path: Path) -> None:
    leave_record(tmp_path, record_of(http=["0.0.0.0:43117"], tftp=None))
    with pytest.raises(SettingsError, match="tftp is off"):
        url_of(tmp_path, "tftp", advertise="10.1.0.5")


def test_the_record_of_a_server_that_has_ended_counts_for_nothing(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(timeout=20)
    leave_record(tmp_path, record_of(ended.pid, http=["0.0.0.0:43117"]))
    assert url_of(tmp_path, advertise="10.1.0.5") == "http://10.1.0.5:8080/"


def test_a_ready_file_comes_before_the_state_folder(tmp_path: Path) -> None:
    leave_record(tmp_path, record_of(http=["0.0.0.0:1"]))
    ready = tmp_path / "elsewhere.json"
    ready.write_text(json.dumps(record_of(http=["10.1.0.5:2"])), "utf-8")
    settings = settings_of(tmp_path)
    assert phone_url(settings, read_bound(settings, ready)).text == "http://10.1.0.7:2/"


def test_the_record_is_looked_for_where_serve_writes_it() -> None:
    from provisioner.runtime import serve

    assert serve.READY_FILE == READY_FILE


@pytest.mark.parametrize(
    "record",
    [
        "no json",
        "[]",
        "{}",
        '{"pid": 1}',
        '{"pid": "x", "http": {"listen": ["10.1.0.9:1"]}}',
        '{"pid": 0, "http": {"listen": ["10.1.0.9:1"]}}',
        '{"pid": 1e400, "http": {"listen": ["10.1.0.9:1"]}}',
        '{"pid": 99999999999999999999, "http": {"listen": ["10.1.0.9:1"]}}',
        '{"http": {"listen": ["10.1.0.9:1"]}}',
        '{"pid": 1, "http": {"listen": [7, "x", "off"]}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_record_counts_as_none(tmp_path: Path, record: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ready.json").write_text(record, "utf-8")
    assert url_of(tmp_path, advertise="10.1.0.5") == "http://10.1.0.5:8080/"


def test_a_hostile_record_is_refused_like_a_hostile_setting(tmp_path: Path) -> None:
    leave_record(tmp_path, {**record_of(http=["0.0.0.0:80"]), "advertise": 'x"\ndhcp-script=/bin/sh'})
    with pytest.raises(SettingsError, match=r"the host in .*ready\.json"):
        url_of(tmp_path)


def test_a_free_port_is_no_port_to_tell_phones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="takes a free port"):
        url_of(tmp_path, http=":0", advertise="10.1.0.5")


def test_a_guessed_host_is_called_a_guess(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert "guess" in phone_url(settings, read_bound(settings)).notes[0]


@pytest.mark.parametrize("flags", [{"advertise": "127.0.0.1"}, {"http": "127.0.0.1:8080", "advertise": "10.1.0.5"}])
def test_a_loopback_server_is_said_to_be_out_of_reach(tmp_path: Path, flags: dict[str, str]) -> None:
    settings = settings_of(tmp_path, **flags)
    assert "no phone can reach it" in phone_url(settings, read_bound(settings)).notes[-1]


HOSTILE = [
    'a"b', "a'b", "a\nb", "a\r\nb", "a b", "a;b", "a{b", "a}b", "a\\b", "a,b", "a/b", "a#b", "a@b", "a`b", "a$b", "a:b", "a\0b",
    "", ".", "a..b", "-a", "a-", "x" * 64, "a." * 130 + "a", "10.1.0.999", "10.1.0.5:8080", "fe80::1%eth0", "0.0.0.0", "::",
    "224.0.1.75", "ä.example", "10.1.0.5\n", "[10.1.0.5", "%0a",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTILE)
def test_a_host_that_could_leave_its_string_or_that_no_phone_can_use_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="neither a host name nor an address"):
        check_host(host, "advertise")


@pytest.mark.parametrize("mark", list("\"'`\n\r\t \\;{}(),#?<>|&!*^\0\x7fé"))
def test_a_url_with_a_character_that_means_something_to_a_dhcp_server_is_refused(mark: str) -> None:
    with pytest.raises(SettingsError, match="no URL of a folder"):
        check_url(f"http://10.1.0.5/a{mark}b/", "--url")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "10.1.0.5",
        "gopher://10.1.0.5/",
        "http:///x",
        "http://10.1.0.5:0/",
        "http://10.1.0.5:x/",
        "http://[::1/",
        "http://a..b/",
        "http://10.1.0.999/",
        "http://[fe80::1%25eth0]/",
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        check_url(url, "--url")


def test_credentials_in_the_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        check_url("http://phone:s3cret@10.1.0.5/", "--url")
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_url_longer_than_an_option_is_refused() -> None:
    fits = "http://10.1.0.5/" + "x" * (255 - 16)
    assert check_url(fits, "--url") == fits
    with pytest.raises(SettingsError, match="256 characters"):
        check_url(fits + "x", "--url")
