# SPDX-License-Identifier: Apache-2.0
"""The texts of attempts in a SQLite store, and what is taken out of it: rows with their texts, and counts."""
