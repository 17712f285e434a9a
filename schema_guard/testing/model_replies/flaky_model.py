# SPDX-License-Identifier: Apache-2.0
"""A model that answers a schema well, and fails at a given rate as real models do.

Rules:
1. What it answers depends on the seed and the number of the call alone. Nothing is drawn at a call: replies come
   from a pool that is drawn once.
2. The pool is drawn from the seed's own bytes, so that it is the same in every process.
"""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from hypothesis import given, settings

from schema_guard.errors import InvalidArgument
from schema_guard.models.interface import Closing
from schema_guard.models.scripted import ScriptedModel
from schema_guard.providers.options import capabilities
from schema_guard.schema import Schema
from schema_guard.testing.model_replies.broken_replies import broken
from schema_guard.testing.model_replies.valid_replies import replies
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from hypothesis.strategies import SearchStrategy

    from schema_guard.models.interface import PromptLike
    from schema_guard.testing.model_replies.broken_replies import Broken

T = TypeVar("T")

# Every way to fail that is not rare is among so many; more would only take longer.
_VALID = 50
_BROKEN = 150
# Bytes for one draw; most take some hundred. A draw that runs out of them is made anew with others.
_BYTES = 16_384
_MOST_DRAWS = 40


class FlakyModel(Closing):
    """A model that replies with valid values of a schema, and fails at a given rate. See `Model`.

    Replies have the form of OpenAI's Chat Completions, with a finish reason and without usage. Prompts and options
    change nothing. Calls from several threads are safe, and are numbered in the order of their start.

    Attributes:
        name: Name of the model in records.
        provider: Provider whose options it gets.
        capabilities: Names of the strategies that it supports.
    """

    is_timed = False

    def __init__(
        self,
        schema: Any,
        failure_rate: float,
        *,
        seed: int = 0,
        name: str = "flaky",
        provider: str = "openai",
    ) -> None:
        """Make a model for a schema. It draws 200 replies, which takes some tenths of a second.

        Args:
            schema: Whatever `Schema.of` takes.
            failure_rate: Probability that a reply fails, in [0, 1]; the ways are weighted as for `broken`, and a
                rare one may be missing with one seed and not with another.
            seed: Equal seeds give equal replies to the calls of equal numbers.
            name: What records show.
            provider: Whose options it is given.

        Raises:
            InvalidSchema: The schema cannot be loaded.
            InvalidArgument: The rate is no fraction, or no instance satisfies the schema.
        """
        if not 0 <= failure_rate <= 1:
            raise InvalidArgument(f"failure_rate={clip(repr(failure_rate))}: expected a fraction in [0, 1]")
        loaded = Schema.of(schema)
        self.name = name
        self.provider = provider
        self.capabilities = capabilities(provider)
        self._failure_rate = failure_rate
        self._seed = seed
        self._valid = [
            _Reply(sent.chunks, "stop")
            for sent in drawn(replies(loaded), _VALID, Random(f"{seed} valid"))  # a test
        ]
        self._broken = [
            _Reply(fault.chunks, _reason(fault))
            for fault in drawn(broken(loaded), _BROKEN, Random(f"{seed} broken"))  # a test
        ]
        self._calls = 0
        self._failed = 0
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """Number of calls."""
        return self._calls

    @property
    def failed(self) -> int:
        """Number of failed replies before repair."""
        return self._failed

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Give the next reply."""
        return self._next()(prompt, options=options)

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Return the next reply."""
        return await self._next().acall(prompt, options=options)

    def stream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield the next reply in its chunks."""
        yield from self._next().stream(prompt, options=options)

    async def astream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Any]:
        """Yield the next reply in its chunks."""
        async for chunk in self._next().astream(prompt, options=options):
            yield chunk

    def _next(self) -> ScriptedModel:
        """Count a call; give what answers it, and it alone."""
        with self._lock:
            self._calls += 1
            random = Random(f"{self._seed} call {self._calls}")  # a test
            fails = random.random() < self._failure_rate
            self._failed += fails
        reply = random.choice(self._broken if fails else self._valid)
        script = {"chunks": list(reply.chunks), "finish_reason": reply.finish_reason}
        return ScriptedModel([script], name=self.name, provider=self.provider)


class _Reply(NamedTuple):
    """One reply of a pool."""

    chunks: tuple[str, ...]
    finish_reason: str


def _reason(fault: Broken) -> str:
    """Give a finish reason that fits, for providers always send one."""
    return fault.finish_reason or ("length" if fault.kind == "truncation" else "stop")


def drawn(strategy: SearchStrategy[T], count: int, random: Random) -> list[T]:
    """Draw values outside of a Hypothesis test, from bytes of a source of random numbers.

    Raises:
        InvalidArgument: The strategy hardly gives a value.
    """
    values: list[T] = []

    @settings(database=None)
    @given(strategy)
    def keep(value: T) -> None:
        values.append(value)

    for _ in range(_MOST_DRAWS * count):
        if len(values) == count:
            return values
        keep.hypothesis.fuzz_one_input(random.randbytes(_BYTES))  # type: ignore[attr-defined]
    raise InvalidArgument(f"only {len(values)} of {count} replies could be drawn for the schema")
