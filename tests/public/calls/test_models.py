"""Facts about the models that attempts ask one after the other."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from schema_guard import About, InvalidArgument, guard
from schema_guard.testing import ScriptedModel
from tests.needs import needs
from tests.public.calls import wire
from tests.public.calls.functions import BAD, GOOD, TOTAL, VALUE, rows


def named(name, *replies):
    """A model that gives these replies."""
    model = ScriptedModel(list(replies))
    model.name = name
    return model


def reply(text, model):
    return {**wire.chat(text), "model": model}


def asking(replies, **settings):
    """A function with a parameter `model`, which keeps whom it was told to ask."""
    value = iter(replies)
    asked: list[str] = []

    @guard(TOTAL, models=["small", "large"], **{"max_attempts": 4, **settings})
    def ask(prompt: str, model: str = "mine"):
        asked.append(model)
        return next(value)

    return ask, asked


def test_each_attempt_asks_the_next_model():
    """Attempt k asks the k-th model, and the last one from then on."""
    ask, asked = asking([BAD, BAD, BAD, GOOD])

    assert ask("t") == VALUE
    assert asked == ["small", "large", "large", "large"]


def test_models_and_strategies_go_side_by_side(store):
    """Each attempt has its strategy and its model; the record has the escalation, the attempt what replied."""
    ask, asked = asking(
        [reply(BAD, "small-2026-08-06"), reply(GOOD, "large")], strategy=["bare", "few_shot"], store=store
    )

    outcome = ask.outcome("t")

    assert asked == ["small", "large"]
    assert outcome.call.model == "small>large"
    assert [(a.strategy, a.model, a.snapshot) for a in outcome.attempts] == [
        ("bare", "small", "small-2026-08-06"),
        ("few_shot", "large", None),
    ]
    assert rows(store, "model", "strategies") == [("small>large", "bare>few_shot")] * 2


@pytest.mark.parametrize("given", [(("t", "own"), {}), (("t",), {"model": "own"})])
def test_the_callers_own_model_stands(given):
    """A call that names a model asks it in every attempt, and is recorded so."""
    ask, asked = asking([BAD, GOOD])
    args, kwargs = given

    outcome = ask.outcome(*args, **kwargs)

    assert outcome.ok
    assert asked == ["own", "own"]
    assert outcome.call.model == "own"


@needs("fitting")
def test_the_name_goes_with_the_options():
    """A function that takes options gets the name as the provider has it, beside the format; the caller's goes before."""
    values: list[dict[str, Any]] = []
    replies = iter([BAD, GOOD, BAD, GOOD])

    @guard(TOTAL, models=["small", "large"], strategy="json_mode", provider="openai")
    def ask(prompt: str, options: dict[str, Any] | None = None):
        values.append(options or {})
        return next(replies)

    ask("t")
    own = ask.outcome("t", options={"model": "own"})

    assert [options["model"] for options in values] == ["small", "large", "own", "own"]
    assert all("response_format" in options for options in values)
    assert own.call.model == "own"


def test_options_need_no_target_for_a_name():
    """The name of the model alone is not a provider's own."""
    values = []

    @guard(TOTAL, models=["small"])
    def ask(prompt: str, options: dict[str, Any]):
        values.append(options)
        return GOOD

    ask("t", {"temperature": 0})

    assert values == [{"model": "small", "temperature": 0}]


@needs("fitting")
def test_a_parameter_may_get_the_models_themselves():
    """A list of models reaches a parameter `model`, which the function asks; options are those of its provider."""
    small, large = named("small", BAD), named("large", GOOD)
    large.provider = "openai-responses"
    values = []

    @guard(TOTAL, models=[small, large], strategy="strict_schema")
    def ask(prompt: str, model: Any, options: dict[str, Any] | None = None):
        values.append((model.name, sorted(options or {})))
        return model(prompt, options=options)

    outcome = ask.outcome("t")

    assert values == [("small", ["response_format"]), ("large", ["text"])]
    assert (outcome.ok, outcome.call.model, outcome.call.provider) == (
        True,
        "small>large",
        "openai>openai-responses",
    )


def test_a_guarded_model_hands_over_to_the_next():
    """Where the guarded function is a model, or a method of one, the next model is asked in its place."""
    for method in (lambda model: model, lambda model: model.acall):
        small, large = named("small", BAD), named("large", GOOD)
        ask = guard(TOTAL, models=[small, large])(method(small))

        outcome = ask.outcome("t")
        outcome = asyncio.run(outcome) if hasattr(outcome, "__await__") else outcome

        assert outcome.value == VALUE
        assert outcome.call.model == "small>large"


def test_one_model_is_told_too():
    """A list of one fills the parameter in every attempt."""
    asked = []

    @guard(TOTAL, models=["one"], max_attempts=2, on_failure="return")
    async def ask(text: str, model: str):
        asked.append(model)
        return BAD

    asyncio.run(ask("t", model=None))

    assert asked == ["one", "one"]


def test_without_models_a_parameter_of_that_name_is_the_users():
    """A parameter `model` is filled only where models are named."""

    @guard(TOTAL)
    def ask(prompt: str, model: str = "mine"):
        return json.dumps({"total": len(model)})

    assert ask("t") == {"total": 4}


SCRIPTED = ScriptedModel([])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"models": []},
            r"^models=\[\]: expected a list of model names or a list of Model objects, one for each attempt",
        ),
        ({"models": "small"}, r"^models='small': expected a list of names, or of `Model`s"),
        ({"models": ["a", 3]}, r"^models=\['a', 3\]: expected a list of model names"),
        ({"models": ["a", SCRIPTED]}, r"^models=.*: expected a list of model names"),
        ({"models": ["a>b"]}, r"^models=\['a>b'\]: expected a list of model names"),
        (
            {"models": ["a"], "about": About(model="b")},
            r"^models=\['a'\] and about\.model='b': both name the model",
        ),
        (
            {"models": ["a"], "observe": True},
            r"^models=\['a'\] and observe=True: schema_guard doesn't change an observed call",
        ),
        ({"models": ["a", "b", "c"], "max_attempts": 2}, r"expected at most max_attempts=2 models, got 3"),
        ({"fallbacks": ["a"]}, "Did you mean models"),
    ],
)
def test_models_that_cannot_be_are_errors_at_decoration(settings, message):
    """What is wrong with the list is said when the guard is made."""
    with pytest.raises(InvalidArgument, match=message):
        guard(TOTAL, **settings)


def no_place(prompt):
    """Nothing says whom to ask."""
    return GOOD


def other_meaning(prompt: str, model: int = 3):
    """A parameter that is no name."""
    return GOOD


def default_names(prompt: str, options: dict[str, Any] = {"model": "x"}):  # noqa: B006 - never changed
    """Options that name a model already."""
    return GOOD


@pytest.mark.parametrize(
    ("function", "models", "message"),
    [
        (
            no_place,
            ["a"],
            r"schema_guard can't pass a model to no_place. Give it a parameter 'model: str', or 'options",
        ),
        (other_meaning, ["a"], "schema_guard can't pass a model to other_meaning"),
        (no_place, [SCRIPTED], "Give it a parameter 'model', or guard the first model directly"),
        (default_names, ["a"], "the default of the parameter 'options' of .*default_names names a model"),
    ],
)
def test_a_function_that_cannot_be_told_is_an_error_at_decoration(function, models, message):
    """A function says by its parameters how it is told whom to ask."""
    with pytest.raises(InvalidArgument, match=message):
        guard(TOTAL, models=models)(function)
