# SPDX-License-Identifier: Apache-2.0
"""Run the playbook: measure the next fix on the same inputs, until the verdict no longer is to try a fix.

Rules:
1. `decide` chooses the next step from all measurements so far. The run and its verdict are one decision.
2. Every step uses the same inputs in the same order. It is checked after every call, in that order, however many calls
   run concurrently. It stops when its bounds are on one side of the target.
3. That is valid at every check because the bounds are. It is valid for all steps together because each has an equal
   part of alpha. The number of steps that may be measured is fixed before the first call. The verdict shares alpha
   among the measured steps, so its bounds are never wider, and the reason why a step stopped still holds.
4. A call without a validated reply is excluded from the rates. Neither an exception of the provider nor Ctrl-C loses a
   measurement.
5. A tuned model is not a step of the playbook. It is called after the steps, and its result is the verdict's pilot. If
   it can be enforced, it is called with a grammar too, and the better form is the pilot. Both forms share alpha.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic, time
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.bench.run.concurrency import InOrder, LostInARow, ran_to_end
from schema_guard.bench.run.plan import GRAMMAR, takes_grammar
from schema_guard.decide import decide
from schema_guard.decide.case import measured_of
from schema_guard.decide.evidence.reading import read_evidence
from schema_guard.decide.in_use import part_of_alpha
from schema_guard.decide.playbook import DECISION, STEPS, order_of
from schema_guard.decide.recorded.arrivals import alpha_shares
from schema_guard.decide.recorded.comparisons import grammar_line
from schema_guard.decide.recorded.from_store import gather
from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.ext.playbook.calls import (
    PlaybookCall,
    StepCalls,
    ask_task,
    judged,
    pairs_with,
    right_values,
    values_compared,
    wrong_calls,
)
from schema_guard.ext.playbook.result import PlaybookResult
from schema_guard.ext.playbook.steps import (
    CONFIGURATIONS,
    FOR_VALUES,
    LARGER,
    LIMIT,
    NOT_NAMED,
    SIMPLIFY,
    STRATEGIES,
    TEMPERATURE,
    TUNED,
    Asker,
    Models,
    PlaybookSettings,
    StepConfiguration,
)
from schema_guard.ext.right.pool import store_known_answers
from schema_guard.extensions import load
from schema_guard.records.identity import new_call_id
from schema_guard.records.urls import store_options
from schema_guard.stats import bounds
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.ext.playbook.calls import Ask
    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.records import Store

    OnAsked: TypeAlias = Callable[[PlaybookCall], None]

# The verdicts that name a step to try.
_UNFINISHED = ("TRY_NEXT_FIX", "USE_CONSTRAINED_DECODING")

_FLUSH_S = 30.0

# One lost call may be bad luck. With three in a row the provider is down, or the key is wrong.
MOST_LOST_IN_A_ROW = 3


class ImpossibleStep(InvalidArgument):
    """The first step can't run.

    Attributes:
        step: Name of the step.
        reason: Why it can't run.
    """

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"first={step!r}: expected another step, because {reason}")
        self.step, self.reason = step, reason


class PlaybookRun:
    """A playbook run. It makes no call before `to_end`."""

    def __init__(
        self, inputs: Inputs, models: Models, store: Store | None, settings: PlaybookSettings
    ) -> None:
        """Prepare the steps.

        Args:
            inputs: The inputs.
            models: The models. A step without its model is declined.
            store: The store for the attempts; None for none.
            settings: The settings.

        Raises:
            InvalidArgument: The first step cannot run, or *extra* is not evidence.
            MissingExtra: A step needs a package that is not installed.
        """
        self.inputs = inputs
        self.settings = settings
        self.on_asked: OnAsked = lambda _: None
        self.run_id = f"playbook:{new_call_id(time())[:12]}"
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.models = models
        self.asker = Asker(inputs, models, settings, self.run_id, store)
        self.start = StepConfiguration("system_prompt", settings.output_tokens)
        self.steps: list[StepCalls] = []
        self.not_applicable = self._impossible()
        self.shares = self._alpha_shares()
        self.calls_started = 0
        self.lost_in_a_row = LostInARow(MOST_LOST_IN_A_ROW)
        self.began = 0.0
        self.ended = ""
        self.is_finished = False
        self._check_first()
        self.alpha_each = self._alpha_at_end()

    def _alpha_shares(self) -> dict[str, Any]:
        """Return how the functions of the store share alpha."""
        store = self.asker.store
        return {} if store is None else alpha_shares(store, store.configurations(), self.settings.priority)

    def _is_priority(self) -> bool | None:
        priority = self.shares.get("priority")
        return None if priority is None else priority == self.settings.function

    def _alpha_at_end(self) -> float:
        """Return the alpha of each strategy in the verdict if every step is measured.

        Recorded strategies already have their parts. So what decides a step here also decides it in the verdict.
        """
        part = part_of_alpha(self.shares.get("n_functions") or 1, self._is_priority())
        strategies = measured_of(read_evidence(self.evidence())) + len(self.ahead())
        return self.settings.alpha * part / max(1, strategies)

    def ahead(self) -> list[StepConfiguration]:
        """Return the configurations that may be measured, each as a change of the start."""
        steps = [
            make(self.start, self.start) for step, make in CONFIGURATIONS.items() if self._claim(step) is None
        ]
        return [*steps, *self._tuned()]

    def _tuned(self) -> list[StepConfiguration]:
        """Return the forms of the tuned model: as it was trained, and with a grammar if it can be enforced."""
        model = self.models.tuned
        if model is None:
            return []
        forms = ("bare", GRAMMAR) if takes_grammar(model) else ("bare",)
        return [StepConfiguration(name, self.settings.output_tokens, tuned=True) for name in forms]

    def _impossible(self) -> dict[str, str]:
        """Return the steps that this model can't run, with the reasons."""
        reasons = {}
        for step in (*STRATEGIES, *([DECISION] if self.models.decision is not None else [])):
            try:
                self.asker.outcome_of(step, self._configuration(step, self.start))
            except InvalidArgument as error:
                reasons[step] = str(error)
        if self.asker.is_cold():
            reasons[TEMPERATURE] = "the model already runs at temperature 0"
        if self.settings.extra.get("config", {}).get("right") is None:
            reasons |= dict.fromkeys(
                FOR_VALUES, "it fixes only wrong values, but you set no target for right values"
            )
        if self.settings.output_tokens is None:
            reasons[LIMIT] = "the function sends no output limit"
        if not getattr(self.models.model, "takes_options", True):
            reasons[TEMPERATURE] = reasons[LIMIT] = "your function has no parameter for options"
        return reasons

    def _check_first(self) -> None:
        """Reject evidence that can't be decided on, and a first step that can't run, before anything is spent."""
        decide(self.evidence())
        first = self.settings.first
        if first == SIMPLIFY:
            raise InvalidArgument(
                f"first={first!r}: expected another step, because the playbook can't start with this one"
            )
        claim = self._claim(first)
        if claim is not None:
            raise ImpossibleStep(first, claim["reason"])

    def to_end(self, on_asked: OnAsked) -> PlaybookResult:
        """Try the fixes until the verdict is another, the next step can't run, or the budget is spent.

        Close the models at the end. Ctrl-C ends a run early, with the verdict on the measurements so far.

        Args:
            on_asked: Function that receives each call, in the order of the inputs.
        """
        self.on_asked = on_asked
        if not ran_to_end(self._run()):
            self.ended = "interrupted"
        return self._result()

    async def _run(self) -> None:
        async with AsyncExitStack() as opened:
            # Connections belong to the event loop that opened them, which ends with the run.
            for model in self.models:
                if model is not None:
                    await opened.enter_async_context(model)
            self.began = monotonic()
            if self.settings.baseline is not None:
                await self._try(self.settings.baseline)
            step: str | None = None if self.ended else self.settings.first
            while step is not None:
                await self._try(step)
                step = self._next()
            for configuration in self._tuned() if self.is_finished else []:
                if not self._spent():
                    await self._pilot(configuration)

    def _configuration(self, step: str, best: StepConfiguration) -> StepConfiguration:
        made = CONFIGURATIONS[step](self.start, best)
        if step != DECISION:
            return made
        _, texts = load("profile:decisions").fields_by_place(self.inputs.schema)
        return made if texts else replace(made, strategy="decision", max_attempts=1)

    async def _try(self, step: str) -> None:
        best = self.best()
        configuration = self._configuration(step, best.configuration if best else self.start)
        try:
            ask = self.asker.outcome_of(step, configuration)
        except (InvalidArgument, MissingExtra) as error:
            self.not_applicable[step] = str(error)
            return
        sent, line = self.asker.sent_by(configuration), self.asker.guard_line(configuration)
        calls = StepCalls(step, configuration, configuration.id(self.start), best, sent, line)
        self.steps.append(calls)
        await self._measure(calls, ask)
        if step in self.not_applicable:
            self.steps.remove(calls)
        elif not calls.n and not self.ended:
            self.ended = f"{step} got no validated reply"

    async def _pilot(self, configuration: StepConfiguration) -> None:
        """Measure the tuned model on the inputs of the steps."""
        sent = self.asker.sent_by(configuration)
        calls = StepCalls(TUNED, configuration, configuration.id(self.start), self.best(), sent)
        self.steps.append(calls)
        ended, self.ended = self.ended, ""
        await self._measure(calls, self.asker.outcome_of(TUNED, configuration))
        verdict = decide(self.evidence())
        self.ended = self.ended or (f"the verdict is {verdict.verdict}" if calls.n else ended)

    def _next(self) -> str | None:
        """Return the next step. None ends the playbook run."""
        if self.ended:
            return None
        verdict = decide(self.evidence())
        if verdict.verdict not in _UNFINISHED:
            self.ended = f"the verdict is {verdict.verdict}"
            self.is_finished = True
            return None
        step: str = verdict.figures["next_rung"]
        if step == SIMPLIFY:
            self.ended = f"the next step, {step}, needs your own work. Do it and run the playbook again, or decline it with a reason"
            self.is_finished = True
            return None
        self.ended = self._spent()
        return None if self.ended else step

    async def _measure(self, calls: StepCalls, ask: Ask) -> None:
        """Call the model for each input until the step is decided. Calls run concurrently, and are checked in order."""
        begun = InOrder(self._start_calls(calls, ask), ahead=self.settings.concurrency)
        try:
            for call in begun:
                self._look(calls, await call)
                if calls.stopped:
                    return
            calls.stopped = (
                f"stopped after {plural(calls.n, 'call')}, because {self._spent() or 'no input is left'}"
            )
        finally:
            await asyncio.gather(*begun.give_up(), return_exceptions=True)
            if self.asker.store is not None and self.inputs.answers:
                store_known_answers(self.asker.store, wrong_calls(calls, self.inputs))

    def _start_calls(self, calls: StepCalls, ask: Ask) -> Iterator[asyncio.Task[PlaybookCall]]:
        """Start the calls of a step one by one, while the budget allows another."""
        for task in self.inputs.tasks:
            if self._spent():
                return
            self.calls_started += 1
            yield asyncio.create_task(ask_task(calls, task, ask))

    def _spent(self) -> str:
        """Return which budget is used up, or an empty text if none is."""
        most_calls, most_s = self.settings.max_calls, self.settings.max_seconds
        if most_calls is not None and self.calls_started >= most_calls:
            return f"the budget of {most_calls} calls is used up"
        if most_s is not None and monotonic() - self.began >= most_s:
            return f"the budget of {most_s:g} s is used up"
        return ""

    def _look(self, calls: StepCalls, call: PlaybookCall) -> None:
        """Add a call, and check whether the step is decided."""
        self.on_asked(call)
        outcome = call.outcome
        if outcome is None or not judged(outcome):
            self._lose(calls, call)
            return
        self.lost_in_a_row.add(is_lost=False)
        calls.add(call.task, outcome)
        if self.inputs.answers and calls.step in (DECISION, self.settings.baseline):
            return  # their values are compared on all inputs
        rate = bounds(calls.k, calls.n, alpha=self.alpha_each)
        if rate.upper <= self.settings.target:
            calls.stopped = f"passed after {plural(calls.n, 'call')}"
        elif rate.lower > self.settings.target:
            calls.stopped = f"failed after {plural(calls.n, 'call')}"

    def _lose(self, calls: StepCalls, call: PlaybookCall) -> None:
        calls.lost += 1
        self.lost_in_a_row.add(is_lost=True)
        if call.refused and not calls.n:
            self.not_applicable[calls.step] = calls.stopped = (
                f"the provider refuses the request: {call.error}"
            )
        elif self.lost_in_a_row.are_too_many:
            self.ended = f"{self.lost_in_a_row.count} calls in a row got no validated reply. The last error is: {call.error}"
            calls.stopped = f"{self.ended} after {calls.n}"

    def best(self) -> StepCalls | None:
        """Return the step with the lowest rate, as the verdict does: the earlier one in the playbook among equals."""
        return min(
            (calls for calls in self._measured() if calls.step != DECISION),
            key=lambda calls: (calls.k / calls.n, order_of(calls.step)),
            default=None,
        )

    def _measured(self) -> list[StepCalls]:
        """Return the steps of the playbook with data."""
        return [calls for calls in self.steps if calls.n and calls.step != TUNED]

    def evidence(self) -> dict[str, Any]:
        """Return the evidence for `decide`. Before the first validated reply, it has a strategy without data."""
        nothing = {"id": self.settings.first, "rung": self.settings.first, "n": 0, "k_final": 0}
        measured = self._measured()
        tested = {calls.step for calls in measured}
        extra, settings = self.settings.extra, self.settings
        config = {**extra.get("config", {}), "target": settings.target, "alpha": settings.alpha}
        if self.asker.store is not None and settings.function is not None:
            return self._with_production(self.asker.store, {**extra, "config": config})
        store = {} if self.asker.store is None else store_options(self.asker.store)
        return {
            **extra,
            **self._piloted(),
            **self._values(),
            "config": config,
            "about": {
                "schema": self.inputs.schema.name,
                "schema_fingerprint": self.inputs.schema.fingerprint,
            },
            "options": {**store, **settings.repeated},
            **self.shares,
            "strategies": [
                calls.as_evidence() | right_values(calls, measured, self.inputs) for calls in measured
            ]
            or [nothing],
            "comparisons": [pairs for calls in measured if (pairs := calls.pairs()) is not None],
            "ladder": [
                {"rung": step, "status": "tested"}
                if step in tested
                else {"rung": step, **(self._claim(step) or {"status": "untested"})}
                for step in STEPS
            ],
        }

    def _with_production(self, store: Store, extra: dict[str, Any]) -> dict[str, Any]:
        """Return the evidence for `decide`: the calls of the function, and its trials, including this one."""
        claims = [{"rung": step, **claim} for step in STEPS if (claim := self._claim(step)) is not None]
        store.flush(_FLUSH_S)
        evidence = gather(
            store,
            schema=self.inputs.schema.fingerprint,
            function=self.settings.function,
            extra={**extra, "ladder": claims},
            priority=self.settings.priority,
            **self.settings.filters,
        ).evidence
        repeated = {**evidence.get("options", {}), **self.settings.repeated}
        return {**evidence, **self._values(), "options": repeated}

    def _values(self) -> dict[str, Any]:
        """Return the values before and after enforcement, if both were measured."""
        values = values_compared(self._measured(), self.inputs, self.settings.alpha)
        return {} if values is None else {"values": values}

    def _piloted(self) -> dict[str, Any]:
        """Return the evidence of the tuned model, or nothing before it was called."""
        steps = [calls for calls in self.steps if calls.n and calls.step == TUNED]
        if not steps:
            return {}
        calls = min(steps, key=lambda form: form.k / form.n)
        pairs = calls.pairs()
        pilot: dict[str, Any] = {"n": calls.n, "k_final": calls.k}
        if pairs is not None:
            pilot["paired"] = {name: pairs[name] for name in "bc"}
        both = pairs_with(steps[-1], steps[0]) if len(steps) > 1 else None
        if both is None:
            return {"pilot": pilot}
        line = grammar_line(both["n"], both["b"], both["c"], is_better=calls is steps[-1])
        notes = [*self.settings.extra.get("notes", ()), line]
        return {"pilot": {**pilot, "forms": len(steps)}, "notes": notes}

    def _claim(self, step: str) -> dict[str, str] | None:
        """Return the status and reason of a step that isn't tried, or None if it may be tried."""
        if step in self.settings.declined:
            return {"status": "declined", "reason": self.settings.declined[step]}
        if step in NOT_NAMED and not self._is_named(step):
            return {"status": "declined", "reason": NOT_NAMED[step]}
        reason = self.not_applicable.get(step)
        return {"status": "not_applicable", "reason": reason} if reason else None

    def _is_named(self, step: str) -> bool:
        """Return whether the command names everything that a step needs."""
        if step == DECISION:
            return self.models.decision is not None and bool(self.inputs.answers)
        return step == LARGER and self.models.larger is not None

    def _result(self) -> PlaybookResult:
        evidence, models = self.evidence(), self.models
        verdict = decide(evidence)
        return PlaybookResult(
            id=self.run_id,
            schema=self.inputs.schema.name,
            schema_fingerprint=self.inputs.schema.fingerprint,
            function=self.settings.function,
            model=models.model.name,
            larger=models.larger.name if models.larger is not None else None,
            started_at=self.started_at,
            inputs=len(self.inputs.tasks),
            repeated=self.inputs.repeated,
            seed=self.inputs.seed,
            output_tokens=self.settings.output_tokens,
            options=dict(self.settings.options),
            layout=self.settings.layout,
            examples=tuple((one.task, one.value) for one in self.inputs.examples),
            target=self.settings.target,
            target_source=self.settings.target_source,
            alpha_each=self.alpha_each,
            calls=self.calls_started,
            steps=tuple(calls.result(self.ended) for calls in self.steps),
            ended=self.ended,
            evidence=evidence,
            verdict=verdict,
        )
