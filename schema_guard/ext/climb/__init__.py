# SPDX-License-Identifier: Apache-2.0
"""Climbing the ladder: measure remedies on the same inputs, one after the other, until the verdict is clear."""
