# SPDX-License-Identifier: Apache-2.0
"""The options that the user typed: the aims for the evidence, and the words that a printed command repeats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.text import exact_percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

AIMS = {
    "target": "max_failure_rate",
    "right": "min_right",
    "latency_p95_s": "max_p95",
    "burst_length": "burst_length",
    "time_zone": "time_zone",
}
"""Key of an aim in the evidence's config -> the field of its option."""


def aims_of(*options: object) -> dict[str, Any]:
    """Return the aims that the user typed, by the names of the evidence's config."""
    aims = {name: getattr(one, field, None) for one in options for name, field in AIMS.items()}
    return {name: value for name, value in aims.items() if value is not None}


def flag_of(field: str) -> str:
    """Return the option of a field, such as `--max-p95` of `max_p95`."""
    return f"--{field.replace('_', '-')}"


# Writes the value of each field for a command line.
_WRITTEN: dict[str, Callable[[Any], Any]] = {
    "larger": str,
    "segment": str,
    "since": lambda point: getattr(point, "text", None),
    "until": lambda point: getattr(point, "text", None),
    "max_failure_rate": exact_percent,
    "min_right": exact_percent,
    "max_p95": lambda seconds: f"{seconds:.10g}s",
    "burst_length": lambda calls: f"{calls:.10g}",
    "time_zone": str,
    "sizes": str,
    "priority": str,
    "also_version": list,
}


def repeated(
    *options: object,
    files: Mapping[str, str | Sequence[str] | None],
    others: Mapping[str, list[str] | None] | None = None,
) -> dict[str, list[str]]:
    """Return the options that have a value, without dashes.

    Args:
        options: Dataclasses of options.
        files: Files and names of sources. A file is repeated with its whole path.
        others: Further options with their values.
    """
    typed = {
        flag_of(name)[2:]: write(value)
        for one in options
        for name, write in _WRITTEN.items()
        if (value := getattr(one, name, None))
    }
    paths = {
        name: [whole_path(one) for one in ([given] if isinstance(given, str) else given or ())]
        for name, given in files.items()
    }
    every = {**(others or {}), **typed, **paths}
    return {name: [value] if isinstance(value, str) else value for name, value in every.items() if value}


def whole_path(name: str) -> str:
    """Return the whole path of a file. Return any other word unchanged."""
    path = Path(name).expanduser()
    return str(path.absolute()) if path.exists() else name
