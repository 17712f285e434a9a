# SPDX-License-Identifier: Apache-2.0
"""Write the schema that a provider accepts into a folder, with a report of the losses."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.ext.fitting.adapting import adapt
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.ext.fitting.adapting import Adapted, SchemaChange
    from schema_guard.ext.fitting.lint_command.sources import Linted, NamedSchema

_SUFFIX = re.compile(r"(\.schema)?\.json\Z")


@dataclass(frozen=True)
class Fixed:
    """The files for a schema and a provider.

    Attributes:
        schema: File of the schema to send. None if no sound schema can be sent.
        report: File with the relaxed, narrowed, and dropped keywords.
        adapted: Result of `adapt`.
    """

    schema: str | None
    report: str
    adapted: Adapted


def fixed(linted: Iterable[Linted], folder: str) -> list[Fixed]:
    """Write the schemas to send and their reports into a folder. Create the folder if it is missing.

    Raises:
        click.UsageError: Two schemas would have the same file, or the folder cannot be written.
    """
    written: dict[str, str] = {}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return [_written(entry, Path(folder), written) for entry in linted]
    except OSError as error:
        raise click.UsageError(
            f"--fix {safe(folder)}: writing to this folder failed: {error.strerror}. Name another folder"
        ) from error


def _written(entry: Linted, folder: Path, written: dict[str, str]) -> Fixed:
    name = f"{_name_of(entry.source)}.{entry.provider}"
    if written.setdefault(name, entry.source.name) != entry.source.name:
        both = f"{safe(written[name])} and {safe(entry.source.name)}"
        raise click.UsageError(
            f"--fix: {both} have the same output file {name}.json. Run the command once for each, with different folders"
        )
    adapted = adapt(entry.source.schema, entry.provider, rules=entry.rules)
    schema, report = folder / f"{name}.json", folder / f"{name}.report.json"
    if adapted.schema is None:
        schema.unlink(missing_ok=True)
    else:
        _write(schema, adapted.schema)
    _write(report, _report(entry.source, adapted))
    return Fixed(None if adapted.schema is None else schema.as_posix(), report.as_posix(), adapted)


def _name_of(source: NamedSchema) -> str:
    named = "stdin" if source.name == "-" else _SUFFIX.sub("", source.name)
    return re.sub(r"[^A-Za-z0-9_-]+", ".", named).strip(".") or "schema"


def _report(source: NamedSchema, adapted: Adapted) -> dict[str, Any]:
    return {
        "format": 1,
        "schema": source.schema.name,
        "fingerprint": source.schema.fingerprint,
        "provider": adapted.provider,
        "sent": adapted.fingerprint,
        "is_same_form": adapted.is_same_form,
        **{
            kind: list(_changes(source, changes))
            for kind, changes in (
                ("relaxed", adapted.relaxed),
                ("narrowed", adapted.narrowed),
                ("dropped", adapted.dropped),
            )
        },
    }


def _changes(source: NamedSchema, changes: Iterable[SchemaChange]) -> Iterator[dict[str, Any]]:
    for change in changes:
        yield {**asdict(change), "line": source.line_of(change.location, change.keyword)}


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
