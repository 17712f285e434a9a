# SPDX-License-Identifier: Apache-2.0
"""The providers whose replies schema_guard reads: one file for each, with everything specific to it."""
