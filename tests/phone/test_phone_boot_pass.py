"""The order of a provisioning pass and what a phone makes of it, without any socket."""

from __future__ import annotations

import hashlib

import pytest

from sipstub.phone.boot_pass import PROTECT, SYNC
from sipstub.phone.outcome import Outcome
from sipstub.phone.report import BootReport, Role
from sipstub.testing import CP860, FakePhone

HEAD = b"#!version:1.0.0.1\n"
COMMON, MAC, LOCAL = "y000000000028.cfg", "001565aabbcc.cfg", "001565aabbcc-local.cfg"
BOOT, COMMON_BOOT = "001565aabbcc.boot", "y000000000000.boot"


def asked(report: BootReport) -> list[str]:
    return [file.name for file in report.files]


def cfg(*lines: str) -> bytes:
    return HEAD + "".join(line + "\n" for line in lines).encode()


def test_v80_asks_for_the_common_file_and_then_for_its_own() -> None:
    report = FakePhone().boot_from({COMMON: cfg("a = 1", "b = 1"), MAC: cfg("b = 2")})
    assert asked(report) == [COMMON, MAC]
    assert report.is_provisioned
    assert report.effective.values() == {"a": "1", "b": "2"}
    assert report.changed == ("a", "b")


def test_each_model_asks_for_its_own_common_file() -> None:
    report = FakePhone(model=CP860).boot_from({MAC: cfg("a = 1")})
    assert asked(report) == ["y000000000037.cfg", MAC]


def test_a_missing_common_file_is_harmless() -> None:
    report = FakePhone().boot_from({MAC: cfg("a = 1")})
    assert [file.outcome for file in report.files] == [Outcome.NOT_FOUND, Outcome.RECEIVED]
    assert report.is_provisioned


def test_without_its_own_file_a_phone_has_the_common_settings_only() -> None:
    report = FakePhone().boot_from({COMMON: cfg("a = 1")})
    assert not report.is_provisioned
    assert report.effective.values() == {"a": "1"}
    assert report.notes == (f"no {MAC}: the phone has common settings only",)


def test_the_same_files_again_change_nothing() -> None:
    phone = FakePhone()
    files = {COMMON: cfg("a = 1", SYNC + " = 1", PROTECT + " = 1"), MAC: cfg("b = 2"), LOCAL: cfg("a = 3")}
    first = phone.boot_from(files)
    again = phone.boot_from(files)
    assert (first.is_unchanged, again.is_unchanged) == (False, True)
    assert (asked(first), asked(again)) == ([COMMON, MAC, LOCAL], [COMMON, MAC])
    assert again.changed == ()
    assert again.effective.text("a") == "3"
    assert not any(file.is_changed for file in again.files)


@pytest.mark.parametrize("drop", [COMMON, None])
def test_one_changed_or_vanished_file_has_the_pass_applied(drop: str | None) -> None:
    phone = FakePhone()
    files = {COMMON: cfg("a = 1"), MAC: cfg("b = 2")}
    phone.boot_from(files)
    second = phone.boot_from({MAC: files[MAC]} if drop else {**files, MAC: cfg("b = 3")})
    assert not second.is_unchanged
    assert second.changed == (() if drop else ("b",))


def test_the_hashes_are_those_of_the_bytes() -> None:
    body = cfg("a = 1")
    (_, own) = FakePhone().boot_from({MAC: body}).files
    assert (own.md5, own.sha256) == (hashlib.md5(body).hexdigest(), hashlib.sha256(body).hexdigest())
    assert (own.body, own.size_bytes) == (body, len(body))


def test_what_no_file_mentions_any_more_stays_until_it_is_reset() -> None:
    phone = FakePhone()
    phone.boot_from({MAC: cfg("a = 1", "b = 1")})
    assert phone.boot_from({MAC: cfg("c = 1")}).effective.values() == {"a": "1", "b": "1", "c": "1"}
    report = phone.boot_from({MAC: cfg("a = %NULL%", "b = %NULL%")})
    assert report.changed == ("a", "b")
    assert report.effective.values() == {"c": "1"}


@pytest.mark.parametrize(("sync", "protect", "wants"), [("1", "1", True), ("1", "0", False), ("0", "1", False), ("", "", False)])
def test_the_local_file_is_asked_for_with_sync_and_protect(sync: str, protect: str, wants: bool) -> None:
    report = FakePhone().boot_from({MAC: cfg(f"{SYNC} = {sync}", f"{PROTECT} = {protect}", "a = 1"), LOCAL: cfg("a = 2")})
    assert (LOCAL in asked(report)) == wants
    assert report.effective.text("a") == ("2" if wants else "1")


