# SPDX-License-Identifier: Apache-2.0
"""A suite that is a folder: `suite.json`, and a folder for each schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.assembly import Ids, fingerprint_of, gold_problems, loaded_schema
from schema_guard.bench.suites.reading import BROKEN, SuiteReader, violations_text
from schema_guard.bench.suites.values import Instance, Suite, SuiteSchema, Task
from schema_guard.pointer import pointer
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from schema_guard.schema import Schema
    from schema_guard.values import Violation

_FOLDER_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_ODD_NAME = (
    "is no name for a schema's folder: expected A-Z, a-z, 0-9, '_', '.' and '-', at most 80, the first neither '.' nor "
    "'-'"
)


def load_folder(root: Path, path: object) -> Suite:
    """Load a suite from its folder; *path* is what the user called it.

    Raises:
        InvalidArgument: The suite is not right.
    """
    reader = SuiteReader(root)
    manifest = reader.read_object("suite.json", "suite") or {}
    folder = _Folder(reader, manifest, Ids(reader.problems))
    schemas = [folder.read_schema(name) for name in (folder.schema_folders() if manifest else [])]
    reader.refuse_problems(path)
    entries = tuple(entry for entry in schemas if entry is not None)
    return Suite(
        name=manifest["name"],
        description=manifest["description"],
        licence=manifest["licence"],
        fingerprint=fingerprint_of(entries),
        schemas=entries,
        difficulty=manifest.get("difficulty"),
    )


@dataclass(frozen=True, slots=True)
class _Folder:
    """The folder of a suite.

    Attributes:
        reader: Of the folder.
        manifest: What suite.json says.
        ids: Of the tasks so far.
    """

    reader: SuiteReader
    manifest: dict[str, Any]
    ids: Ids

    def schema_folders(self) -> list[str]:
        """Give the listed folders that are there and inside the suite; report the rest, and those not listed."""
        problems, root, there = self.reader.problems, self.reader.root, []
        for index, name in enumerate(self.manifest["schemas"]):
            where = f"suite.json at /schemas/{index}"
            is_inside = self.reader.is_inside(root / name)
            if not _FOLDER_NAME.fullmatch(name):
                is_there = is_inside and (root / name).name == name and (root / name).is_dir()
                fault = _ODD_NAME if is_there else "is no folder inside the suite"
                problems.append(f"{where}: {clip(repr(name))} {fault}")
            elif not is_inside:
                problems.append(f"{where}: {clip(repr(name))} is no folder inside the suite")
            elif not (root / name).is_dir():
                hint = did_you_mean(name, (path.name for path in root.iterdir() if path.is_dir()))
                problems.append(f"{where}: there is no folder {clip(repr(name))}{hint}")
            else:
                there.append(name)
        problems.extend(
            f"{path.parent.name}: this folder is not listed in suite.json at /schemas"
            for path in sorted(root.glob("*/schema.json"))
            if path.parent.name not in self.manifest["schemas"]
        )
        return there

    def read_schema(self, name: str) -> SuiteSchema | None:
        """Read one schema's folder; None when it cannot be used."""
        schema = self._schema(name)
        meta = self.reader.read_object(f"{name}/meta.json", "meta")
        rows = self.reader.read_rows(f"{name}/tasks.jsonl", "task")
        tasks = [self._task(row, where, meta, schema) for where, row in rows]
        instances = self._instances(f"{name}/instances.jsonl", schema)
        if schema is None or meta is None:
            return None
        return SuiteSchema(
            name=name,
            group=name,
            description=meta["description"],
            licence=meta.get("licence", self.manifest["licence"]),
            schema=schema,
            tasks=tuple(tasks),
            instances=tuple(instances),
        )

    def _schema(self, name: str) -> Schema[Any] | None:
        document = self.reader.read_json(f"{name}/schema.json")
        if document is BROKEN:
            return None
        schema = loaded_schema(document, name)
        if isinstance(schema, str):
            self.reader.problems.append(f"{name}/schema.json: {schema}")
            return None
        return schema

    def _task(
        self, row: dict[str, Any], where: str, meta: dict[str, Any] | None, schema: Schema[Any] | None
    ) -> Task:
        self.ids.check(row["id"], where)
        match = row.get("match", {})
        self.reader.problems += [
            f"{where}: {problem}" for problem in gold_problems(schema, row["gold"], match)
        ]
        return Task(
            row["id"],
            row["input"],
            row.get("instruction", meta["instruction"] if meta else ""),
            row["gold"],
            match,
            tags=tuple(row.get("tags", ())),
            split=row["split"],
            hardness=row.get("difficulty"),
            most_output_tokens=self.manifest.get("most_output_tokens"),
        )

    def _instances(self, relative: str, schema: Schema[Any] | None) -> list[Instance]:
        path = self.reader.root / relative
        # A link that leads nowhere is not a file that was left out.
        if not path.exists() and not path.is_symlink():
            return []
        return [
            self._instance(row, where, schema) for where, row in self.reader.read_rows(relative, "instance")
        ]

    def _instance(self, row: dict[str, Any], where: str, schema: Schema[Any] | None) -> Instance:
        instance = Instance(**row)
        if schema is not None and (problem := _instance_problem(instance, schema)):
            self.reader.problems.append(f"{where}: {problem}")
        return instance


def _instance_problem(instance: Instance, schema: Schema[Any]) -> str:
    """Return the difference between an instance and its statement; empty if there is none."""
    broken = schema.violations(instance.data)
    places = [(violation.instance_location, violation.keyword) for violation in broken]
    if instance.valid != (not broken):
        contradiction = f"valid, but is not {violations_text(broken)}" if broken else "invalid, but is valid"
        return f"the instance should be {contradiction}"
    if broken and places[0] != (instance.location, instance.keyword):
        return _other_keywords(instance, broken)
    return ""


def _other_keywords(instance: Instance, broken: list[Violation]) -> str:
    stated = f"{instance.keyword!r} at {pointer(str(instance.location))}"
    keywords = ", ".join(f"{v.keyword!r} at {pointer(v.instance_location)}" for v in broken[:3])
    return f"the instance should break {stated}, but breaks {keywords}"
