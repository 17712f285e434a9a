# SPDX-License-Identifier: Apache-2.0
"""The user's checks: functions that accept or reject a valid value.

None and True accept the value. False and a message reject it. Any other result is an error of the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption
from schema_guard.text import clip, safe
from schema_guard.values import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Check: TypeAlias = Callable[[Any], str | bool | None]


def refusal_of_checks(value: Any, checks: Sequence[Check]) -> Failure | None:
    """Return the failure of the first check that rejects a value. None if all accept it."""
    for check in checks:
        failure = _refused_by(check, value)
        if failure is not None:
            return failure
    return None


def _refused_by(check: Check, value: Any) -> Failure | None:
    name = _name_of(check)
    try:
        result = check(value)
    except Exception as error:
        if is_interruption(error):
            raise
        # A check that raises rejects the value. The message contains the exception.
        result = f"raised {type(error).__name__}: {error}"
    if result is None or result is True:
        return None
    if result is False:
        result = f"failed the check {_condition(check)}"
    elif not isinstance(result, str):
        raise InvalidArgument(f"checks: {_wrong_result(check, result)}")
    return Failure("semantic", name, clip(result, 300))


def _name_of(check: Check) -> str:
    return getattr(check, "__name__", type(check).__name__)


def _condition(check: Check) -> str:
    """Return the name of a check, or the expression of a lambda (only its first line if it has several)."""
    name, code = _name_of(check), getattr(getattr(check, "__wrapped__", check), "__code__", None)
    if name != "<lambda>" or code is None:
        return name
    from linecache import getline  # needed only for a lambda that fails

    spans = [span for span in code.co_positions() if None not in span and span[2] != span[3]]
    if not spans:
        return name
    number = min(span[0] for span in spans)
    start = min(span[2] for span in spans if span[0] == number)
    end = max((span[3] for span in spans if span[1] == number), default=None)
    # The columns count bytes.
    expression = getline(code.co_filename, number).encode()[start:end].decode("utf-8", "replace")
    return safe(expression.strip()) or name


def _wrong_result(check: Check, result: object) -> str:
    if hasattr(result, "cr_frame"):
        result.close()  # type: ignore[attr-defined]
    kind = type(result).__name__
    return f"{safe(_name_of(check))} returned {kind}: expected None, True, False, or a str that describes the fault"


def observed_check(check: Check) -> Check:
    """Return a check that reports a result of the wrong type as a fault, because observing must not raise."""

    def observed(value: Any) -> str | bool | None:
        result: Any = check(value)
        return result if result is None or isinstance(result, (bool, str)) else _wrong_result(check, result)

    observed.__name__, observed.__wrapped__ = _name_of(check), check  # type: ignore[attr-defined]
    return observed
