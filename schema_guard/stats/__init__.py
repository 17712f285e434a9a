# SPDX-License-Identifier: Apache-2.0
"""Failure rates with bounds that stay valid however often you check them, and the decisions based on them.

`rates`: one failure rate. `rate`: a displayed rate. `paired`: two configurations on the same inputs. `many`: many
comparisons at once. `retries`: the effect of retries. `drift`: has a rate risen above a given one? `changes`: when did
it rise or fall? `growth`: has it been growing since then? `cycles`: does it follow the week? `bursts`: do failures come
in bursts? `means`: values between 0 and 1. `gaps`: differences between -1 and 1. `one_look`: intervals of a finished
batch, for display.

The functions take and return plain numbers. They use no store, clock, or randomness, only the standard library.
"""

from schema_guard.stats.bursts import Bursts, bursts_of
from schema_guard.stats.changes import Change, changes
from schema_guard.stats.cycles import WeekCounts, WeekPart, week_parts
from schema_guard.stats.drift import Drift, packed, unpacked
from schema_guard.stats.gaps import gap_bounds
from schema_guard.stats.growth import growing_since
from schema_guard.stats.many import e_bh
from schema_guard.stats.means import mean_bounds
from schema_guard.stats.one_look import clopper_pearson
from schema_guard.stats.paired import Paired, paired
from schema_guard.stats.rate import Rate
from schema_guard.stats.rates import Bounds, bounds, calls_needed, e_value, log_e_value
from schema_guard.stats.retries import Hazards, retry_hazards

__all__ = [
    "Bounds",
    "Bursts",
    "Change",
    "Drift",
    "Hazards",
    "Paired",
    "Rate",
    "WeekCounts",
    "WeekPart",
    "bounds",
    "bursts_of",
    "calls_needed",
    "changes",
    "clopper_pearson",
    "e_bh",
    "e_value",
    "gap_bounds",
    "growing_since",
    "log_e_value",
    "mean_bounds",
    "packed",
    "paired",
    "retry_hazards",
    "unpacked",
    "week_parts",
]
