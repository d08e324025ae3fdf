"""Who may register: one challenge, no replay, known users look like unknown ones.  RFC 3261 s22, RFC 7616, RFC 8760."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from registrar_builders import AOR, HERE, KEY, REALM, START, At, Phone, a_register, a_registrar, some_users

import sipstub.sip.digest as digest
from sipstub.registrar.policy import Policy
from sipstub.registrar.reason import Why
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.message import Response
from sipstub.sip.nonce import NonceMaker

POLICY = Policy(REALM, domains=("example.com",))


def by_model(user_agent: str | None) -> str:
    return "SHA-256" if user_agent and "T46" in user_agent else "MD5"


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every hash that a digest is made of, as it is computed."""
    seen: list[str] = []
    real = digest.hash_text

    def counted(algorithm: str, data: bytes) -> str:
        seen.append(algorithm)
        return real(algorithm, data)

    monkeypatch.setattr(digest, "hash_text", counted)
    yield seen


def test_there_is_exactly_one_challenge() -> None:
    answer = a_registrar().handle(a_register(), HERE, START)
    challenge = answer.www_authenticate[0]
    assert (answer.status, len(answer.www_authenticate)) == (401, 1)
    assert (challenge.realm, challenge.algorithm, challenge.qops, challenge.is_stale) == (REALM, "MD5", ("auth",), False)


@pytest.mark.parametrize(("agent", "algorithm"), [("Yealink SIP-T46G 28.80.0.60", "SHA-256"), ("Twinkle/1.10.2", "MD5")])
@pytest.mark.parametrize("user", ["100", "nobody"])
def test_the_algorithm_hangs_on_the_model_and_not_on_the_user(agent: str, algorithm: str, user: str) -> None:
    registrar = a_registrar(replace(POLICY, algorithm=by_model), some_users(algorithms=("MD5", "SHA-256")))
    answer = registrar.handle(a_register(user=user, user_agent=agent), HERE, START)
    assert [challenge.algorithm for challenge in answer.www_authenticate] == [algorithm]


@pytest.mark.parametrize("agent", ["Yealink SIP-T46G 28.80.0.60", "Twinkle/1.10.2"])
def test_a_phone_registers_with_the_algorithm_of_its_model(agent: str) -> None:
    registrar = a_registrar(replace(POLICY, algorithm=by_model), some_users(algorithms=("MD5", "SHA-256")))
    assert Phone(registrar).register(user_agent=agent).status == 200


def test_one_user_with_md5_alone_means_md5_for_all() -> None:
    users = Users([*some_users("100", algorithms=("MD5", "SHA-256")), *some_users("101")])
    registrar = a_registrar(replace(POLICY, algorithm=lambda agent: "SHA-256"), users)
    assert registrar.handle(a_register(), HERE, START).www_authenticate[0].algorithm == "MD5"
    assert Phone(registrar).register().status == 200


def test_an_algorithm_that_nobody_has_is_never_offered() -> None:
    registrar = a_registrar(replace(POLICY, algorithm=lambda agent: "SHA-512-256"))
    assert registrar.handle(a_register(), HERE, START).www_authenticate[0].algorithm == "MD5"


def test_every_challenge_has_a_nonce_of_its_own() -> None:
    registrar = a_registrar()
    nonces = {registrar.handle(a_register(), HERE, START).www_authenticate[0].nonce for _ in range(1000)}
    assert len(nonces) == 1000


def test_a_wrong_password_is_refused_and_told() -> None:
    registrar = a_registrar()
    answer = Phone(registrar, password="wrong").register()
    assert (answer.status, answer.www_authenticate[0].is_stale, registrar.bindings(AOR, START)) == (401, False, ())
    event = registrar.take_events()[0]
    assert (event.why, event.flow, event.aor, event.status) == (Why.WRONG_CREDENTIALS, "udp 127.0.0.1:5062", AOR, 401)
    assert "wrong password" in event.fact


def _without_chance(response: Response) -> list[tuple[str, str]]:
    nonce = response.www_authenticate[0].nonce
    return [(name, value.replace(nonce, "NONCE").split(";tag")[0]) for name, value in response.headers.pairs() if name != "via"]


