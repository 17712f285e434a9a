"""Parse a command line without running it."""

import shlex

import click

from schema_guard.cli.command import command as program


def parsed(line):
    """Parse a command line without running it, and return the context of its last command.

    A usage error is raised as a `click.UsageError`.
    """
    words = shlex.split(line, comments=True)
    found, context = program, click.Context(program, info_name="schema-guard")
    while isinstance(found, click.Group):
        name, found, words = found.resolve_command(context, words)
        context = found.make_context(name, words, parent=context)
        words = [*context._protected_args, *context.args]
    return context
