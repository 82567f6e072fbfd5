# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Renders templates with ours and with Python's Jinja2 and demands the same text.

usage: compare_templates.py RENDERER DATA

Jinja2 is set up as transformers does it. Rendered are every template of DATA with
every conversation (each with and without tools, documents and a system turn), the
snippets of DATA, and every filter, test, method and operator with values of every
kind. That both refuse is enough: sentences are ours. Prints the mismatches and
their count; exits with 1 if there are any.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = 1767225600  # seconds, as in render_templates.c


class Generation(Extension):
    """{% generation %}: marks what the assistant said, and prints it."""

    tags = {"generation"}

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("said"), [], [], body).set_lineno(line)

    def said(self, caller: Any) -> str:
        return caller()


def environment() -> jinja2.Environment:
    """Jinja2 as apply_chat_template of transformers sets it up."""

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    def tojson(
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: Any = None,
        sort_keys: bool = False,
    ) -> str:
        return json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )

    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = refuse
    made.globals["strftime_now"] = lambda format: datetime.fromtimestamp(NOW).strftime(format)
    return made


@dataclass(frozen=True)
class Job:
    name: str
    template: str
    variables: dict[str, Any]
    ours: str = ""  # a template without variables that means the same


def conversations(data: Path) -> Iterator[Job]:
    """Every template with every conversation and every other one of its variants.

    transformers always passes tools and documents, which are none without any, and
    enable_thinking only where it is given.
    """
    talks = json.loads((data / "conversations.json").read_text())
    tools = talks["tools"]["tools"]
    documents = talks["documents"]["documents"]
    system = {"role": "system", "content": "Mind {{ this }}.\n"}
    for path in sorted(data.glob("*.jinja")):
        switches = (None, True, False) if "enable_thinking" in path.read_text() else (None,)
        for title, talk in talks.items():
            for with_tools, with_documents, with_system, thinking in itertools.product(
                (0, 1, 2), (0, 1, 2), (0, 1, 2), switches
            ):
                variables = {"tools": None, "documents": None, "bos_token": "<s>"}
                variables |= {"eos_token": "</s>", **talk}
                if with_tools:
                    variables["tools"] = tools if with_tools == 1 else []
                if with_documents:
                    variables["documents"] = documents if with_documents == 1 else []
                messages = [m for m in talk["messages"] if m["role"] != "system"]
                if with_system:
                    variables["messages"] = [system] * (with_system == 1) + messages
                if thinking is not None:
                    variables["enable_thinking"] = thinking
                name = f"{path.name}, {title} {with_tools}{with_documents}{with_system}"
                name += f" {thinking}" * (thinking is not None)
                yield Job(name, path.read_text(), variables)


VALUES = """none|missing|true|false|0|5|-3|1.5|2.0|'ab c'|''|'3'|' x '|[]|[3,1,2]|['b','A','a']|(1,2)
|()|{}|{'b':1,'a':2}|[{'a':1},{'a':2,'b':3}]|[none,1]|[missing]|[[1,2],[3]]|namespace(a=1)|'<b>\\n\\nc'
|[true,1,1.0]|'Ünï'|[('x',1),('y',2)]|[[],[1]]|{'items':{'a':1},'get':2}|'%s-%d'|'{} {a}'|-0.0|2.675|12345.5|"it's"|'a\r\nb\x0bc\n'|'a\n b\nc'""".replace("\n", "").split("|")

