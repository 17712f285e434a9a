# SPDX-License-Identifier: Apache-2.0
"""`demo`: the library on a model that runs on this machine, in two minutes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.group import Option
from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import build_command
from schema_guard.errors import SchemaGuardError
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.models import Model

_OFFLINE = "To run the demo without the model, use schema-guard demo --offline"


@build_command("demo")
@click.option(
    "--offline",
    cls=Option,
    is_flag=True,
    help="Use recorded replies in place of the local model. The demo then takes five seconds.",
)
@click.option(
    "--store",
    cls=Option,
    metavar="URL",
    help="New or empty store for the records: a path, sqlite:///FILE, or postgresql://USER@HOST/DATABASE. Default: a new file in your data folder.",
)
def command(*, offline: bool, store: str | None) -> int:
    """Measure a sample function with a small local model, fix it, and measure it again.

    The demo takes up to two minutes. The first run downloads the weights of the model (98 MB).

    Exit status: 0 if the demo ran, or 2 if the model can't run.

    \b
    schema-guard demo
    schema-guard demo --offline
    """
    from schema_guard.cli.shared.forms import columns
    from schema_guard.cli.shared.progress import progress
    from schema_guard.ext.demo.story import recorded_model, story
    from schema_guard.records import open_store

    model, day = recorded_model() if offline else (_local_model(), None)
    with model, open_store(store or _new_file()) as records:
        gap = ""
        for part in story(model, records, recorded=day, watched=progress, width=columns()):
            print(f"{gap}{part}", flush=True)
            gap = "\n"
    return 0


def _local_model() -> Model:
    from schema_guard.ext.local.llama_server import connect_local

    try:
        return connect_local(report=note)
    except SchemaGuardError as error:
        raise click.ClickException(f"{safe(str(error))}. {_OFFLINE}") from error


def _new_file() -> str:
    """Return the URL of a file that does not exist yet."""
    from schema_guard.records.urls import data_folder

    folder = data_folder() / "demo"
    started = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    names = (f"{started}{f'-{number}' if number else ''}.db" for number in range(1000))
    return f"sqlite:///{next(folder / name for name in names if not (folder / name).exists())}"
