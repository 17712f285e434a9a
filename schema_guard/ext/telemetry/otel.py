# SPDX-License-Identifier: Apache-2.0
"""Calls as spans, events, and metrics of OpenTelemetry.

Rules: the signals contain no text of a prompt or a reply, no message of a failure, and no value. An instance location
contains only keys that the schema itself declares. Metrics are read from schema_guard's own counters at collection, so
that a call takes no lock of the SDK for them.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from schema_guard.errors import missing_extra
from schema_guard.ext.telemetry.counters import COUNTED
from schema_guard.pointer import declared_location
from schema_guard.records.counts.calls import result_of
from schema_guard.records.rows import MAX_VIOLATIONS, store_text
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from schema_guard.ext.telemetry.counters import Counters, Labels
    from schema_guard.values import Attempt, Call, Failure, Outcome

# The names come from schema_guard, and from the GenAI conventions of November 2026, which are all in development
# (github.com/open-telemetry/semantic-conventions-genai). Releases of their package of constants don't change them.
_SCOPE = "schema_guard"
_ERROR_TYPE = "error.type"
_REQUEST_MODEL = "gen_ai.request.model"
_RESPONSE_MODEL = "gen_ai.response.model"
_FUNCTION = "schema_guard.function"
_SCHEMA = "schema_guard.schema.name"
_FINGERPRINT = "schema_guard.schema.fingerprint"
_CALL_ID = "schema_guard.call.id"
_WAY = "schema_guard.way"
_KIND = "schema_guard.failure.kind"
_CODE = "schema_guard.failure.code"
# By provider. Any other provider keeps its own name.
_PROVIDERS = {
    "openai-responses": "openai",
    "gemini": "gcp.gemini",
    "bedrock": "aws.bedrock",
    "mistral": "mistral_ai",
}
_LABELS = {
    "function": _FUNCTION,
    "schema": _SCHEMA,
    "kind": _KIND,
    "code": _CODE,
    "way": _WAY,
    "type": "gen_ai.token.type",
    "reason": "schema_guard.reason",
}

_MOST_CHARS = 200  # of a name, which may come from a reply


class Signals:
    """The destinations of spans, events, and metrics.

    Attributes:
        enter: Method that makes a span the current one of this context.
        leave: Function that ends that.
    """

    def __init__(self, tracer_provider: Any = None, logger_provider: Any = None, version: str = "") -> None:
        try:
            from opentelemetry import context, trace
            from opentelemetry._logs import SeverityNumber, get_logger
        except ImportError as error:
            raise missing_extra("telemetry by OpenTelemetry", "opentelemetry-api", "otel") from error
        self._kind = trace.SpanKind.INTERNAL
        self._error = trace.Status(trace.StatusCode.ERROR)
        self._severity = SeverityNumber.INFO
        self._around = trace.set_span_in_context
        self._attach, self.leave = context.attach, context.detach
        self._tracer = trace.get_tracer(_SCOPE, version, tracer_provider)
        self._logger = get_logger(_SCOPE, version, logger_provider)

    def start(self, call: Call) -> Any:
        """Begin the span of a call, as a child of the current one."""
        name = "chat" if call.model is None else f"chat {_stored_text(call.model)}"
        began = int(call.started_at * 1e9)
        return self._tracer.start_span(name, kind=self._kind, attributes=_of_call(call), start_time=began)

    def enter(self, span: Any) -> Any:
        """Make a span the current one, and return the argument of `leave`."""
        return self._attach(self._around(span))

    def tell(self, outcome: Outcome[Any], span: Any, at_ns: int) -> None:
        """Emit an event for each attempt of a call, and end its span."""
        around = self._around(span)
        elapsed = accumulate(attempt.elapsed_s for attempt in outcome.attempts)
        for attempt, seconds in zip(outcome.attempts, elapsed, strict=True):
            self._logger.emit(
                timestamp=min(at_ns, int((outcome.call.started_at + seconds) * 1e9)),
                context=around,
                severity_number=self._severity,
                event_name="gen_ai.evaluation.result",
                attributes=_of_attempt(attempt, outcome.call),
            )
        if span.is_recording():
            span.set_attributes(_of_outcome(outcome))
            if not outcome.ok:
                span.set_status(self._error)
        span.end(at_ns)


_metered: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def metered(meter_provider: Any, counters: Callable[[], Counters | None], version: str = "") -> None:
    """Register the counters, so that they are read at each collection of metrics.

    Args:
        meter_provider: Provider whose instruments they become, once; None for the global one.
        counters: Function that returns the counters; None while telemetry is off.
        version: Version of this package.
    """
    from opentelemetry import metrics

    provider = metrics.get_meter_provider() if meter_provider is None else meter_provider
    if provider in _metered:
        return
    meter = metrics.get_meter(_SCOPE, version, meter_provider)
    _metered[provider] = {
        counted.name: meter.create_observable_counter(
            f"{_SCOPE}.{counted.name}",
            [_reader(counted.name, counted.labels, counters)],
            unit=counted.unit,
            description=counted.text,
        )
        for counted in COUNTED
    }


def _reader(name: str, labels: tuple[str, ...], counters: Callable[[], Counters | None]) -> Any:
    from opentelemetry.metrics import Observation

    keys = [_LABELS[label] for label in labels]

    def read(_: object) -> Iterator[Observation]:
        current = counters()
        sums: Mapping[Labels, float] = {} if current is None else current.read()[name]
        for values, total in sums.items():
            yield Observation(total, dict(zip(keys, map(store_text, values), strict=True)))

    return read


def _of_call(call: Call) -> dict[str, Any]:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _provider(call.provider),
        "gen_ai.output.type": "json",
        _REQUEST_MODEL: call.model,
        _FUNCTION: call.function,
        _SCHEMA: call.schema_name,
        _FINGERPRINT: call.schema_fingerprint,
        "schema_guard.version": call.version,
        "schema_guard.strategies": call.strategies,
        _CALL_ID: call.id,
        "schema_guard.call.parent_id": call.parent_call_id,
    }
    return _without_unknown(attributes)


def _of_outcome(outcome: Outcome[Any]) -> dict[str, Any]:
    last, usage, call = outcome.attempts[-1], outcome.usage, outcome.call
    attributes = {
        _REQUEST_MODEL: call.model,
        _RESPONSE_MODEL: last.snapshot or last.model,
        "gen_ai.response.finish_reasons": [a.finish_reason for a in outcome.attempts if a.finish_reason]
        or None,
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_input_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
        "schema_guard.cost": outcome.cost,
        "schema_guard.segment": call.segment,
        "schema_guard.attempts": len(outcome.attempts),
        _WAY: result_of(outcome),
        _ERROR_TYPE: _error_type(last),
    }
    if outcome.failure is not None:
        attributes[_KIND], attributes[_CODE] = outcome.failure.kind, outcome.failure.code
    return _without_unknown(attributes)


def _of_attempt(attempt: Attempt, call: Call) -> dict[str, Any]:
    failure = attempt.failure
    attributes: dict[str, Any] = {
        "gen_ai.evaluation.name": "schema_validity",
        "gen_ai.evaluation.score.value": _score(failure),
        "gen_ai.evaluation.score.label": "valid" if failure is None else f"{failure.kind}/{failure.code}",
        _FUNCTION: call.function,
        _SCHEMA: call.schema_name,
        _FINGERPRINT: call.schema_fingerprint,
        _CALL_ID: call.id,
        "schema_guard.attempt.number": attempt.number,
        "schema_guard.strategy": attempt.strategy,
        _RESPONSE_MODEL: attempt.snapshot or attempt.model,
        "schema_guard.form": attempt.form,
        "schema_guard.attempt.stopped_at": attempt.stopped_at,
        "schema_guard.attempt.estimated_output_tokens": attempt.estimated_output_tokens,
    }
    if failure is not None and failure.kind == "transport":
        attributes[_ERROR_TYPE] = _error_type(attempt)
    if failure is not None and failure.violations:
        broken = failure.violations[:MAX_VIOLATIONS]
        attributes["schema_guard.violation.instance_locations"] = [
            declared_location(violation) for violation in broken
        ]
        attributes["schema_guard.violation.keywords"] = [violation.keyword for violation in broken]
    return _without_unknown(attributes)


def _score(failure: Failure | None) -> float | None:
    """Return 1 for a valid reply and 0 for an invalid one, or None without a reply."""
    if failure is None:
        return 1.0
    return None if failure.kind == "transport" else 0.0


def _error_type(attempt: Attempt) -> str | None:
    failure = attempt.failure
    return None if failure is None else attempt.exception or f"{failure.kind}/{failure.code}"


def _provider(provider: str | None) -> str:
    first = (provider or "").partition(">")[0]
    return _PROVIDERS.get(first, first) or "_OTHER"


def _without_unknown(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the known attributes, with texts that every exporter can encode."""
    return {key: _sound(value) for key, value in attributes.items() if value is not None}


def _sound(value: Any) -> Any:
    if isinstance(value, list):
        return [_stored_text(text) for text in value]
    return _stored_text(value) if isinstance(value, str) else value


def _stored_text(text: str) -> str:
    return store_text(clip(text, _MOST_CHARS))
