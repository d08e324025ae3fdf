"""Templates that mean harm, or run away: each is a problem with file and line, in bounded time and memory."""

from __future__ import annotations

import resource
import time

import pytest
from rendering_builders import LINE, PHONE, Bench, errors, values

LIMIT_S = 15.0  # of CPU; far above what a shared machine needs, far below what the texts would take without a limit
LIMIT_KB = 200_000

DOUBLING = '{% set a = "xxxxxxxxxxxxxxxx" %}' + "{% set a = a ~ a %}" * 60 + "x = {{ a }}\n"
SET_BLOCK_DOUBLING = "{% set a %}xxxxxxxxxxxxxxxx{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 60 + "x = {{ a }}\n"
MACROS = (
    "{% macro m0() %}x{% endmacro %}"
    + "".join("{% macro m" + str(n) + "() %}" + ("{{ m" + str(n - 1) + "() }}") * 10 + "{% endmacro %}" for n in range(1, 12))
    + "x = {{ m11() }}\n"
)
NESTED_LISTS = "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 60

HOSTILE = {
    "nested loops": "{% for a in range(1000) %}" * 3 + "{% endfor %}" * 3,
    "loop that fails its test": "{% for a in range(900) %}{% for b in range(900) if false %}{% endfor %}{% endfor %}",
    "huge output": "{% for a in range(1000) %}{% for b in range(15) %}" + "x" * 1000 + "{% endfor %}{% endfor %}",
    "a text times a number": 'x = {{ "x" * 10**9 }}',
    "a list times a number": "{% for a in [1] * 10**9 %}{% endfor %}",
    "a text doubled by tilde": DOUBLING,
    "a text doubled by set blocks": SET_BLOCK_DOUBLING,
    "a text doubled by format": 'x = {{ "%1000000000d" % 1 }}',
    "a text doubled by the method format": 'x = {{ "{:>999999999}".format(1) }}',
    "a text doubled by the filter format": 'x = {{ "%999999999s" | format(1) }}',
    "a text padded": 'x = {{ "x".ljust(10**9) }}',
    "a text centred": 'x = {{ "x" | center(10**9) }}',
    "a text joined": '{% set a = "x" ~ "' + "x" * 30_000 + '" %}x = {{ [' + "a," * 900 + "] | join }}",
    "a text replaced": 'x = {{ ("' + "x" * 30_000 + '") | replace("x", "' + "y" * 20_000 + '") }}',
    "a text replaced by method": 'x = {{ "xx".replace("x", "y") }}',
    "a range without end": "{% for a in range(10**9) %}{% endfor %}",
    "a range of two billion": "{% for a in range(0, 2000000000) %}{% endfor %}",
    "a power": "x = {{ 10 ** 1000000000 }}",
    "powers of powers": "x = {{ 9 ** 9 ** 9 ** 9 }}",
    "a huge number": "x = {{ " + "9" * 20_000 + " }}",
    "a rounding to a billion digits": "x = {{ 1.5 | round(999999999, 'ceil') }}",
    "a rounding to minus a billion digits": "x = {{ 15 | round(-999999999, 'floor') }}",
    "a sum of lists": "{% set a = [1, 1] %}" + "{% set a = [a, a] | sum(start=[]) %}" * 60,
    "lists in lists": NESTED_LISTS,
    "lists in lists compared": NESTED_LISTS + "{% if a == a %}{% endif %}x = {{ a | string }}",
    "tuples in tuples hashed": NESTED_LISTS.replace("[", "(").replace("]", ")") + "{% if a in {1: 2} %}{% endif %}",
    "dictionaries in dictionaries": "{% set a = {1: 1} %}" + "{% set a = {1: a, 2: a} %}" * 60 + "x = {{ a | string }}",
    "lists added": "{% set a = [1, 1] %}" + "{% set a = a + a %}" * 60,
    "macros that call ten macros each": MACROS,
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}x = {{ m() }}",
    "a macro that calls itself twice": "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}x = {{ m() }}",
    "a template that includes itself": '{% include "custom/bad.cfg" %}',
    "a template that extends itself": '{% extends "custom/bad.cfg" %}',
    "a template that imports itself": '{% import "custom/bad.cfg" as bad %}',
    "a block that calls itself": "{% block a %}{{ self.a() }}{% endblock %}",
    "a recursive loop": "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "a text split again and again": '{% set a = "'
    + "x," * 20_000
    + '" %}{% for b in range(1000) %}{% set c = a.split(",") %}{% endfor %}',
    "a text sorted again and again": '{% set a = "'
    + "x" * 50_000
    + '" %}{% for b in range(1000) %}{% set c = a | sort %}{% endfor %}',
    "a text searched again and again": '{% set a = "'
    + "x" * 50_000
    + '" %}{% for b in range(1000) %}{% if a ~ "y" in a %}{% endif %}{% endfor %}',
    "many statements in many turns": "{% for a in range(1000) %}" + "{% set b = 1 %}" * 3_000 + "{% endfor %}",
    "many filters in many turns": "{% for a in range(1000) %}" + "{% set b = a | abs | abs %}" * 2_000 + "{% endfor %}",
    "deep brackets": "x = {{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "deep minus signs": "x = {{ " + "-" * 20_000 + "1 }}",
    "deep ifs": "{% if 1 %}" * 3_000 + "{% endif %}" * 3_000,
    "deep loops": "{% for a in [1] %}" * 200 + "{% endfor %}" * 200,
    "the class of a text": "x = {{ ''.__class__ }}",
    "the class of a text by brackets": "x = {{ ''['__class__'] }}",
    "the class of a text by a filter": "x = {{ [''] | map(attribute='__class__') | first }}",
    "the filter attr": "x = {{ '' | attr('__class__') }}",
    "the bases of a number": "x = {{ (1).__class__.__mro__ }}",
    "the globals of a macro": "{% macro m() %}{% endmacro %}x = {{ m._func.__globals__ }}",
    "the globals of range": "x = {{ range.__self__.loader }}",
    "the loader through a value": "x = {{ phone._values }}",
    "the origin of a value": "x = {{ phone.name.origin.file }}",
    "the environment through self": "x = {{ self._TemplateReference__context.environment }}",
    "a function of Jinja": "x = {{ lipsum(n=10**6) }}",
    "a cycler": "x = {{ cycler('a').__init__.__globals__ }}",
    "a namespace": "{% set ns = namespace(x=1) %}x = {{ ns }}",
    "a file above the folder": '{% include "../../../../etc/passwd" %}',
    "an absolute file": '{% include "/etc/passwd" %}',
    "a record written": "x = {{ phone }}",
    "a list written": "x = {{ lines }}",
    "a macro written": "{% macro m() %}{% endmacro %}x = {{ m }}",
    "a newline in a value": 'x = {{ "a\\ny = b" }}',
    "a carriage return in a value": 'x = {{ "a\\ry = b" }}',
    "a line separator in a value": 'x = {{ "a\\u2028y" }}',
    "a mark in a value": 'x = {{ "\\ue0000\\ue002" }}',
    "a mark in the text": "x = \ue0000\ue002y\n",
    "a mark of a place in the text": "\ue0010,99999\ue002x = y\n",
    "no assignment": "hello\n",
    "two values for one parameter": "account.1.label = a\naccount.1.label = b\n",
    "a secret in a comment": "# {{ lines[0].password }}\naccount.1.label = a\n",
    "a division by zero": "x = {{ 1 // 0 }}",
    "an index that is not there": "x = {{ lines[7].label }}",
    "an unknown filter": "x = {{ 1 | shell }}",
    "an unknown test": "{% if 1 is shell %}{% endif %}",
    "an unknown statement": "{% shell %}",
    "a block that does not end": "{% if 1 %}",
    "an expression that does not end": "x = {{ 1",
    "a number added to text": "x = {{ 'a' + 1 }}",
    "an import of Python": "{% import os %}",
    "an assignment to a setting": "{% set lines[0].label = 1 %}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_stops_its_own_phones_and_nothing_else(bench: Bench, text: str) -> None:
    other = PHONE.replace("cc", "dd") + LINE
    bench.write({"a.toml": PHONE + 'template = "bad"\n' + LINE + 'password = "geheim"\n', "b.toml": other})
    bench.template("bad", text)
    inventory, renderer = bench.inventory(), bench.renderer()
    bad, good = inventory.phones["001565aabbcc"], inventory.phones["001565aabbdd"]
    common = bench.common(renderer, inventory, bad)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    file = renderer.phone(bad, common)
    assert time.process_time() - started < LIMIT_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < LIMIT_KB
    assert not file.is_good
    found = errors(file)
    assert found
    assert {problem.phone for problem in found} == {"001565aabbcc"}
    assert {problem.file for problem in found} == {"templates/custom/bad.cfg"}
    assert not any("geheim" in str(problem) or len(str(problem)) > 600 for problem in found)
    assert renderer.phone(good, common).is_good
    assert not any(mark in file.body.decode() for mark in "\ue000\ue001\ue002\ue003")


