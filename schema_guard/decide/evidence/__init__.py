# SPDX-License-Identifier: Apache-2.0
"""Evidence: its published schema, how plain JSON is read by it, and the values that come of it."""
