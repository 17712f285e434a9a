# SPDX-License-Identifier: Apache-2.0
"""What `bench run --executor ray` carries out a plan with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from schema_guard.ext.rows.bench_on_ray.cluster import ray_module
from schema_guard.ext.rows.bench_on_ray.executor import run_on_ray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.bench.run.scored import Run

__all__ = ["executor"]


def executor(address: str | None, names: Mapping[str, str], *, retries: int) -> Callable[..., Run]:
    """Give what carries out a plan on Ray, as `bench.run.runner.run` does here.

    Args:
        address: `ray://HOST:PORT`; None starts a cluster on this machine, or takes the one that is named by the environment.
        names: The models by their names, as `connect` takes them.
        retries: How often a model's client repeats a request.

    Raises:
        MissingExtra: Ray is not installed.
    """
    ray_module(f"executor {address or 'ray'!r}")
    return partial(run_on_ray, names=names, address=address, retries=retries)
