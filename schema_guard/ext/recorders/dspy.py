# SPDX-License-Identifier: Apache-2.0
"""Record the runs of DSPy's predictors by a callback: `dspy.configure(callbacks=[callback()])`.

Rules:
1. A call is one run of a `dspy.Predict`, in any module. Its schema is that of the signature's output fields.
2. An attempt is a reply of the language model. An adapter parses it, and decides whether it fits. If it doesn't, the
   adapter that DSPy falls back to makes the next attempt. If a predictor failed, and a module around it runs it again
   with the same inputs, the call continues.
3. Each call of a tool by an agent is a call of that tool.
4. Replies from DSPy's cache are counted and not recorded.
"""

from __future__ import annotations

from functools import cache, lru_cache
from math import nan
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Unpack

from schema_guard.ext.recorders.dspy_replies import mode_of, reply_of
from schema_guard.ext.recorders.frameworks import framework
from schema_guard.ext.recorders.nesting import current_context, is_same
from schema_guard.ext.recorders.observed_attempt import AttemptView
from schema_guard.ext.recorders.recording import MOST_OPEN, Bounded, RecorderSettings, Recording, safely
from schema_guard.ext.recorders.requests import options_of, provider_of
from schema_guard.ext.recorders.tool_turns import ToolTurns
from schema_guard.providers.failures import ENDED_EARLY
from schema_guard.providers.fields import as_json, field, first, items, words
from schema_guard.providers.model_output import WrittenCall, call_of
from schema_guard.received.dspy import ADDED, is_parse_error, model_of, parse_failure, plain
from schema_guard.values import Failure, ParsedValue, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextvars import ContextVar

    from schema_guard.ext.recorders.nesting import CallContext
    from schema_guard.ext.recorders.recording import Opened
    from schema_guard.schema import Schema

__all__ = ["callback"]

NAME: Final = "dspy"
_CANCELLED: Final = Failure("transport", "cancelled", "the run was cancelled")
_EMPTY: Final = Failure("syntax", "empty", "the reply is empty")


def callback(**settings: Unpack[RecorderSettings]) -> Any:
    """Return a callback that records the runs of predictors.

    The callback doesn't change any run, and you can use it in several programs.

    >>> dspy.configure(lm=lm, callbacks=[callback()])       # doctest: +SKIP

    A call belongs to the function in `tags(function=...)`. Otherwise, a call in your module belongs to the class name
    and the predictor's path from `named_predictors()`, such as `Billing.read`. A call in one of DSPy's own modules,
    such as `dspy.Predict(ReadInvoice)`, belongs to the signature name.

    Args:
        settings: Settings that every recorder accepts, such as `function` for calls without a name.

    Raises:
        InvalidArgument: The store or the prices are invalid.
        MissingExtra: DSPy isn't installed.
    """
    recording = Recording(NAME, **settings)
    return _kind()(recording)


@cache
def _kind() -> type[Any]:
    package = framework(NAME, "DSPy", "dspy.utils.callback")
    return type("SchemaGuardCallback", (_Hooks, package.BaseCallback), {"active": package.ACTIVE_CALL_ID})


