# SPDX-License-Identifier: Apache-2.0
"""`import traces`: replies that a team has already stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.options import option, print_json, readable, schema_of, shared, takes
from schema_guard.cli.shared.progress import phases
from schema_guard.configuration.traffic import PARTS
from schema_guard.ext.traces.document import document_of
from schema_guard.ext.traces.run import TraceOptions, import_traces
from schema_guard.ext.traces.schemas import Schemas
from schema_guard.ext.traces.tools.order import TOOLS
from schema_guard.prices.charges import default_charges, given_charges
from schema_guard.report.as_text import as_text
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.configuration.traffic import Part
    from schema_guard.schema import Schema

_PLACES = ("function", "version", "segment", "cluster")
_UNASKED = """--traffic: say what part of the traffic these files hold, for no rate can be read without it:
  --traffic all        all calls of a period, failed ones too
  --traffic sampled    a random sample of them (--sample-share 0.1: one in ten)
  --traffic failures   those that had failed, or were flagged: they say what fails, never how often
  --traffic unknown    nobody knows: they say what fails, never how often"""


@dataclass(frozen=True, kw_only=True)
class TraceFlags:
    """What the command line says of traces."""

    schema: tuple[str, ...] = option(
        multiple=True,
        metavar="SCHEMA|module:Model",
        help="What the replies must keep to. NAME=SCHEMA, several times: for rows whose --schema-column says NAME.",
    )
    schema_column: str | None = option(
        metavar="PLACE", help="Where in a row its schema stands, or the name of one: metadata.schema."
    )
    traffic: str | None = option(
        type=click.Choice(PARTS), help="What part of the traffic the files hold. Always asked for."
    )
    sample_share: float | None = option(
        type=click.FloatRange(0, 1, min_open=True),
        metavar="SHARE",
        help="Of a sample: the share of the calls that was drawn.",
    )
    tool: str | None = option(
        "--from", type=click.Choice(TOOLS), help="Where they were stored. Else told by the shape of the rows."
    )
    function: str | None = option(
        metavar="NAME", help="What records call whatever made the calls. Else the name of the trace."
    )
    function_column: str | None = option(metavar="PLACE", help="Where in a row that name stands.")
    version_column: str | None = option(metavar="PLACE", help="Where the version of the prompt stands.")
    segment_column: str | None = option(metavar="PLACE", help="Where the part of the traffic stands.")
    cluster_column: str | None = option(metavar="PLACE", help="Where inputs that belong together say so.")
    only: tuple[str, ...] = option(
        multiple=True, metavar="NAME", help="Only calls of this name in the tool; can be said several times."
    )
    column: tuple[str, ...] = option(
        multiple=True,
        metavar="FIELD=PLACE",
        help="Of plain rows: where a field stands, as reply=answer.text.",
    )
    prices: str | None = option(
        metavar="TABLE",
        help="Prices of tokens: a JSON file, or genai-prices. Else $SCHEMA_GUARD_PRICES, else what the tool says.",
    )
    dry_run: bool = option(is_flag=True, help="Judge and count, and store nothing.")

    def options(self) -> TraceOptions:
        """Give them as the library takes them."""
        if self.traffic is None:
            raise click.UsageError(_UNASKED)
        if self.sample_share is not None and self.traffic != "sampled":
            raise click.UsageError("--sample-share: is said of --traffic sampled alone")
        part: Part = next(part for part in PARTS if part == self.traffic)
        places = {name: getattr(self, f"{name}_column", None) for name in _PLACES}
        charges = default_charges() if self.prices is None else given_charges(self.prices)
        return TraceOptions(
            part,
            self.sample_share,
            self.tool,
            self.function,
            self.only,
            {name: place for name, place in places.items() if place is not None},
            dict(_pair("--column", text) for text in self.column),
            None if charges is None else charges.cost,
        )

    def schemas(self) -> Schemas:
        """Load the schemas."""
        if not self.schema and self.schema_column is None:
            raise click.UsageError(
                "--schema: expected a schema file or module:Model, or --schema-column where the rows say it"
            )
        named: dict[str, Schema[Any]] = {}
        for text in self.schema:
            name, source = ("", text) if "=" not in text or Path(text).exists() else _pair("--schema", text)
            if name in named:
                raise click.UsageError(
                    f"--schema {safe(text)!r}: several schemas need names: --schema NAME=SCHEMA, and --schema-column"
                )
            named[name] = schema_of(source)
        return Schemas(named, self.schema_column)


def _pair(flag: str, text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator and value):
        raise click.UsageError(f"{flag} {safe(text)!r}: expected NAME=VALUE")
    return name, value


@click.command("traces")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@takes(flags=TraceFlags)
@shared("store", "format", "debug")
def command(files: tuple[str, ...], flags: TraceFlags, store: str | None, form: str) -> int:
    """Judge replies that a tracing tool, an eval or a log has stored, and record them as guarded calls are.

    FILE is JSON Lines, JSON, CSV or Parquet, `-` standard input. What is stored already stays as it is: importing twice
    changes nothing. Texts are never stored. Exit 1 where a part of a file could not be read.

    \b
    schema-guard import traces langfuse.jsonl --schema invoice.schema.json --traffic all
    schema-guard import traces spans.parquet --schema shop.models:Invoice --traffic sampled --sample-share 0.1
    schema-guard import traces log.csv --column reply=answer --schema s.json --traffic failures --dry-run
    """
    options, schemas = flags.options(), flags.schemas()
    with phases() as on_step:
        result = import_traces(
            files, schemas, options, readable(store), dry_run=flags.dry_run, on_step=on_step
        )
    if form == "json":
        print_json(result.as_json())
    else:
        print(as_text(document_of(result)))
    return int(result.unread > 0)