def test_a_missing_local_file_is_harmless() -> None:
    report = FakePhone().boot_from({MAC: cfg(f"{SYNC} = 1", f"{PROTECT} = 1")})
    assert asked(report)[-1] == LOCAL
    assert report.is_provisioned


def test_a_file_without_the_version_line_is_received_and_ignored() -> None:
    report = FakePhone().boot_from({COMMON: cfg("a = 1"), MAC: b"b = 2\n"})
    assert report.files[1].is_ignored
    assert not report.is_provisioned
    assert report.effective.values() == {"a": "1"}


@pytest.mark.parametrize("outcome", [Outcome.BAD_STATUS, Outcome.REFUSED, Outcome.TOO_LARGE, Outcome.BROKEN])
def test_a_failed_common_file_does_not_keep_the_phone_from_its_own(outcome: Outcome) -> None:
    report = FakePhone().boot_from({COMMON: outcome, MAC: cfg("a = 1")})
    assert asked(report) == [COMMON, MAC]
    assert report.effective.values() == {"a": "1"}
    assert not report.is_provisioned


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.UNREACHABLE])
def test_a_silent_server_ends_the_pass_and_the_phone_keeps_what_it_had(outcome: Outcome) -> None:
    phone = FakePhone()
    phone.boot_from({MAC: cfg("a = 1")})
    memory = phone.memory
    report = phone.boot_from({COMMON: outcome, MAC: cfg("a = 2")})
    assert asked(report) == [COMMON]
    assert not report.is_provisioned
    assert phone.memory == memory


def test_a_server_that_falls_silent_in_the_middle_changes_nothing() -> None:
    phone = FakePhone()
    report = phone.boot_from({COMMON: cfg("a = 1"), MAC: Outcome.TIMED_OUT})
    assert asked(report) == [COMMON, MAC]
    assert (report.changed, report.is_provisioned, len(report.effective), len(phone.memory.md5s)) == ((), False, 0, 0)


@pytest.mark.parametrize(
    ("url", "begin"),
    [
        ("http://h/28.80.0.60.rom", None),
        ("http://h/T46-28.80.0.60.rom", None),
        ("http://h/28.80.0.95.rom", "firmware.url wants 28.80.0.95"),
        ("http://h/latest.rom", "firmware.url names a file whose version cannot be told"),
    ],
)
def test_another_firmware_in_the_file_is_noted(url: str, begin: str | None) -> None:
    notes = FakePhone().boot_from({COMMON: cfg(f"firmware.url = {url}"), MAC: cfg()}).notes
    assert [note.startswith(begin or "?") for note in notes] == ([True] if begin else [])


def test_settings_that_need_a_reboot_are_named() -> None:
    report = FakePhone().boot_from(
        {MAC: cfg("network.x = 1", "account.1.label = 1")}, needs_reboot=lambda name: name.startswith("network.")
    )
    assert report.reboot_for == ("network.x",)


def test_v81_asks_for_the_boot_files_first_and_falls_back() -> None:
    report = FakePhone(firmware="28.81.0.10").boot_from({MAC: cfg("a = 1")})
    assert asked(report) == [BOOT, COMMON_BOOT, COMMON, MAC]
    assert report.is_provisioned


def test_v80_never_asks_for_a_boot_file() -> None:
    assert not any(file.role is Role.BOOT for file in FakePhone(firmware="28.80.0.130").boot_from({}).files)


def test_v81_fetches_what_its_boot_file_includes_in_order() -> None:
    boot = cfg(
        'include:config "site.cfg"',
        "include:config <$MAC.cfg>",
        "include:config extra.cfg",
        "overwrite_mode = 1",
        "include:config http://x/y",
    )
    files = {BOOT: boot, "site.cfg": cfg("a = 1"), MAC: cfg("a = 2"), "extra.cfg": cfg("a = 3")}
    report = FakePhone(firmware="28.81.0.10").boot_from(files)
    assert asked(report) == [BOOT, "site.cfg", MAC, "extra.cfg"]
    assert report.effective.text("a") == "3"
    assert report.is_provisioned


def test_a_url_with_a_file_name_fetches_that_file_alone() -> None:
    report = FakePhone().boot_from({"own.cfg": cfg("a = 1")}, "http://server/own.cfg")
    assert asked(report) == ["own.cfg"]
    assert report.is_provisioned


def test_the_report_shows_names_and_never_values() -> None:
    files = {
        MAC: cfg(
            "account.1.password = s3cret",
            "account.1.password = s3cret",
            " label = s3cret s3cret",
            "security.user_password = admin:s3cret",
        )
    }
    report = FakePhone().boot_from(files, "http://user:s3cret@server/")
    assert report.files[1].faults
    assert "s3cret" not in repr(report.as_json()) + repr(report) + repr(report.effective)
    assert "account.1.password" in report.as_json()["changed"]
