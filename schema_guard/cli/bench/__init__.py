# SPDX-License-Identifier: Apache-2.0
"""The commands of `bench`, each in the file with its name."""

from schema_guard.cli.bench.group import command

__all__ = ["command"]
