"""The fuzzer finds wrong checkers: each of these has one condition that is not necessary."""

import importlib
import inspect
import random
import sys
import types

import pytest

from tests.public.ext.calls.prefix.feeding import run

ROOM = "schema_guard.ext.streaming"
MODULES = (
    "tokens",
    "plans",
    "verdicts",
    "conditions",
    "start",
    "failure",
    "checker",
)
# What is planted: the module, what stands there, what is put in its place.
MUTANTS = {
    "required of any arm": ("plans", "frozenset.intersection(*(", "frozenset().union(*("),
    "the fewest of the arms": ("plans", "max(arm.most for", "min(arm.most for"),
    "the most of the arms": ("plans", "min(arm.least for", "max(arm.least for"),
    "the shortest of the arms": ("plans", "max(arm.longest for", "min(arm.longest for"),
    "a name that is not whole": ("plans", "among[at].startswith(text)", "among[at] == text"),
    "full before it is": ("plans", "min(self.most, len(self.closed))", "min(self.most, len(self.closed) - 1)"),
    "names of one arm": ("plans", "if None not in names:", "if names:"),
    "all arms at once": ("plans", "any(arm.accepts(value)", "all(arm.accepts(value)"),
    "a pattern is no name": ("plans", 'return (schemas, "properties") if schemas', 'return (schemas, "properties") if step in self.by_name'),
    "siblings of a reference": ("conditions", "return self._ref_alone and", "return False and"),
    "then without its if": ("conditions", 'if self._has(schema, "if") and', 'if "then" in schema:\n            yield schema["then"]\n        if self._has(schema, "if") and'),
    "what depends on a name that is not there": ("conditions", 'if kind in "{[":\n            for', 'yield from (schema.get("dependentSchemas") or {}).values()\n        if kind in "{[":\n            for'),
    "keywords of later drafts": ("conditions", "and row.since <= self._draft <= row.until", ""),
    "the first arm only": ("conditions", "if len(live) == 1:\n            items +=", "if live:\n            items +="),
    "a number before its end": ("checker", "if part.end() == len(text):", "if part.end() > len(text):"),
    "keys before they are read": ("checker", 'key = tokens.text_of("".join(self._raw))', 'key = "".join(self._raw)'),
    "arrays that are reasoning": ("start", 'or (first == "[" and self._is_fenced)', 'or first == "["'),
}  # fmt: skip


def source_of(module):
    return inspect.getsource(importlib.import_module(f"{ROOM}.{module}"))


@pytest.fixture
def planted(monkeypatch):
    """The checker of a room in which something else is written."""

    def made(module, old, new):
        monkeypatch.setattr("schema_guard.schema._cache", {})
        for name in MODULES:
            source = source_of(name)
            copies[name] = source.replace(old, new) if name == module else source
        for name, source in copies.items():
            copy = types.ModuleType(f"{ROOM}.{name}")
            monkeypatch.setitem(sys.modules, copy.__name__, copy)
            exec(compile(source, copy.__name__, "exec"), copy.__dict__)  # noqa: S102 - our own source
        return sys.modules[f"{ROOM}.checker"].prefix_checker

    copies = {}
    return made


@pytest.mark.parametrize("name", MUTANTS)
def test_what_is_written_over_stands_in_its_module_once(name):
    module, old, _ = MUTANTS[name]

    assert source_of(module).count(old) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_the_fuzzer_finds_it(planted, name):
    """A planted condition that is not necessary stops a valid reply within 4,000 cases, which are ten seconds."""
    checker_of = planted(*MUTANTS[name])
    rng = random.Random(1)

    assert any(run(rng, 50, checker_of=checker_of).alarms for _ in range(80))
