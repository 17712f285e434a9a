# SPDX-License-Identifier: Apache-2.0
"""The lines and questions of a command on stderr beside its result, and the global options. `--quiet` leaves the lines out."""

from __future__ import annotations

import logging
import sys
from functools import partial

import click

from schema_guard.text import safe

_QUIET = "schema_guard.quiet"


def note(*lines: str) -> None:
    """Print lines on stderr, unless the user asked for less output. Errors are exceptions, not notes."""
    if not is_quiet():
        for line in lines:
            print(safe(line), file=sys.stderr)


def is_quiet() -> bool:
    """Return whether the user gave `--quiet`."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.find_root().meta.get(_QUIET))


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
        raise click.UsageError(
            f"{refused}, because no terminal is available to ask for confirmation. Add --yes"
        )
    if not click.confirm(question, err=True):
        raise click.UsageError(refused)


def global_options() -> list[click.Option]:
    """Build the options that every command takes."""
    return [
        click.Option(
            ["-q", "--quiet"], is_flag=True, expose_value=False, callback=_set_quiet,
            help="Print only the result. The command prints no progress and no notes.",
        ),
        click.Option(
            ["-v", "--verbose"], is_flag=True, expose_value=False, callback=_set_verbose,
            help="Write log messages to stderr, and print a traceback with each error.",
        ),
    ]  # fmt: skip


def _set_quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().meta[_QUIET] = True


def _set_verbose(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
        logger = logging.getLogger("schema_guard")
        context.call_on_close(partial(logger.setLevel, logger.level))
        logger.setLevel(logging.DEBUG)
