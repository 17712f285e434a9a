# SPDX-License-Identifier: Apache-2.0
"""The version of a function: a hash of what its author would call a change."""
