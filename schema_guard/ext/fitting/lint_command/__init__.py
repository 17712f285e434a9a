# SPDX-License-Identifier: Apache-2.0
"""`lint` and what belongs to it: the schemas that are named, the lines of their places, and what is written of them."""

from schema_guard.ext.fitting.lint_command.run import command

__all__ = ["command"]
