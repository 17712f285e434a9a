# SPDX-License-Identifier: Apache-2.0
"""The executor of `bench run --executor ray`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from schema_guard.ext.rows.bench_on_ray.cluster import ray_module
from schema_guard.ext.rows.bench_on_ray.executor import run_on_ray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.bench.run.scored_call import Run

__all__ = ["executor"]


def executor(address: str | None, names: Mapping[str, str], *, retries: int) -> Callable[..., Run]:
    """Return a function that runs a plan on Ray, as `bench.run.runner.run` runs it here.

    Args:
        address: `ray://HOST:PORT`. None uses the cluster of the environment, or starts one on this machine.
        names: Name of each model -> the name that `connect` takes.
        retries: How many times a model's client repeats a request.

    Raises:
        MissingExtra: Ray is not installed.
    """
    ray_module(f"executor {address or 'ray'!r}")
    return partial(run_on_ray, names=names, address=address, retries=retries)
