"""Edits keep comments and layout, and either read as meant or are refused."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from import_builders import FLEET, GROUP, LOBBY

from provisioner.inventory.edit import Edit, EditProblem, Remove, add_phone, edit_layer, edit_phone, remove_phone
from provisioner.inventory.layer import KeyKind, KeyPlace
from provisioner.inventory.spot import EVERY_LINE, Place, Spot
from provisioner.mac import MacAddress
from provisioner.secret import Secret

MAC = MacAddress("001565aabb01")
SECOND = MacAddress("001565aabb12")


def comments(text: str) -> list[str]:
    return [line[line.index("#") :] for line in text.splitlines() if "#" in line]


def test_setting_a_value_changes_only_that_line() -> None:
    new = edit_phone(LOBBY, MAC, [Edit(Spot(None, "model"), "T48G")])
    assert new == LOBBY.replace('model = "T46G"', 'model = "T48G"')


def test_a_new_value_stands_above_the_comment_of_the_next_table() -> None:
    new = edit_phone(LOBBY, MAC, [Edit(Spot(None, "site"), "north")])
    assert new == LOBBY.replace('group = "sales"\n', 'group = "sales"\nsite = "north"\n')


def test_clearing_what_is_not_there_changes_nothing() -> None:
    assert edit_phone(LOBBY, MAC, [Edit(Spot(7, "label"), None), Edit(Spot("settings", "a.b"), None)]) == LOBBY


def test_a_removed_line_does_not_move_the_next_one() -> None:
    text = 'mac = "001565aabb01"\n[[line]]\nextension = "1"\n[[line]]\nextension = "2"\n[[line]]\nextension = "3"\n'
    data = tomllib.loads(edit_phone(text, MAC, [Remove(1)]))
    assert data["line"] == [{"extension": "2", "number": 2}, {"extension": "3"}]


def test_a_line_with_a_gap_gets_its_number() -> None:
    data = tomllib.loads(edit_phone(LOBBY, MAC, [Edit(Spot(3, "extension"), "103")]))
    assert data["line"][1] == {"number": 3, "extension": "103"}


def test_a_phone_among_many_is_found_by_any_form_of_its_mac() -> None:
    new = edit_phone(FLEET, SECOND, [Edit(Spot(None, "model"), "T46G"), Edit(Spot(2, "extension"), "122")])
    data = tomllib.loads(new)["phone"]
    assert data[0] == tomllib.loads(FLEET)["phone"][0]
    assert data[1]["model"] == "T46G"
    assert data[1]["line"] == [{"extension": "112"}, {"extension": "122"}]
    assert comments(new) == comments(FLEET)


def test_keys_of_modules_and_programmable_keys_are_made_where_they_belong() -> None:
    places: list[Place] = [KeyPlace(KeyKind.EXPANSION, 2, 5), KeyPlace(KeyKind.PROGRAMMABLE, 0, 3), KeyPlace(KeyKind.LINE, 0, 2)]
    data = tomllib.loads(edit_phone(LOBBY, MAC, [Edit(Spot(place, "type"), "blf") for place in places]))
    assert data["key"][1:] == [
        {"module": 2, "number": 5, "type": "blf"},
        {"kind": "programmable", "number": 3, "type": "blf"},
        {"type": "blf"},
    ]


@pytest.mark.parametrize(
    "written", ['settings."a.b.c" = "1"', 'settings.a.b.c = "1"', '[settings]\n"a.b.c" = "1"', '[settings.a]\nb.c = "1"']
)
def test_a_parameter_is_changed_in_the_form_it_is_written_in(written: str) -> None:
    text = f'mac = "001565aabb01"\n{written}  # why\n'
    new = edit_phone(text, MAC, [Edit(Spot("settings", "a.b.c"), "2")])
    assert new == text.replace('"1"', '"2"')


def test_the_fields_of_a_group_and_of_its_lines_can_be_set() -> None:
    new = edit_layer(GROUP, [Edit(Spot(EVERY_LINE, "transport"), "tls"), Edit(Spot(None, "time_zone"), "+1")])
    assert tomllib.loads(new) == {"time_zone": "+1", "line": {"server": "10.1.0.9", "transport": "tls"}}


def test_a_comment_above_the_next_table_stays_above_it_when_something_is_put_between() -> None:
    text = LOBBY.replace("[[key]]", "# its keys\n[[key]]")
    new = edit_phone(text, MAC, [Edit(Spot(2, "extension"), "102")])
    assert new == text.replace("\n# its keys", '\n[[line]]\nextension = "102"\n\n# its keys')
    first = MacAddress("001565aabb11")
    new = edit_phone(FLEET, first, [Edit(Spot(2, "extension"), "122"), Edit(Spot("settings", "a.b"), "1")])
    assert "\n# the second one\n[[phone]]\n" in new


def test_a_phone_is_added_below_the_others_and_removed_again() -> None:
    values = {Spot(None, "name"): "x", Spot(None, "mac"): "00:15:65:aa:bb:01", Spot(1, "extension"): "5"}
    new = add_phone(FLEET, values)
    assert new.startswith(FLEET)
    assert len(tomllib.loads(new)["phone"]) == 3
    assert tomllib.loads(remove_phone(new, MAC)) == tomllib.loads(FLEET)


def test_a_secret_never_goes_into_the_file() -> None:
    with pytest.raises(EditProblem, match="is a secret"):
        edit_phone(LOBBY, MAC, [Edit(Spot(1, "password"), Secret("hidden"))])


@pytest.mark.parametrize("text", ["mac = ", 'mac = "001565aabbcc"\n', ""])
def test_a_text_that_is_broken_or_about_another_phone_is_refused(text: str) -> None:
    with pytest.raises(EditProblem):
        edit_phone(text, MAC, [Edit(Spot(None, "model"), "T48G")])


def test_a_text_that_would_not_read_as_meant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tomlkit.dumps", lambda document: LOBBY.replace("T46G", "T48G").replace("sales", "other"))
    with pytest.raises(EditProblem, match="cannot be edited by command"):
        edit_phone(LOBBY, MAC, [Edit(Spot(None, "model"), "T48G")])


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
spots = st.one_of(
    st.builds(Spot, st.none(), st.sampled_from(["model", "group", "site", "language"])),
    st.builds(Spot, st.integers(1, 4), st.sampled_from(["label", "extension", "display_name"])),
    st.builds(
        Spot,
        st.builds(KeyPlace, st.just(KeyKind.LINE), st.just(0), st.integers(1, 4)),
        st.sampled_from(["type", "label"]),
    ),
    st.builds(Spot, st.just("settings"), st.sampled_from(["a.b", "a.c", "d"])),
)
edits = st.lists(st.builds(Edit, spots, st.one_of(st.none(), words, st.integers(0, 9), st.booleans())), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([LOBBY, FLEET.replace("001565aabb12", "001565aabb01")]), edits)
def test_any_edits_of_any_text_keep_every_comment_and_the_other_phones(text: str, changes: list[Edit]) -> None:
    new = edit_phone(text, MAC, changes)
    kept = comments("\n".join(line for line in text.splitlines() if line.lstrip().startswith("#")))
    assert [line for line in kept if line not in new] == []
    data = tomllib.loads(new)
    if "phone" in data:
        assert data["phone"][0] == tomllib.loads(text)["phone"][0]
    table = data["phone"][1] if "phone" in data else data
    last = {edit.spot: edit.value for edit in changes}
    for spot, value in last.items():
        if spot.place is None:
            assert table.get(spot.name) == value
