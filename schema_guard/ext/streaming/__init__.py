# SPDX-License-Identifier: Apache-2.0
"""A reply that is still being written -> the failure that no continuation of it can repair."""
