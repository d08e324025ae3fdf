"""What an edit does to the files that are published: the one phone meant, and no other."""

from __future__ import annotations

import shutil

import pytest
from runtime_folder import Folder, Session

ANNA, BEN, CHRIS = "001565000001", "001565000002", "001565000003"


def test_the_first_load_publishes_every_phone_and_the_common_files(session: Session) -> None:
    report = session.load()
    assert report.generation == 1 and report.is_new and report.errors == 0
    assert session.names() == {ANNA + ".cfg", BEN + ".cfg", CHRIS + ".cfg"}
    assert "local_time.ntp_server1 = ntp.example" in session.body("y000000000028.cfg")
    assert "account.1.password = pass-101" in session.body(ANNA + ".cfg")


def test_without_an_edit_nothing_is_loaded_again(session: Session) -> None:
    session.load()
    assert session.load() is None


def test_a_forced_load_of_the_same_text_makes_no_new_generation(session: Session) -> None:
    session.load()
    report = session.loader.load(force=True)
    assert report is not None and report.generation == 1 and not report.is_new


def test_an_edit_changes_the_file_of_that_phone_alone(folder: Folder, session: Session) -> None:
    session.load()
    before = {name: session.body(name) for name in session.names()}
    folder.phone("ben", BEN, "T42G", "office", "202")
    assert session.load().generation == 2
    after = {name: session.body(name) for name in session.names()}
    assert [name for name in before if before[name] != after[name]] == [BEN + ".cfg"]
    assert "account.1.user_name = 202" in after[BEN + ".cfg"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('name = "ben"\nmac = "00:15:65:00:00:02"\nmodel = "T42G"\ntransprot = "tls"\n', "unknown-setting"),
        ('name = "ben"\nmac = "00:15:65:00:00:02"\nmodel = "T99X"\n', "unknown-model"),
        ('name = "ben"\nmac = "00:15:65:00:00:02"\nmodel = "T28P"\n', "out-of-scope"),
        ('name = "ben"\nmac = "00:15:65:00:00:02"\nmodel = "T42G"\ngroup = "ofice"\n', "unknown-group"),
        ('name = "ben"\nmac = "00:15:65:00:00:02"\nmodel = "T42G"\ntemplate = "mine"\n', "unknown-template"),
        ('name = "ben"\nmac = "00:15:65:00:00:02"\nmodel = "T42G"\n[settings]\n"account.1.lable" = "x"\n', "unknown-parameter"),
        ("this is not TOML", "broken-toml"),
    ],
)
def test_a_phone_with_a_problem_keeps_its_last_good_file_also_over_a_restart(
    folder: Folder, session: Session, text: str, code: str
) -> None:
    session.load()
    good = session.body(BEN + ".cfg")
    folder.write("phones/ben.toml", text)
    folder.phone("anna", ANNA, "T46G", "office", "201")
    report = session.load()
    assert report.errors == 1 and report.generation == 2
    assert session.loader.build is not None and session.loader.build.errors[0].code == code
    assert session.loader.build.errors[0].file.startswith("phones/ben.toml")
    assert session.body(BEN + ".cfg") == good and session.has_problem(BEN)
    assert "account.1.user_name = 201" in session.body(ANNA + ".cfg")
    session.close()
    again = Session(folder)
    try:
        again.load()
        assert again.body(BEN + ".cfg") == good and again.has_problem(BEN)
        folder.phone("ben", BEN, "T42G", "office", "102")
        again.load()
        assert again.body(BEN + ".cfg") == good and not again.has_problem(BEN)
    finally:
        again.close()


def test_a_phone_that_never_was_good_is_known_but_has_no_file(folder: Folder, session: Session) -> None:
    folder.phone("dora", "001565000004", "T42G", "nowhere", "104")
    session.load()
    assert "001565000004.cfg" not in session.names() and session.has_problem("001565000004")


def test_a_group_with_a_problem_holds_up_exactly_its_phones(folder: Folder, session: Session) -> None:
    session.load()
    before = {name: session.body(name) for name in session.names()}
    folder.write("groups/office.toml", 'time_zone = "+5"\ntransprot = "tls"\n')
    folder.write("groups/floor.toml", 'time_zone = "+6"\n')
    session.load()
    assert session.body(ANNA + ".cfg") == before[ANNA + ".cfg"] and session.body(BEN + ".cfg") == before[BEN + ".cfg"]
    assert "local_time.time_zone = +6" in session.body(CHRIS + ".cfg")


@pytest.mark.parametrize("text", ["ntp_server = ", 'ntp_servr = "x"\n'])
def test_defaults_with_a_problem_change_nothing_for_anybody(folder: Folder, session: Session, text: str) -> None:
    session.load()
    before = {name: session.body(name) for name in (*session.names(), "y000000000028.cfg")}
    folder.write("defaults.toml", text)
    folder.phone("anna", ANNA, "T46G", "office", "201")
    session.load()
    assert {name: session.body(name) for name in before} == before


def test_a_missing_folder_takes_no_phone_away(folder: Folder, session: Session) -> None:
    session.load()
    folder.devices.rename(folder.devices.with_name("moved"))
    session.load()
    assert session.names() == {ANNA + ".cfg", BEN + ".cfg", CHRIS + ".cfg"}


