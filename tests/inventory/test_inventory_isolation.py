"""One phone's mistake never touches another; a group's stops exactly its phones; bad defaults stop all."""

from __future__ import annotations

from pathlib import Path

from inventory_builders import LINE, TEMPLATES, build, numbered, write

from provisioner.errors import Severity
from provisioner.rendering.context import Addresses
from provisioner.runtime.fleet import Build, Fleet
from sipstub.phone.format.cfg import parse_cfg


def fleet_files() -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {
        f"phones/p{n}.toml": numbered(n, f'group = "g{n % 3}"\n{LINE}', "T46G" if n % 2 else "T23G") for n in range(1, 13)
    }
    files |= {f"groups/g{n}.toml": f'site = "s{n % 2}"\n[line]\nserver = "pbx{n}"\n' for n in range(3)}
    return files | {"sites/s0.toml": "sip_port = 5070\n", "sites/s1.toml": "", "defaults.toml": 'language = "German"\n'}


def mac(number: int) -> str:
    return f"00156500{number:04x}"


def bodies(found: Build) -> dict[str, bytes]:
    files = {key + ".cfg": phone.mac.body for key, phone in found.phones.items() if not phone.is_blocked}
    return files | {name: common.body for name, common in found.commons.items() if common.is_good}


def blocked(found: Build) -> set[str]:
    return {key for key, phone in found.phones.items() if phone.is_blocked} | set(found.inventory.blocked)


def after(tmp_path: Path, edit: dict[str, str | bytes]) -> tuple[Build, Build]:
    """Return the build before and after the edit, by the fleet that remembers."""
    fleet = Fleet(TEMPLATES.parent, write(tmp_path, fleet_files()), Addresses())
    first = fleet.build()
    assert not first.problems
    write(tmp_path, edit)
    fleet.look()
    return first, fleet.build(bodies(first))


def test_a_broken_phone_leaves_all_others_byte_for_byte_as_they_were(tmp_path: Path) -> None:
    for text in ("mac = ", numbered(1, "x = 1\n" + LINE), numbered(1, LINE + "port = 99999999\n"), b"\xff"):
        first, second = after(tmp_path, {"phones/p1.toml": text})
        for number in range(2, 13):
            assert second.phones[mac(number)].mac.body == first.phones[mac(number)].mac.body
            assert not second.phones[mac(number)].is_blocked
        assert mac(1) in blocked(second) or "phones/p1.toml" in second.inventory.unreadable


def test_a_broken_group_stops_exactly_its_phones(tmp_path: Path) -> None:
    members = {mac(number) for number in range(1, 13) if number % 3 == 1}
    for text in (
        "[line",
        "x = 1\n",
        'site = "nobody"\n',
        'template = "nobody"\n',
        'settings."sip.lisen_port" = 1\n',
        '[line]\nport = "x"\n',
    ):
        first, second = after(tmp_path, {"groups/g1.toml": text})
        assert blocked(second) == members, text
        assert all(second.phones[key].mac.body == first.phones[key].mac.body for key in second.phones if key not in members)
        assert {problem.file for problem in second.errors} <= {"groups/g1.toml"} | {f"phones/p{n}.toml" for n in range(1, 13)}


def test_a_broken_site_stops_exactly_the_phones_of_its_groups(tmp_path: Path) -> None:
    _, second = after(tmp_path, {"sites/s1.toml": "x = 1\n"})
    assert blocked(second) == {mac(number) for number in range(1, 13) if number % 3 == 1}


def test_broken_defaults_stop_every_phone(tmp_path: Path) -> None:
    for text in ("language = ", "x = 1\n", "sip_port = true\n", b"\xff", 'settings."sip.lisen_port" = 1\n'):
        _, second = after(tmp_path, {"defaults.toml": text})
        assert all(phone.is_blocked for phone in second.phones.values()), text
        assert "defaults.toml" in {problem.file for problem in second.errors}


def test_a_common_file_with_a_problem_keeps_the_last_good_one_and_phones_without_the_mistake_go_on(tmp_path: Path) -> None:
    fleet = Fleet(TEMPLATES.parent, write(tmp_path, {"a.toml": numbered(1, 'time_zone = "+2"\n' + LINE)}), Addresses())
    first = fleet.build()
    write(tmp_path, {"defaults.toml": 'settings."account.1.password" = "x"\nlanguage = "German"\n'})
    fleet.look()
    second = fleet.build(bodies(first))
    common = second.commons["y000000000028.cfg"]
    assert common.is_good
    assert b"password" not in common.body
    assert b"account.1.password = x" in second.phones[mac(1)].mac.body


def test_lint_stops_what_is_certain_and_warns_of_the_rest(tmp_path: Path) -> None:
    text = numbered(
        1,
        'settings."account.1.session_timer.expires" = 45\n'  # curated, medium: in range, but known for trouble
        'settings."account.1.sip_server.1.port" = 70000\n'  # curated, medium: out of range
        'settings."account.1.subscribe_acd_expires" = 5\n'  # derived by script: out of range
        'settings."account.17.label" = "x"\n'  # an index beyond the model
        'settings."account.1.custom_ua" = "x"\n'  # newer than V80
        'settings."no.such.parameter" = "x"\n' + LINE,
    )
    found = build(tmp_path, {"a.toml": text})
    said = {(problem.line, problem.code): problem.severity for problem in found.problems}
    assert said == {
        (3, "caution"): Severity.WARNING,
        (4, "bad-value"): Severity.ERROR,
        (5, "bad-value"): Severity.WARNING,
        (6, "bad-index"): Severity.ERROR,
        (7, "wrong-generation"): Severity.WARNING,
        (8, "unknown-parameter"): Severity.ERROR,
    }
    assert {problem.file for problem in found.problems} == {"a.toml"}


