# SPDX-License-Identifier: Apache-2.0
"""JSONSchemaBench and MaskBench: schemas with valid and invalid instances, and no tasks.

A line holds `id`, `schema` and `tests`, a list of `{"valid", "data"}`, and may hold `subset`. The data set of the Hugging
Face hub says `unique_id` and `json_schema`, a text, and has no tests; that is read too.

Source: Geng et al. (2025), JSONSchemaBench, arXiv 2501.10868.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.assembly import NO_LICENCE, Ids, described, loaded_schema, suite_of_file
from schema_guard.bench.suites.reading import SuiteReader, decoded, violations_text
from schema_guard.bench.suites.values import Instance, Suite, SuiteSchema

if TYPE_CHECKING:
    from pathlib import Path

    from schema_guard.schema import Schema


def load_schema_tests(path: Path) -> Suite:
    """Load the schemas of a file; those that are refused, and tests that are wrong about theirs, are left out.

    Raises:
        InvalidArgument: The file is not of this form, or none of its schemas can be used.
    """
    reader, entries, refused = SuiteReader.of_file(path), [], []
    ids = Ids(reader.problems)
    for where, raw_row in reader.read_rows(path.name, "row"):
        row = _renamed(raw_row)
        if not reader.conforms(row, "schema with tests", where):
            continue
        ids.check(row["id"], where)
        schema = _schema(row)
        if isinstance(schema, str):
            refused.append(f"{row['id']}: {schema}")
            continue
        instances, wrong = _instances(row, schema)
        refused += wrong
        entries.append(_entry(row, schema, instances))
    return suite_of_file(reader, path, entries, refused)


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row of the hub's data set the names of the others."""
    if "json_schema" not in row:
        return row
    return {"id": row.get("unique_id"), "schema": row["json_schema"]}


def _schema(row: dict[str, Any]) -> Schema[Any] | str:
    document = row["schema"]
    if isinstance(document, str):
        try:
            document = decoded(document)
        except ValueError as error:
            return f"broken JSON: {error}"
    # Such a corpus tests engines, so a schema with a misspelled keyword is used as it is.
    return loaded_schema(document, row["id"], allow_unknown=True)


def _instances(row: dict[str, Any], schema: Schema[Any]) -> tuple[list[Instance], list[str]]:
    """Give the instances that are what they say, and what is wrong with the others."""
    instances, wrong = [], []
    for index, test in enumerate(row.get("tests", ())):
        if schema.is_valid(test["data"]) == test["valid"]:
            instances.append(Instance(test["valid"], test["data"]))
        else:
            broken = violations_text(schema.violations(test["data"])) if test["valid"] else ""
            contradiction = f"valid, but is not {broken}" if broken else "invalid, but is valid"
            wrong.append(f"{row['id']}: instance {index} should be {contradiction}")
    return instances, wrong


def _entry(row: dict[str, Any], schema: Schema[Any], instances: list[Instance]) -> SuiteSchema:
    return SuiteSchema(
        name=row["id"],
        group=row.get("subset", row["id"]),
        description=described(schema),
        licence=row.get("licence", NO_LICENCE),
        schema=schema,
        tasks=(),
        instances=tuple(instances),
    )
