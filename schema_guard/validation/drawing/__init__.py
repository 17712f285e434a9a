# SPDX-License-Identifier: Apache-2.0
"""Valid values that are drawn from a schema without chance, for prompts and tests."""
