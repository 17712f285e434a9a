# SPDX-License-Identifier: Apache-2.0
"""The command `schema-guard`: each subcommand is one call of the library, in the file of its own name."""

from schema_guard.cli.command import main

__all__ = ["main"]
