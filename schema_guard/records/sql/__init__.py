# SPDX-License-Identifier: Apache-2.0
"""The tables of a store and their statements, for every engine."""
