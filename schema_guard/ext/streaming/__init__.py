# SPDX-License-Identifier: Apache-2.0
"""Check replies that are still being written, and return the failure that no continuation can repair."""
