# SPDX-License-Identifier: Apache-2.0
"""What a rollout knows when a process starts: the calls of the tuned model that the store holds, shadows among them.

Rules: only calls of the same configuration count: another model, version, strategy or setting starts anew. What cannot be
read is said once, and the rollout starts with nothing, which is its smallest share.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from schema_guard.interruptions import is_interruption
from schema_guard.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.preparing.prepare import Prepared
    from schema_guard.records import ConfigurationCounts

__all__ = ["SHADOW", "stored_counts"]

SHADOW = "shadow:route:tuned:"
"""How the functions of shadows are called, before the name of the function: they are trials of it, and no traffic."""

_logger = logging.getLogger("schema_guard")


def stored_counts(store: Any, tuned: Prepared) -> tuple[tuple[int, int], tuple[int, float]]:
    """Give the judged calls of a tuned model that a store holds, and its inputs, each with what failed of it.

    An input counts once, as failed by the share of its calls that failed.

    Args:
        store: Of the function; whatever is no store of ours holds none.
        tuned: The function of the tuned model, under the name by which it is recorded.
    """
    if not isinstance(store, Store):
        return (0, 0), (0, 0)
    try:
        rows = list(_same(store, tuned))
    except Exception as error:
        if is_interruption(error):
            raise
        _logger.warning(
            "%s: what is recorded of the tuned model cannot be read (%s): the rollout starts with nothing",
            tuned.name,
            type(error).__name__,
        )
        return (0, 0), (0, 0)
    shapes = [
        shape
        for row in rows
        for shape in row.clusters or ((1, 1, row.failed), (1, 0, row.calls - row.failed))
    ]
    inputs = sum(many for _, _, many in shapes), sum(many * k / n for n, k, many in shapes)
    return (sum(row.calls for row in rows), sum(row.failed for row in rows)), inputs


def _same(store: Store, tuned: Prepared) -> Iterator[ConfigurationCounts]:
    _, _, fingerprint, model, _, strategies, settings = tuned.configuration
    version = tuned.version.text or tuned.version.compute()
    for name in (tuned.name, SHADOW + tuned.name):
        for row in store.configurations(schema=fingerprint, function=name):
            is_model = model is None or row.model == model
            if (
                row.tuned
                and is_model
                and (row.strategies, row.settings, row.version)
                == (
                    strategies,
                    settings,
                    version,
                )
            ):
                yield row
