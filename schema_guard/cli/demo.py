# SPDX-License-Identifier: Apache-2.0
"""`demo`: the product on a model that runs here, in two minutes."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.options import print_json, shared
from schema_guard.cli.shared.progress import progress
from schema_guard.demo.recorded import recorded_model
from schema_guard.demo.result import demo_as_json, demo_as_text
from schema_guard.demo.run import run_demo
from schema_guard.errors import MissingExtra, SchemaGuardError
from schema_guard.models.local import connect_local
from schema_guard.records import open_store
from schema_guard.records.urls import data_folder
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.models import Model

_OFFLINE = "without it: schema-guard demo --offline"


@click.command("demo")
@click.option("--offline", is_flag=True, help="Replies that the model gave before, in place of the model.")
@click.option(
    "--store",
    metavar="URL",
    help="Where its records go, a store without calls. Else a new file in the user's data folder.",
)
@shared("format", "debug")
def command(*, offline: bool, store: str | None, form: str) -> int:
    """Show it all on a small model that runs here: a function measured, judged, mended, and judged again.

    It takes up to two minutes, and fetches the model's weights once (98 MB); --offline takes five seconds.

    \b
    schema-guard demo
    schema-guard demo --offline
    """
    model, day = recorded_model() if offline else (_local_model(), None)
    with model, open_store(store or _new_file()) as records:
        result = run_demo(model, records, recorded=day, watched=progress)
    if form == "json":
        print_json(demo_as_json(result))
    else:
        print(demo_as_text(result))
    return 0


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
    started = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    names = (f"{started}{f'-{number}' if number else ''}.db" for number in range(1000))
    return f"sqlite:///{next(folder / name for name in names if not (folder / name).exists())}"
