# SPDX-License-Identifier: Apache-2.0
"""Confirmation before a command changes, sends, or trains something."""

from __future__ import annotations

import sys

import click

__all__ = ["confirm"]


def confirm(question: str, *, yes: bool, refused: str) -> None:
    """Ask the user whether to go ahead.

    Args:
        question: The question, such as "Delete 3 rows?".
        yes: Whether `--yes` was given. Then nothing is asked.
        refused: The fact to report if the answer is no, such as "nothing was deleted".

    Raises:
        click.UsageError: The answer is no, or there is no terminal to ask on.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"{refused}: no terminal is available to ask for confirmation. Add --yes")
    if not click.confirm(question, err=True):
        raise click.UsageError(refused)
