# SPDX-License-Identifier: Apache-2.0
"""`doctor`: show the installation, the store, and the local model."""

from __future__ import annotations

import platform
import sqlite3
from collections import Counter
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import TYPE_CHECKING, Any

import schema_guard
from schema_guard.cli.shared.forms import text_for
from schema_guard.cli.shared.options import (
    absent,
    build_command,
    place_of_store,
    print_json,
    shared,
    store_of,
)
from schema_guard.configuration.project import KEYS, setting
from schema_guard.configuration.recorded_settings import parsed, repair_in_words, repairers_of
from schema_guard.errors import MissingPart, SchemaGuardError
from schema_guard.extensions import load
from schema_guard.preparing.name_limits import OTHERS
from schema_guard.prices.charges import charges_of
from schema_guard.records.urls import command_on, masked
from schema_guard.report.document import Document, Fact, Tone
from schema_guard.text import plural

if TYPE_CHECKING:
    from schema_guard.records import ConfigurationCounts, Store
    from schema_guard.records.values import StoreInfo

_ENGINES = ("jiter", "jsonschema-rs", "jsonschema", "referencing")
_MOST_CHECKED = 20_000  # attempts: about a second; `store check` has no limit
_APART = (
    "calls without the gateway count as a separate configuration, which shows the rates of the model alone"
)
_NOT_FOR_USERS = ("dev",)
# SQLite 3.7.0 to 3.51.2 can corrupt a WAL database when two connections write and checkpoint at one instant.
_FIXED_SQLITE = ((3, 44, 6), (3, 50, 7), (3, 51, 3))


@build_command("doctor")
@shared("store", "format")
def command(store: str | None, form: str) -> int:
    """Show the installed versions, extras, store, and local model, to find a problem or report a bug.

    Exit status: 0 if the store has no problem, or 1 if it is damaged, missing, or unusable.

    \b
    schema-guard doctor
    schema-guard doctor --store records.db --format json
    """
    found = findings(store)
    status = 1 if _problem(found) else 0
    if form == "json":
        print_json(found)
        return status
    print(text_for(None, _document_of(found)))
    return status


def _document_of(found: dict[str, Any]) -> Document:
    facts = []
    for name, value in found.items():
        lines = [f"{key}: {part}" for key, part in value.items()] if isinstance(value, dict) else [str(value)]
        facts += [Fact("" if index else name, line) for index, line in enumerate(lines)]
    problem = _problem(found)
    if problem is None:
        return Document("no problem found", tuple(facts), tone=Tone.GOOD)
    return Document(f"problem: {problem}", tuple(facts), tone=Tone.BAD)


def _problem(found: dict[str, Any]) -> str | None:
    problem: str | None = found["store"].get("problem") or found["settings"].get("problem")
    return problem


