# SPDX-License-Identifier: Apache-2.0
"""Checks of the options that the user typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_given", "refuse"]


def is_given(name: str) -> bool:
    """Return whether the user typed a parameter of the running command; *name* is its Python name."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def refuse(reason: str, names: Iterable[str]) -> None:
    """Refuse parameters that have no effect with the other ones.

    Args:
        reason: Follows the option's name in the error.
        names: Python names of the parameters.

    Raises:
        click.UsageError: The user typed one of them.
    """
    wanted = set(names)
    for param in click.get_current_context().command.params:
        if param.name in wanted and is_given(param.name):
            name = max(param.opts, key=len) if isinstance(param, click.Option) else param.human_readable_name
            raise click.UsageError(f"{name} {reason}")
