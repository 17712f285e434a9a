# SPDX-License-Identifier: Apache-2.0
"""`Second`: a second model that gets the prompts of a random share of the calls.

Rules: a thread asks the second model after the user's call has returned. The draw depends on the call's id alone. If the
second model fails, is cut off, or refuses, all values count as different: to leave such a call out would be a selection.
"""

from __future__ import annotations

import hashlib
import logging
import time
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.ext.right.agreement import as_json, compare_answers
from schema_guard.ext.right.later_calls import LaterCalls
from schema_guard.interruptions import is_interruption
from schema_guard.records.values import SecondOpinion
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.prices.charges import Table
    from schema_guard.records.store import Store
    from schema_guard.strategies import Plan
    from schema_guard.values import Outcome, Prompt

PAUSE_S = 60.0
"""Seconds without requests after the second model's provider has reported too many requests."""

MOST_WAITING = 1_000
"""Most calls that wait for a second opinion. A call that is drawn beyond it gets none."""

_TOO_MANY = 429
_RATE_LIMIT_NAMES = ("RateLimit", "Throttling", "TooManyRequests", "ResourceExhausted")

_logger = logging.getLogger("schema_guard")


class OpinionRequest(NamedTuple):
    """A call that a second model is asked about.

    Attributes:
        call_id: Its id.
        value: Its value, as JSON.
        task: Its task.
        prompt: The prompt of its first attempt.
        plan: The plan of its function.
    """

    call_id: str
    value: Any
    task: Prompt | None
    prompt: Prompt | None
    plan: Plan


