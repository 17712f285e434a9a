# SPDX-License-Identifier: Apache-2.0
"""`bench` and what belongs to it, each in the file of its own name."""

from schema_guard.cli.bench.group import command

__all__ = ["command"]
