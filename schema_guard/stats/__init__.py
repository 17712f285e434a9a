# SPDX-License-Identifier: Apache-2.0
"""Failure rates with bounds that hold however often one looks at them, and what is decided with them.

`rates`: one failure rate. `rate`: a rate as it is shown. `paired`: two configurations on the same inputs.
`many`: many schemas. `retries`: what retrying does. `drift`: has a rate risen above one that is given?
`changes`: when did it rise or fall? `growth`: has it been growing since then? `cycles`: does it follow the week? `bursts`: do failures come in bursts? `means`: values between 0
and 1. `gaps`: differences between -1 and 1. `one_look`: intervals for display, of a finished batch. Pure
numbers in, pure numbers out: no store, no clock, no randomness, nothing but the standard library.
"""

from schema_guard.stats.bursts import Bursts, bursts_of
from schema_guard.stats.changes import Change, changes
from schema_guard.stats.cycles import WeekCounts, WeekPart, week_parts
from schema_guard.stats.drift import Drift, first_alarm, packed, unpacked
from schema_guard.stats.gaps import gap_bounds
from schema_guard.stats.growth import growing_since
from schema_guard.stats.many import Shrinkage, Shrunk, e_bh, shrink_rates
from schema_guard.stats.means import mean_bounds
from schema_guard.stats.one_look import clopper_pearson, jeffreys, wilson
from schema_guard.stats.paired import Paired, paired, pairs_needed
from schema_guard.stats.rate import Rate
from schema_guard.stats.rates import Bounds, bounds, calls_needed, e_value, log_e_value
from schema_guard.stats.retries import Extrapolation, Hazards, extrapolate_retries, retry_hazards

__all__ = [
    "Bounds",
    "Bursts",
    "Change",
    "Drift",
    "Extrapolation",
    "Hazards",
    "Paired",
    "Rate",
    "Shrinkage",
    "Shrunk",
    "WeekCounts",
    "WeekPart",
    "bounds",
    "bursts_of",
    "calls_needed",
    "changes",
    "clopper_pearson",
    "e_bh",
    "e_value",
    "extrapolate_retries",
    "first_alarm",
    "gap_bounds",
    "growing_since",
    "jeffreys",
    "log_e_value",
    "mean_bounds",
    "packed",
    "paired",
    "pairs_needed",
    "retry_hazards",
    "shrink_rates",
    "unpacked",
    "week_parts",
    "wilson",
]