class Second:
    """A second model that answers some of the prompts again, for `Content(second_opinion=...)`.

    Example:
        >>> Second(lambda prompt: "{}", share=0.1)
        Second(share=0.1)

    Args:
        model: A `Model`, or a function that takes a prompt and returns a reply. If the server of the first model
            enforces the schema, the function also needs a parameter `options`, which receives the arguments for the
            first model's provider. Use a model that differs from the first one, because a copy of the first model makes
            the same mistakes.
        share: The share of the calls that schema_guard sends to the second model, in (0, 1].
        per_minute: Maximum number of requests to the second model per minute. Default: no limit.
        budget: Maximum cost of all requests in this process, in the currency of the prices. This limit requires
            *prices*.
        prices: Token prices of the second model, as in `About`.
        seed: Seed for the random selection of the calls.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        *,
        share: float = 0.05,
        per_minute: float | None = None,
        budget: float | None = None,
        prices: Table | None = None,
        seed: str = "",
    ) -> None:
        if not callable(model):
            raise InvalidArgument(
                f"second: model={clip(repr(model))}: expected a Model or a function that takes a prompt"
            )
        if not _is_number(share) or not 0 < share <= 1:
            raise InvalidArgument(f"second: share={clip(repr(share))}: expected a number > 0 and <= 1")
        if budget is not None and prices is None:
            raise InvalidArgument(
                f"second: budget={clip(repr(budget))} needs prices=, because otherwise the cost of a call is unknown"
            )
        for name, limit in (("per_minute", per_minute), ("budget", budget)):
            if limit is not None and not (_is_number(limit) and limit > 0):
                raise InvalidArgument(f"second: {name}={clip(repr(limit))}: expected a number > 0 or None")
        self.model, self.share, self.seed, self.prices = model, share, seed, prices
        self._pause_s = 0.0 if per_minute is None else 60 / per_minute
        self._budget = budget
        self._functions: dict[tuple[str, str], Any] = {}
        self._later = LaterCalls(MOST_WAITING, waits_at_exit=False)
        self._next_at = 0.0

    def __repr__(self) -> str:
        return f"Second(share={self.share!r})"

    def draws(self, call_id: str) -> bool:
        """Return whether the second model also answers the prompt of a call."""
        drawn = hashlib.sha256(f"{self.seed}:{call_id}".encode()).digest()[:8]
        return int.from_bytes(drawn) < self.share * 2**64

    def ask_as(self, plan: Plan) -> Any:
        """Return the function that asks the second model with the same prompt and options as the first model.

        If only the first model is a decision model, the second model uses the strategy `system_prompt`.

        Raises:
            InvalidArgument: The second model doesn't accept this prompt or these options.
        """
        strategy = plan.steps[0].strategy
        name = strategy.name if strategy.needs_options else "bare"
        if name == "decision" and name not in getattr(self.model, "capabilities", ()):
            name = "system_prompt"
        key = plan.schema.fingerprint, name
        if key not in self._functions:
            from schema_guard import About, guard  # needs this module's package

            is_own = name not in ("bare", "system_prompt") and not hasattr(self.model, "provider")
            self._functions[key] = guard(
                plan.schema,
                strategy=name,
                provider=plan.steps[0].provider if is_own else None,
                max_attempts=1,
                store=None,
                about=About(prices=self.prices),
                coerce=plan.coerce,
            )(self.model)
        return self._functions[key]

    def ask(self, question: OpinionRequest, store: Store) -> None:
        """Ask the second model later, in a background thread, and record its answer in the store."""
        self._later.offer(partial(self._answer, question, store))

    def flush(self, timeout_s: float = 30.0) -> int:
        """Wait up to `timeout_s` seconds for the second model's answers. Return the number of unanswered requests."""
        return self._later.flush(timeout_s)

    def _answer(self, question: OpinionRequest, store: Store) -> None:
        """Ask about one call, and record the opinion."""
        outcome = None
        while self._budget is None or self._later.spent < self._budget:
            time.sleep(max(0.0, self._next_at - time.monotonic()))
            self._next_at = time.monotonic() + self._pause_s
            try:
                outcome = self._outcome(question)
            except Exception as error:
                if is_interruption(error):
                    raise
                if _is_rate_limit(error):
                    self._next_at = time.monotonic() + PAUSE_S
                    continue
                _logger.debug("the second model failed: %s", type(error).__name__)
            break
        else:
            return
        try:
            store.record_opinion(self._opinion(question, outcome))
        except Exception as error:
            if is_interruption(error):
                raise
            _logger.warning("recording a second opinion failed: %s", type(error).__name__)

    def _outcome(self, question: OpinionRequest) -> Outcome[Any]:
        function = self.ask_as(question.plan)
        needs_options = question.plan.steps[0].strategy.needs_options
        prompt = question.task if needs_options else question.prompt
        asked = prompt if isinstance(prompt, str) else [message.as_dict() for message in prompt or ()]
        outcome = function.outcome(asked)
        if isawaitable(outcome):
            import asyncio  # only asynchronous models need it

            async def waited() -> Any:
                return await outcome

            outcome = asyncio.run(waited())
        return outcome  # type: ignore[no-any-return]

    def _opinion(self, question: OpinionRequest, outcome: Outcome[Any] | None) -> SecondOpinion:
        name = getattr(self.model, "name", None) or (None if outcome is None else outcome.call.model)
        cost = None if outcome is None else outcome.cost
        self._later.spent += cost or 0.0
        if self._budget is not None and cost is None and outcome is not None and outcome.ok:
            _logger.warning(
                "the cost of a reply of the second model is unknown, so schema_guard sends it no more requests"
            )
            self._later.spent = self._budget
        if outcome is None or not outcome.ok:
            leaves = compare_answers(question.value, question.value).leaves
            reply = None if outcome is None else outcome.attempts[-1].reply
            return SecondOpinion(question.call_id, name, leaves, 0, 1.0, cost, reply)
        found = compare_answers(question.value, as_json(outcome.value))
        reply = outcome.attempts[-1].reply
        return SecondOpinion(
            question.call_id, name, found.leaves, found.equal, found.differing_share, cost, reply
        )


def _is_number(given: object) -> bool:
    return isinstance(given, (int, float)) and not isinstance(given, bool)


def _is_rate_limit(error: BaseException) -> bool:
    """Return whether a provider refused a request because there were too many."""
    response = getattr(error, "response", None)
    statuses = [
        getattr(one, name, None) for one in (error, response) for name in ("status_code", "status", "code")
    ]
    return _TOO_MANY in statuses or any(name in type(error).__name__ for name in _RATE_LIMIT_NAMES)
