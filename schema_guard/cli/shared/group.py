# SPDX-License-Identifier: Apache-2.0
"""Commands and groups: lazy loading, option groups in the help, and the global options."""

from __future__ import annotations

from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from schema_guard.cli.shared.notes import global_options
from schema_guard.configuration.project import place_of, setting
from schema_guard.errors import SchemaGuardError
from schema_guard.extensions import PARTS, load
from schema_guard.text import did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Mapping


_GLOBAL = {"--quiet", "--verbose", "--help", "--version"}


class Option(click.Option):
    """An option that the help lists under "Options", or under "Advanced options"."""

    def __init__(self, *args: Any, advanced: bool = False, setting: str | None = None, **kwargs: Any) -> None:
        """Build the option.

        Args:
            args: As click takes them.
            advanced: Whether a first-time reader can skip it.
            setting: Key of the project's settings that is the default.
            kwargs: As click takes them. The help shows a default, unless `show_default` is False.
        """
        super().__init__(*args, **{"show_default": kwargs.get("default") is not None, **kwargs})
        self.is_advanced = advanced
        self.setting = setting

    def consume_value(self, ctx: click.Context, opts: Any) -> Any:
        """Return the value and its source: the default can be a setting of the project."""
        value, source = super().consume_value(ctx, opts)
        if self.setting and source is ParameterSource.DEFAULT and not ctx.resilient_parsing:
            configured = setting(self.setting).value
            if configured is not None:
                return (configured,) if self.multiple else configured, ParameterSource.DEFAULT_MAP
        return value, source

    def place_of_value(self, ctx: click.Context) -> str:
        """Return the place of a value that comes from the project, for an error."""
        if not self.setting or ctx.get_parameter_source(self.name or "") is not ParameterSource.DEFAULT_MAP:
            return ""
        return f" (from {place_of(self.setting)})" if setting(self.setting).is_of_project else ""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Convert the value. The error for an unknown choice suggests the nearest one."""
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter as error:
            near = did_you_mean(value, self.type.choices) if isinstance(self.type, click.Choice) else ""
            if not near:
                raise
            raise click.BadParameter(f"{error.message.rstrip('.')}{near}", ctx, self) from error


class Command(click.Command):
    """A command with the global options, whose help lists options in groups."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Build the command as click does, and add the global options."""
        super().__init__(*args, **kwargs)
        self.params += global_options()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. An error about an option whose value comes from the project names the file and the key."""
        try:
            setting("payload")  # a wrong table is an error of every command
            return super().invoke(ctx)
        except (click.UsageError, SchemaGuardError) as error:
            text = error.message if isinstance(error, click.UsageError) else str(error)
            for param in self.params:
                place = param.place_of_value(ctx) if isinstance(param, Option) else ""
                if place and any(text.startswith(name) for name in (*param.opts, param.name or "")):
                    raise click.UsageError(f"{text}{place}", ctx) from error
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options: common ones, advanced ones, global ones."""
        _write_options(self, ctx, formatter)


class LazyGroup(click.Group):
    """A group that loads a command when it is called: the object `command` of the module with the command's name.

    Args:
        package: Full name of the package that has the modules, except those of parts.
        path: Full name of the group, with a space at its end, such as "store ". The whole program has "".
        lines: The help's line for each command. The group's help loads no command.
    """

    def __init__(
        self, *args: Any, package: str, path: str = "", lines: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()
        self.package = package
        self.path = path
        self.lines = lines

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in their order."""
        return sorted(self.lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command. None if there is none with that name."""
        if cmd_name not in self.lines:
            return None
        part = f"command:{self.path}{cmd_name}"
        if part in PARTS:
            of_part: click.Command = load(part)
            return of_part
        # A module can't have the name of a keyword: `import_`.
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        found: click.Command = import_module(f"{self.package}.{module}").command
        return found

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands first, then the options."""
        self.format_commands(ctx, formatter)
        _write_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.lines[name]) for name in self.list_commands(ctx)])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command. The error for an unknown name suggests the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = did_you_mean(args[0], self.list_commands(ctx)) or f". See schema-guard {self.path}--help"
            raise click.UsageError(f"no such command {safe(self.path + args[0])!r}{near}", ctx) from error


def _write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    groups: dict[str, list[tuple[str, str]]] = {"Options": [], "Advanced options": [], "Global options": []}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None and record[1]:
            is_advanced = getattr(param, "is_advanced", False)
            title = (
                "Global options"
                if not _GLOBAL.isdisjoint(param.opts)
                else "Advanced options"
                if is_advanced
                else "Options"
            )
            groups[title].append(record)
    for title, records in groups.items():
        if records:
            with formatter.section(title):
                formatter.write_dl(records)
