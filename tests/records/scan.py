"""Counts of stored attempts that use no roll-up."""

from collections import defaultdict

from schema_guard.records.counts.calls import whole_calls
from schema_guard.records.counts.rollups import rolled_up
from schema_guard.records.counts.tallies import counted


def scanned(pages):
    """Return the counts of attempts. They have no `id`."""
    hours = {}
    for rows in whole_calls(pages):
        for key, rolled in rolled_up(rows).items():
            if key in hours:
                hours[key].add(rolled)
            else:
                hours[key] = rolled
    by_configuration = defaultdict(list)
    for (configuration, _), rolled in hours.items():
        by_configuration[configuration].append(rolled)
    order = sorted(by_configuration.items(), key=lambda item: min(rolled.first_id for rolled in item[1]))
    return [counted(None, configuration, several, 0) for configuration, several in order]
