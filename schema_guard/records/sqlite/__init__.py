# SPDX-License-Identifier: Apache-2.0
"""Records in SQLite: the tables, what is written to them and what is read from them."""
