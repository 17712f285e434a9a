# SPDX-License-Identifier: Apache-2.0
"""The commands of `schema`, each in the file with its name or in an optional package."""

from schema_guard.cli.schema.group import command

__all__ = ["command"]
