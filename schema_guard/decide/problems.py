# SPDX-License-Identifier: Apache-2.0
"""What one verdict is about: a function and its schema.

Rules: functions are never pooled, whatever schema they share. A trial (`bench`, `climb`) belongs to the function that
it names; one that names none counts where its schema has one function alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schema_guard.decide.configurations import is_trial, trial_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.records import ConfigurationCounts

__all__ = ["Problem", "problems_of"]


class Problem(NamedTuple):
    """A function under a schema, with what is recorded of it.

    Attributes:
        function: Name of the guarded function; None where nothing but trials is recorded.
        schema: Name of the schema.
        rows: Its calls, and those of the trials that belong to it.
        left_out: Calls of trials under the same schema that name no function, and could be several functions'.
    """

    function: str | None
    schema: str
    rows: tuple[ConfigurationCounts, ...]
    left_out: int = 0


def problems_of(rows: Iterable[ConfigurationCounts], known: Sequence[ConfigurationCounts]) -> list[Problem]:
    """Part the rows into problems, by the names of schema and function.

    Args:
        rows: What is asked about.
        known: All rows of the store: a schema has one function alone where these have no other.

    Returns:
        Those of functions; where there are none, one of trials for each schema.
    """
    rows = list(rows)
    trials = [row for row in rows if is_trial(row)]
    names = sorted({(row.schema_name, row.function) for row in rows if not is_trial(row)})
    if not names:
        return [
            Problem(None, schema, tuple(row for row in trials if row.schema_name == schema))
            for schema in sorted({row.schema_name for row in trials})
        ]
    owners = [_owner(row, known) for row in trials]
    found = []
    for schema, function in names:
        of_schema = [
            (row, owner) for row, owner in zip(trials, owners, strict=True) if row.schema_name == schema
        ]
        found.append(
            Problem(
                function,
                schema,
                (
                    *(row for row in rows if (row.schema_name, row.function) == (schema, function)),
                    *(row for row, owner in of_schema if owner == function),
                ),
                sum(row.calls for row, owner in of_schema if owner is None),
            )
        )
    return found


def _owner(trial: ConfigurationCounts, known: Iterable[ConfigurationCounts]) -> str | None:
    """Give the function that a trial was made for; None where that is not known."""
    named = trial_of(trial).function
    if named:
        return named
    used = [row for row in known if row.schema_name == trial.schema_name and not is_trial(row)]
    alike = [row for row in used if row.schema_fingerprint == trial.schema_fingerprint]
    functions = {row.function for row in alike or used}
    return functions.pop() if len(functions) == 1 else None