class _Run:
    """One run of a predictor.

    Attributes:
        key: Signature and inputs, which identify a repeated run.
        pending: The last reply, until an adapter has parsed it; None for none.
        is_parsing: Whether an adapter parses it.
    """

    def __init__(self, schema: Schema[Any] | None, key: tuple[Any, Any]) -> None:
        self.schema, self.key = schema, key
        self.opened: Opened | None = None
        self.is_opened = self.is_parsing = False
        self.pending: AttemptView | None = None
        self.attempts: list[AttemptView] = []

    def again(self) -> None:
        """Continue the run. An earlier attempt without a reply doesn't count."""
        if self.attempts and self.attempts[-1].reply is None:
            self.attempts.pop()

    def ask(self) -> None:
        """Begin another attempt. DSPy parses no empty reply. A reply that it parses with a model is not an attempt."""
        if self.pending is not None and not self.is_parsing:
            self._end(_EMPTY)
        self.pending, self.is_parsing = None, False
        self.again()

    def end(self, error: BaseException | None, values: Any) -> None:
        """Store the adapter's result for the pending reply: values, or the reason why it raised."""
        # Older versions raise the error of a field unchanged.
        if is_parse_error(error) or (self.is_parsing and isinstance(error, ValueError)):
            self._end(parse_failure(error))
        elif error is None and values is not None:
            self._end(ParsedValue(plain(values)))
        elif self.pending is not None:
            self.attempts.append(self.pending._replace(reply=None, exception=error))
            self.pending = None

    def _end(self, verdict: Failure | ParsedValue) -> None:
        last, self.pending = self.pending, None
        if last is None:
            # The first failed output of a reply decides.
            if not self.attempts or not isinstance(verdict, Failure):
                return
            last = self.attempts.pop()
        if isinstance(last.reply, Reply) and not last.reply.text:
            verdict = _EMPTY
        if isinstance(last.reply, Reply) and isinstance(verdict, ParsedValue):
            last = last._replace(reply=last.reply._replace(parsed=verdict))
        elif isinstance(last.reply, Reply) and last.reply.failure is None:
            assert isinstance(verdict, Failure)
            early = ENDED_EARLY.get(last.reply.finish_reason or "stop")
            last = last._replace(reply=last.reply._replace(failure=early or verdict, parsed=None))
        self.attempts.append(last)

    def close(self) -> None:
        """Record the run."""
        if self.opened is not None:
            self.opened.close(self.attempts)


class _Module:
    """A module that runs.

    Attributes:
        run: The call of a predictor; None for another module.
        failed: Failed calls in it that may continue.
        turns: Tool calls of an agent.
        function: Function of the first predictor in it.
        is_native: Whether the model calls the tools of an agent by its API.
    """

    def __init__(self, instance: Any, parent: _Module | None, recording: Recording) -> None:
        self.instance, self.parent = instance, parent
        self.function: str | None = None
        own = current_context()
        # A thread of DSPy knows the call that it is part of, but no other context.
        is_known = own.call_id is not None or any(own.tags)
        self.where: CallContext = own if parent is None or is_known else parent.where
        self.run: _Run | None = None
        self.failed: list[_Run] = []
        self.turns = ToolTurns(recording)
        self.is_native = False

    def around(self) -> Iterator[_Module]:
        """Yield this module and the modules around it, the innermost first."""
        module: _Module | None = self
        while module is not None:
            yield module
            module = module.parent


class _Request(NamedTuple):
    """A request to a language model in progress."""

    run: _Run
    module: _Module
    lm: Any
    sent: Mapping[str, Any]
    began: float


