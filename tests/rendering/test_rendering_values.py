"""What people may write comes out as written, through every way a template can take it; marks never do."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rendering_builders import LINE, PHONE, TEMPLATES, Bench, errors, facts, values

from provisioner.errors import Severity
from provisioner.inventory.folder import InventoryText
from provisioner.inventory.load import InventoryLoader
from provisioner.inventory.origin import Origin, Rank
from provisioner.inventory.reading import read_file
from provisioner.inventory.value import ValueProblem, check_text
from provisioner.rendering.context import Addresses
from provisioner.rendering.errors import TemplateProblem
from provisioner.rendering.lines import read_lines
from provisioner.rendering.render import RenderedFile, Renderer
from provisioner.rendering.template import Templates
from sipstub.phone.format.cfg import parse_cfg

AWKWARD = "&<>\"' ;#=%{{ }}{% %}\\ü会"

WAYS = {
    "plain": "{{ v }}",
    "macro": "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(v) }}",
    "macro in a macro": "{% macro m(x) %}{{ x }}{% endmacro %}{% macro n(x) %}{{ m(x) }}{% endmacro %}{{ n(v) }}",
    "call block": "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ v }}{% endcall %}",
    "tilde": "{{ v ~ '' }}",
    "tilde with text": "{{ '' ~ v }}",
    "tilde with a macro": "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(v) ~ '' }}",
    "join": "{{ [v] | join(',') }}",
    "default": "{{ v | default('x') }}",
    "default of an unset one": "{{ phone.syslog_server | default(v) }}",
    "or": "{{ phone.syslog_server or v }}",
    "set": "{% set x = v %}{{ x }}",
    "set block": "{% set x %}{{ v }}{% endset %}{{ x }}",
    "set block of a set block": "{% set x %}{{ v }}{% endset %}{% set y %}{{ x }}{% endset %}{{ y }}",
    "trim": "{{ v | trim }}",
    "trimmed set block": "{% set x %}{{ v }}{% endset %}{{ x | trim }}",
    "string": "{{ v | string }}",
    "replace": "{{ v | replace('nothing', 'x') }}",
    "slice": "{{ v[:] }}",
    "strip": "{{ v.strip() }}",
    "reset": "{{ v | reset }}",
    "because": "{{ v | because(v) }}",
    "fallback": "{{ v | fallback }}",
    "if": "{{ v if v else 'x' }}",
    "for": "{% for x in [v] %}{{ x }}{% endfor %}",
    "filter block": "{% filter trim %}{{ v }}{% endfilter %}",
    "first": "{{ [v] | first }}",
    "map": "{{ [v] | map('string') | first }}",
    "with": "{% with x = v %}{{ x }}{% endwith %}",
    "a block": "{% block b scoped %}{{ v }}{% endblock %}",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_awkward_text_comes_out_as_written_on_every_way(bench: Bench, way: str) -> None:
    bench.template("w", "{% set v = lines[0].label %}\naccount.1.label = " + way + "\n")
    toml = AWKWARD.replace("\\", "\\\\").replace('"', '\\"')
    bench.write({"a.toml": PHONE + 'template = "w"\n' + LINE + f'label = "{toml}"\n'})
    file = bench.render()
    assert not errors(file)
    assert values(file)["account.1.label"] == AWKWARD
    assert file.lines["account.1.label"].origin.file == "a.toml", "the way loses where the value was written"
    assert file.lines["account.1.label"].origin.line == 6


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_secret_is_known_as_one_on_every_way(bench: Bench, way: str) -> None:
    bench.template("w", "{% set v = lines[0].password %}\nfeatures.dnd.large_icon.enable = " + way + "\n")
    bench.write({"a.toml": PHONE + 'template = "w"\n' + LINE + 'password = "geheim"\n'})
    file = bench.render()
    (line,) = file.lines.values()
    assert line.is_secret
    assert line.value == "geheim"
    assert "geheim" not in "".join(map(str, file.problems))


def test_a_secret_that_a_template_puts_into_the_common_file_stops_that_file(bench: Bench) -> None:
    bench.template("w", "syslog.server = {{ phone.admin_password }}\n")
    bench.write({"a.toml": PHONE + LINE, "defaults.toml": 'template = "w"\nadmin_password = "geheim"\n'})
    inventory, renderer = bench.inventory(), bench.renderer()
    common = bench.common(renderer, inventory, inventory.phones["001565aabbcc"])
    assert b"geheim" not in common.body


def test_text_of_a_set_block_compares_and_measures_by_what_it_says(bench: Bench) -> None:
    bench.template(
        "w",
        "{% set x %}{{ lines[0].label }}{% endset %}\n"
        "{% if x == 'Desk' %}\naccount.1.label = {{ x | length }}{{ x | upper }}\n{% endif %}\n",
    )
    bench.write({"a.toml": PHONE + 'template = "w"\n' + LINE + 'label = "Desk"\n'})
    assert values(bench.render()) == {"account.1.label": "4DESK"}


def test_a_line_whose_value_no_layer_gives_is_left_out_and_so_is_its_comment(bench: Bench) -> None:
    bench.template(
        "w",
        "# at {{ phone.site }}\naccount.1.label = {{ lines[0].label }}\naccount.1.user_name = x{{ lines[0].voicemail ~ 'y' }}\n"
        "account.1.auth_name = {{ lines[0].label | upper }}\naccount.1.display_name = {{ lines[0].label | reset }}\n",
    )
    bench.write({"a.toml": PHONE + 'template = "w"\n' + LINE})
    file = bench.render()
    assert file.body == b"#!version:1.0.0.1\naccount.1.display_name = %NULL%\n"


def test_a_template_of_ones_own_extends_a_model_with_blocks_super_and_macros(bench: Bench) -> None:
    bench.template(
        "mine",
        '{% extends "v80/model/t46g.cfg" %}\n{% block phone %}\n{{ super() }}\nsyslog.log_level = 6\n{% endblock %}\n'
        "{% block extra %}\n{% macro m(n) %}account.{{ n }}.auto_answer = 1{% endmacro %}\n# mine\n{{ m(1) }}\n{% endblock %}\n",
    )
    bench.write({"a.toml": PHONE + 'group = "g"\nlanguage = "German"\n' + LINE, "groups/g.toml": 'template = "mine"\n'})
    file = bench.render()
    assert not errors(file)
    found = values(file)
    assert (found["lang.gui"], found["syslog.log_level"], found["account.1.auto_answer"]) == ("German", "6", "1")
    assert found["account.1.user_name"] == "101"
    assert file.body.endswith(b"\n# mine\naccount.1.auto_answer = 1\n")
    place = file.lines["account.1.auto_answer"].template
    assert place is not None
    assert (place.file, place.line) == ("custom/mine.cfg", 7)


def test_a_phone_names_its_template_before_its_group_does(bench: Bench) -> None:
    bench.template("one", "account.1.label = one\n").template("two", "account.1.label = two\n")
    bench.write({"a.toml": PHONE + 'group = "g"\ntemplate = "two"\n' + LINE, "groups/g.toml": 'template = "one"\n'})
    assert values(bench.render()) == {"account.1.label": "two"}


def test_an_unknown_template_is_named_where_it_is_written(bench: Bench) -> None:
    bench.write({"a.toml": PHONE + 'group = "g"\n' + LINE, "groups/g.toml": '\ntemplate = "nobody"\n'})
    (problem,) = errors(bench.render())
    assert (problem.file, problem.line, problem.code) == ("groups/g.toml", 2, "unknown-template")


def test_what_follows_from_a_setting_has_its_place_and_yields_to_a_setting_by_name(bench: Bench) -> None:
    bench.write(
        {
            "defaults.toml": 'settings."auto_provision.repeat.enable" = "0"\nsettings."account.1.label" = "Desk"\n',
            "a.toml": PHONE + "repeat_minutes = 60\n" + LINE,
        }
    )
    file = bench.render()
    assert values(file)["auto_provision.repeat.enable"] == "1", "what the phone wants is stronger than the defaults"
    assert str(file.lines["auto_provision.repeat.enable"].origin) == "a.toml:3"
    assert values(file)["account.1.label"] == "Desk", "a fallback is weaker than anything that somebody wrote"


def test_marks_that_a_template_took_apart_never_reach_a_file() -> None:
    origin = Origin("a.toml", 1, "phone", Rank.PHONE)
    with pytest.raises(TemplateProblem, match="takes text apart"):
        read_lines("account.1.label = \ue0000", ["custom/a.cfg"], [origin], set(), {})


# -- any text at all

ANY_TEXT = st.text(max_size=40) | st.text("\n\r\t =#%{}\x00\u2028\ue000\ue001\ue002\ue003\x85N UL", max_size=12)


@given(ANY_TEXT)
def test_any_text_is_refused_or_written_so_that_the_phone_reads_the_same(text: str) -> None:
    try:
        accepted = check_text(text)
    except ValueProblem as problem:
        assert problem.code
        assert problem.message
        return
    body = f"#!version:1.0.0.1\naccount.1.label = {accepted}\n".encode()
    read = parse_cfg(body)
    assert not read.faults
    assert read.values() == {"account.1.label": text}


TEXT_FIELDS = [
    name for name, field in sorted(facts()[1].line.items()) if field.type in ("text", "secret", "host") and name != "voicemail"
]
RENDERER = Renderer(Templates(TEMPLATES), *facts(), Addresses())


def toml_string(text: str) -> str:
    return '"' + "".join(f"\\U{ord(letter):08X}" for letter in text) + '"'


def render_text(text: str) -> tuple[RenderedFile | None, list[str]]:
    raw = text.encode("utf-8")
    read = read_file("a.toml", raw, Rank.PHONE, facts()[1], lambda name: name)
    inventory = InventoryLoader(facts()[0]).load(InventoryText({"a.toml": read}))
    problems = [problem.code for problem in inventory.problems if problem.severity is Severity.ERROR]
    if not inventory.phones or problems:
        return None, problems
    (phone,) = inventory.phones.values()
    file = RENDERER.phone(phone, RENDERER.common([phone.model], None))
    return file, problems


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(TEXT_FIELDS), ANY_TEXT, max_size=6),
    ANY_TEXT,
    ANY_TEXT,
)
def test_no_text_in_any_field_makes_a_line_of_its_own(fields: dict[str, str], value: str, raw: str) -> None:
    fields = {name: "".join(c for c in text if not 0xD800 <= ord(c) < 0xE000) for name, text in fields.items()}
    clean = ["".join(c for c in text if not 0xD800 <= ord(c) < 0xE000) for text in (value, raw)]
    fields.setdefault("extension", "101")
    text = PHONE + f'settings."features.action_uri_limit_ip" = {toml_string(clean[1])}\n[[line]]\n'
    text += "".join(f"{name} = {toml_string(written)}\n" for name, written in fields.items())
    text += f'[[key]]\ntype = "blf"\nvalue = {toml_string(clean[0])}\n'
    file, problems = render_text(text)
    if file is None:
        assert problems
        return
    read = parse_cfg(file.body)
    assert not read.faults
    found = read.values()
    allowed = {name for name in found if name.startswith("account.") and name.endswith(".enable")}
    known = {facts()[1].line[name].parameter.replace("X", "1", 1) for name in fields}
    implied = {"account.1.label", "account.1.auth_name", "account.1.outbound_proxy_enable", "linekey.1.line"}
    by_name = {"linekey.1.type", "linekey.1.value", "features.action_uri_limit_ip"}
    assert set(found) <= allowed | known | implied | by_name | {
        "account.1.sip_server.1.port",
        "account.1.sip_server.2.port",
        "account.1.outbound_proxy.1.port",
    }
    for name, written in fields.items():
        parameter = facts()[1].line[name].parameter.replace("X", "1", 1)
        if written != "@stub":
            assert found.get(parameter) in (written or "%NULL%", None)
            assert parameter in found or "outbound" in parameter
    assert found["linekey.1.value"] == (clean[0] or "%NULL%")
    assert found["features.action_uri_limit_ip"] == (clean[1] or "%NULL%")
