# SPDX-License-Identifier: Apache-2.0
"""What a SQLite store keeps of hours and inputs, and what is told of any times from it."""