def test_counts_that_nobody_has_read_warn_and_never_stop_a_phone(tmp_path: Path) -> None:
    keys = '[[key]]\nkind = "programmable"\nnumber = 12\ntype = "dnd"\n'
    for model in ("CP860", "T40P", "T19P E2", "T40G"):
        found = build(tmp_path / model, {"a.toml": numbered(1, LINE + keys, model)})
        assert not found.errors, model
        assert found.problems, model


def test_what_a_group_says_of_things_a_model_does_not_have_is_left_out(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.toml": numbered(1, 'group = "g"\n' + LINE, "CP860"),
        "groups/g.toml": 'settings."linekey.1.type" = 16\nsettings."account.2.label" = "x"\n[[key]]\ntype = "blf"\nvalue = "1"\n',
    }
    found = build(tmp_path, files)
    assert not found.problems
    assert b"linekey" not in found.phones[mac(1)].mac.body
    assert b"account.2" not in found.phones[mac(1)].mac.body


def test_a_second_rendering_over_the_first_changes_nothing(tmp_path: Path) -> None:
    fleet = Fleet(TEMPLATES.parent, write(tmp_path, fleet_files()), Addresses())
    first = fleet.build()
    again = Fleet(TEMPLATES.parent, tmp_path, Addresses()).build(bodies(first))
    assert bodies(again) == bodies(first)


def test_what_is_removed_is_put_back_once_and_then_stays_the_same(tmp_path: Path) -> None:
    full = numbered(
        1,
        'sip_port = 5070\nadmin_password = "x"\nsettings."features.dtmf.repetition" = 1\n'
        + LINE
        + 'mwi = true\n[[line]]\nextension = "102"\n[[key]]\ntype = "blf"\nvalue = "1"\n[[key]]\ntype = "blf"\nvalue = "2"\n'
        + '[[key]]\nkind = "programmable"\nnumber = 14\ntype = "dnd"\n',
    )
    fleet = Fleet(TEMPLATES.parent, write(tmp_path, {"a.toml": full}), Addresses())
    first = fleet.build()
    old = parse_cfg(first.phones[mac(1)].mac.body).values()
    write(tmp_path, {"a.toml": numbered(1, LINE + '[[key]]\ntype = "blf"\nvalue = "1"\n')})
    fleet.look()
    second = fleet.build(bodies(first))
    new = parse_cfg(second.phones[mac(1)].mac.body).values()
    resets = {name for name, value in new.items() if value == "%NULL%"}
    wanted = parse_cfg(build(tmp_path, {}).phones[mac(1)].mac.body).values()
    assert resets == set(old) - set(wanted) - {"security.user_password"}
    assert {name: value for name, value in new.items() if name not in resets} == wanted
    assert new["account.2.enable"] == "0"
    assert new["account.2.user_name"] == "%NULL%"
    assert new["linekey.2.type"] == "%NULL%"
    assert new["programablekey.14.type"] == "%NULL%"
    assert not any(name.startswith(("expansion_module", "linekey.3")) for name in new), "what nobody managed is not touched"
    fleet.look()
    third = fleet.build(bodies(second))
    assert third.phones[mac(1)].mac.body == second.phones[mac(1)].mac.body
    write(tmp_path, {"a.toml": full})
    fleet.look()
    back = parse_cfg(fleet.build(bodies(third)).phones[mac(1)].mac.body).values()
    assert back == old


def test_a_value_that_moves_to_the_common_file_leaves_the_phones_file_and_back(tmp_path: Path) -> None:
    fleet = Fleet(TEMPLATES.parent, write(tmp_path, {"a.toml": numbered(1, "sip_port = 5070\n" + LINE)}), Addresses())
    first = fleet.build()
    write(tmp_path, {"a.toml": numbered(1, LINE), "defaults.toml": "sip_port = 5070\n"})
    fleet.look()
    second = fleet.build(bodies(first))
    assert b"listen_port" not in second.phones[mac(1)].mac.body
    assert b"sip.listen_port = 5070" in second.commons["y000000000028.cfg"].body
    write(tmp_path, {"defaults.toml": ""})
    fleet.look()
    third = fleet.build(bodies(second))
    assert b"sip.listen_port = %NULL%" in third.commons["y000000000028.cfg"].body


def test_two_values_at_one_rank_are_a_problem_and_a_stronger_rank_is_not(tmp_path: Path) -> None:
    found = build(tmp_path / "1", {"a.toml": numbered(1, 'sip_port = 5070\nsettings."sip.listen_port" = 5071\n' + LINE)})
    assert [(problem.code, problem.line) for problem in found.errors] == [("two-values", 4)]
    files: dict[str, str | bytes] = {
        "a.toml": numbered(1, 'group = "g"\nsip_port = 5070\n' + LINE),
        "groups/g.toml": 'settings."sip.listen_port" = 5071\n',
    }
    found = build(tmp_path / "2", files)
    assert not found.errors
    assert b"sip.listen_port = 5070" in found.phones[mac(1)].mac.body
