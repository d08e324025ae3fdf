"""Where users come from, and other methods than REGISTER that ask who they are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from registrar_builders import HERE, REALM, START, Phone, a_register, a_registrar, some_users

import sipstub.sip.digest as digest
from sipstub.registrar.policy import Policy
from sipstub.registrar.user import Users, htdigest_users

POLICY = Policy(REALM, domains=("example.com",))


def test_users_of_an_htdigest_file_register_with_md5() -> None:
    ha1 = digest.make_ha1("100", REALM, "secret100")
    content = f"100:{REALM}:{ha1.upper()}\n101:other:{ha1}\n"
    users = htdigest_users(content, REALM)
    assert [user.name for user in users] == ["100"]
    registrar = a_registrar(replace(POLICY, algorithm=lambda agent: "SHA-256"), users)
    assert Phone(registrar).register().status == 200
    assert Phone(registrar, user="101").register().status == 401


@pytest.mark.parametrize("content", ["100:example.com", "no colon at all\n", "a:b:c:d:e\n"])
def test_what_is_no_htdigest_file_is_refused(content: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        htdigest_users(content, REALM)


def test_users_come_from_any_mapping_and_an_empty_one_knows_nobody() -> None:
    some = some_users("100")
    assert Phone(a_registrar(users=Users({user.name: user for user in some}))).register().status == 200
    assert Phone(a_registrar(users=Users())).register().status == 401


def test_other_methods_are_authorised_by_the_same_digest() -> None:
    registrar = a_registrar()
    ask = a_register(method="SUBSCRIBE", uri="sip:100@example.com")
    first = registrar.authorise(ask, HERE, "100", START)
    assert first is not None and first.status == 401
    assert registrar.authorise(Phone(registrar).signed(ask, first), HERE, "100", START) is None
    bad = a_register(method="SUBSCRIBE", headers=(("Authorization", "Digest"),))
    refused = registrar.authorise(bad, HERE, "100", START)
    assert refused is not None and refused.status == 400
