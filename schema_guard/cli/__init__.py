# SPDX-License-Identifier: Apache-2.0
"""The command `schema-guard`. Each subcommand is one call of the library, in the file with its name."""

from schema_guard.cli.command import main

__all__ = ["main"]
