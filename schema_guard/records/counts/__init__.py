# SPDX-License-Identifier: Apache-2.0
"""Sums of stored calls: roll-ups by configuration and hour, and the counts that are pooled from them."""
