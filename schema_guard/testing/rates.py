# SPDX-License-Identifier: Apache-2.0
"""Test a failure rate: make calls until bounds that are valid at any time decide, or inputs or the budget run out.

Rules:
1. An input counts once, with the mean of its repeats, which run one after another. The rate is checked only after the
   last one. This keeps the guarantee of `stats.bounds`, which is about independent inputs.
2. A failure is an AssertionError, a GuardFailed, or an exception that the caller names. Any other exception is not
   about the format. It is never in the rate, and ends the measurement unless the caller allows some of them.
3. An undecided test fails with its numbers, unless the caller accepts it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import log
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard.arguments import require_count, require_one_of
from schema_guard.errors import GuardFailed, InvalidArgument, InvalidSchema, shows_values
from schema_guard.failure_message import explain
from schema_guard.preparing.shapes import all_arguments, name_of
from schema_guard.stats import bounds, calls_needed, log_e_value
from schema_guard.text import clip, safe
from schema_guard.values import Outcome

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

Undecided: TypeAlias = Literal["fail", "pass"]
Decision: TypeAlias = Literal["ok", "bad", "undecided"]
Ended: TypeAlias = Literal["decided", "inputs", "budget_calls"]

BUDGET_CALLS = 1_000
"""Enough calls to decide that a rate is below 0.005 if none fails, which takes 756."""

_ALWAYS_FAILURES = (AssertionError, GuardFailed)
_UNDECIDED = ("fail", "pass")
_FAILURES_SHOWN = 3
_LINES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Criterion:
    """The condition for a failure rate to pass, and the budget of calls.

    Attributes:
        max: Highest rate that passes, in (0, 1).
        alpha: Probability of a wrong decision, for each of "ok" and "bad", in (0, 1).
        budget_calls: Maximum number of calls, >= 1.
        undecided: Result of the test if there are too few calls to decide.
        failures: Exceptions that count as failures beside AssertionError and GuardFailed.
        max_errors: Maximum number of calls that can raise another exception. They don't count toward the rate.
    """

    max: float
    alpha: float = 0.05
    budget_calls: int = BUDGET_CALLS
    undecided: Undecided = "fail"
    failures: tuple[type[BaseException], ...] = ()
    max_errors: int = 0

    def __post_init__(self) -> None:
        for name, rate in (("max", self.max), ("alpha", self.alpha)):
            if not _is_share(rate):
                raise InvalidArgument(f"{name}={clip(repr(rate))}: expected a number in (0, 1)")
        require_count("budget_calls", self.budget_calls, 1)
        require_count("max_errors", self.max_errors)
        require_one_of("undecided", self.undecided, _UNDECIDED)
        if not _are_exceptions(self.failures):
            raise InvalidArgument(
                f"failures={clip(repr(self.failures))}: expected a tuple of exception classes"
            )


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1


def _are_exceptions(value: object) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(kind, type) and issubclass(kind, BaseException) for kind in value
    )


@dataclass(frozen=True, slots=True)
class FailureRate:
    """The result of measuring a failure rate.

    Attributes:
        failed: Number of failures. An input with several calls counts as the share of its calls that failed. If no
            input repeats, the number is whole.
        inputs: Number of different inputs with a result.
        calls: Number of calls, including errors.
        errors: Number of calls that raised an exception that doesn't count as a failure. These calls don't count toward
            the rate.
        lower: Lower bound of the rate, with a one-sided error probability of *alpha*. The bound is valid after any
            number of calls.
        upper: Upper bound of the rate, with a one-sided error probability of *alpha*. The bound is valid after any
            number of calls.
        max: Highest failure rate that passes.
        alpha: Highest probability, for each bound, that the bound is ever wrong.
        decision: `"ok"` if the rate is at most *max*, `"bad"` if the rate is above *max*, or `"undecided"` if the
            bounds prove neither.
        ended: Reason why the measurement ended: `"decided"` after a decision, otherwise `"inputs"` or `"budget_calls"`,
            whichever ran out.
        missing: Number of further inputs that would lead to a decision if the rate stays the same, or 0 after a
            decision. The number is None if no number of inputs would lead to a decision, or if there is no data.
    """

    failed: float
    inputs: int
    calls: int
    errors: int
    lower: float
    upper: float
    max: float
    alpha: float
    decision: Decision
    ended: Ended
    missing: int | None

    @property
    def rate(self) -> float | None:
        """The failures as a fraction of the inputs, or None without data."""
        return self.failed / self.inputs if self.inputs else None

    def __str__(self) -> str:
        if not self.inputs:
            return f"no data: none of {self.calls} calls was judged, {self.errors} raised"
        calls = f" in {self.calls} calls" if self.calls > self.inputs else ""
        errors = f", {self.errors} of them raised and left out" if self.errors else ""
        return f"{self.failed:.4g} of {self.inputs} inputs failed{calls}{errors}: rate {self.rate:.4g}, bounds {self.lower:.4g} to {self.upper:.4g} (alpha={self.alpha:g}), max={self.max:g}"


class _Example(NamedTuple):
    """A call that failed."""

    input: str
    error: BaseException


class Measurement:
    """A count of calls, which ends when they decide."""

    def __init__(self, criterion: Criterion, inputs: Iterable[Any]) -> None:
        """Start with no calls.

        Args:
            criterion: The condition to pass.
            inputs: Inputs, of which at most `budget_calls` are read, all at once. Equal ones are repeats.

        Raises:
            InvalidArgument: The inputs are a text or not iterable.
        """
        self._criterion = criterion
        self._failures: tuple[type[BaseException], ...] = (*_ALWAYS_FAILURES, *criterion.failures)
        self._inputs = _counted(inputs, criterion.budget_calls)
        self._ended: Ended | None = None
        self._decision: Decision = "undecided"
        self._judged = self._failing = 0  # calls of the current input
        self._count = self._calls = self._errors = 0
        self._failed = 0.0
        self._examples: list[_Example] = []

    def inputs(self) -> Iterator[Any]:
        """Yield the input of each call to make."""
        for value, repeats in self._inputs:
            self._judged = self._failing = 0
            for _ in range(repeats):
                self._calls += 1
                yield value
            self._count_input()
            if self._ended is not None:
                return
        self._ended = "budget_calls" if self._calls == self._criterion.budget_calls else "inputs"

    @contextmanager
    def call(self, value: Any) -> Iterator[None]:
        """Count the block as one call, which passes, fails, or raises another exception."""
        try:
            yield
        except (InvalidArgument, InvalidSchema):
            raise
        except self._failures as error:
            self._judged += 1
            self._failing += 1
            if len(self._examples) < _FAILURES_SHOWN:
                self._examples.append(_Example(repr(value), error))
        except Exception as error:
            self._errors += 1
            if self._errors > self._criterion.max_errors:
                error.add_note(self._about_error(error, value))
                raise
        else:
            self._judged += 1

    def result(self) -> FailureRate:
        """Return the result so far."""
        criterion = self._criterion
        interval = bounds(self._failed, self._count, alpha=criterion.alpha)
        missing = calls_needed(self._failed, self._count, criterion.max, alpha=criterion.alpha)
        return FailureRate(
            failed=self._failed,
            inputs=self._count,
            calls=self._calls,
            errors=self._errors,
            lower=interval.lower,
            upper=interval.upper,
            max=criterion.max,
            alpha=criterion.alpha,
            decision=self._decision,
            ended=self._ended or "inputs",
            missing=missing if self._decision == "undecided" else 0,
        )

    def _count_input(self) -> None:
        """Count an input after its last call, and check whether that decides."""
        if not self._judged:
            return
        self._count += 1
        self._failed += self._failing / self._judged
        evidence = -log(self._criterion.alpha)
        for side in ("ok", "bad"):
            if log_e_value(self._failed, self._count, self._criterion.max, side=side) >= evidence:
                self._decision, self._ended = side, "decided"

    def _about_error(self, error: Exception, value: Any) -> str:
        kind = type(error).__name__
        return (
            f"call {self._calls} of the failure rate, input {clip(repr(value))}: {kind} is not counted as a failure, so it "
            f"ended the measurement; to count it: failures=({kind},); to leave such calls out of the rate: max_errors=..."
        )

    def explained(self, name: str) -> str:
        """Return a message with the numbers, the missing inputs, and the first failures."""
        result = self.result()
        words = {
            "ok": "failure rate is at most max",
            "bad": "failure rate is above max",
            "undecided": "failure rate is undecided",
        }
        lines = [f"{safe(clip(name))}: {words[result.decision]}: {result}"]
        if result.decision == "undecided":
            lines.append(f"  {_advice(result, self._criterion)}")
        if self._examples:
            lines.append("  calls that failed, the first of them:")
        for example in self._examples:
            lines += [f"    input {safe(clip(example.input))}:", *_error_lines(example.error)]
        return "\n".join(lines)


def assert_failure_rate(  # noqa: PLR0913 - a public entry point; what has a default is keyword-only
    function: Callable[[Any], Any],
    inputs: Iterable[Any],
    *,
    max: float,  # noqa: A002 - the word for it
    alpha: float = 0.05,
    budget_calls: int = BUDGET_CALLS,
    undecided: Undecided = "fail",
    failures: tuple[type[BaseException], ...] = (),
    max_errors: int = 0,
) -> FailureRate:
    """Call a function with inputs until the bounds show whether its failure rate is at most *max*.

    The bounds are valid after each call, so the calls stop as soon as the bounds allow a decision. If no call fails,
    the test needs 188 inputs for `max=0.02`, and 36 inputs for `max=0.1`. A function that fails far more often than
    *max* needs fewer calls.

    Args:
        function: Sync or async function that takes one input. A call of a guarded function fails if no attempt is
            valid, regardless of `on_failure` and `default`. A call of another function fails if it raises
            AssertionError, GuardFailed, or one of the exceptions in *failures*, or if it returns an Outcome without a
            valid value.
        inputs: Inputs for the function. `assert_failure_rate` reads at most *budget_calls* inputs.
            `assert_failure_rate` makes the calls with equal inputs one after another, and counts the mean of their
            results as one result.
        max: Highest failure rate that passes, in (0, 1).
        alpha: Highest probability of a wrong pass, and also of a wrong failure, in (0, 1).
        budget_calls: Maximum number of calls.
        undecided: Result of the test if the inputs or the budget run out before a decision: `"fail"` or `"pass"`.
        failures: Additional exception types that count as failures.
        max_errors: Maximum number of calls that can raise another exception, such as a transport error. These errors
            don't count toward the rate. If one more call raises such an exception, `assert_failure_rate` raises this
            exception.

    Returns:
        The measured rate.

    Raises:
        AssertionError: The rate is above *max*, or the test ends without a decision and *undecided* is `"fail"`. The
            error message contains the measured rate, its bounds, and the first failures.
        InvalidArgument: An argument is invalid.

    >>> print(assert_failure_rate(int, range(100), max=0.1))
    0 of 36 inputs failed: rate 0, bounds 0 to 0.09973 (alpha=0.05), max=0.1
    """
    __tracebackhide__ = True
    criterion = Criterion(max, alpha, budget_calls, undecided, failures, max_errors)
    name = name_of(function)
    measurement = Measurement(criterion, inputs)
    _make_calls(_observed(function), measurement)
    result = measurement.result()
    plugin = sys.modules.get("schema_guard.testing.plugin")
    if plugin is not None:
        plugin.report(name, result)
    if result.decision == "ok" or (result.decision == "undecided" and criterion.undecided == "pass"):
        return result
    raise AssertionError(measurement.explained(name))


def _counted(inputs: Iterable[Any], budget_calls: int) -> Iterable[tuple[Any, int]]:
    """Return every different input with its number of occurrences, in the order of the first ones."""
    if isinstance(inputs, (str, bytes)) or not isinstance(inputs, Iterable):
        raise InvalidArgument(f"inputs={clip(repr(inputs))}: expected a list of inputs, one for each call")
    groups: dict[str, list[Any]] = {}
    for value in islice(inputs, budget_calls):
        groups.setdefault(f"{type(value).__qualname__} {all_arguments((value,), {})}", []).append(value)
    return [(members[0], len(members)) for members in groups.values()]


def _observed(function: Any) -> Callable[[Any], Any]:
    """Return the function to call, or for a guarded function the method that returns its Outcome."""
    from schema_guard.decorator import AsyncGuarded, Guarded  # 30 ms that only calls need

    if isinstance(function, (Guarded, AsyncGuarded)):
        return function.outcome
    if not callable(function):
        raise InvalidArgument(f"function={clip(repr(function))}: expected a callable that takes one input")
    called: Callable[[Any], Any] = function
    return called


def _make_calls(function: Callable[[Any], Any], measurement: Measurement) -> None:
    import asyncio

    # With a factory, the runner does not replace the thread's own event loop. It starts with its first call.
    runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
    try:
        for value in measurement.inputs():
            with measurement.call(value):
                _raise_failure(_awaited(function(value), runner))
    finally:
        runner.close()


def _awaited(result: Any, runner: asyncio.Runner) -> Any:
    if not hasattr(type(result), "__await__"):
        return result
    import asyncio

    async def finished() -> Any:
        return await result

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return runner.run(finished())
    getattr(result, "close", lambda: None)()
    raise InvalidArgument(
        "assert_failure_rate can't await an asynchronous function while an event loop is running. Call it "
        "from a test that you define with `def`, not `async def`"
    )


def _raise_failure(result: Any) -> None:
    """Raise GuardFailed for an Outcome that is not ok. Any other result is not a failure."""
    if isinstance(result, Outcome) and not result.ok:
        raise GuardFailed(explain(result, values=shows_values()), outcome=result)


def _advice(result: FailureRate, criterion: Criterion) -> str:
    ends = {
        "budget_calls": f"budget_calls={criterion.budget_calls} was used up. Raise it",
        "inputs": "the inputs ended. Add more different inputs",
        "decided": "",
    }
    if result.missing is not None:
        needed = f"about {result.missing} more inputs at this rate would decide"
    elif result.inputs:
        needed = "no number of calls decides at this rate: it is too near to max"
    else:
        needed = f"at least {1 + (calls_needed(0, 1, result.max, alpha=result.alpha) or 0)} inputs decide"
    return f"{needed}; {ends[result.ended]}, or accept it with undecided='pass'"


def _error_lines(error: BaseException) -> list[str]:
    """Return the first lines of an error, escaped because it can contain the text of a model."""
    text = str(error)
    lines = (text if isinstance(error, GuardFailed) else f"{type(error).__name__}: {text}").splitlines()
    more = len(lines) - _LINES_SHOWN
    shown = [f"      {safe(clip(line, 200))}" for line in lines[:_LINES_SHOWN]]
    return [*shown, f"      and {more} lines more"] if more > 0 else shown
