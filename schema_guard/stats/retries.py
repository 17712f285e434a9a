# SPDX-License-Identifier: Apache-2.0
"""The effect of retries: how often each attempt fails, and how many calls are left without a valid value.

Rules: recorded attempts are counted, never modelled. A failed attempt without a retry left its call without a valid
value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.stats.checks import count, pair, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Hazards:
    """The failure rates of the attempts of one configuration, as fractions.

    Attributes:
        hazards: Failure rate of each attempt, among the calls that reached the attempt, or None if no call reached the
            attempt.
        rho: Correlation between the attempts of one call. If the correlation is 0, the attempts fail independently. If
            the correlation is 1, a call that fails once always fails. If the correlation is below 0, the correction in
            the retry helps. The value is None if there is no second attempt, or if the first attempt always failed.
        geometric: Failure rate of the calls if all attempts failed independently, each as often as the first attempt.
            Compare this rate with `residual`. None without calls.
        residual: Share of the calls that have no valid attempt. None without calls.
        mean_attempts: Mean number of attempts per call. None without calls.
    """

    hazards: tuple[float | None, ...]
    rho: float | None
    geometric: float | None
    residual: float | None
    mean_attempts: float | None


def retry_hazards(attempts: Iterable[Sequence[float]]) -> Hazards:
    """Return the failure rate of each attempt, and the share of calls in which all attempts fail.

    Calls that ended early, such as refusals, count as failed. Without such calls, the residual is the product of the
    hazards f_1, f_2, and so on. In this case, the mean number of attempts is 1 + f_1 + f_1 f_2 + ...

    Args:
        attempts: A pair for each attempt: the number of calls that reached the attempt, and the number of calls in
            which the attempt failed. The number of calls that reached an attempt is at most the number of calls in
            which the previous attempt failed.

    Raises:
        InvalidArgument: A pair is invalid, or its counts are inconsistent.

    Source: the failure rate of attempt j is f_j = k_j / n_j. The correlation between two attempts of one call is rho =
    (f_2 - f_1) / (1 - f_1), if the failure rates of calls have a beta distribution. See Griffiths (1973), Biometrics
    29(4):637-648. The results `hazards`, `residual`, and `mean_attempts` need no assumption.

    >>> retry_hazards([(1000, 100), (100, 60), (60, 45)])
    Hazards(hazards=(0.1, 0.6, 0.75), rho=0.555..., geometric=0.001..., residual=0.045, mean_attempts=1.16)
    """
    reached, failed = _chain(attempts)
    hazards = tuple(k / n if n else None for n, k in zip(reached, failed, strict=True))
    first = hazards[0] if hazards else None
    if first is None:
        return Hazards(hazards, None, None, None, None)
    given_up = [k - n for k, n in zip(failed, [*reached[1:], 0], strict=True)]
    return Hazards(
        hazards=hazards,
        rho=_rho(hazards),
        geometric=first ** len(hazards),
        residual=sum(given_up) / reached[0],
        mean_attempts=sum(reached) / reached[0],
    )


def _rho(hazards: tuple[float | None, ...]) -> float | None:
    """Return (f_2 - f_1) / (1 - f_1), or None if f_1 or f_2 is missing or f_1 is 1."""
    first, second, *_ = (*hazards, None)
    if first is None or second is None or first == 1:
        return None
    return (second - first) / (1 - first)


def _chain(attempts: Iterable[Sequence[float]]) -> tuple[list[int], list[float]]:
    """Return the calls that reached each attempt and those that failed in it, or raise InvalidArgument."""
    reached: list[int] = []
    failed: list[float] = []
    for index, attempt in enumerate(attempts):
        number = index + 1
        n, k = pair(f"attempts[{index}]", attempt, "the calls that reached it and those in which it failed")
        n = count(f"n_{number}", n, f"the calls that reached attempt {number}")
        if failed and n > failed[-1]:
            raise InvalidArgument(
                f"n_{number}={n}: expected at most k_{index}={failed[-1]:g}, because only failed calls are retried"
            )
        failed.append(part(f"k_{number}", k, n, f"the calls in which attempt {number} failed"))
        reached.append(n)
    return reached, failed
