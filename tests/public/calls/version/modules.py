"""Modules written for a test, and the versions of their functions."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import sys
from textwrap import dedent
from typing import Any

from schema_guard import guard
from tests.public.calls.providers.reading import MemoryStore

_numbers = itertools.count()


def version_of(function):
    """Return the version of a function in its recorded call."""
    store = MemoryStore()
    guarded = guard(True, observe=True, store=store, name=f"versioned_{next(_numbers)}")(function)
    with contextlib.suppress(Exception):
        guarded("t")
    return store.outcomes[0].call.version


def module_of(tmp_path, text, name=None):
    """Import a text as a module of its own file."""
    name = name or f"versioned_{next(_numbers)}"
    path = tmp_path / f"{name}.py"
    path.write_text(dedent(text), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def version(tmp_path, text):
    """The version of the function `ask` of a module."""
    return version_of(module_of(tmp_path, text).ask)


def without_source(text):
    """The version of what a text, of no file, calls `ask`."""
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(dedent(text), scope)  # noqa: S102
    return version_of(scope["ask"])
