"""How the whole suite shares the machine: several processes, what waits longest first; anything less runs in one process.

Most of the long tests wait on clocks and on other programs, so there are more processes than cores.  A file stays in one
process, in its order, because of the fixtures that it makes once; a few long files whose tests share nothing are dealt out
test by test.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
PROCESSES_PER_CORE = 3
LEAST, MOST = 4, 12
"Processes for the whole suite."

LONG = {
    # file: whether its tests share nothing, so that each may go to another process
    "timer_clients/test_sipp_timers.py": False,
    "timer_clients/test_linphone_timers.py": False,
    "timer_clients/test_linphone_refusals.py": False,
    "timer_clients/test_baresip_timers.py": False,
    "sbc_clients/test_sbc_ninety_seconds.py": False,
    "runtime/test_runtime_demo.py": False,
    "runtime/test_runtime_wheel.py": False,
    "verify/test_mutant_matrix.py": False,
    "verify_command/test_verify_acting.py": False,
    "verify_command/test_verify_run.py": False,
    "verify_command/test_verify_from.py": False,
    "verify_command/test_verify_foreign.py": False,
    "verify_command/test_verify_sessions.py": False,
    "verify_command/test_verify_own_server.py": False,
    "verify_command/test_verify_through.py": False,
    "lab/test_lab_verify.py": True,
    "linphone/test_linphone_provisioned.py": True,
    "runtime/test_runtime_serve.py": True,
    "runtime/test_runtime_sip.py": True,
    "lab/test_lab_kamailio.py": True,
    "verify/test_honest_phones.py": False,
    "scenario/test_scenarios.py": False,
    "faults/test_restart_served.py": True,
    "faults/test_rendered_accounts.py": True,
    "registrar/test_registrar_flood.py": True,
    "sbc/test_sbc_media_reports.py": False,
    "sbc/test_sbc_media_heard.py": True,
    "sbc/test_sbc_msrp_wire.py": True,
}
"What begins first, in this order: whatever takes long and begins late keeps one process at work when all others have ended."
LONG_FOLDERS = ("timer_clients", "sbc_clients", "verify_command", "lab", "linphone", "runtime", "faults", "browser")
"What begins next: nearly every file there waits for servers and for programs that we did not write."


def file_of(nodeid: str) -> str:
    """Return the file of a test, from tests/ on."""
    return nodeid.split("::")[0].removeprefix("tests/")


def unit(nodeid: str) -> str:
    """Return what goes to one process as a whole: the file of a test, or the test."""
    return nodeid if LONG.get(file_of(nodeid)) else file_of(nodeid)


def long_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the tests in the order in which they are dealt out."""
    turns = {name: turn for turn, name in enumerate((*LONG, *LONG_FOLDERS))}

    def turn(item: pytest.Item) -> int:
        file = file_of(item.nodeid)
        return turns.get(file, turns.get(file.split("/")[0], len(turns)))

    return sorted(items, key=turn)


def is_whole(config: pytest.Config) -> bool:
    """Return whether all tests were asked for."""
    chosen = config.getoption("keyword") or config.getoption("markexpr") or config.getoption("lf", False)
    places = [Path(config.invocation_params.dir, place).resolve() for place in config.args]
    return not chosen and not config.getoption("collectonly") and places == [FOLDER]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    if not is_whole(config):
        return 0
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # xdist reads it
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(PROCESSES_PER_CORE * cores, LEAST), MOST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByUnit(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(nodeid)

    config.option.loadscopereorder = False
    return ByUnit(config, log)
