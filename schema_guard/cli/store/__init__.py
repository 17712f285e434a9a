# SPDX-License-Identifier: Apache-2.0
"""`store`: what is done with a store itself, each in the file of its own name."""

from schema_guard.cli.store.group import command

__all__ = ["command"]
