# SPDX-License-Identifier: Apache-2.0
"""Records in SQLite: the tables, and the functions that write and read them."""
