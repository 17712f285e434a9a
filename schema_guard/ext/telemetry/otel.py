# SPDX-License-Identifier: Apache-2.0
"""Calls as OpenTelemetry's spans, events and metrics.

Rules: no text of a prompt or a reply is told, no message of a failure and no value; an instance location keeps only the
keys that the schema itself declares. Metrics are read from our own counters when they are collected, so that a call
takes no lock of the SDK's for them.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from schema_guard.errors import missing_extra
from schema_guard.ext.telemetry import names
from schema_guard.ext.telemetry.counters import COUNTED
from schema_guard.pointer import declared_location
from schema_guard.records.counts.calls import result_of
from schema_guard.records.rows import MAX_VIOLATIONS, store_text
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from schema_guard.ext.telemetry.counters import Counters, Labels
    from schema_guard.ext.telemetry.dispatcher import EndedCall
    from schema_guard.values import Attempt, Call, Failure, Outcome

__all__ = ["Signals"]

_LABELS = {
    "function": names.FUNCTION,
    "schema": names.SCHEMA,
    "kind": names.KIND,
    "code": names.CODE,
    "way": names.WAY,
    "type": names.TOKEN_TYPE,
    "reason": names.REASON,
}

_MOST_CHARS = 200  # of a name, which a reply may have said


class Signals:
    """Where spans, events and metrics go.

    Attributes:
        enter: Makes a span the current one of this context.
        leave: Ends that.
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
        self._tracer = trace.get_tracer(names.SCOPE, version, tracer_provider)
        self._logger = get_logger(names.SCOPE, version, logger_provider)

    def start(self, call: Call) -> Any:
        """Begin the span of a call, below the one that is current."""
        name = "chat" if call.model is None else f"chat {_stored_text(call.model)}"
        began = int(call.started_at * 1e9)
        return self._tracer.start_span(name, kind=self._kind, attributes=_of_call(call), start_time=began)

    def enter(self, span: Any) -> Any:
        """Make a span the current one; gives what `leave` takes."""
        return self._attach(self._around(span))

    def tell(self, ended: EndedCall) -> None:
        """Emit an event for each attempt of a call, and end its span."""
        outcome, span, at_ns = ended
        around = self._around(span)
        elapsed = accumulate(attempt.elapsed_s for attempt in outcome.attempts)
        for attempt, seconds in zip(outcome.attempts, elapsed, strict=True):
            self._logger.emit(
                timestamp=min(at_ns, int((outcome.call.started_at + seconds) * 1e9)),
                context=around,
                severity_number=self._severity,
                event_name=names.EVENT,
                attributes=_of_attempt(attempt, outcome.call),
            )
        if span.is_recording():
            span.set_attributes(_of_outcome(outcome))
            if not outcome.ok:
                span.set_status(self._error)
        span.end(at_ns)


_metered: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def metered(meter_provider: Any, counters: Callable[[], Counters | None], version: str = "") -> None:
    """Have the counters read whenever metrics are collected.

    Args:
        meter_provider: Whose instruments they become, made once; None for the global one.
        counters: Gives what is read; None while telemetry is off.
        version: Of this package.
    """
    from opentelemetry import metrics

    provider = metrics.get_meter_provider() if meter_provider is None else meter_provider
    if provider in _metered:
        return
    meter = metrics.get_meter(names.SCOPE, version, meter_provider)
    _metered[provider] = {
        counted.name: meter.create_observable_counter(
            f"{names.SCOPE}.{counted.name}",
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
        names.OPERATION: "chat",
        names.PROVIDER: _provider(call.provider),
        names.OUTPUT_TYPE: "json",
        names.REQUEST_MODEL: call.model,
        names.FUNCTION: call.function,
        names.SCHEMA: call.schema_name,
        names.FINGERPRINT: call.schema_fingerprint,
        names.VERSION: call.version,
        names.STRATEGIES: call.strategies,
        names.CALL_ID: call.id,
        names.PARENT_CALL_ID: call.parent_call_id,
    }
    return _without_unknown(attributes)


def _of_outcome(outcome: Outcome[Any]) -> dict[str, Any]:
    last, usage, call = outcome.attempts[-1], outcome.usage, outcome.call
    attributes = {
        names.REQUEST_MODEL: call.model,
        names.RESPONSE_MODEL: last.snapshot or last.model,
        names.FINISH_REASONS: [a.finish_reason for a in outcome.attempts if a.finish_reason] or None,
        names.INPUT_TOKENS: usage.input_tokens,
        names.OUTPUT_TOKENS: usage.output_tokens,
        names.CACHED_INPUT_TOKENS: usage.cached_input_tokens,
        names.REASONING_TOKENS: usage.reasoning_tokens,
        names.COST: outcome.cost,
        names.SEGMENT: call.segment,
        names.ATTEMPTS: len(outcome.attempts),
        names.WAY: result_of(outcome),
        names.ERROR_TYPE: _error_type(last),
    }
    if outcome.failure is not None:
        attributes[names.KIND], attributes[names.CODE] = outcome.failure.kind, outcome.failure.code
    return _without_unknown(attributes)


def _of_attempt(attempt: Attempt, call: Call) -> dict[str, Any]:
    failure = attempt.failure
    attributes: dict[str, Any] = {
        names.EVALUATION_NAME: names.EVALUATION,
        names.SCORE_VALUE: _score(failure),
        names.SCORE_LABEL: "valid" if failure is None else f"{failure.kind}/{failure.code}",
        names.FUNCTION: call.function,
        names.SCHEMA: call.schema_name,
        names.FINGERPRINT: call.schema_fingerprint,
        names.CALL_ID: call.id,
        names.NUMBER: attempt.number,
        names.STRATEGY: attempt.strategy,
        names.RESPONSE_MODEL: attempt.snapshot or attempt.model,
        names.FORM: attempt.form,
        names.STOPPED_AT: attempt.stopped_at,
        names.ESTIMATED_TOKENS: attempt.estimated_output_tokens,
    }
    if failure is not None and failure.kind == "transport":
        attributes[names.ERROR_TYPE] = _error_type(attempt)
    if failure is not None and failure.violations:
        broken = failure.violations[:MAX_VIOLATIONS]
        attributes[names.LOCATIONS] = [declared_location(violation) for violation in broken]
        attributes[names.KEYWORDS] = [violation.keyword for violation in broken]
    return _without_unknown(attributes)


def _score(failure: Failure | None) -> float | None:
    """Give 1 for a valid reply and 0 for another; None where there was none."""
    if failure is None:
        return 1.0
    return None if failure.kind == "transport" else 0.0


def _error_type(attempt: Attempt) -> str | None:
    failure = attempt.failure
    return None if failure is None else attempt.exception or f"{failure.kind}/{failure.code}"


def _provider(provider: str | None) -> str:
    first = (provider or "").partition(">")[0]
    return names.PROVIDERS.get(first, first) or names.OTHER_PROVIDER


def _without_unknown(attributes: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is unknown, and make texts such as every exporter can encode."""
    return {key: _sound(value) for key, value in attributes.items() if value is not None}


def _sound(value: Any) -> Any:
    if isinstance(value, list):
        return [_stored_text(text) for text in value]
    return _stored_text(value) if isinstance(value, str) else value


def _stored_text(text: str) -> str:
    return store_text(clip(text, _MOST_CHARS))
