# SPDX-License-Identifier: Apache-2.0
"""`tune run`: tune a model on a training set, at a host or on this machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.notes import confirm, note
from schema_guard.cli.shared.options import (
    argument,
    build_command,
    existing,
    naming,
    option,
    print_json,
    shared,
    takes,
)
from schema_guard.cli.shared.progress import phases
from schema_guard.cli.shared.quantities import COUNT, DOLLARS
from schema_guard.decide.recorded.fixes import tunings
from schema_guard.errors import SchemaGuardError
from schema_guard.ext.tuning.export.hosts import BACKENDS, host_of
from schema_guard.ext.tuning.jobs.hosts import HostError, checked_url, connect_host
from schema_guard.ext.tuning.jobs.plan import plan_job
from schema_guard.ext.tuning.jobs.run import Following, HostTuning
from schema_guard.ext.tuning.jobs.state import (
    JobLocked,
    TuningJob,
    digests,
    job_as_json,
    job_lines,
    load_job,
    lock_job,
    new_mark,
    save_job,
)
from schema_guard.ext.tuning.local.plan import LoraSettings, plan_training
from schema_guard.ext.tuning.local.training import train
from schema_guard.ext.tuning.training_rows import read_set
from schema_guard.ext.tuning.tuned_model import JOB_FILE
from schema_guard.records.declarations import TUNING
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.ext.tuning.jobs.plan import JobPlan
    from schema_guard.ext.tuning.local.plan import TrainPlan
    from schema_guard.ext.tuning.training_rows import TrainingSet

LOCAL = "local"
# The options of a training on this machine, and their settings.
_HERE_ONLY = {"steps": "steps", "rank": "rank", "rate": "learning_rate"}
_QUESTION = "Begin tuning?"


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """The job, and the action on it."""

    directory: str = argument(metavar="DIR", type=click.Path(exists=True, file_okay=False))
    backend: str | None = option(
        type=click.Choice([LOCAL, *BACKENDS]),
        metavar="HOST",
        help=f"Host that tunes the model: {', '.join(BACKENDS)}, or local for this machine. Required for a new job. The command stores the name of the host in DIR/job.json.",
    )
    base: str | None = option(
        metavar="MODEL", help="Model to tune, by its name at the host. Required for a new job at a host."
    )
    epochs: int | None = option(
        type=COUNT, help="Number of passes over the training rows. Default: the host decides."
    )
    steps: int | None = option(
        type=COUNT, help="Number of training steps on this machine. Use it in place of --epochs."
    )
    rank: int | None = option(
        type=COUNT, advanced=True, help="Rank of the LoRA adapter that this machine trains. Default: 16."
    )
    rate: float | None = option(
        type=float,
        metavar="RATE",
        advanced=True,
        help="Highest learning rate during training on this machine. Default: 0.001.",
    )
    status: bool = option(
        help="Show the state of the job, such as its step, loss, and time left. The command doesn't start or resume the job.",
    )
    cancel: bool = option(help="Cancel the job.")
    again: bool = option(
        advanced=True, help="Start a new job with the same training set after the earlier job has ended."
    )
    served_as: str | None = option(
        metavar="NAME",
        advanced=True,
        help="Name that the tuned model has at the host that serves it, such as the name of a deployment.",
    )
    url: str | None = option(
        metavar="URL", advanced=True, help="URL of the host's API. Default: the public URL of the host."
    )
    price: float | None = option(
        type=DOLLARS,
        advanced=True,
        help="Price that you pay for a million training tokens, in dollars. The plan shows the cost of the job.",
    )

    def check(self) -> None:
        """Reject options that exclude each other."""
        ways = [name for name in ("status", "cancel", "again") if getattr(self, name)]
        if len(ways) > 1:
            raise click.UsageError(f"--{' and --'.join(ways)} can't be combined. Use only one of them")
        if self.steps is not None and self.epochs is not None:
            raise click.UsageError("--steps and --epochs can't be combined. Use only one of them")

    def fits(self, job: TuningJob) -> None:
        """Reject options that differ from the job in the folder."""
        known_of = {**job.cost, "backend": job.backend, "base": job.base, "url": job.url}
        for name in ("backend", "base", "url", "epochs", "price", *_HERE_ONLY):
            given, known = getattr(self, name), known_of.get(name)
            if given is not None and given != known:
                raise click.UsageError(
                    f"--{name} {safe(str(given))}: the job in {JOB_FILE} has {safe(str(known))}. Omit the option to resume that job, or start a new job with --again"
                )


@build_command("run")
@takes(asked=TuneOptions)
@shared("yes", "dry-run", "format")
def command(asked: TuneOptions, yes: bool, dry_run: bool, form: str) -> int:
    """Tune a model with the training set in DIR, at a host or on this machine.

    The command first prints the rows, tokens, and cost, and asks for confirmation. DIR/job.json contains the state of the
    job. To resume a job, run the same command again. It doesn't upload or start anything twice. If you press Ctrl-C, a
    job at a host continues.

    Exit status: 0 if there is a tuned model, or 1 if the job failed or was cancelled. The status is 2 if no job was
    started, or if the job is still running. With --status, it is 0 for a running job.

    \b
    schema-guard tune run orders --backend local
    schema-guard tune run orders --backend openai --base MODEL --dry-run
    schema-guard tune run orders --backend openai --base MODEL --epochs 3
    schema-guard tune run orders --status
    """
    asked.check()
    directory = Path(asked.directory)
    if dry_run:
        return _print_plan(asked, directory, form)
    job = _here(asked, directory, yes) if _is_here(asked, directory) else _there(asked, directory, yes)
    if form == "json":
        print_json(job_as_json(directory, job))
    else:
        print(*map(safe, job_lines(directory, job)), sep="\n")
    return 1 if job.status in ("failed", "cancelled") else 0 if job.result is not None or asked.status else 2


def _print_plan(asked: TuneOptions, directory: Path, form: str) -> int:
    """Print the plan and the cost of a new job. Nothing is sent, downloaded, trained, or written."""
    for name in ("status", "cancel"):
        if getattr(asked, name):
            raise click.UsageError(f"--{name.replace('_', '-')} has no effect with --dry-run. Omit it")
    job = _known(asked, directory)
    if job is not None:
        lines = [f"the job in {JOB_FILE} is {job.status}. To resume it, run the command without --dry-run"]
        cost: Any = job.cost
    elif _is_here(asked, directory):
        plan = _plan_here(directory, _lora(asked, None))
        lines, cost = _plan_lines(plan), {"rows": plan.rows, "steps": plan.steps, "seconds": plan.seconds}
    else:
        planned = _plan(asked, read_set(directory))
        lines = [*planned.lines, *(f"warning: {line}" for line in (*planned.warnings, *planned.against))]
        cost = planned.cost
    if form == "json":
        print_json({"dry_run": True, "lines": lines, "cost": cost})
    else:
        print(*map(safe, lines), sep="\n")
        print("nothing was started")
    return 0


def _lora(asked: TuneOptions, job: TuningJob | None) -> LoraSettings:
    """Return the settings of a new training, or those of the job to resume."""
    known = {} if job is None else job.cost
    chosen = {
        setting: value
        for name, setting in _HERE_ONLY.items()
        if (value := known.get(name) if getattr(asked, name) is None else getattr(asked, name)) is not None
    }
    return LoraSettings(epochs=asked.epochs, **chosen)


def _plan_here(directory: Path, settings: LoraSettings) -> TrainPlan:
    with naming(learning_rate="--rate", steps="--steps", rank="--rank", epochs="--epochs"):
        return plan_training(directory, settings=settings)


def _known(asked: TuneOptions, directory: Path) -> TuningJob | None:
    """Return the job of the folder if the command is about it, or None for a new job."""
    job = load_job(directory)
    if job is None:
        if asked.status or asked.cancel or asked.served_as:
            raise click.UsageError(
                f"{safe(str(directory))} has no {JOB_FILE}, so it has no job. Start one with --backend"
            )
    elif not asked.again:
        asked.fits(job)
        return job
    elif not job.has_ended and job.is_begun:
        raise click.UsageError(
            f"--again: the job has the status '{job.status}'. Cancel it with --cancel first. If your API key no longer works, move {JOB_FILE} to another folder"
        )
    return None


def _is_here(asked: TuneOptions, directory: Path) -> bool:
    known = load_job(directory)
    backend = asked.backend if asked.backend is not None or known is None else known.backend
    return backend == LOCAL


def _there(asked: TuneOptions, directory: Path, yes: bool) -> TuningJob:
    """Run the command for a job at a host, while no other process works on the job."""
    try:
        with lock_job(directory):
            job = _known(asked, directory)
            if job is not None and job.has_ended:
                job = _served(asked, directory, job)
            else:
                job = _at_host(asked, directory, job or _agreed(asked, directory, yes))
            _note_in_store(directory, job)
            return job
    except JobLocked:
        # The process that follows the job saves its state.
        seen = load_job(directory) if asked.status else None
        if seen is None:
            raise
        return seen


def _here(asked: TuneOptions, directory: Path, yes: bool) -> TuningJob:
    """Run the command for a job on this machine. The command trains the model, and the job ends with the command."""
    _check_fits_here(asked)
    job = _known(asked, directory)
    if job is not None and (asked.status or job.status == "succeeded"):
        return _as_seen(directory, job)
    settings = _lora(asked, job)
    plan = _plan_here(directory, settings)
    if asked.base not in (None, plan.base):
        raise click.UsageError(
            f"--base {safe(str(asked.base))}: this machine can tune only {plan.base}. Omit the option"
        )
    note(*_plan_lines(plan))
    confirm(_QUESTION, yes=yes, refused="nothing was trained")
    try:
        with phases() as on_step:

            def stepped(progress: Mapping[str, Any]) -> None:
                on_step(f"steps, loss {progress['loss']:.3f}", progress["step"], progress["steps"])

            return train(directory, settings=settings, on_step=stepped, report=note)
    except KeyboardInterrupt:
        note("interrupted. To resume from the last checkpoint, run the same command")
    ended = load_job(directory)
    assert ended is not None
    return _as_seen(directory, ended)


def _check_fits_here(asked: TuneOptions) -> None:
    given = [name for name in ("url", "price", "served_as") if getattr(asked, name) is not None]
    if given or asked.cancel:
        flag = "cancel" if asked.cancel else given[0].replace("_", "-")
        raise click.UsageError(
            f"--{flag} has no effect if this machine trains the model. Omit it. To stop the training, press Ctrl-C"
        )


def _as_seen(directory: Path, job: TuningJob) -> TuningJob:
    """Return a job on this machine. It is interrupted if it hasn't ended and no process works on it."""
    if job.has_ended:
        return job
    try:
        with lock_job(directory):
            progress = None if job.progress is None else {**job.progress, "seconds_left": None}
            return replace(job, status="interrupted", progress=progress)
    except JobLocked:
        return job