FILTERS = {
    "abs": ["", "2"],
    "attr": ["'a'", "'b'", "none", "0"],
    "batch": ["2", "2, 'x'", "0", "none"],
    "capitalize": [""],
    "center": ["", "9", "none"],
    "count": [""],
    "default": ["", "1", "'x', true", "none", "default_value=2", "boolean=true"],
    "dictsort": ["", "true", "false, 'value'", "by='key', reverse=true", "by='x'"],
    "e": [""],
    "escape": [""],
    "filesizeformat": [""],
    "first": ["", "1"],
    "float": ["", "2", "none"],
    "format": ["1", "", "'x', 2", "'x', 2, 3"],
    "groupby": ["'a'", "'b'", "'a', default=0", "0", "none", ""],
    "indent": ["", "2", "2, true", "2, true, true", "'> '", "none", "width=1, first=true"],
    "int": ["", "2", "none", "0, 16", "'x'"],
    "items": [""],
    "join": ["", "', '", "'-', 'a'", "none", "1", "missing", "attribute='a'"],
    "last": [""],
    "length": [""],
    "list": [""],
    "lower": [""],
    "map": [
        "'upper'",
        "attribute='a'",
        "attribute='a', default=7",
        "attribute='a.b'",
        "attribute=0",
        "'default', 3",
        "'x'",
        "",
        "none",
        "'int'",
        "'join', '-'",
    ],
    "max": ["", "attribute='a'", "true"],
    "min": ["", "attribute='a'", "case_sensitive=true"],
    "pprint": [""],
    "random": ["1"],
    "reject": ["", "'none'", "'odd'", "'defined'", "'in', [1]", "'x'", "none"],
    "rejectattr": ["'a'", "'a', 'defined'", "'b', 'eq', 3", "", "none", "'a', 'x'", "0"],
    "replace": ["'b', 'x'", "'b', 'x', 1", "'', '-'", "1, 2", "none, 'x'", "'b'", "'b', none"],
    "reverse": [""],
    "round": ["", "1", "0, 'ceil'", "1, 'floor'", "none", "-1", "method='ceil'", "0, 'x'"],
    "safe": [""],
    "select": ["", "'none'", "'odd'", "'defined'", "'gt', 1", "'x'", "none"],
    "selectattr": ["'a'", "'a', 'defined'", "'b', 'eq', 3", "", "none", "'a', 'x'", "'a.b'", "0"],
    "slice": ["2", "2, 'x'", "0", "none"],
    "sort": ["", "true", "attribute='a'", "case_sensitive=true", "true, true", "attribute='a,b'"],
    "string": [""],
    "striptags": [""],
    "sum": ["", "'a'", "start=10", "'a', 1", "attribute=0", "start=[]"],
    "title": [""],
    "tojson": ["", "indent=2", "2", "ensure_ascii=true", "sort_keys=true", "none", "separators=(',', ':')"],
    "trim": ["", "'a'", "none", "1", "chars='x <'"],
    "truncate": ["", "5", "5, true", "5, true, '!'", "5, false, '', 0"],
    "unique": ["", "true", "attribute='a'"],
    "upper": [""],
    "urlencode": [""],
    "urlize": ["1, 2, 3, 4, 5, 6"],
    "wordcount": [""],
    "wordwrap": ["4", "4, true, '|'"],
    "xmlattr": [""],
    "forceescape": [""],
}  # fmt: skip
# Their results are objects that can be gone through.
LAZY = {"batch", "slice", "map", "select", "reject", "selectattr", "rejectattr", "unique", "items",
        "reverse", "groupby"}  # fmt: skip

TESTS = """boolean|callable|defined|divisibleby(2)|divisibleby(0)|divisibleby none|eq(1)|eq none|even
|escaped|false|filter|float|ge(1)|gt(1)|gt('a')|in([1,none])|in 'ab c'|in none|in {'b':1}|in missing
|integer|iterable|le(1)|lower|lt(1)|lt none|mapping|ne(none)|none|number|odd|sameas(none)|sameas(true)
|sameas(1)|sequence|string|test|true|undefined|upper|equalto(5)|== 5""".replace("\n", "").split("|")

METHODS = """a|a.b|items()|keys()|values()|get('a')|get('x')|get('x', 0)|get(none)|get()|upper()|lower()
|strip()|strip('b')|strip(none)|lstrip()|rstrip('c ')|split()|split('b')|split(none)|split(none, 1)
|split('')|split(' ', 1)|split(maxsplit=1)|split(sep='b', maxsplit=0)|rsplit(' ', 1)|splitlines()
|splitlines(true)|startswith('a')|startswith(('x', 'a'))|startswith(none)|startswith('b', 1)
|endswith('c')|endswith('b', 0, 2)|replace('b', 'x')|replace('b', 'x', 1)|replace('', '.')
|replace(none, 'x')|find('b')|find('b', 2)|rfind('b')|index('b')|index(1)|index('zz')|count('b')
|count(1)|count('')|title()|capitalize()|isdigit()|isalpha()|isalnum()|isspace()|join(['x','y'])
|join('xy')|join([1])|join(none)|removeprefix('a')|removesuffix('c')|append(1)|pop()|update({})|format(1)|format(1, a=2)|format(a=none)
|copy()|isupper()|islower()|istitle()|isnumeric()|isdecimal()|isidentifier()|isascii()|swapcase()
|casefold()|center(9)|ljust(9)|ljust(9, '.')|rjust(9)|zfill(5)|zfill(-1)|partition('b')
|rpartition('b')|partition('')|expandtabs()|encode()|rindex('b')|setdefault('a', 1)|x|_
|format_map({})""".replace("\n", "").split("|")

INDICES = """0|-1|9|'a'|'x'|none|1.0|true|missing|1:|:1|::2|::-1|-2:|1:none|none:none:none|'a':|::0
|(1,2)""".replace("\n", "").split("|")  # fmt: skip

OPERATORS = "+ - * / // % ** ~ == != < <= > >= in".split() + ["not in", "and", "or"]

# Values that are printed otherwise than by what is in them.
STATEMENTS = """{% for x in V %}{{ loop.index }}{{ x }},{% else %}empty{% endfor %}
{% for x, y in V %}{{ x }}{{ y }},{% endfor %}
{% for x in V if x %}{{ x }},{% endfor %}
{% if V %}yes{% else %}no{% endif %}
{% if not V %}yes{% else %}no{% endif %}
{% set a, b = V %}{{ a }}{{ b }}
{% set ns = namespace(x=V) %}{{ ns.x }}
{% set x %}{{ V }}{% endset %}{{ x | length }}
{% macro m(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(V) }}{{ m(1, V, 3, c=V) }}
{{ V if V }}|{{ 1 if V else 2 }}
{{ -V }}
{{ +V }}
{{ not V }}
{{ [V] }}{{ (V,) }}{{ {'k': V} }}
{{ V() }}
{{ range(V) | list }}
{{ dict(a=V) }}{{ dict(V) }}
{{ raise_exception(V) }}
{{ strftime_now(V) }}
{{ V is defined and V is not none }}
{{ V.items is callable }}{{ V.get is defined }}{{ V.items.a }}{{ V['items'] is callable }}{{ V['x'] is defined }}
{% filter upper %}{{ V }}{% endfilter %}
{% with a = V %}{{ a }}{% endwith %}
{{ cycler(V, 2).next() }}
{{ joiner(V)() }}
{% for x in [1, 2] %}{{ loop.cycle(V or 1, 9) }}{{ loop.changed(V) }}{{ loop.previtem }}{% endfor %}""".split("\n")  # fmt: skip


