"""Random registrations against a reference too simple to be wrong, hostile ones against the promise to answer."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from registrar_builders import AOR, HERE, REALM, START, Phone, a_register, a_registrar

from sipstub.registrar.policy import Limits, Policy
from sipstub.sip.error import SipError
from sipstub.sip.message import Request
from sipstub.sip.reader import parse_message

POLICY = Policy(
    REALM, domains=("example.com",), min_expires_s=60, max_expires_s=600, default_expires_s=300, limits=Limits(contacts=3)
)
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")


@dataclass(frozen=True)
class Step:
    """One REGISTER, some time after the last one."""

    wait_s: int
    call_id: str
    cseq: int
    contacts: tuple[tuple[str, int | None], ...]
    "Host and expires parameter."
    is_star: bool
    expires: int | None

    def texts(self) -> tuple[str, ...]:
        if self.is_star:
            return ("*",)
        return tuple(f"<sip:100@{host}>" + ("" if asked is None else f";expires={asked}") for host, asked in self.contacts)


TIMES = st.one_of(st.none(), st.sampled_from([0, 1, 59, 60, 61, 299, 600, 601, 100_000]))
STEPS = st.builds(
    Step,
    wait_s=st.sampled_from([0, 1, 30, 60, 100, 300, 601]),
    call_id=st.sampled_from(["a", "b"]),
    cseq=st.integers(1, 6),
    contacts=st.lists(st.tuples(st.sampled_from(HOSTS), TIMES), max_size=4).map(tuple),
    is_star=st.sampled_from([False] * 5 + [True]),
    expires=TIMES,
)


class Reference:
    """RFC 3261 section 10.3 in its own words, over one dict: host to (Call-ID, CSeq, end)."""

    def __init__(self) -> None:
        self.bound: dict[str, tuple[str, int, float]] = {}

    def register(self, step: Step, now: float) -> int:
        self.bound = {host: one for host, one in self.bound.items() if one[2] > now}
        new = dict(self.bound)
        if step.is_star:
            if step.expires != 0:
                return 400
            if any(call == step.call_id and step.cseq <= cseq for call, cseq, _ in self.bound.values()):
                return 500
            self.bound = {}
            return 200
        touched: set[str] = set()
        for host, parameter in step.contacts:
            asked = parameter if parameter is not None else step.expires
            asked = 300 if asked is None else asked
            if 0 < asked < 60:
                return 423
            old = self.bound.get(host)
            if host not in touched and old is not None and old[0] == step.call_id and step.cseq <= old[1]:
                return 500
            touched.add(host)
            new.pop(host, None)
            if asked:
                new[host] = (step.call_id, step.cseq, now + min(asked, 600))
        if len(new) > 3 and len(new) > len(self.bound):
            return 403
        self.bound = new
        return 200


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_any_sequence_of_registrations_ends_as_the_rfc_says(steps: list[Step]) -> None:
    registrar, reference, now = a_registrar(POLICY), Reference(), START
    phone = Phone(registrar)
    stored: dict[str, str] = {}
    for step in steps:
        now += step.wait_s
        answer = phone.register(step.texts(), now=now, call_id=step.call_id, cseq=step.cseq, expires=step.expires)
        assert answer.status == reference.register(step, now)
        wanted = {f"sip:100@{host}": end - now for host, (_, _, end) in reference.bound.items() if end > now}
        if answer.status == 200:
            assert {str(contact.uri): contact.expires_s for contact in answer.contacts} == wanted
        assert {one.contact: one.expires_at - now for one in registrar.bindings(AOR, now)} == wanted
        registrar.on_timer(now)
        for change in registrar.take_changes():  # what a store would hold, if it followed every change
            if change.is_removal:
                del stored[change.binding.id]
            else:
                stored[change.binding.id] = change.binding.contact
        assert sorted(stored.values()) == sorted(wanted)
        assert len(registrar.location) == len(wanted)
        assert (registrar.next_timer() is None) <= (not wanted)


NAMES = st.sampled_from(
    [
        "To",
        "From",
        "Contact",
        "Expires",
        "Call-ID",
        "CSeq",
        "Via",
        "Require",
        "Supported",
        "Path",
        "Authorization",
        "User-Agent",
        "X",
    ]
)
VALUES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=60),
    st.sampled_from(["*", "<sip:1@127.0.0.1>", "<sip:1@[::1]>;reg-id=1", "sip:@", "<sip:a@b>;expires=;q=2", "Digest realm=x"]),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=5), st.booleans())
def test_any_headers_get_an_answer_and_bind_nothing_that_they_should_not(headers: list[tuple[str, str]], is_signed: bool) -> None:
    registrar = a_registrar(POLICY)
    phone = Phone(registrar)
    request = a_register()
    for name, value in headers:
        request.headers.set(name, value)
    if is_signed and not any(name == "Authorization" for name, _ in headers):
        phone.signed(request, registrar.handle(a_register(), HERE, START))
    answer = registrar.handle(request, HERE, START)
    assert 200 <= answer.status < 600
    assert len(registrar.location) == 0 or (is_signed and answer.status == 200)
    assert phone.register(now=START, call_id="good").status == 200


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 40))
def test_bytes_changed_anywhere_get_an_answer_if_they_are_a_message(noise: bytes, at: int, cut: int) -> None:
    registrar = a_registrar(POLICY)
    raw = bytes(Phone(registrar).signed(a_register(), registrar.handle(a_register(), HERE, START)))
    try:
        found = parse_message(raw[:at] + noise + raw[at + cut :])
    except SipError:
        return
    if isinstance(found, Request):
        assert 200 <= registrar.handle(found, HERE, START).status < 600


def test_the_reference_knows_more_than_one_answer() -> None:
    seen = set()
    reference = Reference()
    for step in (
        Step(0, "a", 1, (("127.0.0.1", 300),), False, None),
        Step(0, "a", 1, (("127.0.0.1", 300),), False, None),
        Step(0, "a", 2, (("127.0.0.1", 1),), False, None),
        Step(0, "b", 1, tuple((host, 60) for host in HOSTS), False, None),
        Step(0, "b", 1, (), True, None),
    ):
        seen.add(reference.register(step, START))
    assert seen == {200, 500, 423, 403, 400}
