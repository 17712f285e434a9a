# SPDX-License-Identifier: Apache-2.0
"""Records in PostgreSQL: the tables, what is written to them and what is read from them."""
