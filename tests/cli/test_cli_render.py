"""`provisioner render`."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from fleet_here import deliver, edit, provisioner, publish

from provisioner.state.published import PublishedSource, StateFolder

pytestmark = pytest.mark.usefixtures("example")

SECRET = Path("devices/secrets/110")


def published(name: str) -> bytes:
    snapshot = PublishedSource(StateFolder.existing("state")).current()
    assert snapshot is not None
    return bytes(snapshot.files[name].body)


def test_secrets_are_masked_and_nothing_else_is_changed() -> None:
    secret = SECRET.read_text().strip()
    open_text, masked = provisioner("render", "office-anna", "--reveal").out, provisioner("render", "office-anna").out
    assert secret in open_text
    assert secret not in masked
    differing = [(a, b) for a, b in zip(open_text.splitlines(), masked.splitlines(), strict=True) if a != b]
    assert [b for _, b in differing] == ["account.1.password = ********"]


def test_reveal_gives_the_bytes_that_the_server_sends() -> None:
    publish()
    for kind, name in (("mac", "001565200003.cfg"), ("common", "y000000000029.cfg")):
        assert provisioner("render", "00-15-65-20-00-03", "--file", kind, "--reveal").data == published(name)


def test_what_was_published_before_is_put_back_as_the_server_does() -> None:
    publish()
    edit("devices/phones/office-anna.toml", 'label = "Ben"\n', "")
    ran = provisioner("render", "office-anna", "--reveal")
    assert "linekey.2.label = %NULL%" in ran.out
    publish()
    assert provisioner("render", "office-anna", "--reveal").data == ran.data == published("001565200003.cfg")


def test_a_phone_with_a_problem_gets_its_last_good_file_with_a_note() -> None:
    publish()
    good = published("001565200003.cfg")
    edit("devices/phones/office-anna.toml", 'extension = "110"', 'extension = "119"\ntransprot = "tls"')
    ran = provisioner("render", "office-anna", "--reveal")
    assert (ran.code, ran.data) == (1, good)
    assert "last good file, of generation 1" in ran.err
    assert "transprot" in ran.err


def test_a_phone_in_a_file_that_cannot_be_read_has_a_last_good_file_too() -> None:
    publish()
    good = published("001565200003.cfg")
    Path("devices/phones/office-anna.toml").write_text("name = = 1")
    ran = provisioner("render", "office-anna", "--reveal")
    assert (ran.code, ran.data) == (1, good)
    assert "broken-toml" in ran.err


def test_a_phone_that_never_had_a_good_file_has_none() -> None:
    edit("devices/phones/office-anna.toml", 'extension = "110"', 'extension = "110"\ntransprot = "tls"')
    ran = provisioner("render", "office-anna")
    assert (ran.code, ran.out) == (1, "")
    assert "never had a good 001565200003.cfg" in ran.err


def test_an_unknown_phone_is_met_with_the_nearest_name() -> None:
    ran = provisioner("render", "ofice-anna")
    assert (ran.code, ran.out) == (1, "")
    assert 'did you mean "office-anna"?' in ran.err
    assert "adopt 001565999999" in provisioner("render", "00:15:65:99:99:99").err


def test_a_reveal_is_journalled_and_is_no_fetch() -> None:
    publish()
    deliver("office-anna")
    before = provisioner("phones", "office-anna", "--json").json
    assert provisioner("render", "office-anna", "--reveal").code == 0
    row = provisioner("events", "--reason", "revealed", "--json").json[-1]
    assert (row["file"], row["mac"], row["method"]) == ("001565200003.cfg", "001565200003", "REVEAL")
    assert "office-anna: shown to" in row["fact"]
    assert "uid" in row["fact"]
    assert provisioner("phones", "office-anna", "--json").json == before
    provisioner("render", "office-anna")
    assert len(provisioner("events", "--reason", "revealed", "--json").json) == 1


def test_one_phone_takes_well_under_a_second_from_start_to_end() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    ran = subprocess.run([sys.executable, "-m", "provisioner", "render", "office-anna"], capture_output=True, check=True)
    assert ran.stdout.startswith(b"#!version:1.0.0.1\n")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 2.0  # of CPU; about 0.35 s on a quiet machine


def test_json_has_each_line_with_its_origin_and_masks_too() -> None:
    page = provisioner("render", "office-anna", "--json").json
    lines = {line["name"]: line for line in page["lines"]}
    assert lines["account.1.password"]["value"] == "********"
    assert lines["account.1.label"]["origin"].startswith("devices/phones/office-anna.toml:")
    assert page["file"] == "001565200003.cfg"
