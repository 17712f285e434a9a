# SPDX-License-Identifier: Apache-2.0
"""`tune`: from a training set to a tuned model, at a host or here."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.options import argument, option, print_json, shared, takes
from schema_guard.cli.shared.progress import one_bar
from schema_guard.ext.tuning.jobs.hosts import HOSTS, checked_url, connect_host
from schema_guard.ext.tuning.jobs.plan import plan_job
from schema_guard.ext.tuning.jobs.remote import HostError
from schema_guard.ext.tuning.jobs.rows import read_set
from schema_guard.ext.tuning.jobs.run import START, Following, HostTuning
from schema_guard.ext.tuning.jobs.state import (
    JobHeld,
    TuningJob,
    digests,
    held,
    load_job,
    new_mark,
    save_job,
)
from schema_guard.ext.tuning.jobs.told import job_as_json, job_lines
from schema_guard.ext.tuning.local.plan import LoraSettings, plan_training
from schema_guard.ext.tuning.local.training import train
from schema_guard.ext.tuning.tuned_model import JOB_FILE
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schema_guard.ext.tuning.jobs.rows import TrainingRows
    from schema_guard.ext.tuning.local.plan import TrainPlan
    from schema_guard.ext.tuning.local.training import TrainStep

LOCAL = "local"
_ASKED = "Tune it?"


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """What is tuned where, and whether that is agreed to."""

    directory: str = argument(metavar="DIR", type=click.Path(exists=True, file_okay=False))
    backend: str | None = option(
        type=click.Choice([LOCAL, *HOSTS]), help="Who tunes. Needed once: then DIR/job.json has it."
    )
    base: str | None = option(
        metavar="MODEL",
        help="What is tuned, as the host names it. Needed once; not here, where there is one model.",
    )
    url: str | None = option(
        metavar="URL", help="Where the host is, for one that is not where it is by itself."
    )
    epochs: int | None = option(
        type=click.IntRange(min=1),
        metavar="N",
        help="How often it goes over the rows. Else as the host likes.",
    )
    seed: int | None = option(type=int, metavar="N", help="Of the host's, where it takes one.")
    price: float | None = option(
        type=click.FloatRange(min=0), metavar="DOLLARS", help="What a million training tokens cost you."
    )
    prices: str | None = option(
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="Prices of tuning, in place of the dated ones that come with the library.",
    )
    ask_dates: bool = option(
        is_flag=True, help="Ask the host's list of models for the base model's last day."
    )
    served_as: str | None = option(
        metavar="NAME", help="What the tuned model is called where it answers, such as its deployment."
    )
    yes: bool = option(is_flag=True, help="Begin without a question, as where there is no terminal.")
    again: bool = option(is_flag=True, help="Begin a new job, in place of one that has ended.")
    status: bool = option(is_flag=True, help="Only say how far it is.")
    cancel: bool = option(is_flag=True, help="End the job.")

    def check(self) -> None:
        """Refuse options that say two things."""
        ways = [name for name in ("status", "cancel", "again") if getattr(self, name)]
        if len(ways) > 1:
            raise click.UsageError(f"--{' and --'.join(ways)} say different things: give one of them")

    def fits(self, job: TuningJob) -> None:
        """Refuse what is not so of the job that is there."""
        known_of = {**job.cost, "backend": job.backend, "base": job.base, "url": job.url}
        for name in ("backend", "base", "url", "epochs", "seed", "price"):
            given, known = getattr(self, name), known_of.get(name)
            if given is not None and given != known:
                raise click.UsageError(
                    f"--{name} {safe(str(given))}: the job in {JOB_FILE} has {safe(str(known))}: leave it out to go on, "
                    "or begin a new one with --again"
                )


@click.command("tune")
@takes(asked=TuneOptions)
@shared("format", "debug")
def command(asked: TuneOptions, form: str) -> int:
    """Tune a model on the training set in DIR, at a host or here, and say what to do with it.

    Says first how many rows and tokens that is, what it costs, and the last days of the model; asks before anything is
    uploaded. How far it is stands in DIR/job.json: the same command goes on where it was, and uploads and begins
    nothing twice. Ctrl-C leaves the job running. Exits 0 where there is a tuned model, 1 where the job failed or was
    cancelled, 2 where nothing was begun or it still runs; --status of one that runs exits 0.

    \b
    schema-guard tune orders --backend local
    schema-guard tune orders --backend openai --base MODEL --epochs 3
    schema-guard tune orders --backend openai-compatible --url http://127.0.0.1:8000/v1 --base MODEL --yes
    schema-guard tune orders
    schema-guard tune orders --status
    """
    asked.check()
    directory = Path(asked.directory)
    job = _here(asked, directory) if _is_here(asked, directory) else _there(asked, directory)
    if form == "json":
        print_json(job_as_json(directory, job))
    else:
        print(*map(safe, job_lines(directory, job)), sep="\n")
    return 1 if job.status in ("failed", "cancelled") else 0 if job.result is not None or asked.status else 2


def _is_here(asked: TuneOptions, directory: Path) -> bool:
    known = load_job(directory)
    backend = asked.backend if asked.backend is not None or known is None else known.backend
    return backend == LOCAL


def _there(asked: TuneOptions, directory: Path) -> TuningJob:
    """Do what is asked of a job at a host, which nobody else does meanwhile."""
    try:
        with held(directory):
            job = load_job(directory)
            if job is not None and not asked.again:
                asked.fits(job)
            return _done(asked, directory, job)
    except JobHeld:
        # Who follows it writes down what it sees.
        seen = load_job(directory) if asked.status else None
        if seen is None:
            raise
        return seen


def _here(asked: TuneOptions, directory: Path) -> TuningJob:
    """Do what is asked of a job on this machine: it is trained by this command, and ends with it."""
    job = load_job(directory)
    given = [name for name in ("url", "price", "prices", "served_as") if getattr(asked, name) is not None]
    if given or asked.cancel:
        flag = "cancel" if asked.cancel else given[0].replace("_", "-")
        raise click.UsageError(
            f"--{flag}: a training on this machine has none: it ends with its command, by Ctrl-C"
        )
    if job is not None and not asked.again:
        asked.fits(job)
        if asked.status or job.status == "succeeded":
            return job
    if asked.again and job is not None and job.backend != LOCAL:
        _check_ended(job)
    if asked.status:
        raise click.UsageError(f"{safe(str(directory))} has no {JOB_FILE}: nothing was tuned")
    settings = LoraSettings(epochs=asked.epochs, seed=asked.seed or 0)
    plan = plan_training(directory, settings=settings)
    if asked.base not in (None, plan.base):
        raise click.UsageError(
            f"--base {safe(str(asked.base))}: this machine tunes {plan.base}: leave it out"
        )
    _say(_plan_lines(plan))
    _agree(asked, "a model would be trained here")
    try:
        with one_bar() as on_step:
            train(directory, settings=settings, on_step=lambda step: _stepped(on_step, step), report=_say_one)
    except KeyboardInterrupt:
        _say(["interrupted: the same command goes on from its last checkpoint"])
    ended = load_job(directory)
    assert ended is not None
    return ended


def _stepped(on_step: Callable[[str, int, int | None], None], step: TrainStep) -> None:
    on_step(f"steps, loss {step.loss:.3f}", step.number, step.steps)


def _plan_lines(plan: TrainPlan) -> list[str]:
    return [
        f"this machine: a LoRA of {plan.base} is trained on {plan.rows:,} rows, measured on {plan.validation_rows:,}",
        f"  {plural(plan.steps, 'step')} of {plural(plan.batch, 'row')} in {plural(plan.epochs, 'epoch')}, rank {plan.rank}",
        f"  about {plural(math.ceil(plan.seconds / 60), 'minute')} of one core and {plan.memory_bytes / 1e9:.1f} GB; no cost but this machine's",
    ]


def _done(asked: TuneOptions, directory: Path, job: TuningJob | None) -> TuningJob:
    """Do what is asked of a folder's job."""
    if job is None and (asked.status or asked.cancel or asked.served_as):
        raise click.UsageError(f"{safe(str(directory))} has no {JOB_FILE}: nothing was tuned")
    if asked.again and job is not None:
        _check_ended(job)
        job = None
    if job is not None and job.has_ended:
        return _served(asked, directory, job)
    found = read_set(directory)
    job = _agreed(asked, directory, found) if job is None else job
    return _at_host(asked, directory, job, found)