def snippets(data: Path) -> Iterator[Job]:
    table = json.loads((data / "snippets.json").read_text())
    for text in table["templates"]:
        yield Job(text, text, table["variables"])


def operations() -> Iterator[str]:
    """Templates that do something with a value V, and some with another one, W."""
    for name, arguments in FILTERS.items():
        for given in arguments:
            yield f"{{{{ V | {name}({given}){' | list' * (name in LAZY)} }}}}"
    for test in TESTS:
        yield f"{{{{ V is {test} }}}} {{{{ V is not {test} }}}}"
    for method in METHODS:
        listed = " | list" * (method in ("items()", "keys()", "values()"))
        yield f"{{{{ V.{method}{listed} }}}}"
    yield from (f"{{{{ V[{index}] }}}}" for index in INDICES)
    yield from (f"{{{{ V {operator} W }}}}" for operator in OPERATORS)
    yield from STATEMENTS


def matrix(made: jinja2.Environment) -> Iterator[Job]:
    """Every operation with every value. Ours gets the values by `set`."""
    made_of = {text: made.compile_expression(text, undefined_to_none=False) for text in VALUES}
    for template in operations():
        others = VALUES if " W " in template else ["none"]
        for value, other in itertools.product(VALUES, others):
            # Anew each time: Jinja2's filters may change a list that they are given.
            variables = {"V": made_of[value](), "W": made_of[other]()}
            sets = f"{{% set V = {value} %}}" + f"{{% set W = {other} %}}" * (len(others) > 1)
            yield Job(sets + template, template, variables, sets + template)


@lru_cache(None)
def compiled(made: jinja2.Environment, text: str) -> jinja2.Template:
    return made.from_string(text)


# Names that ours has not: it refuses these by name, before anything is rendered.
ABSENT = """cycler joiner escaped filter test e escape filesizeformat forceescape pprint random
striptags truncate urlencode urlize wordwrap xmlattr encode expandtabs format_map isidentifier
istitle next pop swapcase""".split()


def is_known(job: Job, theirs: str | None, ours: str | None, sentence: str) -> bool:
    """Returns true for differences that docs/chat.md names."""
    absent = re.search(r"unknown (?:filter|test|function|method) '(\w+)'", sentence)
    if ours is None and absent:
        return absent[1] in ABSENT
    complex_number = theirs is not None and theirs.endswith("j)")
    a_range = theirs is None and "range(10)[2:4] | tojson" in job.template
    return complex_number or a_range


def by_jinja(made: jinja2.Environment, job: Job) -> str | None:
    """The text, or None where Jinja2 refuses."""
    try:
        return compiled(made, job.template).render(**job.variables)
    except Exception:  # Templates raise whatever Python does.
        return None


def by_ours(renderer: str, jobs: list[Job]) -> list[tuple[str | None, str]]:
    """The text or None, and the sentence, of each; all in one process."""
    sent = []
    for job in jobs:
        template = (job.ours or job.template).encode()
        variables = b"{}" if job.ours else json.dumps(job.variables).encode()
        sent.append(b"%d %d\n" % (len(template), len(variables)) + template + variables)
    run = subprocess.run([renderer], input=b"".join(sent), stdout=subprocess.PIPE, check=True)
    results: list[tuple[str | None, str]] = []
    at = 0
    while at < len(run.stdout):
        line = run.stdout.index(b"\n", at)
        failed, size = (int(word) for word in run.stdout[at:line].split())
        at = line + 1 + size
        text = run.stdout[line + 1 : at].decode(errors="replace")
        results.append((None, text) if failed else (text, ""))
    assert len(results) == len(jobs), f"{len(results)} answers to {len(jobs)} templates"
    return results


def main(renderer: str, folder: str) -> int:
    data, made = Path(folder), environment()
    jobs = [*conversations(data), *snippets(data), *matrix(made)]
    mismatches = refused = 0
    for job, (ours, sentence) in zip(jobs, by_ours(renderer, jobs)):
        theirs = by_jinja(made, job)
        refused += theirs is None
        if ours != theirs and not is_known(job, theirs, ours, sentence):
            mismatches += 1
            print(f"{job.name}\n  Jinja2 {theirs!r}\n  ours   {ours!r} {sentence}")
    print(f"{len(jobs)} renderings, {refused} refused by Jinja2; mismatches: {mismatches}")
    return mismatches != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
