# SPDX-License-Identifier: Apache-2.0
"""Prices of tokens and of tuning, from tables that a user names."""
