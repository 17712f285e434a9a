# SPDX-License-Identifier: Apache-2.0
"""A group of commands of which each is a file, loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import click

from schema_guard.extensions import PARTS, load
from schema_guard.text import did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyGroup(click.Group):
    """Finds the command NAME as `command` in the module NAME of a package, and suggests the nearest for an unknown one.

    The module of a command whose name is a word of Python has an underscore behind it: `import_`.

    Args:
        package: Full name of the package whose modules are the commands, except those of parts.
        path: How the command line names the group, with a space at its end: "store "; "" for the whole program.
        lines: Names of the commands, and what the group's own help says of each: it loads none of them.
    """

    def __init__(
        self, *args: Any, package: str, path: str = "", lines: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.package = package
        self.path = path
        self.lines = lines

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names of the commands, in their order."""
        return sorted(self.lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None if there is none of that name."""
        if cmd_name not in self.lines:
            return None
        part = f"command:{self.path}{cmd_name}"
        if part in PARTS:
            of_part: click.Command = load(part)
            return of_part
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        found: click.Command = import_module(f"{self.package}.{module}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, from their lines alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.lines[name]) for name in self.list_commands(ctx)])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or say which one is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"no such command {safe(args[0])!r}{near}", ctx) from error
