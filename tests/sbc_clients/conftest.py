"""What tests of other folders have is used here too."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from sipstub.net.certificate import Certificates, keep_certificates

_TESTS = Path(__file__).parent.parent
for _name in ("..", "sbc", "net", "phone_agent", "timer_clients"):
    if str(_TESTS / _name) not in sys.path:
        sys.path.append(str(_TESTS / _name))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return keep_certificates(tmp_path_factory.mktemp("certificates"), ["sip.example.com"], now=time.time())
