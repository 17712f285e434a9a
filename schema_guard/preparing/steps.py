# SPDX-License-Identifier: Apache-2.0
"""The form of the request in each attempt: its strategy, its provider, and the schema as the provider accepts it."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.pointer import pointer
from schema_guard.prompting import Example
from schema_guard.schema import Schema
from schema_guard.strategies import STRATEGIES, SentForm, Step, strategies_of
from schema_guard.text import clip, safe
from schema_guard.values import AdaptedSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.extensions import Adaptation, Change, RulesLike, ServerRules
    from schema_guard.strategies import Strategy

# Strategies that remain if the schema cannot be sent, from the strongest to the weakest.
_WEAKER = ("tool_call", "json_mode", "system_prompt")


def steps_of(  # noqa: PLR0913 - the facts of a guard that decide about a request
    strategies: Sequence[Strategy],
    providers: Sequence[str | None],
    schema: Schema[Any],
    examples: tuple[Example, ...],
    *,
    tuned: bool = False,
    rules: Sequence[ServerRules | None] = (None,),
    models: Sequence[Any] | None = None,
) -> tuple[Step, ...]:
    """Return the step of attempt 1, 2, and so on. The last step applies to all further attempts.

    Args:
        strategies: Strategies of the guard, in order.
        providers: Providers whose arguments are sent, in order. A single None if no arguments are sent.
        schema: The user's schema.
        examples: Examples for strategies that show some.
        tuned: Whether the model is fine-tuned. Some providers enforce less of a schema for fine-tuned models.
        rules: The probed rules of each model's server, in the order of the providers. None if there are none.
        models: The models of the attempts, which may abstain. None if the function chooses its model.

    Raises:
        InvalidArgument: An example is not valid, or none can be generated.
    """
    thresholds = [getattr(one, "abstain_below", None) for one in models or ()]
    abstains = any(one is not None for one in thresholds)
    count = max(len(strategies), len(providers), len(thresholds) if abstains else 0)

    def made(at: int, schema: Schema[Any]) -> Step:
        terms = _Terms(tuned, rules[min(at, len(rules) - 1)])
        strategy, provider = strategies[min(at, len(strategies) - 1)], providers[min(at, len(providers) - 1)]
        return _step(strategy, provider, schema, examples, terms)

    steps = tuple(made(at, schema) for at in range(count))
    if all(step.strategy.name != "decision" for step in steps) and not abstains:
        return steps
    from schema_guard.extensions import load  # only decision models need it

    completed: tuple[Step, ...] = load("decisions:steps")(steps, schema, made, thresholds)
    return completed


def requests_of(
    strategies: Sequence[Strategy], providers: Sequence[str | None], max_attempts: float = inf
) -> Sequence[Strategy]:
    """Return the strategy of each request. `reason_then_strict` needs two, unless the server supports it in one.

    Raises:
        InvalidArgument: More requests are needed than *max_attempts*.
    """
    thinking = STRATEGIES["reason_then_strict"]
    if thinking not in strategies or not any(map(_thinks_apart, providers)):
        return strategies
    pair = (STRATEGIES["reason_then_format"], STRATEGIES["strict_schema"])
    expanded = [part for one in strategies for part in (pair if one is thinking else (one,))]
    if len(expanded) > max_attempts:
        raise InvalidArgument(
            f"strategy={thinking.name!r}: provider {clip(repr(providers[0]))} needs two requests for this strategy, one to reason and one to answer. Expected max_attempts >= {len(expanded)}, got {max_attempts}"
        )
    return expanded


def _thinks_apart(provider: str | None) -> bool:
    from schema_guard.providers.options import PROVIDER_OPTIONS, REASON_THEN_STRICT, STRICT  # as in `_weaker`

    formats = () if provider is None else PROVIDER_OPTIONS[provider].formats
    return STRICT in formats and REASON_THEN_STRICT not in formats


def strategies_text(steps: Sequence[Step], least: int) -> str:
    """Return the strategies as in records, `a>b`. Repetitions at the end are omitted, down to *least* names."""
    names = [step.strategy.name for step in steps]
    while len(names) > least and names[-1] == names[-2]:
        names.pop()
    return ">".join(names)


def rules_of(
    models: Sequence[Any], provider: str | None, rules: RulesLike | None
) -> list[ServerRules | None]:
    """Return the probed rules of each model's server. None if there are none.

    Args:
        models: Models of the attempts. Names and None have no rules of their own.
        provider: Provider of the guard.
        rules: The rules of the guard, for a function that calls one server.
    """
    if rules is None:
        return [getattr(model, "rules", None) for model in models]
    from schema_guard.extensions import load  # needed only with probed rules

    return [load("option:rules")(provider, rules)]


class _Terms(NamedTuple):
    """The terms that decide the form of a schema, apart from its provider."""

    tuned: bool = False
    rules: ServerRules | None = None


def _step(
    strategy: Strategy,
    provider: str | None,
    schema: Schema[Any],
    examples: tuple[Example, ...],
    terms: _Terms,
) -> Step:
    if provider is None or not strategy.needs_options:
        shown = _shown(schema, examples) if strategy.shows_examples else ()
        return Step.of(strategy, schema, shown)._replace(provider=provider)
    adapted = _adapted(provider, strategy.name, schema, terms)
    if adapted is not None and adapted.schema is None:
        from logging import getLogger  # it takes as long to load as the rest of a guard

        fallback, adapted_left = _weaker(provider, schema, terms)
        getLogger("schema_guard").warning(
            "guard: schema %s can't be sent to %s with strategy %r: %s. schema_guard uses %r instead",
            safe(schema.name), provider, strategy.name, adapted.relaxed[0].reason, fallback.name,
        )  # fmt: skip
        strategy, adapted = fallback, adapted_left
    if adapted is None:
        return Step.of(strategy, schema)._replace(provider=provider)
    return _adapted_step(strategy, schema, adapted)._replace(provider=provider)


def without_typos(schema: Schema[Any]) -> Schema[Any]:
    """Return a schema, and log a warning if a keyword below its root is probably misspelled."""
    typos = schema.misspelled()
    if typos:
        from logging import getLogger  # as in `_step`

        location, keyword = typos[0]
        getLogger("schema_guard").warning(
            "guard: schema %s: unknown keyword at %s. Did you mean %r?%s",
            safe(schema.name), pointer(clip(location)), keyword, f" ({len(typos)} such keys)" if len(typos) > 1 else "",
        )  # fmt: skip
    return schema


def _adapted_step(strategy: Strategy, schema: Schema[Any], adapted: Adaptation) -> Step:
    """Return a step whose texts and replies have the sent form. Strategies that send a schema show no examples."""
    sent = Schema.of(adapted.schema, name=schema.name, allow_unknown=True)
    adapted_schema = AdaptedSchema(sent.fingerprint, _places(adapted.relaxed), _places(adapted.narrowed))
    if adapted.is_same_form:
        # The user's own schema suffices to validate replies.
        return Step.of(strategy, schema)._replace(sent=SentForm(sent, adapted_schema))
    return Step.of(strategy, sent)._replace(
        sent=SentForm(sent, adapted_schema, adapted.restore, adapted.grown)
    )


def _adapted(provider: str, strategy: str, schema: Schema[Any], terms: _Terms) -> Adaptation | None:
    """Return the schema that is sent in place of the user's, or None if the user's own is sent or described."""
    if not STRATEGIES[strategy].needs_options:
        return None
    from schema_guard.extensions import PARTS, load  # only strategies with arguments need it

    part = f"strategy:{strategy}"
    adaptation: Adaptation | None = load(part if part in PARTS else "strategy:strict_schema")(
        provider, strategy, schema, tuned=terms.tuned, rules=terms.rules
    )
    return adaptation


def _weaker(provider: str, schema: Schema[Any], terms: _Terms) -> tuple[Strategy, Adaptation | None]:
    """Return the strongest strategy that remains if no sound schema can be sent, and its adaptation."""
    from schema_guard.providers.options import capabilities  # only such schemas need it

    names = [name for name in _WEAKER if name in capabilities(provider)]
    adaptations = ((name, _adapted(provider, name, schema, terms)) for name in names)
    name, adapted = next(
        (name, sent) for name, sent in adaptations if sent is None or sent.schema is not None
    )
    return STRATEGIES[name], adapted


def check_is_sent(provider: str, strategies: str, schema: Schema[Any]) -> None:
    """Check that each strategy can be sent as named. A guard uses a weaker strategy if no sound schema can be sent.

    Args:
        provider: A name of `capabilities`.
        strategies: Names, `a>b`.
        schema: The user's schema.

    Raises:
        InvalidArgument: No sound schema can be sent for one of the strategies.
    """
    for strategy in requests_of(strategies_of(strategies), [provider]):
        adapted = _adapted(provider, strategy.name, schema, _Terms()) if strategy.needs_options else None
        if adapted is not None and adapted.schema is None:
            raise InvalidArgument(
                f"strategy {strategy.name!r} on provider {provider!r} can't use the schema {safe(schema.name)}: {adapted.relaxed[0].reason}. Use another strategy"
            )


def _places(changes: Sequence[Change]) -> tuple[str, ...]:
    """Return the places of changes, each place once."""
    return tuple(dict.fromkeys(_place(change) for change in changes))


def _place(change: Change) -> str:
    return f"{change.location}/{change.keyword}" if change.keyword else change.location


def _shown(schema: Schema[Any], examples: tuple[Example, ...]) -> tuple[Example, ...]:
    """Return the examples that a prompt shows: the user's, or generated ones if there are none."""
    for example in examples:
        broken = schema.violations(example.value)
        if broken:
            raise InvalidArgument(
                f"examples: {clip(repr(example.value))} is not valid for {safe(schema.name)}: at {broken[0].instance_location or '(root)'}: expected {broken[0].expected}, got {broken[0].actual}"
            )
    return examples or tuple(Example(value) for value in _drawn(schema))


def _drawn(schema: Schema[Any]) -> list[Any]:
    from schema_guard.validation.drawing.demand import DeadEnd  # only few_shot needs it
    from schema_guard.validation.drawing.samples import samples

    try:
        return samples(schema)
    except DeadEnd as end:
        raise InvalidArgument(
            f"strategy='few_shot': schema_guard can't generate an example for {safe(schema.name)}: at "
            f"{pointer(clip(end.location))}: {clip(end.why, 200)}. Pass examples=[(task, value), ...] with valid values, "
            "or 'examples' in the schema"
        ) from None
