# SPDX-License-Identifier: Apache-2.0
"""The facts about a function and its settings, found once at decoration and used by every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from schema_guard.configuration.early_stop import stopping
from schema_guard.configuration.model_names import is_tuned
from schema_guard.configuration.recorded_settings import (
    GATEWAY_REPAIRED,
    LAYOUTS,
    changed,
    repairers,
    with_layout,
)
from schema_guard.configuration.thinking import THINKING, thinking
from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.preparing.costs import prices_of
from schema_guard.preparing.escalation import check_call, is_model, kind_of, models_of
from schema_guard.preparing.improved_prompt import improved_prompt
from schema_guard.preparing.later import (
    LaterPrepared,
    Version,
    check_annotation,
    resolved_annotation,
    return_annotation,
)
from schema_guard.preparing.names import recorded_name
from schema_guard.preparing.parameters import BY_ITS_NAME, ParameterNames
from schema_guard.preparing.settings_text import adapters_of, settings_text
from schema_guard.preparing.shapes import Shape, check_arguments, name_of, shape_of
from schema_guard.preparing.steps import (
    requests_of,
    rules_of,
    steps_of,
    strategies_text,
    without_typos,
)
from schema_guard.preparing.user_checks import observed_check
from schema_guard.received.receiver import Receiver
from schema_guard.records.identity import id_of
from schema_guard.records.writing.call_log import log_only
from schema_guard.schema import Schema
from schema_guard.settings import Unset, resolved_store
from schema_guard.strategies import STRATEGIES, Plan, Step, strategies_of
from schema_guard.values import Call

if TYPE_CHECKING:
    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.preparing.escalation import AttemptModels
    from schema_guard.preparing.improved_prompt import ImprovedPrompt
    from schema_guard.records.identity import Origin
    from schema_guard.records.recorder import Recorder
    from schema_guard.settings import Settings
    from schema_guard.strategies import Strategy
    from schema_guard.values import Ask, Outcome

# The place of `Call.model` in a configuration.
_MODEL = 3


class Prepared(NamedTuple):
    """The facts about a guarded function that its calls need.

    Attributes:
        settings: The settings of the guard.
        function: The user's function, or the streaming method of a model instead of the model.
        name: The name of the function in records.
        shape: The parameters of the function.
        plan: The settings for the loop.
        provider: The provider whose arguments `options` gets. None if the function has no such parameter.
        reserved: The keys of `options` that request the format, as in `check_arguments`.
        configuration: The fields of `Call` from `function` to `settings`, which all calls share.
        models: The models of the attempts. None if the function chooses its model.
        version: The version of the function's prompt.
        tuned: Whether the model is known to be tuned before its first reply.
        receiver: Reads the function's results and exceptions.
    """

    settings: Settings[Any, Any]
    function: Callable[..., Any]
    name: str
    shape: Shape
    plan: Plan
    provider: str | None
    reserved: Mapping[tuple[str, ...], str]
    configuration: tuple[str, str, str, str | None, str | None, str, str]
    models: AttemptModels | None
    version: Version
    tuned: bool
    receiver: Receiver

    def options(self, ask: Ask, theirs: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Return the provider's arguments for an attempt, including the model's name. None if there are none.

        Args:
            ask: The attempt.
            theirs: Options of the call itself, which take precedence.
        """
        asked, step = self.models, ask.step or self.plan.step(ask.number)
        options = None
        if step.provider is not None:
            from schema_guard.providers.options import options_for  # only functions that take options need it

            schema = self.plan.sent_schema(step)
            options = options_for(step.provider, ask.strategy, schema, output_tokens=ask.output_tokens)
            if ask.strategy == "tool_call":
                options = self._unforced(step.provider, options, theirs or {}, ask)
        if asked is None or self.shape.model is not None or asked.is_function:
            return options
        return {**(options or {}), "model": asked.model(ask.number)}

    def _unforced(
        self, provider: str, options: dict[str, Any], theirs: Mapping[str, Any], ask: Ask
    ) -> dict[str, Any]:
        """Let the model decide whether to call the tool, if its provider rejects forced calls with *theirs*."""
        from schema_guard.providers.options import unforced  # only tool calls need it

        default = self.configuration[_MODEL] if self.models is None else self.models.model(ask.number)
        choice = theirs.get("model") or default
        model = choice if isinstance(choice, str) else getattr(choice, "name", None)
        return unforced(provider, options, model=model, beside=theirs)

    def recorded_as(self, name: str, extra: Mapping[str, Any]) -> Prepared:
        """Return a copy whose calls are recorded under another name, and with *extra* in their settings."""
        *others, settings = self.configuration[1:]
        if extra:
            settings = changed(settings, extra)
        return self._replace(name=name, configuration=(name, *others, settings))  # type: ignore[arg-type]

    def store(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recorder | None:
        """Return the recorder of a call with these arguments. None if it's not recorded."""
        named, content = self.settings.store, self.settings.content
        store = None if named is None else resolved_store(named)
        if store is None:
            return log_only()
        return store if content is None else content.recorder(store, self, args, kwargs)

    def folded(self, outcome: Outcome[Any]) -> Outcome[Any]:
        """Return an outcome as it is recorded, with a limited number of names from outside the program."""
        call = outcome.call
        if call.model is None and call.segment is None and outcome.attempts[-1].model is None:
            return outcome
        from schema_guard.preparing.name_limits import folded  # only calls with such names need it

        return folded(outcome, self.settings.about.segment, self.configuration[_MODEL])

    def call_with_options(self, call: Call, options: Mapping[str, Any] | None) -> tuple[Call, bool]:
        """Return a call with the settings from its own options, and whether its replies may be gateway-repaired."""
        names = () if self.plan.gateway_repaired else repairers(options)
        thought = thinking(options, bounded=True)
        if not names and thought is None:
            return call, self.plan.gateway_repaired
        more: dict[str, Any] = {GATEWAY_REPAIRED: list(names)} if names else {}
        if thought is not None:
            more[THINKING] = thought
        return call._replace(settings=changed(call.settings, more)), bool(names) or self.plan.gateway_repaired

    def call(self, origin: Origin, parent_call_id: str | None = None, layout: Layout | None = None) -> Call:
        """Return the identity of a call that has begun.

        Args:
            origin: Origin of the call.
            parent_call_id: As `start` takes it.
            layout: Layout of the call. None if it is that of the plan.
        """
        begun, outer, (segment, cluster, _) = origin
        configuration = self.configuration
        if layout is not None:
            configuration = (*configuration[:-1], with_layout(configuration[-1], layout))
        return Call(
            id_of(begun),
            *configuration,
            self.version.text or self.version.compute(),
            segment or self.settings.about.segment,
            None,
            id_of(outer) if parent_call_id is None and outer is not None else parent_call_id,
            begun[0],
            cluster,
            self.tuned,
        )


def prepare(
    settings: Settings[Any, Any], function: Callable[..., Any], resolved: Schema[Any] | None = None
) -> Prepared:
    """Find the facts that calls need. Return a `LaterPrepared` if a name in the return annotation isn't defined yet.

    Args:
        settings: Settings of the guard.
        function: The user's function.
        resolved: The schema of the return annotation, if the names in it weren't defined at decoration.

    Raises:
        InvalidArgument: The function cannot be guarded with these settings.
        InvalidSchema: The return annotation is not a schema.
    """
    shape = _shape(settings, function)
    model = _model_of(function, settings)
    models = settings.models and models_of(settings.models, settings.provider, shape, function)
    providers = models.providers if models else _providers(settings, model)
    strategies = strategies_of("bare" if settings.observe else settings.strategy)
    _check_options(settings, strategies, shape, function, providers[0])
    strategies = tuple(requests_of(strategies, providers, settings.max_attempts))
    schema = resolved or settings.schema or _returned(function)
    if schema is None:
        return _later(settings, function, shape)
    tuned = _is_tuned(settings, model)
    rules = rules_of(settings.models or (model,), settings.provider, settings.about.rules)
    steps = steps_of(
        strategies, providers, schema, settings.examples, tuned=tuned, rules=rules, models=settings.models
    )
    improved = improved_prompt(settings.params.prompt_file)
    steps = improved.steps(steps, schema) if improved else steps
    repaired, layout = _repaired(settings, model), _layout(shape, model, function, improved)
    plan = _plan(settings, schema, steps, shape)._replace(gateway_repaired=bool(repaired), layout=layout)
    name = _recorded_as(settings, function, model, schema)
    configuration = (
        name,
        schema.name,
        schema.fingerprint,
        _model_name(settings, model),
        providers[0] and ">".join(map(str, providers)),
        strategies_text(steps, len(strategies)),
        settings_text(settings, plan, model, repaired, _more_settings(settings, model, improved)),
    )
    reserved = {} if shape.options is None else _reserved(plan)
    return _checked(
        Prepared(
            settings=settings,
            function=_streamed(function, model, settings) if plan.early_stop else function,
            name=name,
            shape=shape,
            plan=plan,
            provider=providers[0],
            reserved=reserved,
            configuration=configuration,
            models=models or None,
            # A model is code of the library or the provider, and no part of the user's prompt.
            version=Version(settings.about.version, function if model is None else None, steps),
            tuned=tuned,
            receiver=Receiver(schema, settings.ignore, is_observed=settings.observe),
        )
    )


def _checked(prepared: Prepared) -> Prepared:
    """Check the defaults of the arguments, so that a call without arguments cannot fail on them, and the content."""
    if not prepared.settings.observe:
        check_arguments(prepared.shape, (), {}, prepared.reserved)
    content = prepared.settings.content
    if content is not None:
        content.check(prepared)
    return prepared


def _layout(shape: Shape, model: Any, function: Any, improved: ImprovedPrompt | None) -> Layout:
    """Return the layout of a prompt whose task is a text. A model takes turns, unless it names its own layout."""
    layout: Any = "text" if model is None else getattr(model, "layout", "turns")
    layout = "instructions" if shape.delivery == "instructions" else layout
    usual: Layout = layout if layout in LAYOUTS else "turns"
    return improved.layout_for(shape, usual, function) if improved else usual


def _shape(settings: Settings[Any, Any], function: Any) -> Shape:
    if not settings.observe:
        check_annotation(function)
    names = (settings.params.instructions, settings.params.feedback, settings.params.options)
    return shape_of(
        function,
        settings.params.prompt,
        observe=settings.observe,
        named=ParameterNames(*[BY_ITS_NAME if isinstance(name, Unset) else name for name in names]),
        models=kind_of(settings.models),
    )


def _returned(function: Any) -> Schema[Any] | None:
    """Return the schema of a return annotation. None if a name in it isn't defined yet."""
    try:
        annotation = return_annotation(function)
    except (NameError, AttributeError):
        return None
    return schema_of(annotation)


def _later(settings: Settings[Any, Any], function: Any, shape: Shape) -> Prepared:
    def make() -> Prepared:
        return prepare(settings, function, schema_of(resolved_annotation(function)))

    return cast("Prepared", LaterPrepared(settings, function, shape, make))


def _is_tuned(settings: Settings[Any, Any], model: Any) -> bool:
    """Return whether the model is known to be tuned, from the user, the model, its name, or an adapter."""
    by_name = is_tuned(_model_name(settings, model) or "")
    models = settings.models or (model,)
    by_itself = any(getattr(one, "tuned", None) is True for one in models)
    return settings.about.tuned or by_itself or by_name or any(adapters_of(models))


def _plan(settings: Settings[Any, Any], schema: Schema[Any], steps: tuple[Step, ...], shape: Shape) -> Plan:
    may_stop, limits = stopping(settings.early_stop, settings.limits, observe=settings.observe)
    plan = Plan(
        schema=schema,
        steps=steps,
        max_attempts=1 if settings.observe else settings.max_attempts,
        repair=settings.repair,
        checks=tuple(
            observed_check(one) if settings.observe and not hasattr(one, "of_call") else one
            for one in (*settings.checks, *(settings.content.checks if settings.content else ()))
        ),
        limits=limits,
        prices=prices_of(settings.about.prices),
        delivery=shape.delivery,
        tool=_tool(steps, schema),
        early_stop=may_stop,
        coerce=settings.coerce and not settings.early_stop,
    )
    # If no step can stop a reply early, the setting has no effect and is no part of the configuration.
    return plan._replace(early_stop=any(map(plan.stops, steps)))


def _recorded_as(settings: Settings[Any, Any], function: Any, model: Any, schema: Schema[Any]) -> str:
    """Return the name of a function in records. Models of the same class share their code but have their own names."""
    if model is None:
        return recorded_name(function, settings.name, schema.fingerprint)
    name: str = settings.name or model.name
    return name


def _tool(steps: tuple[Step, ...], schema: Schema[Any]) -> str | None:
    """Return the name of the tool that a strategy gives to the model. None if no strategy does."""
    if all(step.strategy.name != "tool_call" for step in steps):
        return None
    from schema_guard.providers.request_options import wire_name  # only tool calls need it

    return wire_name(schema)


def _model_of(function: Any, settings: Settings[Any, Any]) -> Any:
    """Return the `Model` that a callable is, or is a method of. None for all other functions.

    Raises:
        InvalidArgument: The model, or one that replaces it in an attempt, does not support this kind of call.
    """
    model = next((one for one in (function, getattr(function, "__self__", None)) if is_model(one)), None)
    if model is not None:
        check_call((settings.models if kind_of(settings.models) == "objects" else None) or (model,), function)
    return model


def _streamed(function: Any, model: Any, settings: Settings[Any, Any]) -> Any:
    """Return the method that streams the replies of a model. Return the function if there is none."""
    if model is None:
        return function
    from schema_guard.models.interface import streaming_method  # only models need it

    return streaming_method(model, function, settings.models or (model,)) or function


def _providers(settings: Settings[Any, Any], model: Any) -> tuple[str | None]:
    return (settings.provider or (None if model is None else model.provider),)


def _model_name(settings: Settings[Any, Any], model: Any) -> str | None:
    """Return the name of the model, or the names of the models of the attempts, `a>b`. None if it is not known."""
    if settings.models is not None:
        return ">".join(one if isinstance(one, str) else one.name for one in settings.models)
    return settings.about.model or (None if model is None else model.name)


def _check_options(
    settings: Settings[Any, Any],
    strategies: tuple[Strategy, ...],
    shape: Shape,
    function: Any,
    provider: str | None,
) -> None:
    needing = [strategy.name for strategy in strategies if strategy.needs_options]
    limited = settings.limits.output_tokens is not None or settings.limits.max_output_tokens is not None
    if not needing and not limited:
        return
    what = f"strategy={needing[0]!r}" if needing else "an output limit in limits="
    if shape.options is None:
        text = ", ".join(name for name, strategy in STRATEGIES.items() if not strategy.needs_options)
        raise InvalidArgument(
            f"{what}: {name_of(function)} needs a parameter for the provider's arguments. Add the parameter 'options: dict | None = None' and pass it on as create(..., **(options or {{}})), or use one of the strategies {text}"
        )
    if provider is None:
        raise InvalidArgument(
            f"{what}: provider= is missing. Name the provider that receives 'options', such as provider='openai'"
        )


def _reserved(plan: Plan) -> dict[tuple[str, ...], str]:
    """Build the options of every attempt once, so that an unsupported format is an error at decoration.

    Return the strategy that sets each key of the options.
    """
    if all(step.provider is None for step in plan.steps):
        return {}
    from schema_guard.providers.options import options_for
    from schema_guard.providers.request_options import paths_of

    reserved: dict[tuple[str, ...], str] = {}
    for step in plan.steps:
        if step.provider is None:
            continue
        options = options_for(step.provider, step.strategy.name, plan.sent_schema(step))
        reserved.update(dict.fromkeys(paths_of(options), step.strategy.name))
        options_for(step.provider, "bare", plan.schema, output_tokens=plan.limits.output_tokens)
    return reserved


def _repaired(settings: Settings[Any, Any], model: Any) -> list[str]:
    """Return the names of the gateway repairs that the options of the models request."""
    models = settings.models or (model,)
    return sorted({name for one in models for name in repairers(getattr(one, "options", None))})


def _more_settings(
    settings: Settings[Any, Any], model: Any, improved: ImprovedPrompt | None
) -> dict[str, Any]:
    """Return the thinking that each model's options request, and the improved prompt."""
    thoughts = [thinking(getattr(one, "options", None)) for one in settings.models or (model,)]
    thought = {THINKING: thoughts[0] if len(thoughts) == 1 else thoughts} if any(thoughts) else {}
    return {**thought, **(improved.settings if improved else {})}


def schema_of(source: Any) -> Schema[Any]:
    """Load the schema of a guard. An error notes that the schema is checked at decoration."""
    try:
        return without_typos(Schema.of(source))
    except InvalidSchema as error:
        error.add_note("in guard(schema): the schema is checked at decoration")
        raise