@pytest.mark.parametrize(
    ("text", "line", "code", "message", "hint"),
    [
        ("#!version:1.0.0.1\n{% if %}\n", 2, "template-syntax", "Expected an expression", "correct the line"),
        ("a\n\n{% for x in y %}\n{% endif %}\n", 4, "template-syntax", "Encountered unknown tag 'endif'", "correct the line"),
        ("\n\nx = {{ phone.langauge }}\n", 3, "template-unknown-name", '"langauge"', 'did you mean "language"?'),
        (
            "{% for line in lines %}\nx = {{ line.transprot }}\n{% endfor %}",
            2,
            "template-unknown-name",
            '"transprot"',
            'did you mean "transport"?',
        ),
        ("x = {{ phnoe.name }}\n", 1, "template-unknown-name", '"phnoe"', 'did you mean "phone"?'),
        ('\n{% include "v80/block/acount.cfg" %}\n', 2, "no-template", "v80/block/acount.cfg", '"v80/block/account.cfg"'),
        ("\n{% for a in range(99999) %}{% endfor %}", 2, "template-too-much", "range of more than 1000", "loop without an end"),
        ("\n\naccount.1.lable = x\n", 3, "unknown-parameter", "account.1.lable", "did you mean account.1.label?"),
        ("\nhello\n", 2, "not-an-assignment", '"hello"', "correct the line"),
        ("x = {{ 1 // 0 }}", 1, "template-error", "ZeroDivisionError", "correct the line"),
    ],
)
def test_a_mistake_in_a_template_is_named_with_its_line(
    bench: Bench, text: str, line: int, code: str, message: str, hint: str
) -> None:
    bench.write({"a.toml": PHONE + 'template = "bad"\n' + LINE}).template("bad", text)
    (problem,) = errors(bench.render())
    assert (problem.file, problem.line, problem.code) == ("templates/custom/bad.cfg", line, code)
    assert message in problem.message
    assert hint in problem.hint


