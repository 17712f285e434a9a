# SPDX-License-Identifier: Apache-2.0
"""Schemas with valid and invalid instances: the files of JSONSchemaBench and MaskBench, and the built-in suite.

A line of a file holds `id`, `schema`, and `tests`, a list of `{"valid", "data"}`. A folder holds `NAME/schema.json` and
`NAME/instances.jsonl` for each schema.

Source: Geng et al. (2025), JSONSchemaBench, arXiv 2501.10868.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard import InvalidSchema, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Instance(NamedTuple):
    """A value, and whether it is valid."""

    valid: bool
    data: Any


class EngineSchema(NamedTuple):
    """A schema with its instances."""

    name: str
    schema: Schema[Any]
    instances: tuple[Instance, ...]


@dataclass(frozen=True)
class EngineSuite:
    """The schemas of a file or folder.

    Attributes:
        name: The name of the file or folder.
        fingerprint: 16 hex digits of the contents.
        schemas: In their order.
        refused: The schemas and instances that were left out, each with the reason.
    """

    name: str
    fingerprint: str
    schemas: tuple[EngineSchema, ...]
    refused: tuple[str, ...] = ()


def engine_suite(path: Path) -> EngineSuite:
    """Read a suite. An instance that contradicts its schema is left out."""
    schemas, refused, digest = [], [], sha256()
    for name, document, tests in _folder(path) if path.is_dir() else _lines(path):
        digest.update(json.dumps([name, document, tests]).encode())
        try:
            schema = Schema.of(document, name=name, allow_unknown=True)
        except InvalidSchema as error:
            refused.append(f"{name}: {error}")
            continue
        instances = [Instance(test["valid"], test["data"]) for test in tests]
        right = [one for one in instances if schema.is_valid(one.data) == one.valid]
        refused += [f"{name}: an instance is not what it says"] * (len(instances) - len(right))
        schemas.append(EngineSchema(name, schema, tuple(right)))
    return EngineSuite(path.stem, digest.hexdigest()[:16], tuple(schemas), tuple(refused))


def _lines(path: Path) -> Iterator[tuple[str, Any, list[dict[str, Any]]]]:
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.strip():
            row = json.loads(line)
            yield row["id"], row["schema"], row.get("tests", [])


def _folder(path: Path) -> Iterator[tuple[str, Any, list[dict[str, Any]]]]:
    for file in sorted(path.glob("*/instances.jsonl")):
        document = json.loads((file.parent / "schema.json").read_text(encoding="utf-8"))
        lines = file.read_text(encoding="utf-8").split("\n")
        yield file.parent.name, document, [json.loads(line) for line in lines if line.strip()]
