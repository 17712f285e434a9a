# SPDX-License-Identifier: Apache-2.0
"""The exceptions of schema_guard. The type shows the origin of the fault, and the message the fix.

The caller causes `InvalidArgument` and `InvalidSchema`, the model `GuardFailed`, the provider or the network `CallFailed`,
and the environment `StoreError` and `MissingExtra`.

Errors reach logs, other processes, and trackers. So a pickled error has no prompts, unless $SCHEMA_GUARD_PROMPTS is `on`.
If $SCHEMA_GUARD_VALUES is `off`, no message has a value or a key of a reply.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self, TypeVar

from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.values import Outcome

VALUES_VARIABLE = "SCHEMA_GUARD_VALUES"
PROMPTS_VARIABLE = "SCHEMA_GUARD_PROMPTS"


def shows_values() -> bool:
    """Return whether messages may have values of replies. False if $SCHEMA_GUARD_VALUES is `off`, `0`, `no`, or `false`."""
    return os.environ.get(VALUES_VARIABLE, "on").strip().lower() not in ("off", "0", "no", "false")


def _keeps_prompts() -> bool:
    return os.environ.get(PROMPTS_VARIABLE, "off").strip().lower() in ("on", "1", "yes", "true")


class SchemaGuardError(Exception):
    """Base class of all errors that schema_guard raises."""


class InvalidArgument(SchemaGuardError, ValueError):
    """Error for an argument, a decorated function, or a returned value that schema_guard can't use."""


class InvalidSchema(SchemaGuardError, ValueError):
    """Error for a schema that schema_guard can't load. The error message contains no control characters.

    Attributes:
        code: Code of the error: `invalid`, `unknown_dialect`, `unknown_keyword`, `remote_ref`, `ref_cycle`,
            `too_large`, `too_deep`, or `too_costly`.
        location: JSON Pointer to the location of the fault in the schema document. The root is `""`.
    """

    def __init__(self, message: str, *, code: str = "invalid", location: str = "") -> None:
        super().__init__(safe(message))
        self.code = code
        self.location = location

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.args), self.__dict__


class _WithOutcome(SchemaGuardError):
    """An error with the outcome of the failed call. In a pickle, the attempts have no prompts."""

    def __init__(self, message: str, *, outcome: Outcome[Any]) -> None:
        super().__init__(message)
        self.outcome = outcome

    def __reduce__(self) -> tuple[Any, ...]:
        state, outcome = self.__dict__, self.outcome
        # A user's code may construct an error with another object as its outcome.
        if not _keeps_prompts() and hasattr(outcome, "attempts"):
            bare = tuple(attempt._replace(prompt=None) for attempt in outcome.attempts)
            state = {**state, "outcome": outcome._replace(attempts=bare)}
        return _revive, (type(self), self.args), state

    def __copy__(self) -> Self:
        again = _revive(type(self), self.args)
        again.__dict__.update(self.__dict__)
        return again

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # An outcome is immutable.
        return self.__copy__()


class GuardFailed(_WithOutcome):
    """Error for a guarded call without a valid reply. The attribute `outcome` contains all attempts.

    Example:
        >>> from schema_guard import GuardFailed, guard
        >>> ask = guard({"type": "integer"}, max_attempts=1, store=None)(lambda prompt: "no number")
        >>> try:
        ...     ask("How many?")
        ... except GuardFailed as error:
        ...     print(error.outcome.failure.kind, error.outcome.failure.code)
        syntax no_json
    """


class CallFailed(_WithOutcome):
    """Error for a call that returned no model reply.

    For example, the call returned an HTML page, an empty list of choices, or a cut-off stream.
    """


class StoreError(SchemaGuardError):
    """Error for a store that schema_guard can't open, read, or write."""


class MissingExtra(SchemaGuardError, ImportError):
    """Error for a feature whose packages aren't installed. The message contains the `pip` command for the packages."""


class MissingPart(MissingExtra):
    """A feature needs an optional part of schema_guard that this installation lacks."""


def missing_extra(what: str, package: str, extra: str) -> MissingExtra:
    """Return the error for a feature whose package is not installed.

    Args:
        what: The feature, as its user named it: `"model 'local'"`.
        package: The package that could not be imported.
        extra: The extra of schema-guard that brings it.
    """
    return MissingExtra(f"{what} needs {package}. Run pip install 'schema-guard[{extra}]'")


# A bound that is a text would be compiled. At the first text, the interpreter builds the types of its syntax tree. That
# takes 4% of the time of a first call.
E = TypeVar("E", bound=SchemaGuardError)


def _revive(kind: type[E], args: tuple[Any, ...]) -> E:
    """Rebuild an error from its pickle, which sets the attributes and notes afterward."""
    return kind.__new__(kind, *args)
