"""Parse a command line without running it."""

import shlex

import click

from schema_guard.cli.command import command as program


def parsed(line):
    """Parse a command line without running it, and return the context of its last command.

    A usage error is raised as a `click.UsageError`.
    """
    words = shlex.split(line, comments=True)
    result, context = program, click.Context(program, info_name="schema-guard", **program.context_settings)
    while isinstance(result, click.Group):
        name, result, words = result.resolve_command(context, words)
        context = result.make_context(name, words, parent=context)
        words = [*context._protected_args, *context.args]
    return context
