# SPDX-License-Identifier: Apache-2.0
"""Try the laws that must hold for every schema on one schema.

Rules: a law is a sentence, what is drawn for it, and a check that says what is wrong with one draw. What a schema has
no draws for is told with the reason. The same schema, seed and versions give the same draws.
"""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from schema_guard.decorator import guard
from schema_guard.errors import InvalidArgument, MissingPart
from schema_guard.judging import judge
from schema_guard.models.scripted import ScriptedModel
from schema_guard.pointer import join
from schema_guard.schema import Schema
from schema_guard.testing import broken, instances, near_misses, replies
from schema_guard.text import clip
from tests.testing.model_replies.histories import Expected, histories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hypothesis.strategies import SearchStrategy

    from schema_guard.testing import Broken, NearMiss, Sent
    from schema_guard.validation.reference_engine import ReferenceValidator
    from schema_guard.values import Outcome
    from tests.testing.model_replies.histories import History

_SHOWN_CHARS = 400
# Faults of syntax: lossless repair has to repair the first ones, may repair the others, and nothing else.
_ALWAYS_REPAIRED = ("trailing_comma", "missing_comma", "single_quotes", "python_literals")
# A text that ended may lack no more than its last brackets.
_SYNTAX_ALONE = (*_ALWAYS_REPAIRED, "bad_escape", "unescaped_quote", "cut_off")
_SCALARS = st.none() | st.booleans() | st.integers(-10, 10) | st.floats(-10, 10) | st.text(max_size=5)
_JSON = st.recursive(
    _SCALARS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
)
_MAX_ATTEMPTS = 3


class Law(NamedTuple):
    """A law.

    Attributes:
        name: One word.
        says: The law, in a sentence.
        draws: Makes of a schema the strategy to draw from.
        wrong: Says what is wrong with a draw; None when the law holds for it.
    """

    name: str
    says: str
    draws: Callable[[Schema[Any]], SearchStrategy[Any]]
    wrong: Callable[[Schema[Any], Any], str | None]


@dataclass(frozen=True, slots=True)
class Tried:
    """A law as it was tried on one schema.

    Attributes:
        law: Its name.
        says: The law.
        draws: That were made; shrinking a counterexample counts too.
        held: Whether it held for all of them; None when there is nothing to draw.
        counterexample: The simplest draw for which it did not hold, as text; None when it held.
        why: What is wrong with that draw, or why there is none; None when it held.
    """

    law: str
    says: str
    draws: int
    held: bool | None
    counterexample: str | None = None
    why: str | None = None


class _NotHeldError(AssertionError):
    """A draw for which a law does not hold."""


def try_laws(schema: Any, *, examples: int = 100, seed: int = 0) -> Iterator[Tried]:
    """Try every law on a schema, one after the other.

    Args:
        schema: Whatever `Schema.of` takes.
        examples: Draws for each law, 1 or more.
        seed: Of the draws.

    Returns:
        Each of `LAWS` as it came out, in order, as soon as it did.

    Raises:
        InvalidSchema: The schema cannot be loaded.
        InvalidArgument: *examples* is less than 1.
    """
    if examples < 1:
        raise InvalidArgument(f"examples={clip(repr(examples))}: expected an int >= 1")
    loaded = Schema.of(schema)
    return (_tried(law, loaded, examples, seed) for law in LAWS)


def _tried(law: Law, schema: Schema[Any], examples: int, seed: int) -> Tried:
    drawn: list[Any] = []
    count = 0

    def hold(draw: Any) -> None:
        nonlocal count
        count += 1
        drawn[:] = [draw]
        try:
            why = law.wrong(schema, draw)
        except Exception as error:  # whatever a law trips over, it does not hold for
            raise _NotHeldError(f"{type(error).__name__}: {error}") from error
        if why is not None:
            raise _NotHeldError(why)

    configured = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    try:
        configured(seeded(seed)(given(law.draws(schema))(hold)))()
    except _NotHeldError as error:
        return Tried(law.name, law.says, count, False, clip(repr(drawn[0]), _SHOWN_CHARS), str(error))
    except (InvalidArgument, HypothesisException) as error:
        # Before the first draw it says that there is none.
        return Tried(law.name, law.says, count, False if count else None, why=str(error))
    except Exception as error:  # noqa: BLE001 - what draws is made of the library too
        return Tried(law.name, law.says, count, False, why=f"drawing raised {type(error).__name__}: {error}")
    return Tried(law.name, law.says, count, True)


def _instance_wrong(schema: Schema[Any], value: Any) -> str | None:
    violations = schema.violations(value)
    if violations:
        return f"a drawn instance has a violation: {violations[0].keyword} at {violations[0].instance_location or '(root)'}"
    if not schema.is_valid(value):
        return "an instance without violations is not valid"
    judged = judge(json.dumps(value), schema, finish_reason="stop")
    return None if judged.ok else f"its JSON text is refused: {judged.failure.code if judged.failure else ''}"


def _values(schema: Schema[Any]) -> SearchStrategy[Any]:
    """Give valid instances, such with one value of them replaced, and any JSON."""
    valid = instances(schema)
    return st.one_of(valid, st.builds(_replaced, valid, st.integers(0, 50), _JSON), _JSON)


def _replaced(value: Any, index: int, other: Any) -> Any:
    """Give a copy in which the value of a number, counted from the outside in, is another one."""
    places: list[tuple[Any, Any]] = []
    copy = deepcopy(value)
    level = [copy]
    while level:
        inside = [(holder, key) for holder in level for key in _keys(holder)]
        places += inside
        level = [holder[key] for holder, key in inside]
    if not places:
        return other
    holder, key = places[index % len(places)]
    holder[key] = other
    return copy


