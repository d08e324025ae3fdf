"""Every mistake a person can make in devices/ is named: file, line, key, a stable code, and what to do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from inventory_builders import LINE, MAC, PHONE, build, errors, facts, load, write

from provisioner.inventory.folder import DeviceFolder
from provisioner.inventory.load import InventoryLoader

SEVENTEEN = PHONE + "".join(f'[[line]]\nextension = "{number}"\n' for number in range(1, 18))

CASES: dict[str, tuple[str | bytes, int | None, str, str, str]] = {
    # name: text, line, code, a part of the message, a part of the hint
    "broken TOML": (PHONE + "group = \n", 3, "broken-toml", "not TOML", "correct the line"),
    "a MAC without quotes": (
        'name = "x"\nmac = 001565aabbcc\nmodel = "T46G"\n',
        2,
        "broken-toml",
        "not TOML",
        'in quotes: mac = "..."',
    ),
    "text without quotes": (PHONE + "group = reception\n", 3, "broken-toml", "not TOML", 'in quotes: group = "..."'),
    "TOML that does not end": (PHONE + 'group = "x', 3, "broken-toml", "not TOML", "correct the line"),
    "a key twice": (PHONE + 'mac = "00:15:65:aa:bb:cd"\n', 3, "broken-toml", "not TOML", "correct the line"),
    "not UTF-8": (PHONE.encode() + b'name = "\xff"\n', 3, "broken-toml", "not UTF-8", "correct the line"),
    "a number of many digits": (PHONE + "sip_port = " + "9" * 5000, None, "broken-toml", "cannot be read", "correct"),
    "brackets without end": (PHONE + "x = " + "[" * 5000, None, "broken-toml", "cannot be read", "correct"),
    "an unknown setting": (PHONE + 'transprot = "tls"\n', 3, "unknown-setting", "transprot", "setting of a line"),
    "an unknown setting of a line": (
        PHONE + LINE + 'transprot = "tls"\n',
        5,
        "unknown-setting",
        'unknown setting "transprot"',
        'did you mean "transport"?',
    ),
    "an unknown setting of a phone": (PHONE + 'langauge = "x"\n', 3, "unknown-setting", "langauge", 'did you mean "language"?'),
    "a parameter where a setting belongs": (
        PHONE + '"features.dnd.enable" = 1\n',
        3,
        "unknown-setting",
        "features.dnd",
        "settings.",
    ),
    "a huge unknown setting": (PHONE + "x" * 100_000 + " = 1\n", 3, "unknown-setting", "xxx", "docs/reference/devices.md"),
    "no MAC": ('model = "T46G"\n', 1, "no-mac", "without a MAC", "add mac"),
    "a MAC as number": ("mac = 1565112233\nmodel = 'T46G'\n", 1, "mac-number", "10 digits", "put the MAC in quotes"),
    "a MAC that is none": ('mac = "00:15:65:aa:bb"\nmodel = "T46G"\n', 1, "bad-mac", "00:15:65:aa:bb", "12 hex digits"),
    "a MAC with an O": ('mac = "OO1565aabbcc"\nmodel = "T46G"\n', 1, "bad-mac", "OO15", "12 hex digits"),
    "a broadcast MAC": ('mac = "ff:ff:ff:ff:ff:ff"\nmodel = "T46G"\n', 1, "bad-mac", "not the address of one", "label"),
    "a MAC as list": ('mac = ["001565aabbcc"]\nmodel = "T46G"\n', 1, "bad-mac", "not text", "quotes"),
    "no model": ('mac = "001565aabbcc"\n', 1, "no-model", "no model", "add model"),
    "an unknown model": ('mac = "001565aabbcc"\nmodel = "T46Q"\n', 2, "unknown-model", "T46Q", "did you mean"),
    "a model without templates": ('mac = "001565aabbcc"\nmodel = "T28P"\n', 2, "out-of-scope", "T28P", "provisioner models"),
    "a model as number": ('mac = "001565aabbcc"\nmodel = 46\n', 2, "wrong-type", "model is not a name", "quotes"),
    "a name that is none": (PHONE + 'name = "a b/c"\n', 3, "bad-name", "not a name", "letters"),
    "an unknown group": (PHONE + 'group = "nobody"\n', 3, "unknown-group", '"nobody"', "create groups/nobody.toml"),
    "an unknown site": (PHONE + 'site = "nobody"\n', 3, "unknown-site", '"nobody"', "create sites/nobody.toml"),
    "a huge group": (PHONE + f'group = "{"x" * 100_000}"\n', 3, "unknown-group", "xxx", "create groups/xxx"),
    "17 lines on a T46G": (SEVENTEEN, 35, "too-many-lines", "line 17 does not exist on T46G (it has 16)", "remove it"),
    "2 lines on a CP860": (
        PHONE.replace("T46G", "CP860") + LINE + LINE.replace("101", "102"),
        5,
        "too-many-lines",
        "line 2 does not exist on CP860 (it has 1)",
        "remove it",
    ),
    "a key on a CP860": (
        PHONE.replace("T46G", "CP860") + '[[key]]\nnumber = 7\ntype = "blf"\n',
        3,
        "too-many-keys",
        "key.7 does not exist on CP860 (it has 0)",
        "remove it",
    ),
    "a programmable key that is not there": (
        PHONE + '[[key]]\nkind = "programmable"\nnumber = 11\ntype = "dnd"\n',
        3,
        "too-many-keys",
        "1-10,12-14",
        "remove it",
    ),
    "a seventh module": (PHONE + '[[key]]\nmodule = 7\ntype = "blf"\n', 3, "too-many-keys", "does not exist", "remove it"),
    "a line without extension": (PHONE + '[[line]]\nserver = "a"\n', 3, "no-extension", "no extension", "add extension"),
    "a line with an empty extension": (PHONE + '[[line]]\nextension = ""\n', 3, "no-extension", "no extension", "add"),
    "a line that is a table": (PHONE + "[line]\n", 3, "wrong-type", "not a list of tables", "[[line]]"),
    "a line that is text": (PHONE + 'line = "x"\n', 3, "wrong-type", "not a list of tables", "[[line]]"),
    "two lines of one number": (PHONE + LINE + LINE + "number = 1\n", 5, "two-values", "first at line 3", "own number"),
    "a line of number 0": (PHONE + LINE + "number = 0\n", 5, "out-of-range", "number", "count from 1"),
    "two keys of one number": (
        PHONE + '[[key]]\ntype = "blf"\n[[key]]\nnumber = 1\ntype = "blf"\n',
        5,
        "two-values",
        "first at line 3",
        "own number",
    ),
    "a key without type": (PHONE + '[[key]]\nvalue = "1"\n', 3, "no-key-type", "no type", "add type"),
    "a key of an unknown kind": (PHONE + '[[key]]\nkind = "lin"\n', 4, "unknown-word", "kind", 'did you mean "line"?'),
    "a module on a line key": (
        PHONE + '[[key]]\nkind = "line"\nmodule = 1\ntype = "blf"\n',
        5,
        "misplaced",
        "no module",
        "expansion",
    ),
    "a word that is none": (PHONE + LINE + 'transport = "tsl"\n', 5, "unknown-word", '"tsl"', 'did you mean "tls"?'),
    "a number as text": (PHONE + LINE + 'port = "5060"\n', 5, "wrong-type", '"5060"', "without quotes"),
    "text as a number": (PHONE + "[[line]]\nextension = 101\n", 4, "wrong-type", "extension is 101", 'extension = "101"'),
    "a flag as number": (PHONE + LINE + "mwi = 1\n", 5, "wrong-type", "mwi is 1", "true or false"),
    "a flag as text": (PHONE + LINE + 'mwi = "yes"\n', 5, "wrong-type", '"yes"', "true or false"),
    "a huge number": (PHONE + LINE + "port = 99999999999999999999\n", 5, "out-of-range", "too large", ""),
    "codecs as text": (PHONE + LINE + 'codecs = "PCMA"\n', 5, "wrong-type", "not a list", '["PCMA", "G722"]'),
    "no codecs": (PHONE + LINE + "codecs = []\n", 5, "empty-list", "empty", "name at least one"),
    "a codec twice": (PHONE + LINE + 'codecs = ["PCMA", "pcma"]\n', 5, "repeated-word", "twice", "once"),
    "an unknown codec": (PHONE + LINE + 'codecs = ["PCMAA"]\n', 5, "unknown-word", "PCMAA", 'did you mean "PCMA"?'),
    "a host that is none": (PHONE + LINE + 'server = "a b"\n', 5, "not-a-host", '"a b"', "sip.example.com"),
    "a host with a port": (PHONE + LINE + 'server = "10.1.0.9:5060"\n', 5, "not-a-host", "5060", "sip.example.com"),
    "a URL as host": (PHONE + LINE + 'server = "sip:10.1.0.9"\n', 5, "not-a-host", "sip:", "sip.example.com"),
    "this server as time server": (PHONE + 'ntp_server = "@stub"\n', 3, "not-a-host", "@stub", ""),
    "a newline in text": (PHONE + LINE + 'label = "a\\nb"\n', 5, "control-character", "U+000A at position 2", "remove it"),
    "a carriage return in text": (PHONE + LINE + 'label = "a\\rb"\n', 5, "control-character", "U+000D", "remove it"),
    "a NUL in text": (PHONE + LINE + 'label = "a\\u0000b"\n', 5, "control-character", "U+0000", "remove it"),
    "a line separator in text": (PHONE + LINE + 'label = "a\\u2028b"\n', 5, "control-character", "U+2028", "remove it"),
    "a mark of ours in text": (PHONE + LINE + 'label = "a\\uE000b"\n', 5, "control-character", "U+E000", "remove it"),
    "blanks at the ends": (PHONE + LINE + 'label = " a"\n', 5, "blank-edges", "blank", "cut"),
    "the word for reset": (PHONE + LINE + 'label = "%null%"\n', 5, "reset-word", "%null%", "reset = [names]"),
    "text that is too long": (PHONE + LINE + f'label = "{"a" * 512}"\n', 5, "too-long", "512", "shorten"),
    "an empty password": (PHONE + LINE + 'password = ""\n', 5, "empty-secret", "empty", "password"),
    "a password as number": (PHONE + LINE + "password = 1234\n", 5, "wrong-type", "a number, not text", "quotes"),
    "a password file that is not there": (
        PHONE + LINE + 'password_file = "secrets/x"\n',
        5,
        "no-secret-file",
        "secrets/x",
        "create it",
    ),
    "a password file of two lines": (
        PHONE + LINE + 'password_file = "two"\n',
        5,
        "bad-secret-file",
        "more than one line",
        "only",
    ),
    "a password file not in UTF-8": (PHONE + LINE + 'password_file = "bad"\n', 5, "bad-secret-file", "not UTF-8", "one line"),
    "a password file that is empty": (PHONE + LINE + 'password_file = "none"\n', 5, "empty-secret", "empty", "password"),
    "a password file that is huge": (PHONE + LINE + 'password_file = "huge"\n', 5, "bad-secret-file", "more than one", "only"),
    "a password file elsewhere": (PHONE + LINE + 'password_file = "../x"\n', 5, "outside-folder", "not below", "devices/"),
    "a password file from the root": (
        PHONE + LINE + 'password_file = "/etc/passwd"\n',
        5,
        "outside-folder",
        "not below",
        "devices/",
    ),
    "a password file that is a folder": (PHONE + LINE + 'password_file = "."\n', 5, "no-secret-file", "no file", "create it"),
    "a password and its file": (PHONE + LINE + 'password = "a"\npassword_file = "one"\n', 6, "two-values", "both", "keep one"),
    "settings as text": (PHONE + 'settings = "x"\n', 3, "wrong-type", "not a table", "settings."),
    "a setting that is a list": (PHONE + 'settings."a.b" = []\n', 3, "wrong-type", "a list", "quotes"),
    "a setting that is a date": (PHONE + 'settings."a.b" = 2020-01-01\n', 3, "wrong-type", "date", "quotes"),
    "a setting that is infinite": (PHONE + 'settings."a.b" = inf\n', 3, "wrong-type", "a number", "quotes"),
    "a setting with an equals sign": (
        PHONE + 'settings."a.b = c" = 1\n',
        3,
        "bad-parameter-name",
        "a.b = c",
        "provisioner parameters",
    ),
    "a setting with a newline": (PHONE + 'settings."a\\nb" = 1\n', 3, "bad-parameter-name", "name", "provisioner parameters"),
    "a setting twice": (
        PHONE + '[settings]\n"sip.listen_port" = 1\nsip.listen_port = 2\n',
        5,
        "two-values",
        "given twice",
        "keep one",
    ),
    "a setting with a newline in it": (PHONE + 'settings."a.b" = "x\\ny"\n', 3, "control-character", "U+000A", "remove it"),
    "reset as text": (PHONE + 'reset = "a.b"\n', 3, "wrong-type", "not a list", "reset ="),
    "a setting that is reset too": (
        PHONE + 'reset = ["a.b"]\nsettings."a.b" = 1\n',
        3,
        "two-values",
        "both set and reset",
        "one",
    ),
    "phones that are text": ('phone = "x"\n', 1, "wrong-type", "not a list of tables", "[[phone]]"),
    "a setting beside phones": ("x = 1\n[[phone]]\n" + PHONE, 1, "unknown-setting", '"x" stands beside', "[[phone]]"),
}

SECRETS: dict[str, str | bytes] = {"one": "geheim\n", "two": "a\nb\n", "bad": b"\xff\n", "none": "\n", "huge": "x" * 10_000_000}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_named_with_its_place_and_what_to_do(tmp_path: Path, name: str) -> None:
    text, line, code, message, hint = CASES[name]
    other = PHONE.replace("cc", "dd") + LINE
    started = time.process_time()
    inventory = load(tmp_path, {"lobby.toml": text, "other.toml": other, **SECRETS})
    assert time.process_time() - started < 2
    found = [problem for problem in errors(inventory.problems) if problem.code == code]
    assert [problem.file for problem in found] == ["lobby.toml"], inventory.problems
    (problem,) = found
    assert problem.line == line
    assert message in problem.message
    assert hint in problem.hint
    assert len(str(problem)) < 600
    assert "geheim" not in str(inventory.problems)
    assert list(inventory.blocked) in ([MAC], []), "the other phone is not touched"
    assert MAC in inventory.blocked or "lobby.toml" in inventory.unreadable, "the phone keeps its last good file"
    assert "001565aabbdd" in inventory.phones


def test_a_mac_or_a_name_in_two_files_stops_both_and_names_both(tmp_path: Path) -> None:
    twice = {"a.toml": PHONE, "b.toml": PHONE.replace("00:15:65:aa:bb:cc", "001565-AABBCC".replace("-", ""))}
    problems = errors(load(tmp_path / "1", twice).problems)
    assert [(problem.code, problem.file, problem.line) for problem in problems] == [
        ("duplicate-mac", "a.toml", 1),
        ("duplicate-mac", "b.toml", 1),
    ]
    assert "b.toml:1" in problems[0].message
    named = {
        "a.toml": PHONE + 'name = "x"\n',
        "b.toml": PHONE.replace("cc", "dd") + 'name = "x"\n',
        "c.toml": PHONE.replace("cc", "ee"),
    }
    inventory = load(tmp_path / "2", named)
    assert {problem.code for problem in errors(inventory.problems)} == {"duplicate-name"}
    assert set(inventory.blocked) == {MAC, "001565aabbdd"}


def test_two_groups_of_one_name_stop_the_phones_of_the_group(tmp_path: Path) -> None:
    files = {
        "groups/a.toml": "",
        "groups/b.toml": '\nname = "a"\n',
        "x.toml": PHONE + 'group = "a"\n' + LINE,
        "y.toml": PHONE.replace("cc", "dd"),
    }
    inventory = load(tmp_path, files)
    assert {(problem.code, problem.file) for problem in errors(inventory.problems)} == {
        ("duplicate-group", "groups/a.toml"),
        ("duplicate-group", "groups/b.toml"),
    }
    assert set(inventory.blocked) == {MAC}


def test_a_password_in_the_open_is_a_warning_and_in_a_file_none(tmp_path: Path) -> None:
    inventory = load(tmp_path, {"a.toml": PHONE + 'admin_password = "geheim"\n' + LINE + 'password = "geheim"\n'})
    assert [(problem.code, problem.line, str(problem.severity)) for problem in inventory.problems] == [
        ("inline-secret", 3, "warning"),
        ("inline-secret", 6, "warning"),
    ]
    assert not inventory.blocked
    text = PHONE + 'admin_password_file = "one"\n' + LINE + 'password_file = "one"\n'
    assert not load(tmp_path, {"a.toml": text, "one": "geheim\n"}).problems


def test_an_edited_password_file_is_seen_although_the_phone_file_was_not_touched(tmp_path: Path) -> None:
    folder = DeviceFolder(write(tmp_path, {"a.toml": PHONE + LINE + 'password_file = "s"\n', "s": "one"}), facts()[1])
    first = folder.read()
    assert folder.read().files["a.toml"] is first.files["a.toml"]
    write(tmp_path, {"s": "another"})
    phone = folder.read().files["a.toml"].phones[0]
    assert phone.layer.lines[1].fields["password"].value.reveal() == "another"  # type: ignore[union-attr]


def test_an_unreadable_file_or_folder_is_named_and_holds_nobody_else_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.toml": PHONE + LINE, "b.toml": PHONE.replace("cc", "dd") + LINE})
    original = Path.read_bytes

    def read(path: Path) -> bytes:
        if path.name == "a.toml":
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read)  # root may read everything, so permissions alone would not do
    catalogue, vocabulary = facts()
    inventory = InventoryLoader(catalogue).load(DeviceFolder(tmp_path, vocabulary).read())
    (problem,) = inventory.problems
    assert (problem.file, problem.code) == ("a.toml", "unreadable")
    assert "Permission denied" in problem.message
    assert inventory.unreadable == {"a.toml"}
    assert set(inventory.phones) == {"001565aabbdd"}


def test_a_file_that_is_too_large_says_so(tmp_path: Path) -> None:
    with (tmp_path / "a.toml").open("wb") as file:
        file.truncate(40 * 1024 * 1024)
    (problem,) = load(tmp_path, {}).problems
    assert problem.code == "unreadable"
    assert "more than" in problem.message


def test_a_missing_folder_stops_everything_instead_of_forgetting_all_phones(tmp_path: Path) -> None:
    catalogue, vocabulary = facts()
    inventory = InventoryLoader(catalogue).load(DeviceFolder(tmp_path / "gone", vocabulary).read())
    assert [problem.code for problem in inventory.problems] == ["no-folder"]
    assert inventory.stops_everything


def test_many_mistakes_are_all_named_in_time(tmp_path: Path) -> None:
    text = PHONE + "".join(f"unknown_setting_{number} = 1\n" for number in range(5_000))
    started = time.process_time()
    inventory = load(tmp_path, {"a.toml": text})
    assert time.process_time() - started < 2
    assert len(inventory.problems) == 5_000


@pytest.mark.parametrize(
    "text",
    [
        PHONE + ".".join("a" * 30_000) + " = 1\n",
        PHONE + "[" + ".".join("a" * 30_000) + "]\n",
        PHONE + "settings." + ".".join("a" * 30_000) + " = 1\n",
        PHONE + "x = " + "{a = " * 3_000 + "1" + "}" * 3_000,
        PHONE + "x = [" + '"a", ' * 200_000 + "]\n",
        PHONE + 'x = """' + '\\"' * 200_000 + '"""\n',
        PHONE + "x = '" + '"' * 200_000 + "'\n",
        "[[phone]]\n" * 20_000,
        PHONE + "# " + "[" * 1_000_000 + "\n",
        PHONE + " " * 1_000_000 + "x\n",
        PHONE + '"' + "\\" * 200_001 + '" = 1\n',
    ],
    ids=[
        "dotted key",
        "dotted table",
        "dotted setting",
        "tables in tables",
        "list",
        "escapes",
        "quotes",
        "phones",
        "comment",
        "blanks",
        "slashes",
    ],
)
def test_text_made_to_hang_a_reader_is_read_in_time(tmp_path: Path, text: str) -> None:
    started = time.process_time()
    load(tmp_path, {"a.toml": text})
    assert time.process_time() - started < 2


def test_settings_of_an_own_template_and_fleet_problems_are_named_once_for_many_phones(tmp_path: Path) -> None:
    phones = "".join(f'[[phone]]\nmac = "00:15:65:00:00:{number:02x}"\nmodel = "T46G"\ngroup = "g"\n' for number in range(2, 40))
    found = build(tmp_path, {"phones.toml": phones, "groups/g.toml": 'settings."sip.lisen_port" = 1\n'})
    assert [(problem.file, problem.line, problem.code, problem.hint) for problem in found.problems] == [
        ("groups/g.toml", 1, "unknown-parameter", "did you mean sip.listen_port?")
    ]
    assert all(phone.is_blocked for phone in found.phones.values())
