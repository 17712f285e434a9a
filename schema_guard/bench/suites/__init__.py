# SPDX-License-Identifier: Apache-2.0
"""Readers of suites, with one module for each form, and their common parts."""