def test_facts_that_contradict_each_other_change_nothing_and_are_said(folder: Folder, session: Session) -> None:
    session.load()
    good = session.body(ANNA + ".cfg")
    models = folder.templates / "yealink/models.toml"
    models.write_text(models.read_text().replace('common_name = "y000000000028.cfg"', 'common_name = "y000000000099.cfg"'))
    folder.phone("anna", ANNA, "T46G", "office", "201")
    report = session.load()
    assert "y000000000099" in report.error or "28" in report.error
    assert session.body(ANNA + ".cfg") == good
    assert session.source.load_report()["problems"][0]["code"] == "bad-catalogue"


def test_a_removed_phone_has_no_file_any_more(folder: Folder, session: Session) -> None:
    session.load()
    (folder.devices / "phones/ben.toml").unlink()
    session.load()
    assert session.names() == {ANNA + ".cfg", CHRIS + ".cfg"}


def test_a_broken_template_holds_up_only_the_phones_that_use_it(folder: Folder, session: Session) -> None:
    session.load()
    before = {name: session.body(name) for name in session.names()}
    template = folder.templates / "yealink/v80/model/t42g.cfg"
    template.write_text('{% extends "v80/base.cfg" %}\n{% block extra %}{{ phone.nmae }}{% endblock %}\n')
    folder.phone("anna", ANNA, "T46G", "office", "201")
    session.load()
    assert session.loader.build is not None
    errors = session.loader.build.errors
    assert {(problem.file, problem.line) for problem in errors} == {("templates/v80/model/t42g.cfg", 2)}
    assert {problem.phone for problem in errors} <= {BEN, None}  # its own file, and the common file of its model
    assert session.body(BEN + ".cfg") == before[BEN + ".cfg"]
    assert "account.1.user_name = 201" in session.body(ANNA + ".cfg")


def test_a_key_that_was_removed_is_put_back_on_the_phone_and_stays_so(folder: Folder, session: Session) -> None:
    folder.phone("ben", BEN, "T42G", "office", "102", '\n[[key]]\ntype = "blf"\nvalue = "101"\n')
    session.load()
    folder.phone("ben", BEN, "T42G", "office", "102")
    session.load()
    assert "linekey.1.type = %NULL%" in session.body(BEN + ".cfg") and "linekey.1.value = %NULL%" in session.body(BEN + ".cfg")
    folder.phone("ben", BEN, "T42G", "office", "202")
    session.load()
    assert "linekey.1.type = %NULL%" in session.body(BEN + ".cfg")
    folder.phone("ben", BEN, "T42G", "office", "202", '\n[[key]]\ntype = "line"\n')
    session.load()
    assert "linekey.1.type = 15" in session.body(BEN + ".cfg")


def test_a_removed_line_is_switched_off_and_its_secret_goes(folder: Folder, session: Session) -> None:
    more = '\n[[line]]\nextension = "900"\npassword = "second"\n'
    folder.phone("ben", BEN, "T42G", "office", "102", more)
    session.load()
    assert "account.2.password = second" in session.body(BEN + ".cfg")
    folder.phone("ben", BEN, "T42G", "office", "102")
    session.load()
    body = session.body(BEN + ".cfg")
    assert "account.2.enable = 0" in body and "account.2.password = %NULL%" in body and "second" not in body


def test_files_of_the_files_folder_are_published_by_name_and_go_with_their_file(folder: Folder, session: Session) -> None:
    folder.write("files/T46.rom", "firmware")
    session.load()
    assert "files/T46.rom" in session.names()
    (folder.devices / "files/T46.rom").unlink()
    session.load()
    assert "files/T46.rom" not in session.names()


def test_two_loaders_cannot_publish_into_one_folder(folder: Folder, session: Session) -> None:
    from provisioner.errors import EnvironmentProblem

    with pytest.raises(EnvironmentProblem, match="another loader"):
        Session(folder)


def test_a_template_edit_reaches_every_phone_at_the_next_load(folder: Folder, session: Session) -> None:
    session.load()
    block = folder.templates / "yealink/v80/block/phone.cfg"
    block.write_text(block.read_text() + "phone_setting.backlight_time = 300\n")
    session.load()
    assert "phone_setting.backlight_time = 300" in session.body("y000000000028.cfg")
    shutil.rmtree(folder.templates)
    assert session.load().error


def test_an_edit_that_was_held_up_by_another_file_is_published_when_that_file_goes(folder: Folder, session: Session) -> None:
    session.load()
    folder.phone("ben", BEN, "T42G", "office", "202")
    twin = folder.phone("twin", BEN, "T42G", "office", "999")
    session.load()
    assert "account.1.user_name = 102" in session.body(BEN + ".cfg")  # two phones with one MAC: neither new text is taken
    twin.unlink()
    session.load()
    assert "account.1.user_name = 202" in session.body(BEN + ".cfg")


def test_the_place_of_a_value_is_published_again_when_it_moves(folder: Folder, session: Session) -> None:
    session.load()
    path = folder.devices / "phones/ben.toml"
    folder.write("phones/ben.toml", "# a comment\n\n" + path.read_text())
    before = session.body(BEN + ".cfg")
    session.load()
    assert session.body(BEN + ".cfg") == before
    line = before.splitlines().index("account.1.user_name = 102")
    assert session.source.origins(BEN + ".cfg")[line][:2] == ["phones/ben.toml", 9]
