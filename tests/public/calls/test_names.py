"""What a function is called in records."""

import logging
import subprocess
import sys
import types
from functools import partial

import pytest

from schema_guard import guard
from tests.public.calls.functions import GOOD, TOTAL, rows

SCRIPT = """
import sys
from schema_guard import guard, open_store

store = open_store("sqlite://", durability="sync")

@guard({"type": "object"}, store=store)
def extract(prompt: str):
    return "{}"

extract("t")
print(next(iter(store.attempts()))["function"])
"""


@pytest.fixture
def told(caplog):
    """What the library has logged."""
    caplog.set_level(logging.WARNING, "schema_guard")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "schema_guard"]


def module(name, code, **given):
    """A module made of code, as an import or a cell of a notebook makes it."""
    made = sys.modules.get(name) or types.ModuleType(name)
    vars(made).update(guard=guard, TOTAL=TOTAL, GOOD=GOOD, **given)
    exec(compile(code, f"{name}.py", "exec"), vars(made))  # noqa: S102 - the test's own code
    return made


def test_a_name_has_its_module(store):
    """A function is recorded as `module.qualname`, wherever it stands."""

    @guard(TOTAL, store=store)
    def extract(prompt: str):
        return GOOD

    extract("t")

    assert rows(store, "function") == [(f"{__name__}.test_a_name_has_its_module.<locals>.extract",)]


def test_a_given_name_stays_as_it_is(store):
    """`name=` is not prefixed."""
    guard(TOTAL, name="extract", store=store)(lambda prompt: GOOD)("t")

    assert rows(store, "function") == [("extract",)]


def two_parts(one, prompt):
    return GOOD


def test_a_partial_has_the_name_of_its_function():
    """What a partial fixes has no part in the name."""
    guarded = guard(TOTAL, store=None)(partial(two_parts, "a"))

    assert guarded.outcome("t").call.function == f"{__name__}.two_parts"


@pytest.mark.costly
def test_a_script_is_the_module_that_it_would_be(tmp_path):
    """A file that is run has the name by which it can be imported; what is typed in has none."""
    (tmp_path / "mails.py").write_text(SCRIPT)

    def name(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, cwd=tmp_path, check=True
        )
        return done.stdout.strip()

    assert name("mails.py") == name("-m", "mails") == "mails.extract"
    assert name("-c", SCRIPT) == "__main__.extract"


def test_two_functions_of_one_name_are_two(store, told):
    """Two lambdas of a module are two rows, with one warning."""
    shop = module(
        "shop_1", "one = guard(TOTAL)(lambda prompt: GOOD)\ntwo = guard(TOTAL)(lambda prompt: GOOD + ' ')\n"
        "three = guard(TOTAL)(lambda prompt: GOOD + '  ')\n",
    )  # fmt: skip

    for function in (shop.one, shop.two, shop.three):
        guarded = function.guard
        assert guarded.name is None
    assert [function.outcome("t").call.function for function in (shop.one, shop.two, shop.three)] == [
        "shop_1.<lambda>",
        "shop_1.<lambda>#2",
        "shop_1.<lambda>#3",
    ]
    (warning,) = told()
    assert "'shop_1.<lambda>' is the name of several functions" in warning


def test_functions_of_one_given_name_are_told_apart_by_version(store, told):
    """A name that two functions were given stays, with a warning; their versions differ."""
    for text in (GOOD, f"{GOOD} "):
        module(f"shop{len(text)}", "@guard(TOTAL, name='extract_twice', store=store)\ndef f(prompt: str):\n"
               f"    return {text!r}\nf('t')", store=store)  # fmt: skip

    assert [function for function, _ in rows(store, "function", "version")] == ["extract_twice"] * 2
    assert len(set(rows(store, "function", "version"))) == 2
    (warning,) = told()
    assert "their versions alone" in warning


def test_what_one_factory_makes_has_one_name(told):
    """Functions with the same code are one, and nothing is warned of."""

    def made(model):
        @guard(TOTAL)
        def extract(prompt: str):
            return model(prompt)

        return extract

    assert len({made(model).outcome("t").call.function for model in (str, repr)}) == 1
    assert told() == []


def test_a_function_that_is_defined_again_keeps_its_name(told, monkeypatch):
    """A cell that is run again with other code makes no second function."""
    made = types.ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", made)
    for text in ("GOOD", "GOOD + ' '"):
        module("notebook", f"@guard(TOTAL)\ndef extract(prompt: str):\n    return {text}")

        assert made.extract.outcome("t").call.function == "notebook.extract"
    assert told() == []


def test_another_schema_is_another_row_already(told):
    """Under another schema a name is no other function's."""
    shop = module(
        "shop_2",
        "one = guard(TOTAL)(lambda prompt: GOOD)\ntwo = guard({'type': 'object'})(lambda prompt: GOOD + ' ')",
    )

    assert {function.outcome("t").call.function for function in (shop.one, shop.two)} == {"shop_2.<lambda>"}
    assert told() == []
