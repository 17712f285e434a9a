# SPDX-License-Identifier: Apache-2.0
"""`schema test`: does the library handle a schema correctly?"""

from __future__ import annotations

import click

from schema_guard.cli.shared.options import build_command, print_json, schema_of, shared
from schema_guard.cli.shared.quantities import COUNT
from schema_guard.errors import missing_extra
from schema_guard.report import as_json
from schema_guard.report.as_text import as_text


@build_command("test")
@click.argument("schema", metavar="SCHEMA")
@click.option(
    "--examples",
    type=COUNT,
    metavar="COUNT",
    default=100,
    show_default=True,
    help="Instances and replies to generate for each property.",
)
@shared("format")
def command(schema: str, examples: int, form: str) -> int:
    """Test with generated instances and replies that the library handles SCHEMA correctly.

    SCHEMA is a JSON Schema file, or module:Model. Each property must hold for every schema. For example, a valid
    instance is accepted, and a schema and its document agree.

    Exit status: 0 if all properties hold, 1 if one fails, 2 if SCHEMA cannot be read.

    \b
    schema-guard schema test invoice.schema.json
    schema-guard schema test invoice.schema.json --examples 2000 --format json
    """
    try:
        from schema_guard.testing.laws import document_of, try_laws  # needs the extra 'testing'
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise missing_extra("schema-guard schema test", "hypothesis", "testing") from error
    loaded = schema_of(schema, "SCHEMA")
    tried = list(try_laws(loaded, examples=examples))
    if form == "json":
        print_json({"schema": loaded.name, "fingerprint": loaded.fingerprint, "laws": as_json(tried)})
    else:
        print(as_text(document_of(loaded, tried)))
    return 1 if any(one.held is False for one in tried) else 0
