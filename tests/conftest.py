"""A clean environment for every test, one rule for programs that a test wants, and several processes for the whole suite."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Generator
from typing import Any

import postgres_cluster
import pytest
from hypothesis import HealthCheck, settings
from parsed_once import remember
from postgres_cluster import postgres
from side_by_side import long_first, pytest_xdist_auto_num_workers, pytest_xdist_make_scheduler

__all__ = ["postgres", "pytest_xdist_auto_num_workers", "pytest_xdist_make_scheduler"]

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")
remember()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell that runs us in its background says so, and programs inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
gc.disable()  # until ten thousand tests are collected: nothing of them is garbage, and to look for it takes a fifth of the time

PACKAGES = {
    # program: the Debian package that has it
    "curl": "curl",
    "tftp": "tftp-hpa",
    "in.tftpd": "tftpd-hpa",
    "atftp": "atftp",
    "dnsmasq": "dnsmasq-base",
    "kea-dhcp4": "kea-dhcp4-server",
    "dhcpd": "isc-dhcp-server",
    "freeradius": "freeradius",
    "openssl": "openssl",
    "nginx": "nginx-light",
    "git": "git",
    "tshark": "tshark",
    "tcpdump": "tcpdump",
    "dumpcap": "wireshark-common",
    "editcap": "wireshark-common",
    "text2pcap": "wireshark-common",
    "rsvg-convert": "librsvg2-bin",
    "sipp": "sip-tester",
    "sipsak": "sipsak",
    "baresip": "baresip-core",
    "linphone-daemon": "linphone-cli",
    "twinkle-console": "twinkle-console",
    "kamailio": "kamailio kamailio-tls-modules",
    "chromium": "chromium",
    "postgres": "postgresql",
}
"Programs that tests may name in `needs`; .ci/run installs the packages from here."

_MISSING: set[str] = set()


def _which(program: str) -> str | None:
    return shutil.which(program, path=":".join((os.environ.get("PATH", ""), "/usr/sbin:/sbin", *postgres_cluster.PROGRAMS)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        missing = [program for program in mark.args if _which(program) is None]
        if not missing:
            continue
        _MISSING.update(missing)
        if os.environ.get("CI") == "true":
            pytest.fail(f"{', '.join(missing)} is not installed, and with CI=true nothing is skipped", pytrace=False)
        pytest.skip(f"wants {', '.join(missing)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and with CI=true nothing is: {call.excinfo.value if call.excinfo else ''}"
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items[:] = long_first(items)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (told := getattr(session.config, "workeroutput", None)) is not None:
        told["missing programs"] = sorted(_MISSING)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _MISSING.update(getattr(node, "workeroutput", {}).get("missing programs", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _MISSING:
        packages = " ".join(sorted(PACKAGES[program] for program in _MISSING))
        terminalreporter.write_line(f"skipped for want of programs; to run everything: apt install {packages}")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PROVISIONER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TZ", "UTC")
    path = os.environ.get("PATH", "")
    if "/usr/sbin" not in path.split(":"):
        monkeypatch.setenv("PATH", path + ":/usr/sbin:/sbin")
