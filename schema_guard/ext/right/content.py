# SPDX-License-Identifier: Apache-2.0
"""`Content`: measurements of the values of valid replies.

Rules: the call has returned when a value is checked, and a check never raises. A value is checked in the thread that
writes records. No text is recorded, unless the store keeps the texts of the call.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from schema_guard.arguments import NamedArguments, require_list, require_one_of
from schema_guard.errors import InvalidArgument
from schema_guard.ext.right.agreement import as_json
from schema_guard.ext.right.grounding import Source, ground
from schema_guard.ext.right.items import Items
from schema_guard.ext.right.second import OpinionRequest, Second
from schema_guard.interruptions import is_interruption
from schema_guard.records.identity import id_of
from schema_guard.records.rows import keyed_hash, task_text
from schema_guard.records.values import ContentRow
from schema_guard.text import clip, dataclass_repr

if TYPE_CHECKING:
    from schema_guard.fast import AcceptedCall
    from schema_guard.preparing.prepare import Prepared
    from schema_guard.records.recorder import Recorder
    from schema_guard.records.store import Store
    from schema_guard.values import Outcome, Prompt

Unit = Literal["value", "call"]

DEFINITION = "1"
"""The version of the rules by which values are compared. A label holds for one version."""

_JSON_TYPES = (dict, list, str, int, float, bool, type(None))

_logger = logging.getLogger("schema_guard")


@dataclass(frozen=True, slots=True, repr=False)
class Content(metaclass=NamedArguments):
    """Settings for measuring, after each call, whether the valid value is right.

    Example:
        >>> Content(grounded=True)
        Content(grounded=True)

    Attributes:
        grounded: Whether to count, for each reply, how many of its values occur in the task. If the values come from
            another text than the task, pass a function that takes the arguments of the call and returns this text. The
            function runs later, in a background thread.
        second_opinion: A `Second` with a model that also answers the prompts of some calls, or None.
        right_unit: The unit for the bounds on the share of wrong values. `"value"` bounds the share of wrong values,
            and `"call"` bounds the share of calls with a wrong value. Set the unit before you label the first value.
        items: An `Items` with the minimum number of distinct rows in a list, or None. If a list has fewer distinct
            rows, the attempt fails, and schema_guard retries.
        skip_fields: Names of fields whose values schema_guard doesn't search for in the source text, such as summaries.
    """

    grounded: bool | Callable[..., str] = False
    second_opinion: Second | None = None
    right_unit: Unit = "value"
    skip_fields: tuple[str, ...] = ()
    items: Items | None = None

    __repr__ = dataclass_repr

    def __post_init__(self) -> None:
        if not isinstance(self.grounded, bool) and not callable(self.grounded):
            raise InvalidArgument(
                f"content.grounded={clip(repr(self.grounded))}: expected True, False, or a function"
            )
        if self.second_opinion is not None and not isinstance(self.second_opinion, Second):
            raise InvalidArgument(
                f"content.second_opinion={clip(repr(self.second_opinion))}: expected Second(model, share=0.05) or None"
            )
        if self.items is not None and not isinstance(self.items, Items):
            raise InvalidArgument(f"content.items={clip(repr(self.items))}: expected Items(counter) or None")
        require_one_of("content.right_unit", self.right_unit, get_args(Unit))
        require_list("content.skip_fields", self.skip_fields, "names of fields")

    @property
    def checks(self) -> tuple[Items, ...]:
        """The checks that a value must pass before schema_guard accepts it."""
        return () if self.items is None else (self.items,)

    def recorder(
        self, store: Recorder, prepared: Prepared, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Recorder:
        """Return the recorder for one call. If the recorder isn't a store, it receives only the outcome."""
        if not hasattr(type(store), "record_opinion"):
            return store
        return CallChecks(self, store, prepared, (args, kwargs))  # type: ignore[arg-type]

    def check(self, prepared: Prepared) -> None:
        """Check that the second model accepts the requests of the function that you decorate.

        Raises:
            InvalidArgument: The second model doesn't accept these requests.
        """
        if self.second_opinion is None:
            return
        if prepared.shape.delivery == "instructions":
            raise InvalidArgument(
                "content.second_opinion: expected a function whose prompt schema_guard builds. This function builds its own prompt from the instructions, so a second model can't get the same prompt"
            )
        self.second_opinion.ask_as(prepared.plan)