class _Hooks:
    """The handlers of DSPy's events. Thread-safe.

    Attributes:
        recording: Recording that receives the calls.
        active: The id of the call that the running code is part of.
    """

    active: ContextVar[str | None]

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._modules, self._requests = Bounded(), Bounded()

    @safely
    def on_module_start(self, call_id: str, instance: Any, inputs: Mapping[str, Any]) -> None:
        """Handle the start of a module."""
        if call_id in self._modules:  # the callback was registered twice
            return
        module = _Module(instance, self._around(), self.recording)
        given = inputs.get("kwargs") or {}
        signature = given.get("signature") or field(instance, "signature")
        if _is_predictor(instance) and isinstance(signature, type):
            module.run = self._continued(module, (signature, given)) or _Run(
                self.recording.schema_of(*_outputs_of(signature)), (signature, given)
            )
        self._add(self._modules, call_id, module)

    @safely
    def on_module_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """Handle the end of a module."""
        module = self._modules.pop(call_id, None)
        if module is None:
            return
        calls, run = module.failed, module.run
        if run is not None:
            run.end(exception, field(outputs, "_store"))
            calls.append(run)
        if isinstance(exception, Exception) and module.parent is not None:
            module.parent.failed += calls
        else:
            for call in calls:
                call.close()
        module.turns.close(function=module.function, where=module.where)

    @safely
    def on_lm_start(self, call_id: str, instance: Any, inputs: Mapping[str, Any]) -> None:
        """Handle a request to a language model, in the context of its caller."""
        module = self._around()
        lm, sent = instance, {**(field(instance, "kwargs") or {}), **(inputs.get("kwargs") or {})}
        run = None if module is None else module.run
        if module is None or run is None:
            self.recording.count("without_schema")
            return
        for around in module.around():
            around.function = around.function or _function_of(module)
        run.ask()
        self._open(run, module, lm, sent, inputs.get("messages"))
        if run.opened is not None:
            run.opened.enter()
        self._add(self._requests, call_id, _Request(run, module, lm, sent, perf_counter()))

    def _open(self, run: _Run, module: _Module, lm: Any, sent: Mapping[str, Any], task: Any) -> None:
        if run.is_opened or run.schema is None:
            return
        run.is_opened = True
        where = module.where
        if where.schema is not None and any(
            is_same(form, where.schema) for form in _forms(self.recording, run.schema)
        ):
            self.recording.count("inside")
            return
        name = str(field(lm, "model")).partition("/")[0]
        provider = provider_of(name, is_responses=field(lm, "model_type") == "responses")
        run.opened = self.recording.open(
            run.schema,
            function=module.function,
            task=task,
            mode=mode_of(sent, provider),
            provider=provider,
            options=options_of(sent),
            where=where,
        )

    @safely
    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """Handle the result or the exception of a language model."""
        request: _Request | None = self._requests.pop(call_id, None)
        if request is None:
            return
        run = request.run
        if run.opened is not None:
            run.opened.leave()
        elapsed_s = perf_counter() - request.began
        view = AttemptView(model=model_of(field(request.lm, "model")), elapsed_s=elapsed_s)
        if exception is not None:
            run.attempts.append(view._replace(exception=exception))
            return
        if outputs is None:  # older versions do not report a cancellation
            run.attempts.append(view._replace(reply=Reply(failure=_CANCELLED)))
            return
        reply = reply_of(request.lm, outputs)
        if reply is None:
            self.recording.count("cached")
        elif not self._turned(request, outputs, reply, elapsed_s):
            run.pending = view._replace(reply=reply)

    def _turned(self, request: _Request, outputs: Any, reply: Reply, elapsed_s: float) -> bool:
        """Record a reply that calls tools by the model's API. Return whether it contains nothing else."""
        output = first(outputs)
        calls = [call_of(call) for call in items(field(output, "tool_calls"))]
        if not calls:
            return False
        agent = request.module.parent or request.module
        agent.is_native = True
        agent.turns.take(calls, request.sent.get("tools"), reply, elapsed_s)
        self.recording.count("tool_turns")
        return True

    @safely
    def on_adapter_parse_start(self, call_id: str, instance: Any, inputs: Mapping[str, Any]) -> None:
        """Handle the start of an adapter's parsing."""
        module = self._around()
        if module is not None and module.run is not None and call_id not in self._modules:
            module.run.is_parsing = True
            self._add(self._modules, call_id, module)

    @safely
    def on_adapter_parse_end(
        self, call_id: str, outputs: Any, exception: BaseException | None = None
    ) -> None:
        """Handle an adapter's result for a reply."""
        module = self._modules.pop(call_id, None)
        if module is None or module.run is None:
            return
        module.run.end(exception, outputs)
        module.run.is_parsing = False

    @safely
    def on_tool_start(self, call_id: str, instance: Any, inputs: Mapping[str, Any]) -> None:
        """Handle the call of a tool, unless the reply with the call was handled."""
        module = self._around()
        if module is None or call_id in self._modules:
            return
        self._add(self._modules, call_id, module)
        is_own = words(field(field(instance, "func"), "__module__")) or ""
        if module.is_native or is_own.startswith("dspy."):
            return
        call = WrittenCall(None, words(field(instance, "name")), as_json(inputs.get("kwargs") or {}))
        module.turns.take([call], [_tool(instance)], Reply(), nan)

    @safely
    def on_evaluate_start(self, call_id: str, instance: Any, inputs: Mapping[str, Any]) -> None:
        """Handle the start of an evaluation, whose threads run modules."""
        if call_id not in self._modules:
            self._add(self._modules, call_id, _Module(instance, self._around(), self.recording))

    def on_evaluate_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """Handle the end of an evaluation."""
        self._modules.pop(call_id, None)

    def on_tool_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """Handle the end of a tool."""
        self._modules.pop(call_id, None)

    def _around(self) -> _Module | None:
        """Return the module that the running code is part of."""
        module: _Module | None = self._modules.get(self.active.get() or "")
        return module

    def _continued(self, module: _Module, key: tuple[Any, Any]) -> _Run | None:
        """Return the earlier failed call in a module around this one, with the same signature and inputs."""
        for around in module.around():
            for run in around.failed:
                if run.key[0] is key[0] and repr(run.key[1]) == repr(key[1]):
                    around.failed.remove(run)
                    run.again()
                    return run
        return None

    def _add(self, held: Bounded, key: str, value: Any) -> None:
        if held.add(key, value) is not None:
            self.recording.count("unended")