def findings(store: str | None) -> dict[str, Any]:
    """Return the facts about this installation: names to texts, or to further names.

    Args:
        store: URL of the store. None for the default one.
    """
    return {
        "version": f"schema-guard {schema_guard.__version__}, Python {platform.python_version()}, {platform.platform()}",
        "engines": {name: _version(name) or "missing" for name in _ENGINES},
        "extras": {
            name: _extra(name)
            for name in metadata("schema-guard").get_all("Provides-Extra", [])
            if name not in _NOT_FOR_USERS
        },
        "settings": _settings(),
        "store": _store(store),
        "sqlite": _sqlite(),
        "model": _weights(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _extra(name: str) -> str:
    """Return the installed packages of an extra, or the command that installs it."""
    wanted = [
        line.split(";")[0].strip().split(">")[0].split("=")[0].strip()
        for line in requires("schema-guard") or ()
        if f"extra == '{name}'" in line.replace('"', "'")
    ]
    packages = [part.split("[")[0] for part in wanted if not part.startswith("schema-guard[")]
    missing = [package for package in packages if _version(package) is None]
    if missing:
        return f"missing {', '.join(missing)}: pip install 'schema-guard[{name}]'"
    return ", ".join(f"{package} {_version(package)}" for package in packages)


def _settings() -> dict[str, str]:
    """Return the settings of the project, each with its source."""
    found = {key: setting(key) for key in KEYS}
    lines = {
        key: f"{'not set' if value is None else masked(str(value))} ({source})"
        for key, (value, source) in found.items()
    }
    if found["redact"].value is not None:
        lines["redact"] += ", not checked: the command can't see your program's modules"
    try:
        if found["prices"].value is not None:
            charges_of(found["prices"].value)
    except SchemaGuardError as error:
        lines["problem"] = f"prices: {error}"
    return lines


def _store(url: str | None) -> dict[str, str]:
    try:
        found = store_of(url)
        if found is None:
            return {"url": f"none: calls are not recorded, because {place_of_store()} is 'none'"}
        info = found.info()
        counted = found.configurations()
        problem = info.refusal or _damage(found, info) or (absent(found, url) if url is not None else None)
    except SchemaGuardError as error:
        return {"problem": str(error)}
    return {
        **({"problem": problem} if problem else {}),
        "url": info.url,
        "attempts": str(info.rows),
        "bytes": str(info.size_bytes),
        "schema version": str(info.schema_version or "no calls recorded yet"),
        **{f"warning {number}": said for number, said in enumerate(info.warnings, start=1)},
        **_folded(counted),
        **_recorded_between(counted),
        **_recorders(counted),
    }


def _damage(store: Store, info: StoreInfo) -> str | None:
    """Return the damage of a small store. A large one takes too long to check."""
    if not info.rows or info.rows > _MOST_CHECKED:
        return None
    found = store.check()
    if found.is_sound:
        return None
    return f"{plural(len(found.damage), 'place')} damaged: `{command_on(store.url, 'store', 'check')}` shows the places and the fix"


def _folded(counted: list[ConfigurationCounts]) -> dict[str, str]:
    """Return the number of calls that are counted as "others" because there were too many names."""
    told = {
        f"{what} {OTHERS!r}": sum(
            one.calls + one.transport for one in counted if getattr(one, what) == OTHERS
        )
        for what in ("segment", "model")
    }
    return {
        name: f"{calls} calls; there are too many names to count each"
        for name, calls in told.items()
        if calls
    }


def _recorded_between(counted: list[ConfigurationCounts]) -> dict[str, str]:
    """Return the functions whose calls came through a gateway that repairs, or an SDK that retries."""
    told: dict[str, str] = {}
    for one in counted:
        if repaired := repairers_of(one.settings):
            told[f"{one.function} gateway"] = f"{repair_in_words(repaired)}; {_APART}"
        retries = parsed(one.settings).get("max_retries")
        if retries and isinstance(retries, int):
            told[f"{one.function} retries"] = (
                f"max_retries={retries} of connect retries a failed request up to {plural(retries, 'time')}. "
                f"schema_guard then records up to {1 + retries} requests as one attempt. To record each request, set "
                "max_retries=0"
            )
    return told


def _recorders(counted: list[ConfigurationCounts]) -> dict[str, str]:
    """Return the calls that the recorder of each installed framework has recorded in the store."""
    try:
        frameworks = load("recorders")
    except MissingPart:
        return {}
    calls: Counter[object] = Counter()
    for one in counted:
        calls[parsed(one.settings).get("recorder")] += one.calls + one.transport
    installed = {name: package for name, package in frameworks.items() if _version(package)}
    return {
        f"{package} recorder": f"{calls[name]} calls"
        if calls[name]
        else f"no call. If your program uses {package} without guard, turn on its recorder (page recorders)"
        for name, package in installed.items()
    }


def _sqlite() -> str:
    found = tuple(int(part) for part in sqlite3.sqlite_version.split("."))
    is_fixed = found >= _FIXED_SQLITE[-1] or any(
        found[:2] == fixed[:2] and found >= fixed for fixed in _FIXED_SQLITE
    )
    note = (
        ""
        if is_fixed
        else ": has the WAL-reset bug (fixed in 3.51.3), so schema_guard uses a file lock for writers"
    )
    return f"{sqlite3.sqlite_version}{note}"


def _weights() -> str:
    try:
        path = load("local").existing_weights()
    except MissingPart as error:
        return str(error)
    return f"weights at {path}" if path else "no weights yet: the first use of 'local' downloads them (93 MB)"