@dataclass(slots=True, eq=False)
class CallChecks:
    """The recorder of one call, which checks its value. It implements `CheckedCall` and `Recorder`."""

    _content: Content
    _store: Store
    _prepared: Prepared
    _arguments: tuple[tuple[Any, ...], dict[str, Any]]
    _task: Prompt | None = None
    # A copy of a value that its reply's text does not show, because the caller may change the value at once.
    _copy: Any = None
    _row: ContentRow | None = None
    _is_made: bool = False
    has_opinion: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Record an outcome with its content."""
        self._begin(task, outcome.call.id)
        if outcome.ok and not _is_text(outcome):
            self._copied(outcome.value)
        self._store.record(outcome, task, self)

    def record_deferred(self, call: AcceptedCall) -> None:
        """Record a call whose outcome the writer builds."""
        self._begin(call.task, id_of(call.origin.start))
        if type(call.value) not in _JSON_TYPES:
            self._copied(call.value)
        self._store.record_deferred(call, self)

    def _begin(self, task: Prompt | None, call_id: str) -> None:
        second = self._content.second_opinion
        self._task, self.has_opinion = task, second is not None and second.draws(call_id)

    def row(self, outcome: Outcome[Any], key: bytes) -> ContentRow | None:
        """Check the value once, and ask the second model if the call was drawn."""
        if not self._is_made:
            self._is_made = True
            try:
                self._row = self._with_rows(self._checked(outcome, key) if outcome.ok else None, outcome)
            except Exception as error:
                if is_interruption(error):
                    raise
                self._warn(error)
            # The arguments can be large.
            self._arguments = (), {}
        return self._row

    def _copied(self, value: Any) -> None:
        try:
            self._copy = as_json(value)
        except Exception as error:
            if is_interruption(error):
                raise
            self._is_made = True
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        _logger.warning(
            "content= of %s: checking a value failed: %s: %s",
            self._prepared.name,
            type(error).__name__,
            error,
        )

    def _checked(self, outcome: Outcome[Any], key: bytes) -> ContentRow | None:
        content = self._content
        source = self._source() if content.grounded else None
        if source is None and not self.has_opinion:
            return None
        attempt = outcome.attempts[-1]
        value = json.loads(attempt.reply or "") if _is_text(outcome) else self._copy
        reply = json.dumps(value, sort_keys=True) if attempt.reply is None else attempt.reply
        asked = "" if self._task is None else task_text(self._task)
        pair = keyed_hash("\0".join([DEFINITION, asked, source or "", reply]), key)
        row = ContentRow(outcome.call.id, content.right_unit, pair)
        if source is not None:
            sought = _without(value, content.skip_fields)
            found = ground(sought, Source(source), schema=self._prepared.plan.schema)
            kinds = {kind: [count, found.grounded.get(kind, 0)] for kind, count in found.sought.items()}
            row = row._replace(
                sought=sum(found.sought.values()),
                grounded=sum(found.grounded.values()),
                kinds=json.dumps(kinds, sort_keys=True),
            )
        if self.has_opinion:
            assert content.second_opinion is not None
            prompt = outcome.attempts[0].prompt
            content.second_opinion.ask(
                OpinionRequest(outcome.call.id, value, self._task, prompt, self._prepared.plan), self._store
            )
        return row

    def _with_rows(self, row: ContentRow | None, outcome: Outcome[Any]) -> ContentRow | None:
        """Add the rows of a list, which also a failed call can have, and of its source."""
        items = self._content.items
        if items is None or not outcome.attempts:
            return row
        try:
            value = self._copy if self._copy is not None else json.loads(outcome.attempts[-1].reply or "")
        except ValueError:
            return row  # its last reply is not JSON
        count = items.distinct(value)
        if count is None:
            return row
        expected = items.expected("" if self._task is None else self._task, *self._arguments)
        row = row or ContentRow(outcome.call.id, self._content.right_unit)
        return row._replace(list_rows=count, source_rows=expected)

    def _source(self) -> str | None:
        grounded = self._content.grounded
        if callable(grounded):
            args, kwargs = self._arguments
            return str(grounded(*args, **kwargs))
        return None if self._task is None else _text_of(self._task)


def _is_text(outcome: Outcome[Any]) -> bool:
    """Return whether the text of the last reply is the value, so that it can be read again."""
    attempt = outcome.attempts[-1]
    return attempt.form == "clean" and attempt.adapted is None and type(outcome.value) in _JSON_TYPES


def _without(value: Any, fields: tuple[str, ...]) -> Any:
    """Return a JSON value without some fields."""
    if isinstance(value, dict):
        return {key: _without(part, fields) for key, part in value.items() if key not in fields}
    return [_without(part, fields) for part in value] if isinstance(value, list) else value


def _text_of(task: Prompt) -> str:
    """Return the text of a task: of messages, the texts that the user wrote."""
    if isinstance(task, str):
        return task
    contents = [message.content for message in task if message.role == "user"]
    parts = [part for content in contents for part in (content if isinstance(content, list) else [content])]
    return "\n".join(part if isinstance(part, str) else str(part.get("text", "")) for part in parts)