def _is_predictor(instance: Any) -> bool:
    return any(kind.__name__ == "Predict" for kind in type(instance).__mro__)


def _function_of(module: _Module) -> str:
    """Return the path of the predictor after the user's outermost module, or the signature's name without one."""
    around = [one.instance for one in module.around()][::-1]
    signatures = [known for one in around if isinstance(known := field(one, "signature"), type)]
    outer = next((one for one in around if not type(one).__module__.startswith("dspy.")), None)
    name = _name_of(signatures[0])  # a predictor has one
    if outer is None:
        return name
    # A copy of a predictor has the same stage.
    stage = field(module.instance, "stage")
    paths = [path for path, one in outer.named_predictors() if field(one, "stage") == stage]
    path = (paths or [name])[0]
    return type(outer).__name__ if path == "self" else f"{type(outer).__name__}.{path}"


def _name_of(signature: Any) -> str:
    """Return the name of a signature. A signature written as a text has no name, so its fields name it."""
    name = str(field(signature, "__name__"))
    if name != "StringSignature":
        return name
    inputs, outputs = (
        ", ".join(known for known in field(signature, fields) if known not in ADDED)
        for fields in ("input_fields", "output_fields")
    )
    return f"{inputs} -> {outputs}"


@lru_cache(MOST_OPEN)
def _outputs_of(signature: Any) -> tuple[dict[str, Any], str]:
    """Return the JSON Schema of a signature's output fields, and its name. DSPy's own types are read elsewhere."""
    from dspy.adapters.types import Type  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from pydantic import create_model

    fields: dict[str, Any] = {
        name: (Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation, info.default)
        for name, info in signature.output_fields.items()
        if not (isinstance(info.annotation, type) and issubclass(info.annotation, Type))
    }
    name = _name_of(signature)
    return {**create_model("Outputs", **fields).model_json_schema(), "title": name}, name


def _forms(recording: Recording, schema: Schema[Any]) -> Iterator[Schema[Any]]:
    """Yield the forms of a schema in a guarded function: without fields that modules add, or only its single field."""
    document: Any = schema.document
    fields = {name: part for name, part in document.get("properties", {}).items() if name not in ADDED}
    forms = [{**document, "properties": fields}]
    if len(fields) == 1:
        forms.append({**next(iter(fields.values())), "$defs": document.get("$defs", {})})
    yield from filter(None, map(recording.schema_of, forms))


def _tool(tool: Any) -> dict[str, Any]:
    function = tool.format_as_litellm_function_call()["function"]
    # DSPy rejects other arguments.
    is_open = field(tool, "has_kwargs") is True
    return {**function, "parameters": {**function["parameters"], "additionalProperties": is_open}}
