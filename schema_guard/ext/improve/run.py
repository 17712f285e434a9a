# SPDX-License-Identifier: Apache-2.0
"""Improve a prompt: map the failures, race the candidates, and prove the winner on unseen inputs.

Rules:
1. The inputs are split into thirds: map, race, and proof. The proof uses only its own third.
2. Each candidate is written as a prompt file, and a guard reads the file. So the measured prompt is the prompt of the
   printed line.
3. The calls are those of a benchmark, with its journal. The same command continues an interrupted run.
4. Only the calls of the proof are recorded, because the race chooses its winner by its own calls.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Self

from schema_guard.bench.run.concurrency import ran_to_end
from schema_guard.bench.run.journal import Journal
from schema_guard.bench.run.plan import PlanSettings, RunPlan, Variant, plan_of
from schema_guard.bench.run.runner import Calls, RunSettings, rare_collections
from schema_guard.bench.suites.values import Suite, SuiteSchema, Task
from schema_guard.decide.recorded.layouts import RecordedRequests
from schema_guard.errors import InvalidArgument
from schema_guard.ext.improve.candidates import PoolExample, PromptCandidate, candidates_of
from schema_guard.ext.improve.failure_map import MapCall, calls_of_rows, failure_map
from schema_guard.ext.improve.prompt_file import write_prompt
from schema_guard.ext.improve.race import Race, RaceCalls, add_row
from schema_guard.ext.improve.reflection import PromptSearch, SearchAnswer
from schema_guard.ext.improve.result import PROVENANCE, provenance_of
from schema_guard.ext.improve.values import (
    CURRENT,
    LEAST_INPUTS,
    ImproveInput,
    ImproveResult,
    ImproveSettings,
    ImproveTask,
    Proof,
)
from schema_guard.ext.tuning.export.similarity import NEAR, masked_shingles, similar_pairs
from schema_guard.preparing.steps import steps_of
from schema_guard.stats import gap_bounds, paired
from schema_guard.strategies import strategies_of
from schema_guard.text import hex_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from schema_guard.bench.run.scored_call import CallRow, FailedExample, Run
    from schema_guard.ext.improve.failure_map import FailureMap
    from schema_guard.models import Model
    from schema_guard.stats import Bounds, Paired

_MODEL = "model"


def improve(
    task: ImproveTask,
    settings: ImproveSettings | None = None,
    *,
    on_call: Callable[[str, bool], None] = lambda *_: None,
) -> ImproveResult:
    """Race candidates against the prompt in use, and prove the winner. See the module.

    Args:
        task: The prompt to improve. The model is closed at the end.
        settings: How to improve it.
        on_call: Gets the phase of each finished call, and whether its reply was valid.

    Raises:
        InvalidArgument: A journal in the folder belongs to another run.
    """
    return _Improvement(task, settings or ImproveSettings(), on_call).result()


class _HeldOpen:
    """A model that stays open between the phases."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Leave the model open."""


