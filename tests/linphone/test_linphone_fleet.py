"""Two vendors in one fleet: one set of words, each file in its own form, and no phone of one changed by the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from linphone_lab import FILE, MAC, ROOT
from runtime_folder import Folder, Session

from provisioner.catalogue import load_catalogue
from provisioner.delivery.answer import Refusal
from provisioner.delivery.decide import decide
from provisioner.delivery.policy import Policy, parse_networks
from provisioner.delivery.reason import Reason
from provisioner.delivery.request import FileRequest, Protocol
from provisioner.errors import CatalogueError, Severity
from provisioner.expectations.accounts import Account, AccountReader
from provisioner.expectations.observables import load_observables
from provisioner.rendering.context import Addresses
from provisioner.runtime.fleet import Build, Fleet
from provisioner.runtime.lab_plan import LabPlanner, LabWord, Stub
from provisioner.runtime.preview import preview
from sipstub.phone.format.reading import read_file

TEMPLATES = ROOT / "templates"
DESK = """\
name = "desk"
mac = "f0:e1:d2:c3:b4:a5"
model = "linphone"
[[line]]
extension = "100"
password = "pass-100"
"""
DEFAULTS = """\
[line]
server = "@stub"
server2 = "@stub"
transport = "tcp"
mwi = true
expires = 600
[settings]
"sip.use_ipv6" = "0"
"account.1.codec.1.enable" = "1"
"""


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., Build]:
    folder = Folder(tmp_path)

    def build(desk: str = DESK, defaults: str = DEFAULTS) -> Build:
        folder.write("defaults.toml", defaults)
        folder.write("phones/desk.toml", desk)
        return Fleet(folder.templates, folder.devices, Addresses("192.0.2.1", 5070, 5071)).build()

    return build


def test_the_file_of_a_linphone_holds_what_the_words_of_every_layer_say(built: Callable[..., Build]) -> None:
    build = built()
    assert {problem.code for problem in build.problems} == {"inline-secret"}
    assert build.phones[MAC].own_name == FILE and build.phones[MAC].common_name == ""
    values = read_file(build.phones[MAC].mac.body).values()
    assert values["proxy.0.reg_proxy"] == "<sip:192.0.2.1:5070;transport=tcp>"
    assert values["proxy.0.reg_identity"] == "<sip:100@192.0.2.1>"
    assert (values["proxy.0.reg_expires"], values["sip.use_ipv6"]) == ("600", "0")
    assert not [name for name in values if name.startswith(("account.", "voice_mail"))]


def test_the_files_of_the_other_vendor_are_those_that_it_has_alone(built: Callable[..., Build], tmp_path: Path) -> None:
    both = built(defaults=DEFAULTS.replace('"sip.use_ipv6" = "0"\n', ""))
    shutil.rmtree(tmp_path / "templates" / "linphone")
    (tmp_path / "devices" / "phones" / "desk.toml").unlink()
    alone = Fleet(tmp_path / "templates", tmp_path / "devices", Addresses("192.0.2.1", 5070, 5071)).build()
    assert {name: file.body for name, file in both.commons.items()} == {name: file.body for name, file in alone.commons.items()}
    theirs = {mac: found.mac.body for mac, found in both.phones.items() if mac != MAC}
    assert theirs == {mac: found.mac.body for mac, found in alone.phones.items()} and len(theirs) == 3


@pytest.mark.parametrize(
    ("more", "severity", "key"),
    [("mwi = true\n", Severity.WARNING, "line.1.mwi"), ('transport = "dns"\n', Severity.ERROR, "line.1.transport")],
)
def test_what_its_own_file_asks_and_a_linphone_cannot_is_told(
    built: Callable[..., Build], more: str, severity: Severity, key: str
) -> None:
    build = built(DESK + more)
    problems = [problem for problem in build.problems if problem.code == "not-of-this-vendor"]
    assert [(problem.severity, problem.key, problem.phone) for problem in problems] == [(severity, key, MAC)]
    assert (problems[0].file, problems[0].line) == ("phones/desk.toml", 7)
    assert build.phones[MAC].is_blocked is (severity is Severity.ERROR)


def test_a_parameter_of_the_other_vendor_is_an_error_in_the_phone_s_own_file(built: Callable[..., Build]) -> None:
    build = built(DESK.replace("[[line]]", '[settings]\n"account.1.label" = "x"\n[[line]]'))
    assert [(problem.code, problem.line) for problem in build.errors] == [("wrong-model", 5)]


def test_a_name_that_the_form_has_no_place_for_stops_the_file_and_names_the_template(
    built: Callable[..., Build], tmp_path: Path
) -> None:
    base = tmp_path / "templates" / "linphone" / "base.cfg"
    base.write_text(base.read_text() + "odd = 1\n")
    build = built()
    found = next(problem for problem in build.problems if problem.code == "not-in-this-format")
    assert found.file == "templates/linphone/base.cfg" and build.phones[MAC].is_blocked


def test_what_is_made_for_the_other_vendor_alone_leaves_a_linphone_out(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("phones/desk.toml", DESK)
    addresses = Addresses("192.0.2.1", 5070, 5071)
    fleet = Fleet(folder.templates, folder.devices, addresses)
    (plan,) = LabPlanner(fleet, {}, Stub(addresses, frozenset({"udp"})), "me").plan([MAC], 0.0, 600.0)
    assert (plan.word, plan.why) == (LabWord.REFUSED, "its vendor's templates have no lab.toml")
    main = fleet.catalogue.vendors[0]
    assert {mac for mac, phone in fleet.inventory().phones.items() if phone.model.vendor != main} == {MAC}


def ask(build: Build, name: str, agent: str | None = None) -> str:
    snapshot = preview(build, load_catalogue(TEMPLATES))
    policy = Policy(parse_networks(["127.0.0.0/8"]), frozenset({Protocol.HTTP}))
    answer = decide(FileRequest(Protocol.HTTP, name, "127.0.0.1", agent), snapshot, policy, now=0.0)
    return str(answer.reason) if isinstance(answer, Refusal) else answer.file.content_type


def test_the_name_of_the_file_tells_which_linphone_asks_and_the_agent_must_not_contradict(built: Callable[..., Build]) -> None:
    build = built()
    assert ask(build, "/" + FILE, "Unknown") == ask(build, "/F0-E1-D2-C3-B4-A5.xml") == "application/xml; charset=utf-8"
    assert ask(build, "/" + FILE, "Linphonec/5.1.65") == "application/xml; charset=utf-8"
    assert ask(build, "/" + FILE, "Yealink SIP-T46G 28.80.0.60 f0:e1:d2:c3:b4:a5") == Reason.WRONG_MODEL
    assert ask(build, "/" + FILE, "Yealink SIP-T46G 28.80.0.60 00:15:65:00:00:01") == Reason.AGENT_DISAGREES
    assert ask(build, "/001565000001.cfg", "Linphonec/5.1.65") == Reason.WRONG_MODEL
    assert ask(build, f"/{MAC}.cfg") == ask(build, "/001565000001.xml") == Reason.UNKNOWN_FILE
    assert ask(build, f"/{MAC}-local.xml") == Reason.LOCAL_FILE
    assert ask(build, "/aabbccddeeff.xml") == Reason.UNKNOWN_MAC


def test_a_phone_that_becomes_one_of_another_vendor_leaves_no_file_behind(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    session = Session(folder)
    try:
        folder.write("phones/desk.toml", DESK)
        session.load()
        assert FILE in session.names() and f"{MAC}.cfg" not in session.names()
        folder.write("phones/desk.toml", DESK.replace("linphone", "T46G"))
        session.load()
        assert f"{MAC}.cfg" in session.names() and FILE not in session.names()
        assert "%NULL%" not in session.body(f"{MAC}.cfg")
    finally:
        session.close()


def test_accounts_are_read_by_the_mapping_of_each_vendor() -> None:
    reader = AccountReader(load_observables(TEMPLATES))
    ours = {
        "proxy.0.reg_identity": '"A" <sip:100@host>', "auth_info.0.passwd": "one", "auth_info.0.userid": "login",
        "proxy.1.reg_identity": "<sip:101@host>", "auth_info.1.passwd": "two", "proxy.1.reg_sendregister": "0",
        "proxy.2.reg_identity": "<sip:102@host>", "auth_info.2.passwd": "%NULL%",
    }  # fmt: skip
    assert list(reader.read(ours)) == []  # nothing says that they are on
    assert list(reader.read({**ours, "proxy.0.reg_sendregister": "1", "proxy.2.reg_sendregister": "1"})) == [
        Account(1, "100", "login", "one")
    ]
    theirs = {"account.2.enable": "1", "account.2.user_name": "7", "account.2.password": "p", "account.2.auth_name": "%NULL%"}
    assert list(reader.read(theirs)) == [Account(2, "7", "7", "p")]
    assert "p" not in repr(Account(2, "7", "7", "pass"))[-8:]


def test_vendors_that_say_different_things_under_one_name_are_refused(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "t")
    file = tmp_path / "t" / "linphone" / "parameters" / "sip.toml"
    before = file.read_text()
    file.write_text(before + '\n["account.X.label"]\nscope = "account"\nsource = ["R"]\n')
    with pytest.raises(CatalogueError, match="another vendor has account"):
        load_catalogue(tmp_path / "t")
    file.write_text(before)
    models = tmp_path / "t" / "linphone" / "models.toml"
    models.write_text(models.read_text().replace("[Linphone]", "[T46G]"))
    with pytest.raises(CatalogueError):
        load_catalogue(tmp_path / "t")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('"lpconfig"', '"yaml"', "format"),
        ('"{mac}.xml"', '"phone.xml"', "own_file"),
        ("base = ", "bass = ", "bass"),
        ("has_common_file = false", 'has_common_file = "no"', "has_common_file"),
    ],
)
def test_a_wrong_vendor_file_is_refused_by_key(tmp_path: Path, old: str, new: str, word: str) -> None:
    shutil.copytree(TEMPLATES / "linphone", tmp_path / "linphone")
    file = tmp_path / "linphone" / "vendor.toml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(CatalogueError, match=rf"vendor\.toml.*{word}"):
        load_catalogue(tmp_path / "linphone")