def _plan_lines(plan: TrainPlan) -> list[str]:
    return [
        f"this machine trains a LoRA of {plan.base} on {plan.rows:,} rows and validates it on {plan.validation_rows:,}",
        f"  {plural(plan.steps, 'step')} of {plural(plan.batch, 'row')} in {plural(plan.epochs, 'epoch')}, rank {plan.rank}",
        (
            f"  about {plural(math.ceil(plan.seconds / 60), 'minute')} of one core and {plan.memory_bytes / 1e9:.1f} GB; "
            "no cost except that of this machine"
        ),
    ]


def _note_in_store(directory: Path, job: TuningJob) -> None:
    """Note a job in the store of the training set, because `decide` needs to know about it."""
    id_, manifest = job.id, read_set(directory).manifest
    url, content = manifest.get("store"), manifest.get("schema", {}).get("fingerprint")
    if id_ is None or url is None or content is None:
        return
    text = f"{job.backend} {job.base} {id_}"
    try:
        store = existing(url)
        if text not in [one.reason for one in tunings(store)]:
            store.declare_step(content, TUNING, "started", text, function=manifest.get("function"))
    except (SchemaGuardError, click.ClickException) as error:
        words = error.format_message() if isinstance(error, click.ClickException) else error
        note(f"the store has no record of the job: {words}. Pass feasibility.active_tuner to `decide`")


