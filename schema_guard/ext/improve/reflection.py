# SPDX-License-Identifier: Apache-2.0
"""Candidates that a model writes: the search of the package `gepa`, with schema_guard's judge as metric and feedback.

Rules:
1. The search uses the inputs of the map only. Its candidates then join the race, so they need the same proof.
2. A score is 1 for a valid reply and 0 for a failed one. The feedback is the message of the failure.
3. The search ends with its part of the calls, or when no input fails. The calls of the writer count.
4. Replies are in journals, and the seed is fixed. So the same command continues an interrupted search.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import missing_extra
from schema_guard.ext.improve.candidates import AddedLine
from schema_guard.received.replies import read
from schema_guard.text import hex_digest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from schema_guard.ext.improve.candidates import PromptCandidate
    from schema_guard.ext.improve.values import ImproveInput
    from schema_guard.models import Model

_PART = "instructions"
_SCORED, _SHOWN = 20, 3
"""Number of inputs that score a new text, and of inputs that the writer sees. The search needs both for a step."""
_MOST = 3
"""Most texts that join the race."""


class SearchAnswer(NamedTuple):
    """The reply to an input. The message is empty for a valid reply."""

    task: str
    reply: str
    message: str


class _Quiet:
    def log(self, message: str) -> None:
        """Ignore the progress lines of gepa."""


class _Adapter:
    """The calls and the feedback, as gepa wants them."""

    propose_new_texts = None

    def __init__(self, ask: Callable[[str, Sequence[ImproveInput]], list[SearchAnswer]]) -> None:
        self._ask = ask

    def evaluate(
        self, batch: list[ImproveInput], candidate: dict[str, str], capture_traces: bool = False
    ) -> Any:
        answers = self._ask(candidate[_PART], batch)
        return sdk().EvaluationBatch(answers, [float(not one.message) for one in answers], answers)

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        rows = [
            {
                "Inputs": one.task,
                "Generated Outputs": one.reply,
                "Feedback": one.message or "The reply is valid.",
            }
            for one in eval_batch.trajectories
        ]
        return dict.fromkeys(components_to_update, rows)


def sdk() -> Any:
    """Return the package gepa.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        return import_module("gepa")
    except ImportError as error:
        raise missing_extra("optimizer 'gepa'", "gepa", "gepa") from error


class PromptSearch:
    """A search for better texts.

    Attributes:
        calls: Calls of the writer.
    """

    def __init__(
        self,
        writer: Model,
        folder: Path,
        answers: Callable[[str, Sequence[ImproveInput]], Awaitable[list[SearchAnswer]]],
        *,
        seed: int,
    ) -> None:
        """Prepare a search.

        Args:
            writer: The model that writes texts.
            folder: The folder for the replies of the writer.
            answers: Returns the answers of a text to inputs.
            seed: Seed of the search.
        """
        self._writer = writer
        self._answers = answers
        self._seed = seed
        self._file = folder / "writer.jsonl"
        self._written: dict[str, str] = {}
        for line in self._file.read_text("utf-8").splitlines() if self._file.exists() else ():
            with suppress(ValueError):  # a killed process leaves a part of a line
                self._written.update([json.loads(line)])
        self._is_over = False
        self.calls = 0

    async def candidates(
        self,
        base: PromptCandidate,
        inputs: Sequence[ImproveInput],
        *,
        reason: str,
        is_spent: Callable[[int], bool],
    ) -> list[PromptCandidate]:
        """Return the best texts that score higher than the prompt in use.

        Args:
            base: The prompt in use.
            inputs: The inputs of the map.
            reason: The failures that the texts answer.
            is_spent: Returns whether fewer calls than a number are left.
        """
        loop = asyncio.get_running_loop()

        def wait(calls: Any) -> Any:
            if self._is_over:
                calls.close()
                raise asyncio.CancelledError
            return asyncio.run_coroutine_threadsafe(calls, loop).result()

        def is_done(state: Any) -> bool:
            step = _SCORED + 2 * _SHOWN + 1
            return is_spent(step) or max(state.program_full_scores_val_set, default=0.0) >= 1

        def found() -> Any:
            return sdk().optimize(
                seed_candidate={_PART: base.instructions},
                trainset=list(inputs),
                valset=list(inputs[:_SCORED]),
                adapter=_Adapter(lambda text, batch: wait(self._answers(text, batch))),
                reflection_lm=lambda prompt: wait(self._text(str(prompt))),
                reflection_minibatch_size=_SHOWN,
                stop_callbacks=is_done,
                logger=_Quiet(),
                seed=self._seed,
            )

        try:
            result = await asyncio.to_thread(found)
        finally:
            self._is_over = True
        scores, texts = result.val_aggregate_scores, [one[_PART] for one in result.candidates]
        better = [at for at in range(1, len(texts)) if scores[at] > scores[0]]
        best = sorted(better, key=lambda at: scores[at], reverse=True)[:_MOST]
        return [
            self._candidate(base, f"gepa {number}", texts[at], reason)
            for number, at in enumerate(best, start=1)
        ]

    def _candidate(self, base: PromptCandidate, name: str, text: str, reason: str) -> PromptCandidate:
        known = set(base.instructions.splitlines())
        lines = [
            AddedLine(line, f"written by {self._writer.name}; {reason}")
            for line in text.splitlines()
            if line.strip() and line not in known
        ]
        return base._replace(name=name, instructions=text, added=tuple(lines))

    async def _text(self, prompt: str) -> str:
        """Return the reply of the writer, which the file may have."""
        self.calls += 1
        key = hex_digest(prompt, 32)
        if key not in self._written:
            self._written[key] = read(await self._writer.acall(prompt)).text or ""
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps([key, self._written[key]]))
        return self._written[key]
