# SPDX-License-Identifier: Apache-2.0
"""`schema`: commands about a schema, each in the file of its name or in a part."""

from schema_guard.cli.schema.group import command

__all__ = ["command"]
