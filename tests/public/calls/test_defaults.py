"""The default of every setting of `guard`, `Guard`, and the other entry points."""

import dataclasses
import inspect

import pytest

import schema_guard
from schema_guard import (
    Budget,
    Guard,
    Limits,
    Schema,
    connect,
    guard,
    judge,
)
from tests.needs import is_installed

LIMITS = Limits(
    max_bytes=8_388_608, max_depth=100, max_nodes=200_000, max_number_chars=400, max_steps=50_000_000
)
BUDGET = Budget(
    max_elapsed_s=None, max_tokens=None, output_tokens=None, max_output_tokens=None, max_repeats=None
)
SETTINGS = {
    "strategy": "system_prompt", "max_attempts": 3, "prompt": None, "examples": (), "checks": (), "repair": "off",
    "observe": False, "expected": (), "on_failure": "raise", "name": None, "version": None, "segment": None,
    "model": None, "models": None, "tuned": False, "target": None, "early_stop": False, "prices": None, "rules": None,
}  # fmt: skip
FUNCTIONS = {
    judge: {"finish_reason": None, "repair": "off", "checks": (), "restore": None, "limits": LIMITS},
    Schema.of: {"name": None, "dialect": None, "formats": True, "resources": None},
    connect: {
        "target": None, "options": None, "key": None, "adapter": None, "rules": None, "timeout_s": 600.0,
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
    """`guard` has these defaults, and creates limits and a budget if you pass none."""
    parameters = inspect.signature(guard).parameters

    assert {name: parameters[name].default for name in SETTINGS} == SETTINGS
    assert (parameters["limits"].default, parameters["budget"].default) == (None, None)
    made = guard({"type": "object"})
    assert {name: getattr(made, name) for name in SETTINGS} == SETTINGS
    assert (made.limits, made.budget) == (LIMITS, BUDGET)


def test_defaults_of_settings():
    """`Guard` has the defaults of `guard`."""
    fields = {field.name: field.default for field in dataclasses.fields(Guard)}

    assert {name: fields[name] for name in SETTINGS} == SETTINGS
    made = Guard(Schema.of({"type": "object"}))
    assert (made.limits, made.budget) == (LIMITS, BUDGET)
    assert made(lambda prompt: "no").outcome("t").attempts[-1].number == 3


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_defaults_of_functions(function):
    """The other entry points have these defaults."""
    parameters = inspect.signature(function).parameters

    expected = FUNCTIONS[function]
    assert {name: parameters[name].default for name in expected} == expected
