"""Facts about what is wrong with a decoration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import About, InvalidArgument, InvalidSchema, Limits, Params, Schema, guard
from tests.needs import marked
from tests.public.calls.functions import GOOD, TOTAL, VALUE, NotAFunction, ask

KNOWN = (
    "bare, system_prompt, few_shot, reason_then_format, json_mode, tool_call, strict_schema, strict_only, "
    "reason_then_strict, decision"
)
NEEDS = (
    "ask needs a parameter for the provider's arguments. Add the parameter 'options: dict | None = None' and "
    "pass it on as "
    "create(..., **(options or {})), or use one of the strategies bare, system_prompt, few_shot, reason_then_format"
)


@dataclass(frozen=True)
class Wrong:
    """Settings that cannot be, and what is said of them."""

    id: str
    settings: dict[str, Any]
    message: str


WRONG = (
    Wrong("strategy", {"strategy": "system_promt"}, f"strategy='system_promt': expected one of {KNOWN}. Did you mean 'system_prompt'?"),
    Wrong("no strategy", {"strategy": []}, f"strategy=(): expected one of {KNOWN}, or a list of these names"),
    Wrong("None for a strategy", {"strategy": None}, f"strategy=None: expected one of {KNOWN}, or a list of these names"),
    Wrong("no attempts", {"max_attempts": 0}, "max_attempts=0: expected an int >= 1 (1 means: never retry)"),
    Wrong("half an attempt", {"max_attempts": 1.5}, "max_attempts=1.5: expected an int >= 1 (1 means: never retry)"),
    Wrong("attempts by a bool", {"max_attempts": True}, "max_attempts=True: expected an int >= 1 (1 means: never retry)"),
    Wrong(
        "more strategies than attempts",
        {"strategy": ["bare", "system_prompt"], "max_attempts": 1},
        "strategy=('bare', 'system_prompt'): expected at most max_attempts=1 strategies, got 2, so schema_guard "
        "would never use the last ones",
    ),
    Wrong(
        "two words for a failure",
        {"default": None, "on_failure": "return"},
        "default=None and on_failure='return': expected only one of them. To return the default if no attempt is valid, omit on_failure",
    ),
    Wrong(
        "a default and an error",
        {"default": 0, "on_failure": "raise"},
        "default=0 and on_failure='raise': expected only one of them. To return the default if no attempt is valid, omit on_failure",
    ),
    Wrong("on_failure", {"on_failure": "retrun"}, "on_failure='retrun': expected one of raise, return. Did you mean 'return'?"),
    Wrong("on_failure default", {"on_failure": "default"}, "on_failure='default': expected one of raise, return"),
    Wrong("repair", {"repair": "lossles"}, "repair='lossles': expected one of off, lossless, lossy. Did you mean 'lossless'?"),
    Wrong("check", {"checks": ["no"]}, "checks: 'no': expected a callable that returns a bool, None, or a message"),
    Wrong("a check alone", {"checks": len}, "checks=<built-in function len>: expected a list of callables"),
    Wrong("examples", {"examples": 3}, "examples=3: expected a list of (task, value)"),
    Wrong("example", {"examples": [VALUE]}, "examples: {'total': 1}: expected a tuple (task, value), with a str or None as the task"),
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
    Wrong("options", {"strategy": "strict_schema", "provider": "openai"}, f"strategy='strict_schema': {NEEDS}"),
    Wrong("options of the second", {"strategy": ["bare", "json_mode"], "provider": "openai"}, f"strategy='json_mode': {NEEDS}"),
    Wrong("options for a limit", {"limits": Limits(output_tokens=9), "provider": "openai"}, f"an output limit in limits=: {NEEDS}"),
    Wrong(
        "provider",
        {"provider": "opnai"},
        "provider='opnai': expected one of anthropic, azure, bedrock, cohere, deepseek, gemini, groq, litellm-decisions, llamacpp, llamacpp-llguidance, lmstudio, local-decisions, mistral, ollama, openai, openai-decisions, openai-responses, openrouter, outlines, outlines-api, sglang, vllm. Did you mean 'openai'?",
    ),
    Wrong("limits", {"limits": 0}, "limits=0: expected limits=Limits(max_bytes=...)"),
    Wrong("limits as a dict", {"limits": {"max_tokens": 9}}, "limits={'max_tokens': 9}: expected limits=Limits(max_tokens=...)"),
    Wrong("about as a dict", {"about": {"version": "2"}}, "about={'version': '2'}: expected about=About(version=...)"),
    Wrong("params as a text", {"params": "prompt"}, "params='prompt': expected params=Params(prompt=...)"),
    Wrong("name", {"name": 3}, "name=3: expected a str or None"),
    Wrong("store", {"store": 3}, "store=int: expected a URL, a Store, or None"),
    Wrong(
        "prompt",
        {"params": Params(prompt="promt")},
        "params.prompt='promt': ask has no such parameter, only prompt. Did you mean 'prompt'?",
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
        "no provider",
        {"strategy": "json_mode"},
        "strategy='json_mode': provider= is missing. Name the provider that receives 'options', such as "
        "provider='openai'",
    ),
    Wrong(
        "not of this provider",
        {"strategy": "tool_call", "provider": "llamacpp-llguidance"},
        "provider 'llamacpp-llguidance' does not support the strategy 'tool_call', only bare, few_shot, json_mode, "
        "reason_then_format, reason_then_strict, strict_only, strict_schema, system_prompt. Use another strategy. The strongest one is 'strict_schema'",
    ),
)


@pytest.mark.parametrize(
    "case",
    marked(WRONG_OPTIONS, "fitting", lambda case: case.id == "not of this provider"),
    ids=lambda case: case.id,
)
def test_what_a_target_cannot_do_is_refused_at_decoration(case):
    """The options of every strategy are made once at decoration, so that a call cannot fail on them."""
    with pytest.raises(InvalidArgument) as caught:
        guard(TOTAL, **case.settings)(with_options)

    assert str(caught.value) == case.message


def two(a: str, b: str):
    return GOOD


HOW = "Name the parameter with params=Params(prompt=...), or call it 'prompt' or 'messages', or take 'instructions: str' and build the prompt yourself"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (NotAFunction(), "guard: <no function>: expected a function that calls a language model"),
        (guard(TOTAL)(ask), "guard: ask is already guarded. Remove the second guard"),
        (two, f"two: more than one parameter can receive the prompt (a, b). {HOW}"),
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
    schema = Schema.of({"type": "string", "pattern": "^(?=a)b$"}, name="number")

    with pytest.raises(InvalidArgument) as caught:
        guard(schema, strategy="few_shot")(ask)

    assert str(caught.value) == (
        "strategy='few_shot': schema_guard can't generate an example for number: at (root): schema_guard found no string that "
        "satisfies all keywords and matches '^(?=a)b$'. Pass examples=[(task, value), ...] with valid values, or 'examples' in the schema"
    )


def test_a_schemas_name_is_escaped():
    """What a schema is called cannot steer a terminal from the message of a decoration."""
    schema = Schema.of({"type": "string", "pattern": "^(?=a)b$"}, name="a\x1b[2Jb")

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
            "max_retries=3. Did you mean max_attempts=4, which counts the first attempt too?",
        ),
        (
            {"retries": "many"},
            "retries='many'. Did you mean max_attempts, which counts the first attempt too?",
        ),
        ({"attempts": 3}, "attempts=3. Did you mean max_attempts=3?"),
        (
            {"response_model": int},
            "response_model=<class 'int'>. Did you mean schema, the first argument: @guard(Invoice)?",
        ),
        ({"schema_": {}}, "schema_={}. Did you mean schema, the first argument: @guard(Invoice)?"),
        ({"validators": []}, "validators=[]. Did you mean checks?"),
        ({"max_repeats": 6}, "max_repeats=6. Did you mean limits=Limits(max_repeats=...)?"),
        ({"max_attempt": 3}, "max_attempt=3. Did you mean 'max_attempts'?"),
        ({"on_fail": "x", "zzz": 1}, "on_fail='x'. Did you mean on_failure?"),
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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Limits(max_depth=-1), "limits.max_depth=-1: expected an int >= 0"),
        (lambda: Limits(max_tokens=-1), "limits.max_tokens=-1: expected an int >= 0, or None for no limit"),
        (lambda: Limits(max_tokens="9"), "limits.max_tokens='9': expected an int >= 0, or None for no limit"),
        (
            lambda: Limits(output_tokens=0),
            "limits.output_tokens=0: expected an int >= 1, or None for no limit",
        ),
        (lambda: Limits(max_repeats=1), "limits.max_repeats=1: expected an int >= 2, or None for no limit"),
        (lambda: Limits(max_elapsed_s=-0.5), "limits.max_elapsed_s=-0.5: expected a number of seconds >= 0"),
        (
            lambda: Limits(max_elapsed_s=float("nan")),
            "limits.max_elapsed_s=nan: expected a number of seconds >= 0",
        ),
        (
            lambda: Limits(output_tokens=50, max_output_tokens=20),
            "limits.max_output_tokens=20: expected at least 50, because output_tokens=50 is the limit of the first attempt",
        ),
        (lambda: About(segment=3), "about.segment=3: expected a str or None"),
        (lambda: About(version=2), "about.version=2: expected a str or None"),
        (lambda: About(model=3), "about.model=3: expected a str or None"),
        (lambda: About(tuned="yes"), "about.tuned='yes': expected True or False"),
        (lambda: Params(feedback=3), "params.feedback=3: expected a str or None"),
        (lambda: Limits(max_byte=3), "Limits: unknown argument max_byte=3. Did you mean 'max_bytes'?"),
        (lambda: About(verison="2"), "About: unknown argument verison='2'. Did you mean 'version'?"),
        (lambda: Params(option="x"), "Params: unknown argument option='x'. Did you mean 'options'?"),
    ],
)
def test_grouped_settings_refuse_wrong_members(make, message):
    """`Limits`, `Params`, and `About` name the wrong member and what they expect."""
    with pytest.raises(InvalidArgument) as caught:
        make()

    assert str(caught.value) == message


def test_refuses_content_that_is_a_dict():
    """`content` takes a `Content`, and the error says so."""
    with pytest.raises(InvalidArgument, match=r"content=\{'grounded': True\}: expected a Content or None"):
        guard(TOTAL, content={"grounded": True})(lambda prompt: "{}")


def test_accepts_defaults_of_optional_parts():
    """`content=None` and `prompt_file=None` change nothing."""
    settings = guard(TOTAL, content=None, params=Params(prompt_file=None), store=None)

    assert settings == guard(TOTAL, store=None)
