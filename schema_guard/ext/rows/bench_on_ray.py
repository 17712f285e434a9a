# SPDX-License-Identifier: Apache-2.0
"""A benchmark whose requests are sent by the workers of a Ray cluster.

Rules:
1. Only requests leave this process. It validates, records, and counts the replies, as in a run without Ray.
2. If a worker dies, each of its requests is sent again from a process of its own. So a request that kills its worker
   takes no other request with it. After several deaths, the call is lost.

The request of a dead worker can be paid for twice, but it is counted once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from functools import partial
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any

from schema_guard.bench.run.journal_model import ask_once
from schema_guard.bench.run.runner import RunSettings, run
from schema_guard.errors import InvalidArgument
from schema_guard.ext.rows.cluster import connected, pickled, ray_module
from schema_guard.models import connect
from schema_guard.models.interface import Closing, details_of
from schema_guard.text import clip
from schema_guard.values import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.bench.run.journal import Journal
    from schema_guard.bench.run.plan import RunPlan
    from schema_guard.bench.run.runner import OnCall
    from schema_guard.bench.run.scored_call import Run
    from schema_guard.models import Model
    from schema_guard.records import Store

# One worker with other requests, and three processes without any.
_MOST_DEATHS = 4


def executor(address: str | None, names: Mapping[str, str], *, retries: int) -> Callable[..., Run]:
    """Return a function that runs a plan on Ray, as `bench.run.runner.run` does here.

    Args:
        address: `ray://HOST:PORT`. None uses the cluster of the environment, or starts one on this machine.
        names: Name of each model -> the name that `connect` takes.
        retries: How many times a model's client repeats a request.

    Raises:
        MissingExtra: Ray is not installed.
    """
    ray_module(f"executor {address or 'ray'!r}")
    return partial(run_on_ray, names=names, address=address, retries=retries)


def run_on_ray(  # noqa: PLR0913 - a public entry point; arguments with a default are keyword-only
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
    """Make the calls of a plan on a Ray cluster, with the same result as `runner.run`.

    There is a worker for each CPU of the cluster, and each worker sends `settings.concurrency` requests at once.
    Workers need schema-guard, and the keys of the models in their own environment.

    Args:
        plan: The calls to make.
        models: Name -> model, for every model of the plan's variants. They are closed at the end.
        names: Name -> argument of `connect`, for models with connections. Each worker connects its own. A model without
            a name here is sent to the workers as it is.
        address: Address of the cluster: `"ray://HOST:PORT"`, `"HOST:PORT"`, or `"auto"`. None uses the connection of
            this process. Without one, it uses the cluster in $RAY_ADDRESS, or starts a cluster on this machine for this
            run.
        store: As in `run`.
        journal: As in `run`.
        settings: As in `run`.
        on_call: As in `run`.
        retries: Number of times that a connected model repeats a request, as in `connect(max_retries=...)`.

    Raises:
        MissingExtra: Ray is not installed.
        InvalidArgument: As in `run`. Also, the cluster can't be reached, or a model can't be sent to workers.
    """
    ray = ray_module("executor 'ray'")
    settings, names = settings or RunSettings(), names or {}
    with connected(ray, address):
        sources = {
            name: partial(connect, names[name], provider=model.provider, max_retries=retries)
            if name in names
            else pickled(f"model {name!r}", model)
            for name, model in models.items()
        }
        count = min(max(1, int(ray.cluster_resources().get("CPU", 1))), max(1, plan.calls))
        at_once = settings.concurrency * len(models)
        actor = ray.remote(num_cpus=1, max_restarts=-1, max_concurrency=at_once)(_Worker)
        workers = [actor.remote(sources) for _ in range(count)]
        remote: dict[str, Any] = {
            name: _RemoteModel(name, model, workers * settings.concurrency, sources[name])
            for name, model in models.items()
        }
        wide = replace(settings, concurrency=settings.concurrency * count)
        try:
            return run(plan, remote, store=store, journal=journal, settings=wide, on_call=on_call)
        finally:
            for worker in workers:
                ray.kill(worker)


class _RemoteModel(Closing):
    """A model whose requests are sent by workers. All its other properties are those of the model here."""

    def __init__(self, name: str, model: Model, workers: list[Any], source: Any) -> None:
        self._name = name
        self._model = model
        # Each worker is in the queue once for each of its concurrent requests.
        self._free = deque(workers)
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    async def aclose(self) -> None:
        """Close the model here."""
        await self._model.aclose()

    async def areply(self, prompt: Any, *, options: Mapping[str, Any] | None = None) -> Reply:
        """Send a request through a worker.

        Raises:
            InvalidArgument: The model doesn't support the request, or no worker can have the model.
        """
        ray = import_module("ray")
        failed = ray.exceptions
        worker = self._free.popleft()
        answer: Reply | str
        try:
            answer = await _result(worker.reply.remote(self._name, prompt, options))
        except failed.RayActorError:
            answer = await self._reply_alone(ray, prompt, options)
        except failed.RayTaskError as error:
            raise _worker_failed(error) from error
        finally:
            self._free.append(worker)
        if isinstance(answer, str):
            raise InvalidArgument(answer)
        return answer

    async def _reply_alone(self, ray: Any, prompt: Any, options: Any) -> Reply | str:
        """Send a request through a process that has no other one."""
        send = ray.remote(num_cpus=0, max_retries=_MOST_DEATHS - 2)(_reply_alone)
        try:
            answer: Reply | str = await _result(send.remote(self._source, prompt, options))
        except ray.exceptions.RayTaskError as error:
            raise _worker_failed(error) from error
        except ray.exceptions.RayError as error:
            words = f"{type(error).__name__}: {_MOST_DEATHS} workers died one after the other while they made this call"
            return Reply(failure=Failure("transport", "call_raised", words))
        return answer


def _worker_failed(error: Any) -> InvalidArgument:
    return InvalidArgument(
        f"a Ray worker can't send requests: {clip(repr(error.cause), 200)}. Install the same packages on all machines"
    )


async def _result(reference: Any) -> Any:
    # Not awaited directly, because references of Ray's client can't be.
    return await asyncio.wrap_future(reference.future())


# In the workers.


class _Worker:
    """A process of the cluster that sends requests, several at once."""

    def __init__(self, sources: Mapping[str, Any]) -> None:
        self._models = {name: _model(source) for name, source in sources.items()}

    async def reply(self, name: str, prompt: Any, options: Any) -> Reply | str:
        """Send a request to a model."""
        return await _reply(self._models[name], prompt, options)


def _reply_alone(source: Any, prompt: Any, options: Any) -> Reply | str:
    async def reply() -> Reply | str:
        async with _model(source) as model:
            return await _reply(model, prompt, options)

    return asyncio.run(reply())


def _model(source: Any) -> Model:
    model: Model = import_module("ray").cloudpickle.loads(source) if isinstance(source, bytes) else source()
    return model


async def _reply(model: Model, prompt: Any, options: Any) -> Reply | str:
    """Return the reply with its time, or the text of an InvalidArgument, because not every exception can be sent."""
    started = perf_counter()
    try:
        reply = await ask_once(details_of(model).areply, prompt, options)
    except InvalidArgument as error:
        return str(error)
    return reply._replace(elapsed_s=perf_counter() - started)
