# SPDX-License-Identifier: Apache-2.0
"""The path of outcomes from the stores of a file into its database. One thread writes them."""
