"""A test that says that it proves a value of a setting has to prove it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sbc_proof import parameter_named, prove, title_of
from sbc_world import OFFER, two_servers

URI = "sip:200@corp.example"


def item_of(test: Callable[[], None]) -> Any:
    """Return as much of a test's item as a proof looks at."""
    return SimpleNamespace(obj=test, funcargs={}, _fixtureinfo=SimpleNamespace(argnames=()))


def test_a_test_that_asks_for_nothing_proves_nothing() -> None:
    with pytest.raises(pytest.fail.Exception, match="no SBC of it has that value"):
        prove(item_of(lambda: None), "SBCMaxForwardsLimit", 5)


def test_a_test_that_looks_at_something_else_proves_nothing() -> None:
    def elsewhere() -> None:
        _, a, b = two_servers({"SBCMaxForwardsLimit": 5})
        a.ask("INVITE", URI, body=OFFER)
        assert b.request("INVITE").body == OFFER

    with pytest.raises(pytest.fail.Exception, match="passes as well with any other value"):
        prove(item_of(elsewhere), "SBCMaxForwardsLimit", 5)


def test_a_test_that_sees_it_on_the_wire_proves_it() -> None:
    def there() -> None:
        _, a, b = two_servers({"SBCMaxForwardsLimit": 5})
        a.ask("INVITE", URI, body=OFFER)
        assert b.request("INVITE").max_forwards == 5

    prove(item_of(there), "SBCMaxForwardsLimit", 5)
    with pytest.raises(pytest.fail.Exception, match="no SBC of it has that value"):
        prove(item_of(there), "SBCMaxForwardsLimit", 6)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("SBCMaxCallDuration", "SBCMaxCallDuration"),
        ("IpProfile.SBCMaxCallDuration", "IpProfile.SBCMaxCallDuration"),
        ("SbcPrackMode", "IpProfile.SbcPrackMode"),
        ("EnableSBCClientForking", "IPGroup.EnableSBCClientForking"),
    ],
)
def test_a_name_is_found_with_and_without_its_table(name: str, title: str) -> None:
    assert title_of(name) == title
    assert parameter_named(title)[1].name == name.rpartition(".")[2]


def test_a_name_that_does_not_exist_is_no_name() -> None:
    with pytest.raises(KeyError):
        parameter_named("SBCMinSe")