def _keys(value: Any) -> list[Any]:
    return (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )


@cache
def _reference(schema: Schema[Any]) -> ReferenceValidator:
    return schema.reference()


def _engines_differ(schema: Schema[Any], value: Any) -> str | None:
    oracle = _reference(schema)
    expected = oracle.is_valid(value)
    if schema.is_valid(value) != expected:
        return f"valid is {not expected} by {schema.engine} and {expected} by jsonschema"
    violations = schema.violations(value)
    if bool(violations) == expected:
        return f"valid is {expected}, and there are {len(violations)} violations"
    if len(set(violations)) < len(violations):
        return "a violation is told twice"
    places = {join(error.instance_path) for error in oracle.errors(value)}
    strange = next((violation for violation in violations if violation.instance_location not in places), None)
    return None if strange is None else f"jsonschema finds nothing at {strange.instance_location or '(root)'}"


def _near_miss_wrong(schema: Schema[Any], miss: NearMiss) -> str | None:
    violations = schema.violations(miss.value)
    if schema.is_valid(miss.value):
        return f"an instance that breaks {miss.keyword} at {miss.instance_location or '(root)'} is valid"
    places = [(violation.instance_location, violation.keyword) for violation in violations]
    if places != [(miss.instance_location, miss.keyword)]:
        return f"expected one violation, {miss.keyword} at {miss.instance_location or '(root)'}, got {places[:3]}"
    return None


def _reply_wrong(schema: Schema[Any], sent: Sent) -> str | None:
    judged = judge(sent.text, schema, finish_reason="stop")
    if not judged.ok:
        return f"a valid reply ({sent.wrapping}) is refused: {judged.failure.code if judged.failure else ''}"
    return None if judged.value == sent.value else f"a reply ({sent.wrapping}) gives another value"


def _broken_wrong(schema: Schema[Any], reply: Broken) -> str | None:
    judged = judge(reply.text, schema, finish_reason=reply.finish_reason)
    if judged.ok or judged.failure is None:
        return f"a broken reply ({reply.how}) is accepted as {judged.form}"
    failure = judged.failure.kind, judged.failure.code
    if failure != (reply.kind, reply.code):
        return f"a broken reply ({reply.how}) is {' '.join(failure)}, expected {reply.kind} {reply.code}"
    try:
        fixed = judge(reply.text, schema, finish_reason=reply.finish_reason, repair="lossless")
    except MissingPart:  # nothing is repaired without the part
        return None
    if fixed.ok and reply.how not in _SYNTAX_ALONE:
        return f"lossless repair makes a broken reply ({reply.how}) valid"
    if not fixed.ok and reply.how in _ALWAYS_REPAIRED:
        return f"lossless repair does not repair a broken reply ({reply.how})"
    return "a value came out that is not valid" if fixed.ok and not schema.is_valid(fixed.value) else None


def _history_wrong(schema: Schema[Any], history: History) -> str | None:
    expected = history.expected(_MAX_ATTEMPTS)
    for way, ask in (("at once", _outcome_of), ("streamed", _streamed), ("asynchronously", _awaited)):
        outcome = ask(schema, history)
        if _of(outcome) != expected:
            return f"{way} a guard makes of it {_expected_text(_of(outcome))}, expected {_expected_text(expected)}"
    return None


def _of(outcome: Outcome[Any]) -> Expected:
    failures = tuple((a.failure.kind, a.failure.code) for a in outcome.attempts if a.failure is not None)
    return Expected(len(outcome.attempts), outcome.ok, outcome.value, failures)


def _expected_text(expected: Expected) -> str:
    ended = "a value" if expected.ok else "no value"
    return clip(
        f"{ended} after {expected.attempts} attempts that failed by {expected.failures}", _SHOWN_CHARS
    )


def _outcome_of(schema: Schema[Any], history: History) -> Any:
    return _guarded(schema)(ScriptedModel(history.script())).outcome("task")


def _streamed(schema: Schema[Any], history: History) -> Any:
    model = ScriptedModel(history.script())

    def stream(prompt: str) -> Any:
        yield from model.stream(prompt)

    return _guarded(schema)(stream).outcome("task")


def _awaited(schema: Schema[Any], history: History) -> Any:
    async def ask() -> Any:
        return await _guarded(schema)(ScriptedModel(history.script()).acall).outcome("task")

    return asyncio.run(ask())


def _guarded(schema: Schema[Any]) -> Any:
    return guard(schema, max_attempts=_MAX_ATTEMPTS, store=None, strategy="bare")


LAWS = (
    Law(
        "engines",
        "both engines say the same of any value, and violations are where they are",
        _values,
        _engines_differ,
    ),
    Law("instances", "what is drawn from a schema is valid for it", instances, _instance_wrong),
    Law(
        "near_misses",
        "what breaks one keyword at one place has that one violation",
        near_misses,
        _near_miss_wrong,
    ),
    Law("replies", "a valid value is found in whatever a model wraps it", replies, _reply_wrong),
    Law(
        "broken",
        "a broken reply is refused for what is broken in it",
        broken,
        _broken_wrong,
    ),
    Law(
        "histories",
        "a guard asks again as often as it may, at once, streamed and asynchronously alike",
        histories,
        _history_wrong,
    ),
)
