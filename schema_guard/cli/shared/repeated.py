# SPDX-License-Identifier: Apache-2.0
"""The options that the user typed, in the form in which a printed command repeats them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["percent_text", "repeated", "whole_path"]


def repeated(
    values: Mapping[str, Any], files: Mapping[str, str | Sequence[str] | None]
) -> dict[str, list[str]]:
    """Return the options that have a value.

    Args:
        values: One value for each option, without dashes; a list for an option that can be repeated.
        files: Files and names of sources. A file is repeated with its whole path.
    """
    paths = {
        name: [whole_path(one) for one in ([given] if isinstance(given, str) else given or ())]
        for name, given in files.items()
    }
    typed = {
        name: list(map(str, [one] if not isinstance(one, list) else one))
        for name, one in values.items()
        if one
    }
    return {**typed, **{name: several for name, several in paths.items() if several}}


def percent_text(share: float | None) -> str | None:
    """Return a share as a command line takes it; None if there is none.

    >>> percent_text(0.07)
    '7%'
    """
    return None if share is None else f"{100 * share:.10g}%"


def whole_path(name: str) -> str:
    """Return the whole path of a file; a word that names no file stays as it is."""
    path = Path(name).expanduser()
    return str(path.absolute()) if path.exists() else name