def _check_ended(job: TuningJob) -> None:
    if not job.has_ended and job.step(START) is not None:
        raise click.UsageError(f"--again: the job is {job.status}: end it with --cancel first")


def _served(asked: TuneOptions, directory: Path, job: TuningJob) -> TuningJob:
    """Give a job that has ended, with what its model is called now."""
    if asked.cancel:
        raise click.UsageError(f"--cancel: the job is {job.status} already")
    if asked.served_as is not None:
        if job.result is None:
            raise click.UsageError(f"--served-as: the job is {job.status}, it has made no model")
        place = f"{job.url}#" if job.url is not None else f"{job.backend}:"
        job = replace(job, result=job.result._replace(model=f"{place}{asked.served_as}"))
        save_job(directory, job)
    return job


def _agreed(asked: TuneOptions, directory: Path, found: TrainingRows) -> TuningJob:
    """Say what a new job would be, and give it once that is agreed to."""
    backend, base = asked.backend, asked.base
    if backend is None or base is None:
        missing = "--backend" if backend is None else "--base"
        raise click.UsageError(
            f"{missing}: expected it for a new job, as in schema-guard tune DIR --backend openai --base MODEL"
        )
    if asked.url is not None or backend == "openai-compatible":
        checked_url(asked.url)
    plan = plan_job(
        found,
        backend=backend,
        base=base,
        epochs=asked.epochs,
        price=asked.price,
        prices=None if asked.prices is None else Path(asked.prices),
        shutdown=_shutdown(backend, asked.url, base) if asked.ask_dates else None,
        today=datetime.now(UTC).date(),
    )
    _say(plan.lines)
    _say(f"warning: {line}" for line in plan.warnings)
    if plan.against:
        raise click.UsageError("; ".join(plan.against) + ": nothing was uploaded")
    # Without a key nobody has to be asked.
    connect_host(backend, asked.url).close()
    _agree(asked, "rows would be uploaded")
    job = TuningJob(
        backend=backend,
        base=base,
        url=None if asked.url is None else checked_url(asked.url),
        set=digests(directory, found.files),
        mark=new_mark(),
        cost={**plan.cost, "seed": asked.seed},
    )
    save_job(directory, job)
    return job


