# SPDX-License-Identifier: Apache-2.0
"""`tune`: prepare a training set, and tune a model with it. Each command is in the file of its name."""

from schema_guard.ext.tuning.commands.group import command

__all__ = ["command"]
