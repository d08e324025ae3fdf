"""What tests of other folders have, for the SBC over sockets; and tests that name a value of a setting have to prove it."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from sbc_proof import prove

_TESTS = Path(__file__).parent.parent
for _folder in (_TESTS, _TESTS / "net", _TESTS / "phone_agent"):
    if str(_folder) not in sys.path:
        sys.path.append(str(_folder))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    result = yield
    for mark in pyfuncitem.iter_markers("sbc"):
        prove(pyfuncitem, *mark.args)
    return result
