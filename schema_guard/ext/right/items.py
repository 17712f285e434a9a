# SPDX-License-Identifier: Apache-2.0
"""`Items`: a check that a list is complete, by a count of the entries in its source.

Rules: equal rows count once, because a model that repeats itself fills a list. A list that is long enough passes, however
many rows it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.arguments import NamedArguments
from schema_guard.errors import InvalidArgument
from schema_guard.pointer import pointer, split
from schema_guard.text import clip, dataclass_repr

if TYPE_CHECKING:
    from schema_guard.values import Prompt

_RULE = re.compile(r"[|\s:+=-]+")


@dataclass(frozen=True, slots=True, repr=False)
class Items(metaclass=NamedArguments):
    """The number of distinct rows that a list must have at least.

    Example:
        >>> Items(r"^- ")
        Items(counter='^- ')

    Attributes:
        counter: The number of rows, a regular expression, or a function. The lines of the task that the expression
            matches count. The function gets the arguments of the call, and returns the number. An example is `table_rows`.
        at: JSON Pointer of the list. Default: the value itself if it is a list, otherwise its only list.
    """

    counter: int | str | Callable[..., int]
    at: str = ""

    __repr__ = dataclass_repr

    def __post_init__(self) -> None:
        if isinstance(self.counter, str):
            try:
                re.compile(self.counter)
            except re.error as error:
                raise InvalidArgument(
                    f"content.items.counter={clip(repr(self.counter))}: expected a valid regular expression, but parsing it failed: {error}"
                ) from error
        elif isinstance(self.counter, bool) or not (isinstance(self.counter, int) or callable(self.counter)):
            raise InvalidArgument(
                f"content.items.counter={clip(repr(self.counter))}: expected a number, a regular expression, or a function"
            )

    def of_call(
        self, task: Prompt, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[[Any], str | None]:
        """Return the check of a call."""

        def incomplete(value: Any) -> str | None:
            count, expected = self.distinct(value), self.expected(task, args, kwargs)
            if count is None:
                return (
                    f"{pointer(self.at)} is not a list"
                    if self.at
                    else "the value has no list, or several ones"
                )
            if count >= expected:
                return None
            return f"the list has {count} distinct rows, and the source has {expected}: add the missing ones"

        return incomplete

    def __call__(self, value: Any) -> str | None:
        """Check a value without a call, for a counter that is a number."""
        return self.of_call("", (), {})(value)

    def expected(self, task: Prompt, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Return the number of rows of a call."""
        if isinstance(self.counter, str):
            pattern = re.compile(self.counter)
            texts = [task] if isinstance(task, str) else [one.content for one in task if one.role == "user"]
            lines = [line for text in texts if isinstance(text, str) for line in text.splitlines()]
            return sum(pattern.search(line) is not None for line in lines)
        return self.counter(*args, **kwargs) if callable(self.counter) else self.counter

    def distinct(self, value: Any) -> int | None:
        """Return the number of distinct rows of a value; None if it has no such list."""
        rows = _list_in(value, self.at)
        return None if rows is None else len({json.dumps(row, sort_keys=True, default=str) for row in rows})


def table_rows(text: str) -> int:
    r"""Count the rows of the tables of a text, without their headers.

    A table is two lines or more in a row with as many cells, divided by `|` or tabs. The first line is the header. A line of
    dashes doesn't count.

    >>> table_rows("| item | price |\n|---|---|\n| desk | 90 |\n| lamp | 20 |")
    2
    """
    total = count = cells = 0
    for line in [*text.splitlines(), ""]:
        if _RULE.fullmatch(line.strip()):
            continue
        found = _cells(line)
        if found != cells:
            total, count, cells = total + max(0, count - 1), 0, found
        count += found > 1
    return total


def _cells(line: str) -> int:
    """Return the number of cells of a line."""
    row = line.strip().strip("|")
    return max(row.count("|"), row.count("\t")) + 1


def _list_in(value: Any, at: str) -> list[Any] | None:
    if at:
        for token in split(at):
            if isinstance(value, dict):
                value = value.get(token)
            elif isinstance(value, list) and token.isdecimal() and int(token) < len(value):
                value = value[int(token)]
            else:
                return None
    elif isinstance(value, dict):
        lists = [part for part in value.values() if isinstance(part, list)]
        value = lists[0] if len(lists) == 1 else None
    return value if isinstance(value, list) else None
