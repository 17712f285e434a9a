# SPDX-License-Identifier: Apache-2.0
"""`demo`: the product on a model that runs here, in two minutes."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.options import print_json, shared
from schema_guard.cli.shared.progress import progress
from schema_guard.errors import MissingExtra, SchemaGuardError
from schema_guard.ext.demo.finetune.plan import demo_loop, plan_lines
from schema_guard.ext.demo.finetune.routed import routed
from schema_guard.ext.demo.finetune.told import told
from schema_guard.ext.demo.recorded import recorded_model
from schema_guard.ext.demo.result import demo_as_json, demo_as_text
from schema_guard.ext.demo.run import run_demo
from schema_guard.models.local import connect_local
from schema_guard.records import open_store
from schema_guard.records.urls import data_folder
from schema_guard.report.as_text import as_text
from schema_guard.report.page import page
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.models import Model

_OFFLINE = "without it: schema-guard demo --offline"


@click.command("demo")
@click.argument("story", type=click.Choice(["finetune"]), required=False)
@click.option("--offline", is_flag=True, help="Replies that the model gave before, in place of the model.")
@click.option(
    "--store",
    metavar="URL",
    help="Where its records go, a store without calls. Else a new file in the user's data folder.",
)
@click.option(
    "--folder",
    metavar="DIR",
    help="Of finetune: where its files are; it goes on with those that are there. Else a new one in the user's data folder.",
)
@shared("format", "debug")
def command(*, story: str | None, offline: bool, store: str | None, folder: str | None, form: str) -> int:
    """Show it all on a small model that runs here: a function measured, judged, mended, and judged again.

    It takes up to two minutes, and fetches the model's weights once (98 MB); --offline takes five seconds.

    `finetune` goes on from the verdict: a training set, a LoRA, the same measurement, the verdict again, a router. It
    takes about a quarter of an hour on a free processor, says so first, and needs the extras local and tuning.

    \b
    schema-guard demo
    schema-guard demo --offline
    schema-guard demo finetune
    """
    if story is not None:
        if offline or store is not None:
            raise click.UsageError(
                "finetune runs here, with a store in its folder: leave out --offline and --store"
            )
        return _finetune(folder, form)
    if folder is not None:
        raise click.UsageError("--folder is of `demo finetune`")
    model, day = recorded_model() if offline else (_local_model(), None)
    with model, open_store(store or _new_file()) as records:
        result = run_demo(model, records, recorded=day, watched=progress)
    if form == "json":
        print_json(demo_as_json(result))
    else:
        print(demo_as_text(result))
    return 0


def _finetune(folder: str | None, form: str) -> int:
    """Tell the story from the verdict to a tuned model and back."""
    place = Path(folder) if folder is not None else data_folder() / f"demo-finetune-{_now()}"
    loop = demo_loop(place)
    place.mkdir(parents=True, exist_ok=True)
    print(*map(safe, plan_lines(loop)), sep="\n", file=sys.stderr)
    loop.run()
    found = told(loop, routed(loop))
    shown = place / "page.html"
    with suppress(MissingExtra):
        shown.write_text(page(found.document), encoding="utf-8")
        print(f"the whole story on a page: {safe(str(shown))}", file=sys.stderr)
    if form == "json":
        print_json(found.figures)
    else:
        print(as_text(found.document))
    return 0


def _now() -> str:
    return datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")


def _local_model() -> Model:
    try:
        return connect_local(report=lambda line: print(line, file=sys.stderr))
    except MissingExtra as error:
        raise click.ClickException(f"the demo's {safe(str(error))}; {_OFFLINE}") from error
    except SchemaGuardError as error:
        raise click.ClickException(f"{safe(str(error))}; {_OFFLINE}") from error


def _new_file() -> str:
    """Give the URL of a file that is not there yet."""
    folder = data_folder() / "demo"
    started = _now()
    names = (f"{started}{f'-{number}' if number else ''}.db" for number in range(1000))
    return f"sqlite:///{next(folder / name for name in names if not (folder / name).exists())}"