class _Improvement:
    """An improvement in progress."""

    def __init__(
        self, task: ImproveTask, settings: ImproveSettings, on_call: Callable[[str, bool], None]
    ) -> None:
        self.task = task
        self.settings = settings
        self.on_call = on_call
        self.calls = 0
        self.ended = ""
        shuffled = list(task.inputs)
        Random(settings.seed).shuffle(shuffled)  # a repeatable order, not a secret
        third = len(shuffled) // 3
        self.map, self.race, self.proof = shuffled[:third], shuffled[third : 2 * third], shuffled[2 * third :]
        # The race gets at least a quarter of the calls.
        most = max(1, settings.max_calls // 4)
        self.map, self.proof = self.map[:most], self.proof[:most]

    def result(self) -> ImproveResult:
        """Map, race, and prove."""
        task = self.task
        begun = ImproveResult(
            schema_name=task.schema.name,
            schema_fingerprint=task.schema.fingerprint,
            function=task.function,
            model=task.model.name,
            prompt=task.prompt,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            inputs=len(task.inputs),
            parts=(len(self.map), len(self.race), len(self.proof)),
            seed=self.settings.seed,
        )
        if len(task.inputs) < LEAST_INPUTS:
            return begun
        self.found = begun
        task.folder.mkdir(parents=True, exist_ok=True)
        with rare_collections():
            if not ran_to_end(self._run()):
                self.ended = "interrupted"
        return replace(self.found, calls=self.calls, ended=self.ended)

    async def _run(self) -> None:
        # Connections belong to the event loop that opened them, which ends with the run.
        async with self.task.model:
            calls = await self._map_calls()
            failures = failure_map(calls)
            self.found = replace(self.found, failures=failures)
            if failures.failed and not self.ended:
                await self._compare(failures, self._pool(calls))

    async def _compare(self, failures: FailureMap, pool: Sequence[PoolExample]) -> None:
        """Race the candidates, and prove the winner."""
        has_choice = self.task.prompt.has_choice
        raced = candidates_of(self._base(), self.task.schema, failures, pool, layouts=has_choice)
        if self.task.writer is not None:
            raced += await self._written_by(self.task.writer, failures)
        race = Race([CURRENT, *(one.name for one in raced)], self.settings.alpha)
        await self._race(race, raced)
        self.found = replace(self.found, runners=race.result())
        winner = next((one for one in raced if one.name == race.leader()), None)
        if self.ended or winner is None:
            return
        proof = await self._prove(winner)
        self.found = replace(self.found, winner=winner, proof=proof)
        if self.found.is_proved and not self.ended:
            self.found = replace(self.found, path=self._written(self.task.folder, winner), calls=self.calls)
            (self.task.folder / PROVENANCE).write_text(provenance_of(self.found), encoding="utf-8")

    def _base(self) -> PromptCandidate:
        """Return the prompt in use as its guard sends it.

        Raises:
            InvalidArgument: The provider gets the schema in another form, which no candidate has.
        """
        prompt, provider = self.task.prompt, self.task.model.provider
        strategies = strategies_of(prompt.strategy)
        needed = provider if strategies[0].needs_options else None
        (step,) = steps_of(strategies, [needed], self.task.schema, prompt.examples)
        if step.restore is not None:
            raise InvalidArgument(
                f"strategy {prompt.strategy!r} changes the schema for {provider}, so schema_guard can't improve its prompt. Use another strategy"
            )
        return PromptCandidate(CURRENT, step.instructions, step.examples, prompt.layout, ())

    async def _map_calls(self) -> list[MapCall]:
        """Return the recorded calls of the first third, or make them."""
        recorded = self.task.recorded
        if recorded is not None:
            return [recorded[one.text] for one in self.map if one.text in recorded]
        plan = self._plan(self.map, [])
        run = await self._made(Calls, plan, "map")
        return calls_of_rows(run.calls, {one.id: one.text for _, one in plan.tasks})

    def _pool(self, calls: Sequence[MapCall]) -> list[PoolExample]:
        """Return the examples that are no near copy of an input of the race or the proof."""
        gaps = {call.task: call.gaps for call in calls}
        labeled = [
            PoolExample(one.text, one.gold, "a labeled input", gaps.get(one.text, ()))
            for one in self.map
            if one.is_labeled
        ]
        pool = [one._replace(gaps=gaps.get(one.task, one.gaps)) for one in self.task.pool] + labeled
        unique = list({one.task: one for one in reversed(pool)}.values())[::-1]
        held_out = [one.text for one in (*self.race, *self.proof)]
        unique = [one for one in unique if one.task not in set(held_out)]
        sets = masked_shingles([*(one.task for one in unique), *held_out])
        copies = {pair.first for pair in similar_pairs(sets, NEAR) if pair.first < len(unique) <= pair.second}
        return [one for at, one in enumerate(unique) if at not in copies]

    async def _written_by(self, writer: Model, failures: FailureMap) -> list[PromptCandidate]:
        """Return candidates that a model writes. They get half of the calls that the race would have."""
        base = self._base()

        async def answers(text: str, inputs: Sequence[ImproveInput]) -> list[SearchAnswer]:
            plan = self._plan(
                inputs, [base._replace(name=hex_digest(text, 12), instructions=text)], with_current=False
            )
            run = await self._made(Calls, plan, f"search/{plan.fingerprint}")
            failed = {one.task: one for one in run.failed}
            texts = {one.id: one.text for _, one in plan.tasks}
            return [SearchAnswer(texts[name], *_reply_of(failed.get(name))) for name in texts]

        search = PromptSearch(writer, self.task.folder / "search", answers, seed=self.settings.seed)
        begun, most = self.calls, (self.settings.max_calls - self.calls - 2 * len(self.proof)) // 2
        async with _HeldOpen(writer) if writer is self.task.model else writer:
            found = await search.candidates(
                base,
                self.map,
                reason=failures.reason(),
                is_spent=lambda step: self.calls - begun + search.calls + step > most,
            )
        self.calls += search.calls
        return found

    async def _race(self, race: Race, raced: Sequence[PromptCandidate]) -> None:
        names = [CURRENT, *(one.name for one in raced)]
        is_labeled = all(one.is_labeled for one in self.race)

        def started(calls: RaceCalls) -> None:
            calls.race = race
            calls.calls_left = self.settings.max_calls - self.calls - 2 * len(self.proof)

        await self._made(
            RaceCalls,
            self._plan(self.race, raced),
            "race",
            started=started,
            on_row=lambda row: add_row(race, row, names, is_labeled=is_labeled),
        )

    async def _prove(self, winner: PromptCandidate) -> Proof:
        run = await self._made(Calls, self._plan(self.proof, [winner]), "proof", is_recorded=True)
        return _proof_of(run, self.settings.alpha, is_labeled=all(one.is_labeled for one in self.proof))

    def _written(self, folder: Path, candidate: PromptCandidate) -> Path:
        return write_prompt(
            folder,
            strategy=self.task.prompt.file_strategy,
            layout=candidate.layout,
            schema_fingerprint=self.task.schema.fingerprint,
            instructions=candidate.instructions,
            examples=candidate.examples,
        )

    def _plan(
        self,
        inputs: Sequence[ImproveInput],
        candidates: Sequence[PromptCandidate],
        *,
        with_current: bool = True,
    ) -> RunPlan:
        """Return the plan of the prompt in use and of candidates on the same inputs."""
        task, settings = self.task, self.settings
        prompt = task.prompt
        tasks = [_task(one, prompt.before) for one in inputs]
        shown = [
            Task(f"example {at}", one.task or "", "", one.value, split="dev")
            for at, one in enumerate(prompt.examples)
        ]
        entry = SuiteSchema(task.schema.name, task.schema.name, "", task.schema, (*tasks, *shown))
        texts = "\x1e".join([task.schema.fingerprint, prompt.strategy, *(one.text for one in inputs)])
        suite = Suite("inputs", hex_digest(texts, 16), (entry,), task.function)
        variants = [Variant(CURRENT, _MODEL, prompt.strategy)] if with_current else []
        for at, one in enumerate(candidates, start=1):
            # The number keeps names apart that differ only in other characters, such as /a_b and /a/b.
            named = "".join(c if c.isalnum() else "-" for c in one.name)
            folder = task.folder / "candidates" / f"{at:02}-{named}"
            variants.append(
                Variant(one.name, _MODEL, prompt.file_strategy, prompt_file=str(self._written(folder, one)))
            )
        requests = {task.schema.fingerprint: RecordedRequests(prompt.layout, task.output_tokens)}
        asked = PlanSettings(max_attempts=1, seed=settings.seed, function=task.function, requests=requests)
        return plan_of(suite, variants, asked)

    async def _made(
        self,
        kind: type[Any],
        plan: RunPlan,
        phase: str,
        *,
        started: Callable[[Any], None] = lambda _: None,
        on_row: Callable[[CallRow], None] = lambda _: None,
        is_recorded: bool = False,
    ) -> Run:
        """Make the calls of a phase that its journal does not have."""

        def add(row: CallRow) -> None:
            self.calls += 1
            on_row(row)
            self.on_call(phase.partition("/")[0], row.is_valid)

        path = self.task.folder / f"{phase}.journal.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with Journal.resume(path, plan) as journal:
            calls = kind(
                plan,
                {_MODEL: _HeldOpen(self.task.model)},
                store=self.settings.store if is_recorded else None,
                journal=journal,
                settings=RunSettings(concurrency=self.settings.concurrency),
                on_call=add,
            )
            started(calls)
            await calls.make()
            run: Run = calls.result()
        self.ended = "; ".join(run.setup.stopped)
        return run


def _task(one: ImproveInput, before: tuple[dict[str, str], ...]) -> Task:
    return Task(hex_digest(one.text, 16), one.text, "", one.gold, one.match or {}, before=before)


def _reply_of(failed: FailedExample | None) -> tuple[str, str]:
    """Return the reply and the message of a call for its writer."""
    return ("a valid reply", "") if failed is None else (failed.reply or "no reply", failed.message)


def _proof_of(run: Run, alpha: float, *, is_labeled: bool) -> Proof:
    by_task: dict[str, dict[int, CallRow]] = {}
    for row in run.calls:
        if not row.is_lost:
            by_task.setdefault(row.task, {})[row.variant] = row
    pairs = [(rows[0], rows[1]) for rows in by_task.values() if len(rows) == 2]
    failed = [(not before.is_valid, not after.is_valid) for before, after in pairs]
    right = [(before.right, after.right) for before, after in pairs]
    compared = paired(failed.count((True, False)), failed.count((False, True)), len(pairs), alpha=alpha / 2)
    return Proof(
        n=len(pairs),
        before=sum(before for before, _ in failed),
        after=sum(after for _, after in failed),
        e_value=compared.e_value,
        better=_better(compared, failed, alpha / 2),
        tokens_before=_mean([before.input_tokens for before, _ in pairs]),
        tokens_after=_mean([after.input_tokens for _, after in pairs]),
        right=(sum(one for one, _ in right), sum(two for _, two in right)) if is_labeled else None,
        values=gap_bounds([float(two) - float(one) for one, two in right], alpha=alpha)
        if is_labeled
        else None,
        alpha=alpha,
    )


def _better(compared: Paired, failed: Sequence[tuple[bool, bool]], alpha: float) -> Bounds:
    """Return bounds of the difference.

    The test that the winner fails less can succeed before the lower bound does. Each uses half of the error probability.
    """
    limits = gap_bounds([float(before) - float(after) for before, after in failed], alpha=alpha)
    return replace(limits, lower=max(limits.lower, 0.0)) if compared.better else limits


def _mean(values: Sequence[int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