def _served(asked: TuneOptions, directory: Path, job: TuningJob) -> TuningJob:
    """Return a job that has ended, with the current name of its model."""
    if asked.cancel:
        raise click.UsageError(f"--cancel: the job already has the status '{job.status}'. Omit --cancel")
    if asked.served_as is not None:
        if job.result is None:
            raise click.UsageError(
                f"--served-as: the job has the status '{job.status}', so it has no model. Start a new job with --again"
            )
        place = f"{job.url}#" if job.url is not None else f"{job.backend}:"
        job = replace(job, result=job.result._replace(model=f"{place}{asked.served_as}"))
        save_job(directory, job)
    return job


def _agreed(asked: TuneOptions, directory: Path, yes: bool) -> TuningJob:
    """Print the plan of a new job, and return the job after the confirmation."""
    found = read_set(directory)
    plan = _plan(asked, found)
    note(*plan.lines, *(f"warning: {line}" for line in plan.warnings))
    if plan.against:
        raise click.UsageError(". ".join(plan.against) + ". Nothing was uploaded")
    backend, base = str(asked.backend), str(asked.base)
    # A missing key is an error before the question, and a refused one before the job is written.
    host = connect_host(backend, asked.url)
    try:
        confirm(_QUESTION, yes=yes, refused="nothing was uploaded")
        host.check_key()
    finally:
        host.close()
    job = TuningJob(
        backend=backend,
        base=base,
        url=None if asked.url is None else checked_url(asked.url),
        set=digests(directory, tuple(found.bytes)),
        mark=new_mark(),
        cost=plan.cost,
    )
    save_job(directory, job)
    return job


