"""Who the phone is and where a URL sends it."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipstub.errors import IdentityProblem, SipstubError, UrlProblem
from sipstub.phone.identity import PhoneIdentity, PhoneModel, find_model
from sipstub.phone.location import Location
from sipstub.phone.models import load_models
from sipstub.testing import CP860, T21P_E2, T46G

MAC = "00:15:65:AA:BB:CC"
PHONE = PhoneIdentity.of(MAC, T46G)
MODELS = Path(__file__).parents[2] / "templates" / "yealink" / "models.toml"


@pytest.mark.parametrize(
    ("model", "firmware", "agent"),
    [
        (T46G, None, "Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc"),
        (T46G, "28.72.0.1", "Yealink SIP-T46G 28.72.0.1 00:15:65:aa:bb:cc"),
        (CP860, None, "Yealink CP860 37.80.0.30 00:15:65:aa:bb:cc"),
        (T21P_E2, None, "Yealink SIP-T21P_E2 52.80.0.60 00:15:65:aa:bb:cc"),
        (
            PhoneModel("T38G", "SIP-T38G", "y000000000038.cfg", "38.70.0.125", "Yealink SIP-T38G  38.70.0.125 00:15:65:00:00:00"),
            "38.70.0.126",
            "Yealink SIP-T38G  38.70.0.126 00:15:65:aa:bb:cc",
        ),
    ],
)
def test_the_agent_has_the_form_of_the_model(model: PhoneModel, firmware: str | None, agent: str) -> None:
    assert PhoneIdentity.of(MAC, model, firmware).agent == agent


def test_every_model_of_the_facts_says_the_agent_of_its_sample() -> None:
    models = load_models(MODELS)
    assert len(models) >= 25
    for model in models.values():
        assert PhoneIdentity.of(model.http_agent_sample[-17:], model).agent == model.http_agent_sample
        assert find_model(models.values(), model.user_agent_name) == model
        assert find_model(models.values(), model.name.lower().replace(" ", "_")) == model


@pytest.mark.parametrize("mac", ["001565aabbc", "001565aabbcg", "", "00:15:65:aa:bb:cc:dd", "٠٠١٥٦٥aabbcc"])
def test_what_is_no_mac_is_refused(mac: str) -> None:
    with pytest.raises(IdentityProblem):
        PhoneIdentity.of(mac, T46G)


@pytest.mark.parametrize("firmware", ["28", "28.80", "x.y.z.w", "28.80.0.60\r\nX: y", "28.80.0.60 "])
def test_what_is_no_firmware_is_refused(firmware: str) -> None:
    with pytest.raises(IdentityProblem):
        PhoneIdentity.of(MAC, T46G, firmware)


def test_an_unknown_model_gets_the_nearest_name() -> None:
    with pytest.raises(IdentityProblem) as caught:
        find_model([T46G, CP860], "cp680")
    assert caught.value.hint == "did you mean 'CP860'?"


@pytest.mark.parametrize("text", ["[T46G]\nprefix = 1\n", "[T46G", "\udcff"])
def test_a_models_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "models.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    for place in (path, tmp_path / "absent.toml"):
        with pytest.raises(IdentityProblem, match=place.name):
            load_models(place)


@given(st.integers(0, 2**48 - 1))
def test_each_phone_has_a_loopback_address_of_its_own(number: int) -> None:
    address = ipaddress.ip_address(PhoneIdentity.of(f"{number:012x}", T46G).loopback)
    assert address.is_loopback
    assert str(address) not in ("127.0.0.0", "127.0.0.1", "127.255.255.255")


@pytest.mark.parametrize(
    ("url", "shown", "path", "tftp_name"),
    [
        ("http://server", "http://server/", "/f.cfg", "f.cfg"),
        ("http://server/", "http://server/", "/f.cfg", "f.cfg"),
        ("http://server/a/b", "http://server/a/b/", "/a/b/f.cfg", "a/b/f.cfg"),
        ("http://server/a/b//", "http://server/a/b/", "/a/b/f.cfg", "a/b/f.cfg"),
        ("HTTPS://server:8443/a", "https://server:8443/a/", "/a/f.cfg", "a/f.cfg"),
        ("https://server:443/", "https://server/", "/f.cfg", "f.cfg"),
        ("tftp://10.0.0.1:6969", "tftp://10.0.0.1:6969/", "/f.cfg", "f.cfg"),
        ("10.0.0.1", "tftp://10.0.0.1/", "/f.cfg", "f.cfg"),
        ("server.example", "tftp://server.example/", "/f.cfg", "f.cfg"),
        ("tftp://[::1]:70/x", "tftp://[::1]:70/x/", "/x/f.cfg", "x/f.cfg"),
        ("http://u:p%40w@server/", "http://u:********@server/", "/f.cfg", "f.cfg"),
        ("http://server/v1.0/", "http://server/v1.0/", "/v1.0/f.cfg", "v1.0/f.cfg"),
        ("http://server/$PN/$MAC/", "http://server/T46G/001565aabbcc/", "/T46G/001565aabbcc/f.cfg", "T46G/001565aabbcc/f.cfg"),
        ("http://server/x?y=1", "http://server/x/", "/x/f.cfg", "x/f.cfg"),
    ],
)
def test_a_url_is_a_folder(url: str, shown: str, path: str, tftp_name: str) -> None:
    where = Location.parse(url, PHONE)
    assert (str(where), where.path("f.cfg"), where.tftp_name("f.cfg"), where.file) == (shown, path, tftp_name, None)


def test_a_url_that_ends_in_a_file_name_is_the_mac_specific_file() -> None:
    where = Location.parse("http://server/a/T46G_$MAC.cfg", PHONE)
    assert (where.folder, where.file) == ("/a/", "T46G_001565aabbcc.cfg")


def test_user_and_password_are_unquoted_and_never_shown() -> None:
    where = Location.parse("http://us%3Aer:s3cr%2Fet@server/", PHONE)
    assert (where.user, where.password) == ("us:er", "s3cr/et")
    assert "s3cr" not in repr(where) + str(where)


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "ftp://server/",
        "http://",
        "http:///x",
        "http://server:x/",
        "http://server:99999/",
        "http://a b/",
        "http://[::1/",
        "x" * 600,
    ],
)
def test_a_url_that_no_phone_could_use_is_refused(url: str) -> None:
    with pytest.raises(UrlProblem) as caught:
        Location.parse(url, PHONE)
    assert caught.value.hint


def test_a_bad_url_does_not_repeat_its_password() -> None:
    with pytest.raises(UrlProblem) as caught:
        Location.parse("http://user:s3c/ret@server/", PHONE)
    assert "s3c" not in str(caught.value)


@given(st.text(max_size=60), st.sampled_from(["", "http://", "tftp://h/", "http://u:p@h:1/"]))
def test_no_text_makes_the_reader_raise_anything_else(text: str, begin: str) -> None:
    try:
        where = Location.parse(begin + text, PHONE)
    except SipstubError:
        return
    request_line = f"GET {where.path('f')} HTTP/1.1"
    assert request_line.isascii()
    assert len(request_line.split()) == 3
