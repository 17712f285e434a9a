# SPDX-License-Identifier: Apache-2.0
"""Fit a schema to a provider: its rules, the adapted schema, `lint`, and `probe`."""
