"""Certificates made once for all tests of this folder."""

from __future__ import annotations

import time

import pytest

from sipstub.net.certificate import Certificates, keep_certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return keep_certificates(tmp_path_factory.mktemp("certificates"), ["sip.example.com"], now=time.time())
