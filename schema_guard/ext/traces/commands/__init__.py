# SPDX-License-Identifier: Apache-2.0
"""`import` and what can be brought in, each in the file of its own name."""

from schema_guard.ext.traces.commands.group import command

__all__ = ["command"]