def test_a_mistake_in_an_included_template_is_named_there(bench: Bench) -> None:
    bench.template("part", "a\n{% if %}\n").template("bad", '{% include "custom/part.cfg" %}')
    bench.write({"a.toml": PHONE + 'template = "bad"\n' + LINE})
    (problem,) = errors(bench.render())
    assert (problem.file, problem.line) == ("templates/custom/part.cfg", 2)


def test_a_template_that_is_not_text_or_too_large_is_a_problem(bench: Bench) -> None:
    for raw, code in ((b"x = \xff\n", "template-syntax"), (b"# " + b"x" * 65_536, "template-too-large")):
        bench.write({"a.toml": PHONE + 'template = "bad"\n' + LINE}).template("bad", raw)
        (problem,) = errors(bench.render())
        assert (problem.file, problem.code) == ("templates/custom/bad.cfg", code)


def test_the_largest_template_compiles_in_time(bench: Bench) -> None:
    line = "account.1.label = {{ phone.name | default('x') }}\n"
    bench.write({"a.toml": PHONE + 'template = "big"\n' + LINE}).template("big", line * (65_536 // len(line)))
    started = time.process_time()
    file = bench.render()
    assert time.process_time() - started < LIMIT_S * 2
    assert not errors(file)


def test_a_runaway_template_does_not_cost_each_of_its_phones_its_whole_budget(bench: Bench) -> None:
    bench.write(
        {f"{at}.toml": f'mac = "00:15:65:00:00:{at:02x}"\nmodel = "T46G"\ntemplate = "bad"\n{LINE}' for at in range(2, 60)}
    ).template("bad", HOSTILE["nested loops"])
    inventory, renderer = bench.inventory(), bench.renderer()
    started = time.process_time()
    files = [renderer.phone(phone, bench.common(renderer, inventory, phone)) for phone in inventory.phones.values()]
    assert time.process_time() - started < LIMIT_S
    assert all([problem.code for problem in errors(file)] == ["template-too-much"] for file in files)


def test_a_broken_template_that_nobody_uses_harms_nobody(bench: Bench) -> None:
    bench.write({"a.toml": PHONE + LINE}).template("unused", "x" * 100_000).template("broken", "{% if %}")
    assert values(bench.render())["account.1.user_name"] == "101"
