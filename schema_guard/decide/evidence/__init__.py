# SPDX-License-Identifier: Apache-2.0
"""Evidence: its published schema, the reader of its JSON, and the resulting values."""
