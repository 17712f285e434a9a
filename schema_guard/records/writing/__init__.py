# SPDX-License-Identifier: Apache-2.0
"""The way of outcomes from the stores of a file into its database: one thread writes them."""
