# SPDX-License-Identifier: Apache-2.0
"""`store import --from TOOL`: replies that another tool has stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.forms import text_for
from schema_guard.cli.shared.options import naming, print_json, schema_of
from schema_guard.cli.shared.progress import phases
from schema_guard.configuration.recorded_settings import PARTS
from schema_guard.ext.traces.document import document_of
from schema_guard.ext.traces.run import TraceOptions, import_traces
from schema_guard.ext.traces.schemas import Schemas
from schema_guard.ext.traces.tools.order import TOOLS
from schema_guard.ext.traces.tools.plain_rows import FIELDS, PLAIN
from schema_guard.prices.charges import charges_of, default_charges
from schema_guard.text import did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.configuration.recorded_settings import Part
    from schema_guard.records import Store
    from schema_guard.schema import Schema
    from schema_guard.strategies import Price

_AUTO = "auto"
# Fields that can be anywhere in the rows of every tool.
_OF_ALL_TOOLS = ("function", "version", "segment", "cluster")
_NO_TRAFFIC = """--traffic is missing. Without it, schema_guard can't compute a failure rate. Choose one:
  --traffic all        all calls of a period, including the failed ones
  --traffic sampled    a random sample of the calls (for one in ten, add --sample-share 10%)
  --traffic failures   only failed or flagged calls, which show what fails, but not how often
  --traffic unknown    an unknown selection of calls, which shows what fails, but not how often"""


def import_replies(  # noqa: PLR0913 - one argument for each option of the command
    files: Sequence[str],
    store: Store,
    form: str,
    *,
    dry_run: bool,
    tool: str,
    traffic: str | None,
    schema: Sequence[str],
    function: str | None,
    field: Sequence[str],
    only: Sequence[str],
    sample_share: float | None,
    prices: str | None,
) -> int:
    """Import the files of a tool, and print the result.

    Returns:
        The exit status: 1 if a part of a file could not be read.
    """
    places = _places(tool, field)
    named = _schemas(schema, places.pop("schema", None))
    with naming(prices="--prices"):
        price = _price(prices)
    options = TraceOptions(
        _part(traffic, sample_share),
        sample_share,
        _tool(tool),
        function,
        tuple(only),
        {name: place for name, place in places.items() if name in _OF_ALL_TOOLS},
        places if tool == PLAIN else {},
        price,
    )
    with phases() as on_step:
        result = import_traces(files, named, options, store, dry_run=dry_run, on_step=on_step)
    if form == "json":
        print_json(result.as_json())
    else:
        print(text_for(None, document_of(result, store.url)))
    return int(result.unread > 0)


def _tool(name: str) -> str | None:
    """Return the tool; None if it is recognized by the first row of each file."""
    if name == _AUTO:
        return None
    if name not in TOOLS:
        near = did_you_mean(name, (*TOOLS, _AUTO))
        raise click.UsageError(f"--from {safe(name)!r}: expected one of {', '.join(TOOLS)}, or auto{near}")
    return name


def _part(traffic: str | None, sample_share: float | None) -> Part:
    if traffic is None:
        raise click.UsageError(_NO_TRAFFIC)
    if sample_share is not None and traffic != "sampled":
        raise click.UsageError(f"--sample-share needs --traffic sampled, got --traffic {traffic}")
    if sample_share == 0:
        raise click.UsageError("--sample-share '0': expected a share above 0, such as 10%")
    return next(part for part in PARTS if part == traffic)


def _price(prices: str | None) -> Price | None:
    charges = default_charges() if prices is None else charges_of(prices)
    return None if charges is None else charges.cost


def _places(tool: str, given: Sequence[str]) -> dict[str, str]:
    """Return the place of each field that `--field` names."""
    _tool(tool)
    known = ("schema", *(FIELDS if tool == PLAIN else _OF_ALL_TOOLS))
    places: dict[str, str] = {}
    for text in given:
        name, place = _pair("--field", text, "OURS=PATH")
        if name not in known:
            reason = f", because {safe(tool)} already has a place for this field" if name in FIELDS else ""
            near = did_you_mean(name, known)
            expected = ", ".join(sorted(known))
            raise click.UsageError(f"--field {safe(name)!r}: expected one of {expected}{reason}{near}")
        places[name] = place
    return places


def _schemas(given: Sequence[str], place: str | None) -> Schemas:
    """Load the schemas."""
    if not given and place is None:
        raise click.UsageError(
            "--schema is missing: expected a schema file or module:Model, or --field schema=PATH if the rows contain their schema"
        )
    named: dict[str, Schema[Any]] = {}
    for text in given:
        pair = (
            ("", text) if "=" not in text or Path(text).exists() else _pair("--schema", text, "NAME=SCHEMA")
        )
        name, source = pair
        if name in named:
            raise click.UsageError(
                f"--schema {safe(text)!r}: expected a different name for each schema. Use --schema NAME=SCHEMA for each, and add --field schema=PATH"
            )
        if name and place is None:
            raise click.UsageError(
                f"--schema {safe(text)!r}: a name needs --field schema=PATH, because each row must name its schema"
            )
        named[name] = schema_of(source)
    return Schemas(named, place)


def _pair(flag: str, text: str, form: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator and value):
        raise click.UsageError(f"{flag} {safe(text)!r}: expected {form}")
    return name, value