def _shutdown(backend: str, url: str | None, base: str) -> str | None:
    host = connect_host(backend, url)
    try:
        return host.shutdown_date(base)
    finally:
        host.close()


def _agree(asked: TuneOptions, what: str) -> None:
    """Ask whether to begin."""
    if asked.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"{what}, and there is no terminal to agree on: say --yes")
    if not click.confirm(_ASKED, err=True):
        raise click.UsageError("nothing was begun")


def _say_one(line: str) -> None:
    _say([line])


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(safe(line), file=sys.stderr)


def _at_host(asked: TuneOptions, directory: Path, job: TuningJob, found: TrainingRows) -> TuningJob:
    """Look at a job, end it, or do what is left of it."""
    host = connect_host(job.backend, job.url)
    try:
        with one_bar() as on_step:
            following = Following(on_step=on_step)
            tuning = HostTuning(directory=directory, host=host, form=found.form, following=following)
            if asked.status:
                return tuning.look_at(job)
            return tuning.cancel(job) if asked.cancel else _run(tuning, job)
    finally:
        host.close()


def _run(tuning: HostTuning, job: TuningJob) -> TuningJob:
    try:
        return tuning.run(job)
    except HostError:
        _say(["the same command goes on when that is mended; another job begins with --again"])
        raise
    except KeyboardInterrupt:
        now = load_job(tuning.directory) or job
        _say([f"interrupted: what was begun at {HOSTS[job.backend].label} goes on there"])
        return now
