"""The helper of the tests of commands, by the name that the tests of stores use."""

from tests.public.commands.command_lines import FORBIDDEN, SCHEMA, file, run, script

__all__ = ["FORBIDDEN", "SCHEMA", "file", "run", "script"]
