"""An import from plan to disk: what is added, changed, kept, and where passwords go."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from import_builders import LOBBY, a_rehearsal, codes, contents, run

from provisioner.errors import NotFound
from provisioner.inventory.change_set import undo
from provisioner.inventory.edit import EditProblem
from provisioner.inventory.importers import csv_text
from provisioner.inventory.importers.csv_text import read_sheet
from provisioner.inventory.importers.plan import Action

NEW = "mac,name,model,group,extension,password\n001565aabb02,new1,T46G,sales,102,pass-word\n"


def test_a_second_run_of_the_same_file_changes_nothing(devices: Path) -> None:
    run(devices, NEW).changes.write()
    before = contents(devices)
    again = run(devices, NEW)
    assert [phone.action for phone in again.plan.phones] == [Action.UNCHANGED]
    assert again.changes.after == {}
    again.changes.write()
    assert contents(devices) == before


def test_a_new_phone_gets_a_file_by_its_name_and_its_password_a_file_only_for_its_owner(devices: Path) -> None:
    run(devices, NEW).changes.write()
    text = (devices / "phones/new1.toml").read_text("utf-8")
    assert 'password_file = "secrets/001565aabb02-1"' in text
    assert "pass-word" not in text
    secret = devices / "secrets/001565aabb02-1"
    assert secret.read_text("utf-8") == "pass-word\n"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE((devices / "phones/new1.toml").stat().st_mode) == 0o644
    assert not a_rehearsal(devices).inventory().problems


def test_a_folder_of_secrets_that_was_not_there_is_made_for_its_owner_alone(devices: Path) -> None:
    (devices / "secrets/lobby").unlink()
    (devices / "secrets").rmdir()
    (devices / "phones/lobby.toml").unlink()
    run(devices, NEW).changes.write()
    assert stat.S_IMODE((devices / "secrets").stat().st_mode) == 0o700


def test_a_changed_phone_keeps_its_comments_and_its_file(devices: Path) -> None:
    text = "mac,extension,label,group\n001565aabb01,\\102,Door,\n001565aabb12,119,,\n"
    run(devices, text).changes.write()
    assert (devices / "phones/lobby.toml").read_text("utf-8") == LOBBY.replace(
        'extension = "0101"  # with the zero\n', 'extension = "102"  # with the zero\n'
    ).replace('password_file = "secrets/lobby"\n', 'password_file = "secrets/lobby"\nlabel = "Door"\n')
    fleet = (devices / "fleet.toml").read_text("utf-8")
    assert "# two phones in one file" in fleet
    assert "# the second one" in fleet
    assert 'extension = "119"' in fleet
    assert 'extension = "111"' in fleet


def test_a_new_password_goes_to_the_lines_own_file_so_that_a_shared_one_is_not_overwritten(devices: Path) -> None:
    outcome = run(devices, "name,password\nlobby,fresh-word\n")
    assert [str(change) for change in outcome.plan.phones[0].changes] == ["line 1 password  changed (not shown)"]
    outcome.changes.write()
    assert (devices / "secrets/lobby").read_text("utf-8") == "old-password\n"
    assert (devices / "secrets/001565aabb01-1").read_text("utf-8") == "fresh-word\n"
    assert 'password_file = "secrets/001565aabb01-1"' in (devices / "phones/lobby.toml").read_text("utf-8")
    assert run(devices, "name,password\nlobby,fresh-word\n").changes.after == {}


def test_the_same_password_is_no_change(devices: Path) -> None:
    assert run(devices, "name,password\nlobby,old-password\n").plan.phones[0].action is Action.UNCHANGED


def test_a_password_in_the_open_moves_into_a_file_when_it_changes(devices: Path) -> None:
    path = devices / "phones/lobby.toml"
    path.write_text(LOBBY.replace('password_file = "secrets/lobby"', 'password = "open-word"'), "utf-8")
    run(devices, "name,password\nlobby,closed-word\n").changes.write()
    text = path.read_text("utf-8")
    assert "open-word" not in text
    assert "closed-word" not in text
    assert 'password_file = "secrets/001565aabb01-1"' in text


def test_a_password_of_the_phone_itself_has_a_file_too(devices: Path) -> None:
    run(devices, "name,admin_password\nlobby,admin-word\n").changes.write()
    assert 'admin_password_file = "secrets/001565aabb01-admin_password"' in (devices / "phones/lobby.toml").read_text("utf-8")
    phone = a_rehearsal(devices).inventory().phones["001565aabb01"]
    assert phone.fields["admin_password"].value.reveal() == "admin-word"


def test_generated_passwords_are_for_new_phones_without_one_and_differ(devices: Path) -> None:
    text = "mac,name,model,group,extension,line2_extension,password\n"
    text += "001565aabb02,new1,T46G,sales,102,112,given-word\n001565aabb11,,,,111,,\n"
    run(devices, text, generate_passwords=True).changes.write()
    assert (devices / "secrets/001565aabb02-1").read_text("utf-8") == "given-word\n"
    generated = (devices / "secrets/001565aabb02-2").read_text("utf-8").strip()
    assert len(generated) == 20
    assert generated.isalnum()
    assert not (devices / "secrets/001565aabb11-1").exists()


def test_one_bad_row_and_nothing_is_in_the_way_of_the_others_but_the_errors_say_so(devices: Path) -> None:
    outcome = run(devices, NEW + "001565aabb03,new2,T46G,sales,103,ok\n001565aabb04,new3,T46G,nosuch,104,ok\n")
    assert codes(outcome) == [(4, None, "unknown-group")]
    assert outcome.errors
    assert outcome.can_skip
    assert sorted(outcome.changes.after) == [
        "phones/new1.toml",
        "phones/new2.toml",
        "secrets/001565aabb02-1",
        "secrets/001565aabb03-1",
    ]


@pytest.mark.parametrize(
    "text", ["mac,name,model,colour\n001565aabb02,a,T46G,red\n", 'mac,name\n001565aabb01,a\n001565aabb11,"b\n']
)
def test_what_is_wrong_with_the_whole_file_cannot_be_skipped(devices: Path, text: str) -> None:
    assert not run(devices, text).can_skip


def test_an_old_mistake_of_another_phone_is_not_held_against_the_import(devices: Path) -> None:
    (devices / "phones/broken.toml").write_text('mac = "00:15:65:aa:bb:77"\nmodel = "T46G"\ngroup = "nosuch"\n', "utf-8")
    assert run(devices, NEW).plan.problems == []


def test_a_name_that_another_phone_has_is_refused(devices: Path) -> None:
    outcome = run(devices, "mac,name\n001565aabb11,lobby\n")
    assert [code for _, _, code in codes(outcome)] == ["duplicate-name"]
    assert outcome.changes.after == {}


def test_two_phones_may_swap_their_names_in_one_import(devices: Path) -> None:
    outcome = run(devices, "mac,name\n001565aabb11,desk2\n001565aabb12,desk1\n")
    assert outcome.plan.problems == []
    outcome.changes.write()
    assert {mac: phone.name for mac, phone in a_rehearsal(devices).inventory().phones.items()}["001565aabb11"] == "desk2"


def test_a_file_name_that_is_taken_gives_way_to_the_mac(devices: Path) -> None:
    (devices / "phones/new1.toml").write_text('name = "other"\nmac = "00:15:65:aa:bb:55"\nmodel = "T46G"\n', "utf-8")
    run(devices, NEW).changes.write()
    assert (devices / "phones/001565aabb02.toml").exists()


def test_a_file_edited_between_plan_and_write_is_refused_and_nothing_is_written(devices: Path) -> None:
    outcome = run(devices, NEW + "001565aabb01,,,,\\102,\n")
    (devices / "phones/lobby.toml").write_text(LOBBY + "# edited\n", "utf-8")
    before = contents(devices)
    with pytest.raises(EditProblem, match="edited by somebody else"):
        outcome.changes.write()
    assert contents(devices) == before


def test_a_disk_that_fails_at_the_last_file_leaves_everything_as_it_was(devices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run(devices, NEW + "001565aabb01,,,,\\102,\n")
    before = contents(devices)
    real = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "new1.toml":
            raise OSError(28, "No space left on device", str(target))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(Exception, match="No space left"):
        outcome.changes.write()
    assert contents(devices) == before


def test_the_newest_import_can_be_undone_once(devices: Path) -> None:
    before = contents(devices)
    run(devices, NEW + "001565aabb01,,,,\\102,fresh\n").changes.write()
    assert contents(devices) != before
    undo(devices)
    assert contents(devices) == before
    with pytest.raises(NotFound):
        undo(devices)
    assert stat.S_IMODE((devices / ".undo").stat().st_mode) == 0o700


def test_an_import_that_was_cut_short_can_be_undone(devices: Path) -> None:
    before = contents(devices)
    run(devices, NEW + "001565aabb01,,,,\\102,fresh\n").changes.write()
    (devices / "phones/lobby.toml").write_bytes(before["phones/lobby.toml"])
    (devices / "phones/new1.toml").unlink()
    undo(devices)
    assert contents(devices) == before


@pytest.mark.parametrize("text", ["name = ", 'name = "no mac"\nmodel = "T46G"\n'])
def test_while_a_file_cannot_be_read_nothing_is_imported_because_its_phones_might_come_twice(devices: Path, text: str) -> None:
    (devices / "phones/lobby.toml").write_text(text, "utf-8")
    outcome = run(devices, "mac,name,model\n001565aabb01,lobby,T46G\n")
    assert outcome.errors
    assert not outcome.can_skip
    assert {problem.file for problem in outcome.errors} == {"phones/lobby.toml"}


def test_an_undo_after_an_edit_is_refused(devices: Path) -> None:
    run(devices, NEW).changes.write()
    with (devices / "phones/new1.toml").open("a", encoding="utf-8") as file:
        file.write("# edited\n")
    with pytest.raises(EditProblem, match="edited since"):
        undo(devices)
    assert (devices / "phones/new1.toml").exists()


def test_a_symbolic_link_stays_one(devices: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.toml"
    (devices / "phones/lobby.toml").rename(real)
    (devices / "phones/lobby.toml").symlink_to(real)
    run(devices, "name,label\nlobby,Door\n").changes.write()
    assert (devices / "phones/lobby.toml").is_symlink()
    assert "Door" in real.read_text("utf-8")


def test_a_file_with_a_byte_order_mark_keeps_it(devices: Path) -> None:
    (devices / "phones/lobby.toml").write_bytes(b"\xef\xbb\xbf" + LOBBY.encode())
    run(devices, "name,label\nlobby,Door\n").changes.write()
    raw = (devices / "phones/lobby.toml").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf#")
    assert b"Door" in raw


def test_too_many_rows_columns_and_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_text, "MAX_ROWS", 2)
    sheet = read_sheet("x.csv", b"mac\n1\n2\n3\n", lambda name: name == "mac")
    assert [problem.code for problem in sheet.problems] == ["too-many-rows"]
    monkeypatch.setattr(csv_text, "MAX_COLUMNS", 2)
    assert [problem.code for problem in read_sheet("x.csv", b"a,b,c\n", bool).problems] == ["too-many-columns"]
    monkeypatch.setattr(csv_text, "MAX_FILE_BYTES", 4)
    assert [problem.code for problem in read_sheet("x.csv", b"a,b,c\n", bool).problems] == ["file-too-large"]
    huge = read_sheet("x.csv", b"a", bool)
    assert huge.problems == ()