def test_unknown_user_and_wrong_password_get_the_same_answers(hashes: list[str]) -> None:
    unknown, wrong = Phone(a_registrar(), user="999"), Phone(a_registrar(), password="wrong")
    counts = []
    for phone in (unknown, wrong):
        hashes.clear()
        phone.register()
        counts.append(len(hashes))
    for one, two in zip(unknown.seen, wrong.seen, strict=True):
        assert (one.status, one.reason, one.body) == (two.status, two.reason, two.body)
        assert [(name, value.replace("999", "100")) for name, value in _without_chance(one)] == _without_chance(two)
        assert len(bytes(one)) == len(bytes(two))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("qop", ["auth", "auth-int"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_work_for_unknown_known_and_foreign_users_is_the_same(hashes: list[str], qop: str, algorithm: str) -> None:
    policy = replace(POLICY, algorithm=lambda agent: algorithm, qops=(qop,))
    work = set()
    for user, password, auth_name in (
        ("999", None, None),
        ("100", "wrong", None),
        ("100", "secret101", "101"),
        ("100", None, None),
    ):
        registrar = a_registrar(policy, some_users(algorithms=("MD5", "SHA-256")))
        phone = Phone(registrar, user=user, password=password, auth_name=auth_name)
        request = phone.signed(a_register(user=user, body=b"x"), registrar.handle(a_register(user=user), HERE, START))
        hashes.clear()
        registrar.handle(request, HERE, START)
        work.add(tuple(hashes))
    assert len(work) == 1 and len(next(iter(work))) == (3 if qop == "auth-int" else 2)


def test_both_look_ups_are_made_for_every_user() -> None:
    asked: list[str] = []

    class Watched(Users):
        def user(self, name: str, realm: str) -> RegistrarUser | None:
            asked.append(f"name {name}")
            return super().user(name, realm)

        def by_auth_name(self, auth_name: str, realm: str) -> RegistrarUser | None:
            asked.append(f"auth {auth_name}")
            return super().by_auth_name(auth_name, realm)

    registrar = a_registrar(users=Watched(some_users()))
    for user in ("100", "999"):
        Phone(registrar, user=user).register()
    assert asked == ["name 100", "auth 100", "name 999", "auth 999"]


def test_a_user_registers_its_own_address_only() -> None:
    registrar = a_registrar()
    for victim in ("101", "999"):
        answer = Phone(registrar, user=victim, auth_name="100", password="secret100").register()
        assert (answer.status, answer.www_authenticate) == (403, ())
    assert [event.why for event in registrar.take_events()] == [Why.NOT_ITS_OWN] * 2
    assert registrar.location.aors == 0


def test_a_login_that_differs_from_the_address_is_checked() -> None:
    users = Users(
        [RegistrarUser.of("100", "pw", REALM, auth_name="login-a"), RegistrarUser.of("101", "pw", REALM, auth_name="login-b")]
    )
    registrar = a_registrar(users=users)
    assert Phone(registrar, user="100", auth_name="login-a", password="pw").register().status == 200
    assert Phone(registrar, user="100", auth_name="100", password="pw").register().status == 401
    assert Phone(registrar, user="101", auth_name="login-a", password="pw").register().status == 403


def test_two_lines_may_share_a_login() -> None:
    users = Users([RegistrarUser.of(name, "pw", REALM, auth_name="shared") for name in ("100", "101")])
    registrar = a_registrar(users=users)
    for user in ("100", "101"):
        assert Phone(registrar, user=user, auth_name="shared", password="pw").register().status == 200


def test_credentials_for_another_realm_are_none() -> None:
    registrar = a_registrar()
    challenge = registrar.handle(a_register(), HERE, START)
    request = Phone(registrar).signed(a_register(), challenge)
    request.headers.set("Authorization", str(request.headers.get("Authorization")).replace(REALM, "elsewhere"))
    assert registrar.handle(request, HERE, START).status == 401
    assert registrar.take_events() == []


@pytest.mark.parametrize("uri", ["sip:example.org", "sip:100@example.com", "sip:example.com;transport=tcp", "x y"])
def test_a_digest_for_another_uri_is_refused(uri: str) -> None:
    registrar = a_registrar()
    request = Phone(registrar).signed(a_register(), registrar.handle(a_register(), HERE, START), uri=uri)
    assert registrar.handle(request, HERE, START).status == 400
    assert registrar.take_events()[0].why == Why.URI_DIFFERS


def test_a_digest_for_an_equal_uri_is_taken() -> None:
    registrar = a_registrar()
    request = Phone(registrar).signed(a_register(), registrar.handle(a_register(), HERE, START), uri="sip:EXAMPLE.COM")
    assert registrar.handle(request, HERE, START).status == 200


def test_an_old_nonce_is_stale_and_only_for_who_knows_the_password() -> None:
    registrar = a_registrar()
    for password, is_stale in ((None, True), ("wrong", False)):
        phone = Phone(registrar, password=password)
        answer = registrar.handle(phone.signed(a_register(), registrar.handle(a_register(), HERE, START)), HERE, START + 301)
        assert (answer.status, answer.www_authenticate[0].is_stale) == (401, is_stale)


def test_a_stale_phone_registers_with_the_new_nonce_at_once() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    stale = registrar.handle(phone.signed(a_register(), registrar.handle(a_register(), HERE, START)), HERE, START + 301)
    assert registrar.handle(phone.signed(a_register(cseq=2), stale), HERE, START + 302).status == 200


@pytest.mark.parametrize(("age", "status"), [(-2, 401), (-0.9, 200), (0, 200), (299, 200), (300, 200), (300.1, 401)])
def test_a_nonce_lives_as_long_as_the_policy_says(age: float, status: int) -> None:
    registrar = a_registrar()
    request = Phone(registrar).signed(a_register(), registrar.handle(a_register(), HERE, START))
    assert registrar.handle(request, HERE, START + age).status == status


def test_nonces_that_we_did_not_make_bring_a_new_challenge_and_no_blame() -> None:
    registrar = a_registrar()
    for nonce in (
        NonceMaker(b"another key of 16", REALM).make(START, b"s"),
        NonceMaker(KEY, "else").make(START, b"s"),
        "x",
        "ä" * 40,
    ):
        request = Phone(registrar).signed(a_register(), registrar.handle(a_register(), HERE, START))
        old = request.authorization[0].nonce
        request.headers.set("Authorization", str(request.headers.get("Authorization")).replace(old, nonce))
        answer = registrar.handle(request, HERE, START)
        assert (answer.status, answer.www_authenticate[0].is_stale) == (401, False)
    assert len(registrar.authenticator.failures) == 0


def test_a_replay_is_refused_and_the_next_count_is_taken() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    challenge = registrar.handle(a_register(), HERE, START)
    assert registrar.handle(phone.signed(a_register(cseq=1), challenge), HERE, START).status == 200
    again = registrar.handle(phone.signed(a_register(cseq=2), challenge), HERE, START)
    assert (again.status, again.www_authenticate[0].is_stale) == (401, True)
    assert registrar.handle(phone.signed(a_register(cseq=3), challenge, nc=2), HERE, START).status == 200
    assert registrar.take_events()[0].why == Why.REPLAYED


def test_a_stolen_register_cannot_be_sent_again_from_elsewhere() -> None:
    registrar = a_registrar()
    request = Phone(registrar).signed(a_register(), registrar.handle(a_register(), HERE, START))
    registrar.handle(request, HERE, START)
    assert registrar.handle(request, At(host="192.0.2.66"), START + 1).status == 401
    assert [one.flow for one in registrar.bindings(AOR, START)] == ["udp 127.0.0.1:5062"]


@pytest.mark.parametrize("nc", ["00000000", "1", "zzzzzzzz", ""])
def test_a_count_that_is_none_is_refused(nc: str) -> None:
    registrar = a_registrar()
    request = Phone(registrar).signed(a_register(), registrar.handle(a_register(), HERE, START))
    request.headers.set("Authorization", str(request.headers.get("Authorization")).replace("nc=00000001", f'nc="{nc}"'))
    assert registrar.handle(request, HERE, START).status == 401


def test_auth_int_covers_the_body() -> None:
    registrar = a_registrar(replace(POLICY, qops=("auth-int",)))
    phone = Phone(registrar)
    request = phone.signed(a_register(body=b"hello"), registrar.handle(a_register(), HERE, START))
    changed = a_register(body=b"jello")
    changed.headers.set("Authorization", request.headers.get("Authorization"))
    assert registrar.handle(changed, HERE, START).status == 401
    assert registrar.handle(request, HERE, START).status == 200


@pytest.mark.parametrize("qops", [("auth", "auth-int"), ("auth-int", "auth"), ()])
def test_each_offer_of_qop_can_be_met(qops: tuple[str, ...]) -> None:
    assert Phone(a_registrar(replace(POLICY, qops=qops))).register().status == 200


def test_a_digest_without_the_protection_that_was_offered_is_asked_again() -> None:
    registrar = a_registrar()
    plain = a_registrar(replace(POLICY, qops=()))
    request = Phone(registrar).signed(a_register(), plain.handle(a_register(), HERE, START))
    assert registrar.handle(request, HERE, START).status == 401
    assert registrar.take_events()[0].why == Why.OTHER_QOP


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5-sess", "SHA-512-256", "nonsense"])
def test_an_algorithm_that_was_not_offered_is_asked_again(algorithm: str) -> None:
    registrar = a_registrar(users=some_users(algorithms=("MD5", "SHA-256")))
    request = Phone(registrar).signed(a_register(), registrar.handle(a_register(), HERE, START))
    request.headers.set(
        "Authorization", str(request.headers.get("Authorization")).replace("algorithm=MD5", f"algorithm={algorithm}")
    )
    assert registrar.handle(request, HERE, START).status == 401
    assert registrar.take_events()[0].why == Why.OTHER_ALGORITHM


@pytest.mark.parametrize(
    "text",
    [
        "Digest",
        "Digest realm",
        'Digest realm="example.com"',
        'Digest username="a", username="b"',
        "Digest ,,,",
        'Digest realm="x',
        "",
    ],
)
def test_credentials_that_cannot_be_read_are_a_bad_request(text: str) -> None:
    registrar = a_registrar()
    assert registrar.handle(a_register(headers=(("Authorization", text),)), HERE, START).status == 400
    assert registrar.take_events()[0].why == Why.MALFORMED


def test_another_scheme_is_as_good_as_none() -> None:
    assert a_registrar().handle(a_register(headers=(("Authorization", "Basic MTAwOnB3"),)), HERE, START).status == 401


def test_no_event_and_no_answer_holds_a_digest_or_an_ha1() -> None:
    registrar = a_registrar()
    phone = Phone(registrar, password="wrong")
    phone.register()
    user = some_users().user("100", REALM)
    assert user is not None and user.ha1["MD5"] not in repr(user)
    assert user.ha1["MD5"] not in repr(registrar.take_events()) + repr(registrar.authenticator)
    assert KEY.decode() not in repr(registrar.authenticator.__dict__["_nonces"])
