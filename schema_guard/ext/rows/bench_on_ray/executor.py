# SPDX-License-Identifier: Apache-2.0
"""The benchmark's run on the workers of a Ray cluster: they ask the models, this process does all the rest.

Rules:
1. Only this process writes the journal and the store. A worker gives every reply as a row of the journal as soon as
   it is there, and says when a call is finished; the call is then made here again from its replies, so that it is
   judged, recorded, counted and told once, by the code of a run without Ray.
2. Ray repeats nothing by itself. When a worker dies, its replies that came are kept, and what is missing of its
   shard is asked for again call by call: a call that kills its worker takes no other one with it. A call whose
   workers died several times is lost.
3. What may end a run early (an interrupt, a budget, a target, a model that only raises) is looked at between shards.

What a dead worker was asking for at that moment may be asked and paid for twice; it is kept, recorded and counted
once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from schema_guard.bench.run.concurrency import ran_to_end
from schema_guard.bench.run.runner import INTERRUPTED, Calls, RunSettings
from schema_guard.ext.rows.bench_on_ray.cluster import connected, pickled, ray_module
from schema_guard.ext.rows.bench_on_ray.connection import Direct, Relayed
from schema_guard.ext.rows.bench_on_ray.shards import Shards
from schema_guard.ext.rows.bench_on_ray.workers import Job, NamedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.bench.run.journal import Journal
    from schema_guard.bench.run.plan import RunPlan
    from schema_guard.bench.run.runner import OnCall
    from schema_guard.bench.run.scored_call import Run
    from schema_guard.models import Model
    from schema_guard.records import Store

__all__ = ["executor", "run_on_ray"]


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


def run_on_ray(  # noqa: PLR0913 - a public entry point; what has a default is keyword-only
    plan: RunPlan,
    models: Mapping[str, Model],
    *,
    names: Mapping[str, str] | None = None,
    address: str | None = None,
    store: Store | None = None,
    journal: Journal | None = None,
    settings: RunSettings | None = None,
    on_call: OnCall = lambda _: None,
    retries: int = 0,
) -> Run:
    """Make the calls of a plan on a Ray cluster; with the same meaning as `runner.run`.

    `settings.concurrency` is the calls at once in each worker; there are as many workers as the cluster has CPUs.
    `settings.calls_per_minute` is shared out evenly over them. Workers need schema-guard, and the keys of the models
    in their own environment.

    Args:
        plan: What to ask.
        models: Name -> whom to ask, for every model of the plan's variants; they are closed at the end.
        names: Name -> what `connect` takes, for models that hold connections: each worker connects its own. A model
            that is not there is sent to the workers as it is.
        address: Of the cluster: `"ray://HOST:PORT"`, `"HOST:PORT"` or `"auto"`. None takes the connection that this
            process has, else the cluster that $RAY_ADDRESS names, else starts one on this machine for this run.
        store: Where attempts are recorded; None for nowhere.
        journal: The replies that are there already, and where new ones are kept; None keeps none.
        settings: How to carry it out.
        on_call: Is told of each finished call, in the order in which they finish.
        retries: Requests that a connected model repeats by itself, as `connect(max_retries=...)`.

    Raises:
        MissingExtra: Ray is not installed.
        InvalidArgument: As `run` says; or the cluster cannot be reached, or a model cannot be sent to workers.
    """
    ray = ray_module("executor 'ray'")
    settings = settings or RunSettings()
    with connected(ray, address):
        workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
        job = Job(plan, _sent(models, names or {}), retries, _for_workers(settings, workers))
        calls = Calls(
            plan, models, store=store, journal=journal, settings=settings, on_call=on_call, is_offline=True
        )
        kind = Relayed if import_module("ray.util.client").ray.is_connected() else Direct
        if not ran_to_end(Shards(calls, kind(ray, ray.put(job)), workers).make()):
            calls.stop(INTERRUPTED)
    return calls.result()


def _sent(models: Mapping[str, Model], names: Mapping[str, str]) -> dict[str, NamedModel | bytes]:
    """Return what workers make their models of: names, and pickles of those that have none."""
    sent: dict[str, NamedModel | bytes] = {}
    for name, model in models.items():
        named = name in names
        sent[name] = NamedModel(names[name], model.provider) if named else pickled(f"model {name!r}", model)
    return sent


def _for_workers(settings: RunSettings, workers: int) -> RunSettings:
    """Return the settings of one worker; what ends a run early is not its business."""
    a_minute = settings.calls_per_minute
    return replace(
        settings,
        calls_per_minute=None if a_minute is None else a_minute / workers,
        max_cost=None,
        max_time_s=None,
        target=None,
        prices={},
    )