def _plan(asked: TuneOptions, found: TrainingSet) -> JobPlan:
    """Return the plan of a new job.

    Args:
        asked: The options.
        found: The training rows.
    """
    backend, base = asked.backend, asked.base
    for name in _HERE_ONLY:
        if getattr(asked, name) is not None:
            raise click.UsageError(f"--{name} has an effect only with --backend local. Omit it")
    if backend is None or base is None:
        missing = "--backend" if backend is None else "--base"
        raise click.UsageError(
            f"a new job needs {missing}, as in `schema-guard tune run DIR --backend openai --base MODEL`"
        )
    if asked.url is not None or backend == "openai-compatible":
        checked_url(asked.url)
    return plan_job(
        found,
        backend=backend,
        base=base,
        epochs=asked.epochs,
        price=asked.price,
        today=datetime.now(UTC).date(),
    )


def _at_host(asked: TuneOptions, directory: Path, job: TuningJob) -> TuningJob:
    """Return the state of a job, cancel it, or run its remaining steps."""
    host = connect_host(job.backend, job.url)
    try:
        with phases() as on_step:
            following = Following(on_step=on_step)
            tuning = HostTuning(directory=directory, host=host, following=following)
            if asked.status:
                return tuning.look_at(job)
            return tuning.cancel(job) if asked.cancel else _run(tuning, job)
    finally:
        host.close()


def _run(tuning: HostTuning, job: TuningJob) -> TuningJob:
    try:
        return tuning.run(job)
    except HostError:
        note("fix the fault. Then run the same command to resume the job, or add --again to start a new job")
        raise
    except KeyboardInterrupt:
        now = load_job(tuning.directory) or job
        note(f"interrupted. The job at {host_of(job.backend).label} still runs")
        return now
