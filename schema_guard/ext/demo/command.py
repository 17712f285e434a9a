# SPDX-License-Identifier: Apache-2.0
"""`demo`: the library on a model that runs on this machine, in two minutes."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.given import refuse
from schema_guard.cli.shared.group import Option
from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import build_command, print_json, shared
from schema_guard.errors import MissingExtra, SchemaGuardError
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.models import Model

_PAGE = "page.html"  # the last file of `finetune`
_OFFLINE = "without it: schema-guard demo --offline"


@build_command("demo")
@click.argument("story", type=click.Choice(["finetune"]), required=False)
@click.option(
    "--offline", cls=Option, is_flag=True, help="Use recorded replies of the model. This takes five seconds."
)
@click.option(
    "--store",
    cls=Option,
    metavar="URL",
    help="Store of the records, without calls: a path, sqlite:///FILE, or postgresql://USER@HOST/DATABASE. Default: a new file in your data folder.",
)
@shared("dry-run", "format")
def command(*, story: str | None, offline: bool, store: str | None, dry_run: bool, form: str) -> int:
    """Show the whole library on a small local model: measure a function, fix it, and measure it again.

    It takes up to two minutes, and downloads the weights of the model once (98 MB).

    `finetune` continues from the verdict: a training set, a LoRA, the same measurement, the verdict again, and a router.
    It takes about 15 minutes on an idle processor, and needs the extras local and tuning. A run that was interrupted continues.

    Exit status: 0, or 2 if the model cannot run.

    \b
    schema-guard demo
    schema-guard demo --offline
    schema-guard demo finetune
    """
    if story is not None:
        refuse("does not work with finetune, which has a model and a store of its own", ["offline", "store"])
        return _finetune(form, dry_run=dry_run)
    if dry_run:
        print(*map(safe, _plan(store, offline=offline)), sep="\n")
        return 0
    from schema_guard.cli.shared.progress import progress
    from schema_guard.ext.demo.recorded_model import recorded_model
    from schema_guard.ext.demo.result import demo_as_json, demo_as_text
    from schema_guard.ext.demo.run import run_demo
    from schema_guard.records import open_store

    model, day = recorded_model() if offline else (_local_model(), None)
    with model, open_store(store or _new_file()) as records:
        result = run_demo(model, records, recorded=day, watched=progress)
    if form == "json":
        print_json(demo_as_json(result))
    else:
        print(demo_as_text(result))
    return 0


def _plan(store: str | None, *, offline: bool) -> list[str]:
    """Return the lines of a dry run."""
    from schema_guard.ext.demo.run import CALLS, FIX_CALLS
    from schema_guard.models.weights import NAME, WEIGHTS_BYTES, existing_weights

    lines = [f"{CALLS} calls of a function, then at most {FIX_CALLS} calls of the fix that the verdict names"]
    if offline:
        lines.append(f"the replies are recorded ones of {NAME}")
    elif existing_weights() is None:
        lines.append(f"{NAME} runs on this machine, after a download of {WEIGHTS_BYTES / 1e6:.0f} MB")
    else:
        lines.append(f"{NAME} runs on this machine; its weights are there")
    lines += [f"records go to {store or 'a new file in ' + str(_demo_folder())}", "dry run: nothing was sent"]
    return lines


def _finetune(form: str, *, dry_run: bool) -> int:
    """Run the story from the verdict to a tuned model and back."""
    from schema_guard.ext.demo.finetune.plan import demo_loop, plan_lines
    from schema_guard.records.urls import data_folder

    started = sorted(data_folder().glob("demo-finetune-*"))
    unfinished = [one for one in started if not (one / _PAGE).exists()]
    place = unfinished[-1] if unfinished else data_folder() / f"demo-finetune-{_now()}"
    loop = demo_loop(place)
    if dry_run:
        print(*map(safe, plan_lines(loop)), "dry run: nothing was sent", sep="\n")
        return 0
    place.mkdir(parents=True, exist_ok=True)
    note(*plan_lines(loop))
    loop.run()
    return _show_finetune(loop, place / _PAGE, form)


def _show_finetune(loop: Any, shown: Path, form: str) -> int:
    from schema_guard.ext.demo.finetune.router_step import routed
    from schema_guard.ext.demo.finetune.summary import summary_of
    from schema_guard.report.as_text import as_text
    from schema_guard.report.page import page

    found = summary_of(loop, routed(loop))
    with suppress(MissingExtra):
        shown.write_text(page(found.document), encoding="utf-8")
        note(f"the whole story on a page: {shown}")
    if form == "json":
        print_json(found.figures)
    else:
        print(as_text(found.document))
    return 0


def _now() -> str:
    return datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")


def _local_model() -> Model:
    from schema_guard.models.local import connect_local

    try:
        return connect_local(report=note)
    except MissingExtra as error:
        raise click.ClickException(f"the demo's {safe(str(error))}; {_OFFLINE}") from error
    except SchemaGuardError as error:
        raise click.ClickException(f"{safe(str(error))}; {_OFFLINE}") from error


def _demo_folder() -> Path:
    from schema_guard.records.urls import data_folder

    return data_folder() / "demo"


def _new_file() -> str:
    """Return the URL of a file that does not exist yet."""
    folder = _demo_folder()
    started = _now()
    names = (f"{started}{f'-{number}' if number else ''}.db" for number in range(1000))
    return f"sqlite:///{next(folder / name for name in names if not (folder / name).exists())}"
