# SPDX-License-Identifier: Apache-2.0
"""What retrying does: how often each attempt fails, and what that leaves.

Rules: what is recorded is counted, never modelled; a failed attempt that no other followed left its call
without a valid value. A model is used only for attempts that nobody made, and its name says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, prod
from numbers import Integral
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.stats.checks import count, fraction, pair, part, share
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Hazards:
    """Failure rates of the attempts of one configuration, as fractions.

    Attributes:
        hazards: Failure rate of each attempt, among the calls that reached the attempt. None if no call reached the
            attempt.
        rho: Correlation of the attempts of one call. At 0, the attempts fail independently. At 1, a call that fails
            once always fails. Below 0, the correction helps. None if there is no second attempt, or if the first
            attempt always failed.
        geometric: Failure rate if all attempts failed independently, each as often as the first. Compare this rate with
            `residual`. None without calls.
        residual: Share of the calls without a valid attempt. None without calls.
        mean_attempts: Mean number of attempts per call. None without calls.
    """

    hazards: tuple[float | None, ...]
    rho: float | None
    geometric: float | None
    residual: float | None
    mean_attempts: float | None


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """A model's estimate for attempts that were not recorded. This estimate is never a measurement.

    Attributes:
        size: Parameter M of the model, in pseudo-attempts. At 0, a call always or never fails. At inf, all calls fail alike.
        hazards: Failure rates of attempt 1, 2, and so on. The first two rates are the arguments.
        residual: Share of the calls that would have no valid attempt.
    """

    size: float
    hazards: tuple[float, ...]
    residual: float


def retry_hazards(attempts: Iterable[Sequence[float]]) -> Hazards:
    """Return the failure rate of each attempt, and the share of calls in which all attempts fail.

    Calls that ended early, such as refusals, count as failed. Without such calls, the residual is the product of the
    hazards, and the mean number of attempts is 1 + f_1 + f_1 f_2 + ...

    Args:
        attempts: A pair for each attempt: the number of calls that reached the attempt, and the number of calls in
            which it failed. At most as many calls reach an attempt as failed in the previous one.

    Raises:
        InvalidArgument: A pair is invalid, or its counts are inconsistent.

    Source: f_j = k_j / n_j. rho = (f_2 - f_1) / (1 - f_1) is the correlation of two attempts of one call, if the
    failure rates of calls come from a beta distribution. See Griffiths (1973), Biometrics 29(4):637-648. Only
    `geometric` needs an assumption.

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


def extrapolate_retries(f1: float, f2: float, *, attempts: int = 3) -> Extrapolation | None:
    """Extrapolate the failure rates of two attempts to attempts that were not recorded.

    Use the result only for planning, and present it as a model. The model assumes that each call has its own failure
    rate from one beta distribution, and that a retry learns nothing from a failed attempt.

    Args:
        f1: Failure rate of the first attempt, in (0, 1).
        f2: Failure rate of the second attempt, among the calls whose first attempt failed, in [0, 1].
        attempts: Number of attempts, at least 2.

    Returns:
        The rates from the model. None if f2 < f1, because the model can't describe a second attempt that is better.

    Raises:
        InvalidArgument: A rate or the number of attempts is out of its range.

    Source: Skellam (1948), JRSS B 10(2):257-261. With mean f1 and size M, f_j = (f1 M + j - 1) / (M + j - 1). M
        follows from f2.

    >>> extrapolate_retries(0.1, 0.6)
    Extrapolation(size=0.8..., hazards=(0.1, 0.6, 0.742...), residual=0.0445...)
    """
    f1, f2 = fraction("f1", f1), share("f2", f2)
    if not isinstance(attempts, Integral) or attempts < 2:  # the model starts from two
        raise InvalidArgument(f"attempts={clip(repr(attempts))}: expected an int >= 2")
    if f2 < f1:
        return None
    # One over M, which is finite where M is not.
    spread = (f2 - f1) / (1 - f2) if f2 < 1 else inf
    later = (_beta_hazard(f1, spread, earlier) for earlier in range(2, attempts))
    hazards = (f1, f2, *later)
    return Extrapolation(1 / spread if spread else inf, hazards, prod(hazards))


def _beta_hazard(mean: float, spread: float, earlier: int) -> float:
    """Return the failure rate after so many failures; *spread* is 1/M."""
    return 1.0 if spread == inf else (mean + earlier * spread) / (1 + earlier * spread)


def _rho(hazards: tuple[float | None, ...]) -> float | None:
    """Give (f_2 - f_1) / (1 - f_1), None where nothing can be said."""
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
