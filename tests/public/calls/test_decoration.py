"""Facts about what is wrong with a decoration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import (
    Budget,
    InvalidArgument,
    InvalidSchema,
    Limits,
    Schema,
    guard,
)
from tests.needs import marked
from tests.public.calls.functions import GOOD, TOTAL, VALUE, NotAFunction, ask

KNOWN = "bare, system_prompt, few_shot, reason_then_format, json_mode, tool_call, strict_schema"
NEEDS = (
    "ask must take the provider's arguments: give it a parameter 'options: dict | None = None' and pass it on as "
    "create(..., **(options or {})), or use one of bare, system_prompt, few_shot, reason_then_format"
)


@dataclass(frozen=True)
class Wrong:
    """Settings that cannot be, and what is said of them."""

    id: str
    settings: dict[str, Any]
    message: str


WRONG = (
    Wrong("strategy", {"strategy": "system_promt"}, f"strategy='system_promt': expected one of {KNOWN}, did you mean 'system_prompt'?"),
    Wrong("no strategy", {"strategy": []}, f"strategy=(): expected one of {KNOWN}, or a list of them"),
    Wrong("None for a strategy", {"strategy": None}, f"strategy=None: expected one of {KNOWN}, or a list of them"),
    Wrong("no attempts", {"max_attempts": 0}, "max_attempts=0: expected an int >= 1 (1 means: ask once, never retry)"),
    Wrong("half an attempt", {"max_attempts": 1.5}, "max_attempts=1.5: expected an int >= 1 (1 means: ask once, never retry)"),
    Wrong("attempts by a bool", {"max_attempts": True}, "max_attempts=True: expected an int >= 1 (1 means: ask once, never retry)"),
    Wrong(
        "more strategies than attempts",
        {"strategy": ["bare", "system_prompt"], "max_attempts": 1},
        "strategy=('bare', 'system_prompt'): expected at most max_attempts=1 strategies, got 2: the last ones would never be used",
    ),
    Wrong(
        "two words for a failure",
        {"default": None, "on_failure": "return"},
        "default= and on_failure='return': expected one of them: both say what a failed call gives",
    ),
    Wrong("on_failure", {"on_failure": "retrun"}, "on_failure='retrun': expected one of raise, return, did you mean 'return'?"),
    Wrong("on_failure default", {"on_failure": "default"}, "on_failure='default': expected one of raise, return"),
    Wrong("repair", {"repair": "lossles"}, "repair='lossles': expected one of off, lossless, lossy, did you mean 'lossless'?"),
    Wrong("check", {"checks": ["no"]}, "checks: 'no': expected a callable that gives None or a message"),
    Wrong("a check alone", {"checks": len}, "checks=<built-in function len>: expected a list of callables"),
    Wrong("examples", {"examples": 3}, "examples=3: expected a list of (task, value)"),
    Wrong("example", {"examples": [VALUE]}, "examples: {'total': 1}: expected (task, value), with task a str or None"),
    Wrong(
        "invalid example",
        {"examples": [("t", {"total": "one"})], "strategy": "few_shot"},
        "examples: {'total': 'one'} is not valid for invoice: at /total: expected number, got string 'one'",
    ),
    Wrong(
        "invalid example at the root",
        {"examples": [(None, 3)], "strategy": ["bare", "few_shot"]},
        "examples: 3 is not valid for invoice: at (root): expected object, got number 3",
    ),
    Wrong("options", {"strategy": "strict_schema", "target": "openai"}, f"strategy='strict_schema': {NEEDS}"),
    Wrong("options of the second", {"strategy": ["bare", "json_mode"], "target": "openai"}, f"strategy='json_mode': {NEEDS}"),
    Wrong("options for a limit", {"budget": Budget(output_tokens=9), "target": "openai"}, f"an output limit in budget=: {NEEDS}"),
    Wrong(
        "target",
        {"target": "opnai"},
        "target='opnai': expected one of openai, openai-responses, azure, anthropic, gemini, openrouter, groq, mistral, cohere, bedrock, deepseek, ollama, lmstudio, vllm, sglang, llamacpp, llamacpp-llguidance, outlines, outlines-core, outlines-api, did you mean 'openai'?",
    ),
    Wrong("limits", {"limits": 0}, "limits=0: expected a Limits"),
    Wrong("budget", {"budget": {}}, "budget={}: expected a Budget"),
    Wrong("negative tokens", {"budget": Budget(max_tokens=-1)}, "budget.max_tokens=-1: expected an int >= 0, or None for no bound"),
    Wrong("negative time", {"budget": Budget(max_elapsed_s=-0.5)}, "budget.max_elapsed_s=-0.5: expected a number >= 0, or None for no bound"),
    Wrong("no time at all", {"budget": Budget(max_elapsed_s=float("nan"))}, "budget.max_elapsed_s=nan: expected a number >= 0, or None for no bound"),
    Wrong("negative limit", {"budget": Budget(max_output_tokens=-9)}, "budget.max_output_tokens=-9: expected an int >= 1, or None for no bound"),
    Wrong("tokens by a text", {"budget": Budget(max_tokens="9")}, "budget.max_tokens='9': expected an int >= 0, or None for no bound"),
    Wrong("name", {"name": 3}, "name=3: expected a str or None"),
    Wrong("segment", {"segment": 3}, "segment=3: expected a str or None"),
    Wrong("version", {"version": 2}, "version=2: expected a str or None"),
    Wrong("model", {"model": 3}, "model=3: expected a str or None"),
    Wrong("store", {"store": 3}, "store=int: expected a URL, a Store, or None"),
    Wrong(
        "prompt",
        {"prompt": "promt"},
        "prompt='promt': ask has no such parameter, only prompt, did you mean 'prompt'?",
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.id)
def test_wrong_settings_are_refused_at_decoration(case):
    """What is wrong with the settings is said when the function is decorated, and by which argument."""
    with pytest.raises(InvalidArgument) as caught:
        guard(Schema.of(TOTAL, name="invoice"), **case.settings)(ask)

    assert str(caught.value) == case.message


def with_options(prompt, options):
    return GOOD


WRONG_OPTIONS = (
    Wrong(
        "no target",
        {"strategy": "json_mode"},
        "strategy='json_mode': expected target= to say whose arguments 'options' holds, such as target='openai'",
    ),
    Wrong(
        "not of this target",
        {"strategy": "tool_call", "target": "llamacpp-llguidance"},
        "strategy 'tool_call' is not supported by target 'llamacpp-llguidance': it takes bare, few_shot, json_mode, "
        "reason_then_format, strict_schema, system_prompt; the strongest of them is 'strict_schema'",
    ),
    Wrong(
        "output tokens",
        {"target": "openai", "budget": Budget(output_tokens=0)},
        "budget.output_tokens=0: expected an int >= 1, or None for no bound",
    ),
)


@pytest.mark.parametrize(
    "case",
    marked(WRONG_OPTIONS, "fitting", lambda case: case.id == "not of this target"),
    ids=lambda case: case.id,
)
def test_what_a_target_cannot_do_is_refused_at_decoration(case):
    """The options of every strategy are made once at decoration, so that a call cannot fail on them."""
    with pytest.raises(InvalidArgument) as caught:
        guard(TOTAL, **case.settings)(with_options)

    assert str(caught.value) == case.message


def two(a: str, b: str):
    return GOOD


HOW = "name it with prompt=, call it 'prompt' or 'messages', or take 'instructions: str' and build the prompt yourself"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (NotAFunction(), "guard: <no function>: expected a function that calls a language model"),
        (guard(TOTAL)(ask), "guard: ask is guarded already: set one guard on a function"),
        (two, f"two: more than one parameter could carry the prompt (a, b): {HOW}"),
    ],
    ids=["no function", "guarded", "two"],
)
def test_what_cannot_be_guarded_is_refused_at_decoration(function, message):
    """What is no function, is guarded already, or does not say where the task goes is refused."""
    with pytest.raises(InvalidArgument) as caught:
        guard(TOTAL)(function)

    assert str(caught.value) == message


def test_a_bad_schema_is_refused_at_decoration():
    """A schema that cannot be loaded is refused, with its code and place, and a note of where that was."""
    with pytest.raises(InvalidSchema) as caught:
        guard({"type": "numbr"})

    assert (caught.value.code, caught.value.location) == ("invalid", "/type")
    assert caught.value.__notes__ == ["in guard(schema): the schema is checked at decoration"]


def test_a_schema_without_examples_needs_some():
    """Few-shot needs an example, given or drawn from the schema."""
    schema = Schema.of({"type": "string", "pattern": "^[0-9]{9}$"}, name="number")

    with pytest.raises(InvalidArgument) as caught:
        guard(schema, strategy="few_shot")(ask)

    assert str(caught.value) == (
        "strategy='few_shot': no valid example could be drawn from number: give examples=[(task, value), ...]"
    )


def test_a_schemas_name_is_escaped():
    """What a schema is called cannot steer a terminal from the message of a decoration."""
    schema = Schema.of({"type": "string", "pattern": "^[0-9]{9}$"}, name="a\x1b[2Jb")

    for examples in ((), [(None, 3)]):
        with pytest.raises(InvalidArgument) as caught:
            guard(schema, strategy="few_shot", examples=examples)(ask)
        assert r"a\x1b[2Jb" in str(caught.value)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("unknown", "hint"),
    [
        (
            {"max_retries": 3},
            "max_retries=3, did you mean max_attempts=4, which counts the first attempt too?",
        ),
        (
            {"retries": "many"},
            "retries='many', did you mean max_attempts, which counts the first attempt too?",
        ),
        ({"attempts": 3}, "attempts=3, did you mean max_attempts=3?"),
        (
            {"response_model": int},
            "response_model=<class 'int'>, did you mean schema, the first argument: @guard(Invoice)?",
        ),
        ({"schema_": {}}, "schema_={}, did you mean schema, the first argument: @guard(Invoice)?"),
        ({"validators": []}, "validators=[], did you mean checks?"),
        ({"max_repeats": 6}, "max_repeats=6, did you mean budget=Budget(max_repeats=...)?"),
        ({"max_attempt": 3}, "max_attempt=3, did you mean 'max_attempts'?"),
        ({"on_fail": "x", "zzz": 1}, "on_fail='x', did you mean on_failure?"),
    ],
)
def test_a_word_of_another_library_is_told_ours(unknown, hint):
    """An argument that there is not is refused at decoration, with the one that its author may mean."""
    with pytest.raises(InvalidArgument) as caught:
        guard(TOTAL, **unknown)

    assert str(caught.value) == f"guard: unknown argument {hint}"


def test_a_word_of_nobody_is_told_all_of_ours():
    """Where no argument is near all of them are named."""
    with pytest.raises(
        InvalidArgument, match="unknown argument zzz=1: expected one of schema, strategy, max_attempts, "
    ):
        guard(TOTAL, zzz=1)


def test_negative_limits_are_refused():
    """A reply cannot be nested less than not at all: said at decoration."""
    with pytest.raises(InvalidArgument, match=r"limits\.max_depth=-1: expected an int >= 0"):
        guard(TOTAL, limits=Limits(max_depth=-1))
