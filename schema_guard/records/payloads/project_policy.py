# SPDX-License-Identifier: Apache-2.0
"""The policy for texts that the `pyproject.toml` of a project demands."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.project import place_of, setting
from schema_guard.errors import InvalidArgument
from schema_guard.extensions import require

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["project_policy"]


def project_policy() -> tuple[Any, tuple[Callable[[str], str], ...]]:
    """Return the least strict policy that the project allows, and its function that redacts.

    Raises:
        InvalidArgument: A setting is wrong, or the function can't be imported.
        MissingPart: Texts are to be redacted, and the part that redacts is not installed.
    """
    policy, named = setting("payload").value or "full", setting("redact").value
    if named is not None or policy == "redacted":
        require("payload:redacted")
    return policy, () if named is None else (_function(named),)


def _function(named: str) -> Any:
    module, _, name = named.partition(":")
    try:
        found = attrgetter(name)(import_module(module))
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise InvalidArgument(
            f"{place_of('redact')} = {named!r}: importing this function failed: {why}"
        ) from error
    if not callable(found):
        raise InvalidArgument(f"{place_of('redact')} = {named!r}: expected a function that takes a text")
    return found
