# SPDX-License-Identifier: Apache-2.0
"""Modules of frameworks, imported when a recorder is turned on."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from schema_guard.errors import missing_extra
from schema_guard.ext.recorders import FRAMEWORKS


def framework(recorder: str, title: str, module: str) -> Any:
    """Return a module of the framework that a recorder is for.

    Args:
        recorder: Name of the recorder, a key of `FRAMEWORKS`.
        title: Name of the framework in the error.
        module: Name of the module.

    Raises:
        MissingExtra: The framework is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        what = f"the recorder of {title}"
        raise missing_extra(what, FRAMEWORKS[recorder], recorder.replace("_", "-")) from error
