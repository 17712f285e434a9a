# SPDX-License-Identifier: Apache-2.0
"""`schema lint`: the schemas on the command line, the lines of their places, and the output."""

from schema_guard.ext.fitting.lint_command.run import command

__all__ = ["command"]
