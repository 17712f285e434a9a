"""The default of every setting of `guard`, `Guard`, and the other entry points."""

import dataclasses
import inspect

import pytest

import schema_guard
from schema_guard import About, Guard, Limits, Params, Schema, connect, guard, judge
from tests.needs import is_installed

LIMITS = Limits(
    max_bytes=8_388_608, max_depth=100, max_nodes=200_000, max_number_chars=400, max_steps=50_000_000,
    max_elapsed_s=None, max_tokens=None, output_tokens=None, max_output_tokens=None, max_repeats=None,
)  # fmt: skip
SETTINGS = {
    "schema": None, "strategy": "system_prompt", "max_attempts": 3, "examples": (), "checks": (), "repair": "off",
    "coerce": True, "observe": False, "ignore": (), "on_failure": None, "name": None, "provider": None, "models": None,
    "early_stop": False, "limits": None, "params": None, "about": None, "content": None,
}  # fmt: skip
# `Guard` has no field for an argument that this version doesn't have yet.
SIMPLE = {
    name: default
    for name, default in SETTINGS.items()
    if name not in ("schema", "coerce", "content", "limits", "params", "about")
}
FUNCTIONS = {
    judge: {"finish_reason": None, "repair": "off", "checks": (), "restore": None, "limits": LIMITS},
    Schema.of: {"name": None, "dialect": None, "formats": True, "resources": None},
    connect: {
        "provider": None, "options": None, "key": None, "adapter": None, "rules": None, "timeout_s": 600.0,
        "max_retries": 0,
    },
}  # fmt: skip
if is_installed("streaming"):
    FUNCTIONS[schema_guard.prefix_checker] = {"limits": LIMITS}
if is_installed("tools"):
    FUNCTIONS[schema_guard.judge_calls] = {"repair": "off", "limits": LIMITS}
    FUNCTIONS[schema_guard.guard_tools] = {
        "name": None, "max_attempts": 1, "observe": False, "messages": None, "version": None, "segment": None,
        "prices": None,
    }  # fmt: skip


def test_defaults_of_guard():
    """`guard` has these defaults, and creates limits, parameters, and facts if you pass none."""
    parameters = inspect.signature(guard).parameters

    assert {name: parameters[name].default for name in SETTINGS} == SETTINGS
    made = guard({"type": "object"})
    assert {name: getattr(made, name) for name in SIMPLE} == SIMPLE
    assert (made.limits, made.params, made.about) == (LIMITS, Params(), About())


def test_defaults_of_settings():
    """`Guard` has the defaults of `guard`."""
    fields = {field.name: field.default for field in dataclasses.fields(Guard)}

    assert {name: fields[name] for name in SIMPLE} == SIMPLE
    made = Guard(Schema.of({"type": "object"}))
    assert (made.limits, made.params, made.about) == (LIMITS, Params(), About())
    assert made(lambda prompt: "no").outcome("t").attempts[-1].number == 3


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_defaults_of_functions(function):
    """The other entry points have these defaults."""
    parameters = inspect.signature(function).parameters

    expected = FUNCTIONS[function]
    assert {name: parameters[name].default for name in expected} == expected
